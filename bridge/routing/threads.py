"""Threads that go on for as long as something is wanted: one for each key."""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from bridge.domain.errors import BridgeError, IntegrationMissing
from bridge.routing.retry import backoff

log = logging.getLogger(__name__)

_MOST_PAUSE_S = 30.0
#: Work that went on for so many seconds had not failed.
_WELL_S = 60.0

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Threads(Generic[Key]):
    """The threads of one sort. Those that wait for the network end with the process."""

    name: str
    _running: dict[Key, threading.Thread] = field(default_factory=dict)
    _wanted: Set[Key] = frozenset()
    _stopped: threading.Event = field(default_factory=threading.Event)

    def sync(self, wanted: Mapping[Key, Callable[[Key], None]]) -> None:
        """Begins what is wanted and does not run; other work ends when it asks `is_wanted`."""
        self._wanted = set(wanted)
        for key, work in wanted.items():
            if not self.runs(key):
                self.begin(key, partial(work, key))

    def runs(self, key: Key) -> bool:
        """Whether the work has begun and not ended."""
        thread = self._running.get(key)
        return thread is not None and thread.is_alive()

    def begin(self, key: Key, work: Callable[[], None]) -> None:
        """Begins one piece of work that does not run."""
        self._running[key] = threading.Thread(target=work, name=self.name, daemon=True)
        self._running[key].start()

    def is_wanted(self, key: Key) -> bool:
        """Whether the work goes on."""
        return key in self._wanted

    def wait(self, seconds: float) -> None:
        """Waits for so long, or until all work ends."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """Ends all work."""
        self._wanted = frozenset()
        self._stopped.set()

    def repeat(self, key: Key, what: str, task: Callable[[], None]) -> None:
        """Does a task again and again while it is wanted, with pauses that grow as it fails."""
        failures = 0
        while self.is_wanted(key):
            began = time.monotonic()
            try:
                task()
            except IntegrationMissing:
                return
            except BridgeError as error:
                log.info("%s: %s", what, error.message)
            except Exception:
                log.exception("%s failed", what)
            failures = 0 if time.monotonic() - began > _WELL_S else failures + 1
            self.wait(backoff(failures, most_s=_MOST_PAUSE_S))
