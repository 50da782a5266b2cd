"""What is read for every event and seldom changes: in memory until any process changes it."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from bridge.store import Store

T = TypeVar("T")

#: After so many seconds it is read again in any case: a process that is killed after its commit
#: tells nobody.
_FRESH_S = 5.0


class Cache(Generic[T]):
    """The latest answers of `read`, by key; None is an answer that is not cached."""

    def __init__(self, store: Store, read: Callable[[str], T | None]) -> None:
        self._store, self._read = store, read
        self._cached: dict[str, tuple[bytes, float, T]] = {}

    def get(self, key: str) -> T | None:
        """What `read` says of the key, as of now."""
        # Asked first: a change while we read makes the answer an old one at once.
        edition, now = self._store.edition, time.monotonic()
        cached = self._cached.get(key)
        if cached is not None and cached[0] == edition and cached[1] > now:
            return cached[2]
        value = self._read(key)
        if value is not None:
            self._cached[key] = (edition, now + _FRESH_S, value)
        return value
