"""Delivers webhooks: persistent, in order within a lane, retried until acknowledged."""

import heapq
import http.client
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.whatsapp.faults import Faults
from sandbox.whatsapp.store import Store
from sandbox.whatsapp.switches import Switches

if TYPE_CHECKING:
    from sandbox.whatsapp.dialect import Call

LaneKey = tuple[str, str, str]
Links = dict[str, http.client.HTTPConnection]
_WORKERS = 4


@dataclass(slots=True)
class Job:
    """One event in transit to one webhook.  `id` 0 marks a duplicate that is not in the store."""

    id: int
    instance: str
    label: str
    event: str
    lane: str
    data: str
    media: str | None
    attempts: int
    created_at: float
    delay_s: float = 0.0
    double_after_s: float | None = None


class Deliveries:
    """The queue and the threads that empty it."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        switches: Callable[[], Switches],
        call: Callable[[Job], "Call | None"],
    ) -> None:
        """`call` makes the request of a job; None when its webhook wants it no more."""
        self._store, self._faults, self._switches, self._call = store, faults, switches, call
        self._cond = threading.Condition()
        self._lanes: dict[LaneKey, deque[Job]] = {}
        self._heap: list[tuple[float, int, LaneKey]] = []
        self._turn = 0
        self._paused: dict[tuple[str, str], tuple[float, int]] = {}
        self._counts: Counter[str] = Counter()

    def start(self) -> None:
        """Take up what an earlier process left in the store, and begin to deliver."""
        left = [Job(*row) for row in self._store.rows("select * from delivery order by id")]
        with self._cond:
            self._admit(left)
        for _ in range(_WORKERS):
            threading.Thread(target=self._work, name="deliveries", daemon=True).start()

    def push(self, jobs: Sequence[Job]) -> None:
        """Queue jobs whose rows are (being) committed, in the order of their ids."""
        for job in jobs:
            for fault in self._faults.for_event(job.event, job.data):
                if fault.kind == "webhook_delay":
                    job.delay_s += fault.seconds
                elif fault.kind == "webhook_double":
                    job.double_after_s = fault.seconds
                else:
                    job.delay_s += random.random() * (fault.seconds or 1.0)  # noqa: S311
                    job.lane = f"shuffled {job.id}"
        with self._cond:
            self._admit(jobs)
            self._cond.notify(len(jobs))

    def forget(self, instance: str | None = None) -> None:
        """Drop the waiting jobs of one instance, or all; their rows are the caller's business."""
        with self._cond:
            for key in list(self._lanes):
                if instance in (None, key[0]):
                    self._lanes[key].clear()
            self._paused.clear()

    def report(self) -> dict[str, Any]:
        """What waits, and how many were delivered, failed, doubled, dropped."""
        with self._cond:
            waiting = [job for lane in self._lanes.values() for job in lane]
            return {
                "waiting": len(waiting),
                "oldest_at": min((job.created_at for job in waiting), default=None),
                "retrying": sum(job.attempts > 0 for job in waiting),
                "counts": dict(self._counts),
            }

    def wake(self) -> None:
        """Try everything that waits now: switches changed, or somebody is impatient."""
        with self._cond:
            self._paused.clear()
            self._heap = [(0.0, turn, key) for _, turn, key in self._heap]
            heapq.heapify(self._heap)
            self._cond.notify_all()

    def _admit(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            key = (job.instance, job.label, job.lane)
            if key not in self._lanes:
                self._lanes[key] = deque()
                self._queue(key, job.created_at + job.delay_s)
            self._lanes[key].append(job)

    def _queue(self, key: LaneKey, due: float) -> None:
        self._turn += 1
        heapq.heappush(self._heap, (due, self._turn, key))

    def _work(self) -> None:
        links: Links = {}
        while True:
            with self._cond:
                key = self._next()
                job = self._lanes[key][0] if self._lanes[key] else None
            wait_s = self._attempt(job, links) if job else 0.0
            with self._cond:
                self._settle(key, job, wait_s)

    def _next(self) -> LaneKey:
        """Wait for a lane that is due and take it off the heap; nobody else works on it then."""
        while True:
            now = time.time()
            if not self._heap or self._heap[0][0] > now:
                self._cond.wait(self._heap[0][0] - now if self._heap else None)
                continue
            _, _, key = heapq.heappop(self._heap)
            paused_until, _ = self._paused.get(key[:2], (0.0, 0))
            if paused_until <= now:
                return key
            self._queue(key, paused_until)

    def _settle(self, key: LaneKey, job: Job | None, wait_s: float) -> None:
        lane = self._lanes[key]
        if job and wait_s == 0 and lane and lane[0] is job:
            lane.popleft()
            if job.double_after_s is not None:
                after_s, job.double_after_s, job.id = job.double_after_s, None, 0
                double = (job.instance, job.label, f"double {self._turn}")
                self._lanes[double] = deque([job])
                self._queue(double, time.time() + after_s)
                self._counts["doubled"] += 1
        if not lane:
            del self._lanes[key]
            return
        self._queue(key, time.time() + wait_s if wait_s else lane[0].created_at + lane[0].delay_s)
        self._cond.notify()

    def _attempt(self, job: Job, links: Links) -> float:
        """Post once.  0 when the job is done with, else the seconds until its next attempt."""
        call = self._call(job)
        if call is None:
            return self._done(job, "dropped")
        switches, route = self._switches(), (job.instance, job.label)
        try:
            status = _post(call, switches.webhook_timeout_s, links)
        except (OSError, http.client.HTTPException, ValueError):
            status = 0
        if 200 <= status < 300:
            with self._cond:
                self._paused.pop(route, None)
            return self._done(job, "delivered")
        job.attempts += 1
        self._counts["failed"] += 1
        if not call.repeats or time.time() - job.created_at > switches.webhook_give_up_s:
            return self._done(job, "dead")
        if job.id:
            self._store.run("update delivery set attempts = ? where id = ?", job.attempts, job.id)
        if status:
            return _backoff(job.attempts, switches)
        with self._cond:  # nobody listens: the whole webhook waits, not this lane alone
            until, failures = self._paused.get(route, (0.0, 0))
            if until <= time.time():
                until = time.time() + _backoff(failures + 1, switches)
                self._paused[route] = (until, failures + 1)
        return max(until - time.time(), 0.001)

    def _done(self, job: Job, outcome: str) -> float:
        self._counts[outcome] += 1
        if job.id:
            self._store.run("delete from delivery where id = ?", job.id)
        return 0.0


def _backoff(attempts: int, switches: Switches) -> float:
    wait_s = switches.webhook_retry_first_s * 2.0 ** min(attempts - 1, 20)
    jitter = 0.8 + random.random() * 0.4  # noqa: S311
    return max(min(wait_s, switches.webhook_retry_max_s) * jitter, 0.001)


def _post(call: "Call", timeout_s: float, links: Links) -> int:
    """Post over an open connection if there is one; the status. Raises OSError, HTTPException."""
    parts = urlsplit(call.url)
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    origin = f"{parts.scheme}://{parts.netloc}"
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    for fresh in (False, True):
        link = links.pop(origin, None)
        if link is None:
            fresh, link = True, kind(parts.netloc, timeout=timeout_s)
        try:
            link.request("POST", target, call.body, call.headers)
            answer = link.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            link.close()
            if fresh:
                raise
            continue  # the other side had closed the open connection: once more on a new one
        if not answer.will_close:
            links[origin] = link
        return answer.status
    raise ConnectionError(origin)
