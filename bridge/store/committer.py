"""Group commit: what several threads write at the same time shares one transaction and one sync."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlite_utils import Database

from bridge.store import Store

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[Database], Any]
    result: Any = None
    error: BaseException | None = None
    done: bool = field(default=False)


class Committer:
    """Runs small writes; a write is on the disk when `run` returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Job] = []
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def run(self, work: Callable[[Database], T]) -> T:
        """What `work` returns, once its writes are durable. Raises as it does, or StorageFailed.

        Whoever gets the turn commits for everybody who waits by then.
        """
        job = _Job(work)
        with self._queue:
            self._waiting.append(job)
        with self._turn:
            if not job.done:
                with self._queue:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def _commit(self, batch: list[_Job]) -> None:
        try:
            with self._store.write() as db:
                for job in batch:
                    self._run_one(db, job, alone=len(batch) == 1)
        except BaseException as error:  # handed to every thread whose write was in the batch
            for job in batch:
                job.error = job.error or error
        for job in batch:
            job.done = True

    @staticmethod
    def _run_one(db: Database, job: _Job, *, alone: bool) -> None:
        if alone:
            job.result = job.work(db)
            return
        db.execute("savepoint one")
        try:
            job.result = job.work(db)
        except Exception as error:  # one bad write must not take the others along
            job.error = error
            with contextlib.suppress(Exception):
                db.execute("rollback to one")
        db.execute("release one")
