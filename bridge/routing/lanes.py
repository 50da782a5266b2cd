"""Which lane is worked on next: one worker per lane, a fair turn for every instance."""

import heapq
import threading
from collections import Counter, deque
from collections.abc import Iterable

from bridge.store.journal import Lane


class Lanes:
    """The lanes that have work, for a number of workers. Times are seconds of one steady clock.

    A lane is with one worker at a time, which is what keeps its entries in order. Instances take
    turns, and none has more than `most` workers. Workers of the reserve serve only instances that
    have none at all: however many instances hang on slow sides, the next one is served.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: Counter[int] = Counter()
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[Lane]] = {}
        self._turns: deque[int] = deque()
        self._queued: set[Lane] = set()
        self._working: set[Lane] = set()
        self._again: set[Lane] = set()
        self._later: list[tuple[float, int, Lane]] = []
        self._later_set: set[Lane] = set()
        self._counter = 0
        self._closed = False

    def add(self, lanes: Iterable[Lane]) -> None:
        with self._changed:
            for lane in lanes:
                if lane in self._working:
                    self._again.add(lane)
                elif lane not in self._later_set:
                    self._enqueue(lane)

    def wake_all(self) -> None:
        """Whatever waits for a later time is looked at now."""
        with self._changed:
            for _, _, lane in self._later:
                self._enqueue(lane)
            self._later.clear()
            self._later_set.clear()

    def take(self, *, reserve: bool = False) -> Lane | None:
        """The next lane, None when none has come within a second or the lanes are closed."""
        with self._changed:
            instance_id = self._whose_turn(reserve)
            if instance_id is None and not self._closed:
                self._changed.wait(1.0)
                instance_id = self._whose_turn(reserve)
            if instance_id is None or self._closed:
                return None
            self._turns.remove(instance_id)
            self._busy[instance_id] += 1
            lanes = self._waiting[instance_id]
            lane = lanes.popleft()
            if lanes:
                self._turns.append(instance_id)
            else:
                del self._waiting[instance_id]
            self._queued.discard(lane)
            self._working.add(lane)
            return lane

    def release(self, lane: Lane, *, more: bool = False, due_at: float | None = None) -> None:
        """A worker is through with a lane: for good, for a moment (`more`), or until `due_at`."""
        with self._changed:
            self._working.discard(lane)
            self._busy[lane.instance_id] -= 1
            again = lane in self._again
            self._again.discard(lane)
            if due_at is not None:
                self._counter += 1
                heapq.heappush(self._later, (due_at, self._counter, lane))
                self._later_set.add(lane)
            elif more or again:
                self._enqueue(lane)
            if self._turns:
                self._changed.notify()  # the instance may have a worker more again

    def tick(self, now: float) -> float:
        """Moves on what is due. Seconds until the next is, at most 60."""
        with self._changed:
            while self._later and self._later[0][0] <= now:
                _, _, lane = heapq.heappop(self._later)
                self._later_set.discard(lane)
                self._enqueue(lane)
            return min(self._later[0][0] - now, 60.0) if self._later else 60.0

    def starving(self, workers: int) -> bool:
        """Whether an instance has work and no worker while all of so many workers are busy."""
        with self._changed:
            return self._whose_turn(True) is not None and sum(self._busy.values()) >= workers

    def close(self) -> None:
        """No lane is given out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _whose_turn(self, reserve: bool) -> int | None:
        most = 1 if reserve else self._most
        return next((each for each in self._turns if self._busy[each] < most), None)

    def _enqueue(self, lane: Lane) -> None:
        if lane in self._queued or lane in self._working:
            return
        if lane.instance_id not in self._waiting:
            self._waiting[lane.instance_id] = deque()
            self._turns.append(lane.instance_id)
        self._waiting[lane.instance_id].append(lane)
        self._queued.add(lane)
        self._changed.notify()
