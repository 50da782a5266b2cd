"""Request limits in fixed windows, aligned to the minute of the clock."""

import threading
import time
from collections import Counter


class Limits:
    """Counts per key and minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def count(self, key: str, limit: int) -> tuple[int, int]:
        """Count one request: (remaining, -1 for one too many; the Unix second the window ends)."""
        minute = int(time.time()) // 60
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._counts.clear()
            self._counts[key] += 1
            return max(limit - self._counts[key], -1), (minute + 1) * 60

    def allow(self, key: str, limit: int) -> bool:
        """Count one request; whether it is still within the limit."""
        return self.count(key, limit)[0] >= 0

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
