"""Request limits in fixed windows, aligned to the minute (chatwoot.md section 9)."""

import threading
import time
from collections import Counter


class Limits:
    """Counts per key and minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def allow(self, key: str, per_minute: int) -> bool:
        """Count one; whether it is still within the limit."""
        minute = int(time.time() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._counts.clear()
            self._counts[key] += 1
            return self._counts[key] <= per_minute
