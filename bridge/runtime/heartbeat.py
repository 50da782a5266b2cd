"""How a process shows that it works: a file whose time is renewed by the work itself.

The supervisor replaces a process whose file grows old (docs/architecture.md). A thread that only
renewed the file would prove that it can renew a file; so whoever works tells when a piece of work
begins and ends, and one that lasts longer than the longest may stops the renewal.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path


class Heartbeat:
    """`path` is renewed by `beat`; `longest_s` is how long one piece of work may last."""

    def __init__(self, path: Path, *, longest_s: float) -> None:
        self._path, self._longest_s = path, longest_s
        self._lock = threading.Lock()
        self._begun: dict[int, float] = {}
        self._next = 0

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """For the length of a block, one piece of work is under way."""
        with self._lock:
            self._next += 1
            number = self._next
            self._begun[number] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._begun[number]

    @property
    def is_stuck(self) -> bool:
        """Whether a piece of work has been under way for too long."""
        with self._lock:
            oldest = min(self._begun.values(), default=None)
        return oldest is not None and time.monotonic() - oldest > self._longest_s

    def beat(self) -> None:
        """A sign of life, unless the work is stuck; never fails."""
        if self.is_stuck:
            return
        with contextlib.suppress(OSError):
            self._path.touch(mode=0o600)
