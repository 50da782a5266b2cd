"""Group commit: what several threads write at the same time shares one transaction and one sync."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bridge.store import Database, Store

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Write:
    """`turn` is free once the job is done, or once its thread is to commit for all that wait;
    nobody waits for one that only goes `along`."""

    work: Callable[[Database], Any]
    then: Callable[[], None] | None = None
    along: bool = False
    result: Any = None
    error: BaseException | None = None
    done: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)


class Committer:
    """Runs small writes; a write is on the disk when `run` returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[_Write] = []
        self._leading = False

    def run(self, work: Callable[[Database], T], then: Callable[[], None] | None = None) -> T:
        """What `work` returns, once its writes are durable. Raises as it does, or StorageFailed.

        `work` runs again, in a transaction of its own, when another write of its batch fails.
        `then` is called soon after, once for all in a batch that wish it.
        """
        job = _Write(work, then)
        # A lock of its own: were all to wait for one, each would have to be awake for a moment
        # before the next batch can begin.
        job.turn.acquire()
        with self._lock:
            self._waiting.append(job)
            waits, self._leading = self._leading, True
        if waits:
            job.turn.acquire()
        if not job.done:
            self._lead(job)
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def change(self, sql: str, *params: object) -> int:
        """One statement by `run`; the number of rows that it changed."""
        return self.run(lambda db: db.execute(sql, params).rowcount)

    def along(self, work: Callable[[Database], object]) -> None:
        """Has the next write of this process take this one along, for what costs little when a
        crash loses it: nothing waits for it and no sync is made for it."""
        with self._lock:
            self._waiting.append(_Write(work, along=True))

    def _lead(self, own: _Write) -> None:
        """Commits for everybody who waits by now, and hands over to one who came meanwhile."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._commit(batch)
        finally:
            with self._lock:
                heir = next((job for job in self._waiting if not job.along), None)
                self._leading = heir is not None
            for job in [heir, *batch]:
                if job is not None and job is not own and not job.along:
                    job.turn.release()
        for then in {job.then for job in batch if job.then is not None}:
            then()

    def _commit(self, batch: list[_Write]) -> None:
        try:
            with self._store.write(messages=True) as db:
                for job in batch:
                    job.result = job.work(db)
        except BaseException as error:
            if len(batch) > 1:  # one bad write must not take the others along
                for job in batch:
                    self._commit([job])
                return
            batch[0].error = error
            if batch[0].along:
                log.warning("a note could not be written: %s", error)
        for job in batch:
            job.done = True
