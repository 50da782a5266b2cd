"""The router: takes what the journal holds to the other side, lane by lane.

One process runs it. A crash at any moment is harmless: what was under way is found in the journal
at the next start and is looked for on the other side, or waits for its echo, before it is repeated.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.domain.errors import IntegrationMissing, StorageFailed
from bridge.domain.models import Status
from bridge.routing import files
from bridge.routing.context import Context, of_instance
from bridge.routing.delivery import Deliveries
from bridge.routing.lanes import Lanes
from bridge.routing.retry import PATIENCE_S
from bridge.routing.to_whatsapp.send import CLAIM_S
from bridge.routing.unconfirmed import Unconfirmed
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store import clock_changes
from bridge.store.journal import Lane, State

log = logging.getLogger(__name__)

WORKERS = 16
#: How long one delivery may take, in seconds: a file is fetched, converted and sent, each within
#: its own deadline. And one round of the loop, which speaks to the disk alone.
LONGEST_S, LONGEST_ROUND_S = 3 * CLAIM_S, 60.0
#: Entries of a lane that one turn may take before another lane gets its chance.
_TURN = 8
#: How often the journal is read without a wakeup, in seconds.
_POLL_S = 1.0
_REREAD_S = 15.0
_CONTEXT_S = 5.0
#: How often a lane looks whether its unconfirmed send has been settled.
_UNCONFIRMED_S = 1.0
#: How far the clock of the machine may drift between two polls before it counts as set anew.
_JUMP_S = 5.0
_DAY_S = 86400.0
#: How long pairs of ids and dead letters are kept, in days: receipts, quotes and deletions of
#: older messages find nothing any more.
_KEEP_PAIRS_DAYS = 180


@dataclass(slots=True)
class Router:
    """`run` works until `stop`; both may be called from different threads.

    `heard_since`: from when on no event of an instance can have been missed, in UTC seconds; 0
    where the gateway repeats. `on_change` is called when anything may have changed.
    """

    services: Services
    heartbeat: Heartbeat
    heard_since: Callable[[int], float] = lambda _: 0.0
    on_change: Callable[[], None] = lambda: None
    #: Names this router in what it claims: another one's claims are not ours.
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    _round_at: float = field(default_factory=time.monotonic)
    _lanes: Lanes = field(init=False)
    _deliveries: Deliveries = field(init=False)
    _unconfirmed: Unconfirmed = field(init=False)
    _contexts: dict[int, tuple[float, Context]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lanes = Lanes(most=max(1, WORKERS * 3 // 4))
        self._deliveries = Deliveries(self.services, self.owner)
        self._unconfirmed = Unconfirmed(self.services, self._context, self.heard_since)

    def run(self) -> None:
        """Until `stop`: hears the wakeup, hands out lanes, settles what is unconfirmed."""
        services = self.services
        files.sweep(services.settings.spool)
        if not self._begin():
            return
        for _ in range(WORKERS):
            self._hire()
        seen, reread_at, tidied_at = 0, 0.0, -_DAY_S
        ahead = services.clock() - time.monotonic()
        again = True
        while not self._stopped.is_set():
            self._round_at = time.monotonic()
            if again or time.monotonic() - reread_at >= _REREAD_S:
                self._forget_contexts()
                seen, reread_at = 0, time.monotonic()
            lanes, seen = services.journal.lanes(after_id=seen)
            self._lanes.add(lanes)
            ahead = self._follow_clock(ahead)
            recovered = self._deliveries.write_what_waits()
            if again or recovered:
                self.on_change()
                self._lanes.wake_all()
            try:
                self._lanes.add(self._unconfirmed.settle())
            except StorageFailed as error:
                log.error("what is unconfirmed cannot be settled: %s", error.message)
            if self._lanes.starving(len(self._threads)) and len(self._threads) < 2 * WORKERS:
                self._hire(reserve=True)
            if time.monotonic() - tidied_at >= _DAY_S:
                threading.Thread(target=self._tidy, name="tidy", daemon=True).start()
                tidied_at = time.monotonic()
            wait_s = min(self._lanes.tick(time.monotonic()), _POLL_S)
            _, again = services.wakeup.wait(wait_s)
        self._lanes.close()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """What is under way is finished, nothing new is begun."""
        self._stopped.set()
        self.services.wakeup.wake()

    def beat(self) -> None:
        """A sign of life, as long as the loop goes round and no worker is stuck."""
        if time.monotonic() - self._round_at < LONGEST_ROUND_S:
            self.heartbeat.beat()

    def _begin(self) -> bool:
        """Takes over from a router that died; False when stopped meanwhile. Nothing is delivered
        before that is written down: what may have been sent must be doubtful."""
        self._deliveries.take_over()
        while not self._stopped.is_set():
            self._round_at = time.monotonic()
            try:
                due_at = self.services.clock() + self.services.settings.echo_wait
                self.services.journal.suspect(owner=self.owner, due_at=due_at)
            except StorageFailed as error:
                log.error("routing waits, the journal cannot be written: %s", error.message)
                self._stopped.wait(1.0)
            else:
                return True
        return False

    # -- workers -----------------------------------------------------------------------------------

    def _hire(self, *, reserve: bool = False) -> None:
        """One more worker; of the reserve: for an instance that has none."""
        name = f"worker-{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(reserve,), name=name)
        self._threads.append(thread)
        thread.start()

    def _work(self, reserve: bool) -> None:
        while not self._stopped.is_set():
            lane = self._lanes.take(reserve=reserve)
            if lane is None:
                continue
            more, due_at = False, None
            try:
                more, due_at = self._serve(lane)
            except StorageFailed as error:
                log.error("the journal cannot be written: %s", error.message)
                due_at = time.monotonic() + 1
            except Exception:
                log.exception("lane %s could not be served", lane)
                due_at = time.monotonic() + 30
            self._lanes.release(lane, more=more, due_at=due_at)
            if due_at is not None and due_at < time.monotonic() + _POLL_S:
                self.services.wakeup.wake()  # sooner than the next poll

    def _serve(self, lane: Lane) -> tuple[bool, float | None]:
        """Some entries of a lane: whether there are more, and from when on (monotonic seconds)."""
        for _ in range(_TURN):
            if self._stopped.is_set():
                return False, None
            entry = self.services.journal.head(lane)
            if entry is None:
                return False, None
            if entry.state is not State.READY:
                return False, time.monotonic() + _UNCONFIRMED_S  # an echo may settle it at any time
            due_at = self._deliveries.due_at(entry)
            if due_at > time.monotonic():
                return False, due_at
            try:
                context = self._context(lane.instance_id)
            except IntegrationMissing:
                return False, None
            if context.integration.status is not Status.ACTIVE:
                return False, None  # read again when the integration is active again
            with self.heartbeat.working():
                tried = self._deliveries.deliver(entry, context)
            if tried.held:
                self._forget_contexts()
            if tried.woke:
                self._lanes.wake_all()
            if tried.again_at is not None:
                return False, tried.again_at
        return True, None

    # -- the clock, the unconfirmed, the old -------------------------------------------------------

    def _follow_clock(self, ahead: float) -> float:
        """How far the machine's clock is ahead of the steady one. When it was set anew, the times
        that were written down before are no measure: nobody gives up because of that."""
        now = self.services.clock() - time.monotonic()
        jump = now - ahead
        if abs(jump) < _JUMP_S:
            return ahead
        log.warning("the clock of this machine was set by %+.0f seconds", jump)
        try:
            clock_changes.shift(self.services.committer, jump)
        except StorageFailed:
            return ahead  # it is noticed again
        self._unconfirmed.follow_clock(jump)
        return now

    def _tidy(self) -> None:
        """Once a day: what is old is forgotten, and what was left behind removed."""
        services, now = self.services, self.services.clock()
        # A day longer than what catch-up trusts the journal to know.
        done_before = now - (services.settings.keep_days + 1) * _DAY_S
        try:
            # Once a day a Chatwoot is asked again for what it refused: it may have been another
            # version for a moment, while it was being updated.
            services.integrations.forget_refused()
            files.sweep_spool(services.settings.spool, older_than=now - PATIENCE_S - _DAY_S)
            all_before = now - max(_KEEP_PAIRS_DAYS, services.settings.keep_days) * _DAY_S
            while not self._stopped.is_set():
                if not services.journal.prune(done_before=done_before, all_before=all_before):
                    return
        except (StorageFailed, OSError) as error:
            log.warning("old entries could not be removed: %s", error)

    # -- contexts ----------------------------------------------------------------------------------

    def _context(self, instance_id: int) -> Context:
        now = time.monotonic()
        with self._lock:
            known = self._contexts.get(instance_id)
        if known is not None and known[0] > now:
            return known[1]
        context = of_instance(instance_id, self.services)
        with self._lock:
            self._contexts[instance_id] = (now + _CONTEXT_S, context)
        return context

    def _forget_contexts(self) -> None:
        with self._lock:
            self._contexts.clear()
