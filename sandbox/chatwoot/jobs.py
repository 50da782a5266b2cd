"""Chatwoot's background jobs, through which webhooks and websocket frames go.

What happens to the jobs happens to both: they wait, are lost, late, doubled, out of order.
"""

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

    def run(self, event: str, job: Job) -> None:
        """Run a job that tells of an event, as the faults have it."""
        if not self._faults.in_force():
            job()
            return
        if self._faults.strike("jobs-killed", path=event):
            return
        times = 2 if self._faults.strike("jobs-doubled", path=event) else 1
        if fault := self._faults.strike("jobs-stopped", path=event):
            self._hold(fault, [job] * times)
            return
        wait_s = 0.0
        if fault := self._faults.strike("jobs-late", path=event):
            wait_s = _LATE_S if fault.delay is None else fault.delay
        shuffle = self._faults.strike("jobs-shuffled", path=event)
        for _ in range(times):
            most = 0.0 if shuffle is None else shuffle.delay or _SHUFFLE_S
            later(wait_s + random.uniform(0.0, most), job)  # noqa: S311 - no secret

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
