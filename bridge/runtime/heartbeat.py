"""How a process shows that it works: a file whose time is renewed by the work itself.

The supervisor replaces a process whose file grows old (docs/architecture.md). A thread that only
renewed the file would prove nothing about the work; so each piece of work says when it begins,
makes progress and ends, and one without progress for too long stops the renewal.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Heartbeat:
    """`path` is renewed by `beat`; `longest_s` is how long one piece of work may last."""

    def __init__(self, path: Path, *, longest_s: float) -> None:
        self._path, self._longest_s = path, longest_s
        #: When each piece of work is stuck, in monotonic seconds.
        self._stuck_at: dict[object, float] = {}

    @contextlib.contextmanager
    def working(self, longest_s: float | None = None) -> Iterator[Callable[[], None]]:
        """The block is one piece of work; it calls what it is given whenever it has made progress.
        `longest_s` replaces that of the process."""
        work, limit_s = object(), longest_s or self._longest_s

        def progress() -> None:
            self._stuck_at[work] = time.monotonic() + limit_s

        progress()
        try:
            yield progress
        finally:
            del self._stuck_at[work]

    @property
    def is_stuck(self) -> bool:
        """Whether a piece of work has made no progress for too long."""
        # The copy is made in one step: other threads begin and end their work meanwhile.
        now = time.monotonic()
        return min(list(self._stuck_at.values()), default=now) < now

    def beat(self) -> None:
        """Renews the file unless the work is stuck; never fails."""
        if not self.is_stuck:
            with contextlib.suppress(OSError):
                self._path.touch(mode=0o600)
