"""Whether the two sides of an instance are up, told from what lanes meet there.

One lane that fails says only something about itself. Two lanes that fail, with no success between
them, say that the side is down: then one lane at a time tries it, and the next try belongs to
another lane, so that a chat that always fails is never the only one to find out.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.routing.retry import SIDE_MOST_S, backoff
from bridge.store.journal import Lane

#: How long a lane that has not failed yet waits for its turn at a side that is down, in seconds.
_FRESH_S = 1.0
_COME_AGAIN_S = 0.5


@dataclass(slots=True)
class SideHealth:
    """One side of one instance; while it is down it is tried every `most_s` seconds at least. All
    times are seconds of the monotonic clock."""

    clock: Callable[[], float]
    most_s: float = SIDE_MOST_S
    #: Since when each lane has failed without a success of its own.
    _failing: dict[Lane, float] = field(default_factory=dict)
    #: The lanes that have failed since the last success of any.
    _suspects: set[Lane] = field(default_factory=set)
    _waiting: set[Lane] = field(default_factory=set)
    _probing: Lane | None = None
    _last: Lane | None = None
    _failures: int = 0
    _failed_at: float = 0.0
    _next_at: float = 0.0
    _succeeded_at: float = -1.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_down(self) -> bool:
        """Whether the side as a whole is taken to be down."""
        return self._failures > 0

    def admit(self, lane: Lane) -> float | None:
        """None when the lane may try the side now; else when it may come again."""
        with self._lock:
            now = self.clock()
            if not self.is_down:
                return None
            is_fresh = lane not in self._suspects
            at = self._failed_at + _FRESH_S if is_fresh else self._next_at
            others = self._waiting - {lane}
            gives_way = not is_fresh and (lane == self._last and others or others - self._suspects)
            if gives_way or self._probing is not None:
                at = max(at, now + _COME_AGAIN_S)
            if at > now:
                self._waiting.add(lane)
                return at
            self._probing = lane
            self._waiting.discard(lane)
            return None

    def failed(self, lane: Lane) -> None:
        """The lane met an error of the side."""
        with self._lock:
            now = self.clock()
            self._failing.setdefault(lane, now)
            self._suspects.add(lane)
            self._leave(lane)
            self._last, self._failed_at = lane, now
            if len(self._suspects) > 1:
                self._failures += 1
                self._next_at = now + backoff(self._failures - 1, most_s=self.most_s)

    def succeeded(self, lane: Lane) -> bool:
        """The side did what the lane wanted; whether it was taken to be down."""
        with self._lock:
            was_down = self.is_down
            self._failing.pop(lane, None)
            self._suspects.clear()
            self._waiting.clear()
            self._probing, self._failures = None, 0
            self._succeeded_at = self.clock()
            return was_down

    def left(self, lane: Lane) -> None:
        """The lane is through, and nothing was said about the side."""
        with self._lock:
            self._leave(lane)

    def blames(self, lane: Lane) -> bool:
        """Whether others were served since the lane began to fail: then it is the lane's fault."""
        with self._lock:
            return self._succeeded_at > self._failing.get(lane, self.clock())

    def _leave(self, lane: Lane) -> None:
        if self._probing == lane:
            self._probing = None
