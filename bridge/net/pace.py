"""Keeps calls to one address below a rate, so that it never has to refuse one.

`Pace` is a token bucket: a second's worth may go at once, then each call waits for its turn.
"""

import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.domain.urls import is_loopback

_UNITS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


@dataclass(slots=True)
class Pace:
    """`rate` as settings write it: 2700/minute. Addresses on this machine are not limited."""

    rate: str
    _free_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, base_url: str) -> None:
        """Returns when the address may be called."""
        if not is_loopback(urlsplit(base_url).hostname or ""):
            time.sleep(self.turn(base_url, now=time.monotonic()))

    def turn(self, base_url: str, *, now: float) -> float:
        """Takes the next turn; in how many seconds it is."""
        amount, _, unit = self.rate.partition("/")
        gap_s = _UNITS_S[unit] / int(amount)
        with self._lock:
            # Unused turns stay free for one second.
            free_at = max(self._free_at.get(base_url, 0.0), now - max(1.0 - gap_s, 0.0))
            self._free_at[base_url] = free_at + gap_s
            return max(free_at - now, 0.0)


@dataclass(slots=True)
class Quota:
    """At most `most` calls in `seconds` to each address; who is refused comes again later."""

    most: int
    seconds: float
    _taken: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, base_url: str, *, now: float) -> bool:
        """Whether the address may be called now; `now` in seconds of a clock that never goes
        back."""
        with self._lock:
            recent = [at for at in self._taken.get(base_url, []) if at > now - self.seconds]
            granted = len(recent) < self.most
            self._taken[base_url] = [*recent, now] if granted else recent
            return granted
