"""How a process shows that it works: a file whose time is renewed by the work itself.

The supervisor replaces a process whose file grows old (docs/architecture.md). A thread that only
renewed the file would prove that it can renew a file; so whoever works tells when a piece of work
begins, goes on and ends, and one that shows no progress for too long stops the renewal.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Heartbeat:
    """`path` is renewed by `beat`; `longest_s` is how long a piece of work may show no progress."""

    def __init__(self, path: Path, *, longest_s: float) -> None:
        self._path, self._longest_s = path, longest_s
        self._lock = threading.Lock()
        #: When each piece of work is stuck, in monotonic seconds.
        self._stuck_at: dict[object, float] = {}

    @contextlib.contextmanager
    def working(self, longest_s: float | None = None) -> Iterator[Callable[[], None]]:
        """For the length of a block a piece of work is under way; it calls what it is given
        whenever it has made progress. `longest_s` instead of that of the process."""
        work, limit_s = object(), longest_s or self._longest_s

        def progress() -> None:
            with self._lock:
                self._stuck_at[work] = time.monotonic() + limit_s

        progress()
        try:
            yield progress
        finally:
            with self._lock:
                del self._stuck_at[work]

    @property
    def is_stuck(self) -> bool:
        """Whether a piece of work has shown no progress for too long."""
        with self._lock:
            now = time.monotonic()
            return any(at < now for at in self._stuck_at.values())

    def beat(self) -> None:
        """A sign of life, unless the work is stuck; never fails."""
        if self.is_stuck:
            return
        with contextlib.suppress(OSError):
            self._path.touch(mode=0o600)
