"""Chatwoot's background jobs: webhooks and websocket frames, and what becomes of them."""

import random
import threading
from collections.abc import Callable

from sandbox.chatwoot.faults import Fault, Faults

_LATE_S, _SHUFFLE_S = 9.0, 0.5
#: How many neighbours of waiting jobs change places when ten threads start on them.
_SWAPPED = 0.3

Job = Callable[[], object]


class Jobs:
    """The queue. A job runs at once unless a fault has it otherwise."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._held: list[Job] = []
        self._holder: Fault | None = None

    def run(self, event: str, job: Job, *, is_webhook: bool = False) -> None:
        """Run a job that tells of an event, as the faults have it."""
        if not self._faults.in_force():
            job()
            return

        def fault(word: str, webhook_kind: str) -> Fault | None:
            kinds = (word, webhook_kind) if is_webhook else (word,)
            return self._faults.use(*kinds, path=event)

        if fault("jobs-killed", "webhook_lost"):
            return
        times = 2 if fault("jobs-doubled", "webhook_double") else 1
        if stopped := self._faults.use("jobs-stopped", path=event):
            self._hold(stopped, [job] * times)
            return
        wait_s, most_s = 0.0, 0.0
        if late := fault("jobs-late", "webhook_delay"):
            wait_s = late.seconds or (_LATE_S if late.delay is None else late.delay)
        if shuffled := fault("jobs-shuffled", "webhook_shuffle"):
            most_s = shuffled.seconds or shuffled.delay or _SHUFFLE_S
        for _ in range(times):
            later(wait_s + random.uniform(0.0, most_s), job)  # noqa: S311 - no secret

    def empty(self) -> int:
        """Forget the jobs that wait; how many there were."""
        with self._lock:
            gone, self._held = len(self._held), []
        return gone

    def _hold(self, fault: Fault, jobs: list[Job]) -> None:
        with self._lock:
            self._held += jobs
            if self._holder is fault:
                return
            self._holder = fault
        threading.Thread(target=self._release, args=(fault,), daemon=True).start()

    def _release(self, fault: Fault) -> None:
        fault.wait(None)
        with self._lock:
            held, self._held, self._holder = self._held, [], None
        for place in range(1, len(held)):
            if random.random() < _SWAPPED:  # noqa: S311
                held[place - 1], held[place] = held[place], held[place - 1]
        for job in held:
            job()


def later(seconds: float, job: Job) -> None:
    """Run a job after some seconds, at once when there are none."""
    if seconds <= 0:
        job()
        return
    timer = threading.Timer(seconds, job)
    timer.daemon = True
    timer.start()
