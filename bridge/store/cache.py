"""What is read for every event and seldom changes: kept in memory until any process changes it."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from bridge.store import Store

T = TypeVar("T")

#: After so many seconds it is read again in any case: a process that is killed after its commit
#: tells nobody.
_FRESH_S = 5.0


class Cache(Generic[T]):
    """The latest answers of `read`, by key; None is an answer that is not kept."""

    def __init__(self, store: Store, read: Callable[[str], T | None]) -> None:
        self._store, self._read = store, read
        self._known: dict[str, tuple[bytes, float, T]] = {}

    def get(self, key: str) -> T | None:
        """What `read` says of the key, as of now."""
        # Asked first: a change while we read makes the answer an old one at once.
        edition, now = self._store.edition, time.monotonic()
        known = self._known.get(key)
        if known is not None and known[0] == edition and known[1] > now:
            return known[2]
        found = self._read(key)
        if found is not None:
            self._known[key] = (edition, now + _FRESH_S, found)
        return found
