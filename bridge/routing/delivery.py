"""One try of one entry, and what becomes of it: the only place that moves entries on.

Whatever ends a try is written down. While the disk takes nothing, it stays in memory and nothing
new is tried: what may have been sent is never sent again because it could not be noted.
"""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.domain.errors import BridgeError, GivenUp, StorageFailed, Unexpected
from bridge.domain.models import Status
from bridge.routing import ids, poison
from bridge.routing.context import Context
from bridge.routing.handlers import carry_out, side_of
from bridge.routing.in_progress import InProgress
from bridge.routing.retry import MOST_S, PATIENCE_S, SIDE_MOST_S, Side, Verdict, judge
from bridge.routing.sides import SideHealth
from bridge.routing.to_whatsapp import send
from bridge.runtime import logs
from bridge.services import Services
from bridge.store.journal import Entry, Job, State, Try

log = logging.getLogger(__name__)

_UNCONFIRMED_S = 1.0
_CONTEXT_S = 5.0
_NO_DISK_S = 1.0
_UNDER_WAY_S = 0.05


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try did to its lane: `again_at` (monotonic seconds) is when it goes on, None for at
    once; `woke`: a side is up again, whoever waits may go on; `held`: the instance waits."""

    again_at: float | None = None
    woke: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class _Pause:
    """When an entry is tried again, and when at the earliest, both in monotonic seconds; `noted` is
    the same time as it was written down (UTC seconds). `side` is the one that it waits for, None
    when it is to blame itself. An entry that says another time than `noted`, or than `before` that
    was written, was changed by somebody else, who then decides."""

    due_at: float
    earliest_at: float
    noted: float
    before: float
    side: tuple[int, Side] | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try of one entry that has begun, in UTC seconds and on the monotonic clock."""

    entry: Entry
    context: Context
    side: SideHealth
    claim: send.Claim
    began_at: float
    began: float

    def ended(self, outcome: str, error: BridgeError | None = None) -> Try:
        """What is noted of it."""
        return Try(self.began_at, time.monotonic() - self.began, outcome, error)


@dataclass(slots=True)
class Deliveries:
    """`owner` names the router in what it claims."""

    services: Services
    owner: str
    _noted: InProgress = field(init=False)
    _sides: dict[tuple[int, Side], SideHealth] = field(default_factory=dict)
    _pauses: dict[int, _Pause] = field(default_factory=dict)
    #: What happened and could not be written yet, by entry.
    _unwritten: dict[int, Callable[[], object]] = field(default_factory=dict)
    #: Before when what an earlier router was at is not looked for, in monotonic seconds.
    _runs_on_until: dict[int, float] = field(default_factory=dict)
    #: Entries that may have arrived, whatever the disk says.
    _doubtful: set[int] = field(default_factory=set)
    #: Entries that a worker has in its hands: two lanes that become one both lead to them.
    _under_way: set[int] = field(default_factory=set)
    _can_write: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._noted = InProgress(self.services.settings.instance_dir / "locks" / "under-way")

    def take_over(self) -> None:
        """Learns what a router that was killed was at: Chatwoot may still be at it as well."""
        runs_on_s, now = self.services.settings.chatwoot_runs_on, self.services.clock()
        for entry_id, began_at in self._noted.open(since=now - runs_on_s).items():
            left_s = min(began_at + runs_on_s - now, runs_on_s)
            self._runs_on_until[entry_id] = time.monotonic() + left_s

    # -- when --------------------------------------------------------------------------------------

    def due_at(self, entry: Entry) -> float:
        """When the entry is to be tried, in monotonic seconds. Pauses of this router go by the
        steady clock; times that another one wrote down are believed up to the longest pause."""
        with self._lock:
            pause = self._pauses.get(entry.id)
            runs_on_until = self._runs_on_until.get(entry.id, 0.0)
        if runs_on_until > time.monotonic():
            return runs_on_until
        if pause is not None and entry.due_at in {pause.noted, pause.before}:
            return pause.due_at
        wait_s = min(entry.due_at - self.services.clock(), MOST_S)
        return time.monotonic() + max(wait_s, 0.0)

    def write_what_waits(self) -> bool:
        """Tries to write what could not be written; whether it can be written again now."""
        with self._lock:
            if self._can_write:
                return False
            waiting = dict(self._unwritten)
        try:
            self.services.journal.prove_writable()
            for entry_id, write in waiting.items():
                write()
                with self._lock:
                    self._unwritten.pop(entry_id, None)
        except StorageFailed as error:
            log.debug("still nothing can be written: %s", error.message)
            return False
        with self._lock:
            self._can_write = not self._unwritten
        if self._can_write:
            log.warning("the journal can be written again")
        return self._can_write

    def _write(self, entry: Entry, write: Callable[[], object]) -> bool:
        """Whether it is on the disk; if not, nothing new is tried until it is."""
        try:
            write()
        except StorageFailed as error:
            with self._lock:
                if self._can_write:
                    log.error("the journal cannot be written, routing waits: %s", error.message)
                self._can_write = False
                self._unwritten[entry.id] = write
            return False
        return True

    # -- one try -----------------------------------------------------------------------------------

    def deliver(self, entry: Entry, context: Context) -> Tried:
        """One try of the head of a lane."""
        with self._lock:
            if entry.id in self._under_way:
                return Tried(time.monotonic() + _UNDER_WAY_S)
            self._under_way.add(entry.id)
        try:
            # Two chats may have become one since it was read: it is in another lane then, and may
            # have arrived there.
            head = self.services.journal.head(entry.lane)
            if head is None or head.id != entry.id or head.state is not State.READY:
                return Tried()
            return self._deliver(head, context)
        finally:
            with self._lock:
                self._under_way.discard(entry.id)

    def _deliver(self, entry: Entry, context: Context) -> Tried:
        side = self._side(entry.instance_id, side_of(entry.job))
        with self._lock:
            if not self._can_write:
                return Tried(time.monotonic() + _NO_DISK_S)
            if entry.id in self._doubtful and not entry.doubtful:
                entry = dataclasses.replace(entry, doubtful=True)
        wait_until = side.admit(entry.lane)
        if wait_until is not None:
            return Tried(wait_until)
        under_way: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        # A send to the gateway has its claim instead, and is waited for by its echo.
        if side_of(entry.job) is Side.CHATWOOT:
            under_way = self._noted.delivering(entry.id, began_at=self.services.clock())
        try:
            with logs.about(entry.id), under_way:
                return self._try(entry, context, side)
        finally:
            side.left(entry.lane)

    def _try(self, entry: Entry, context: Context, side: SideHealth) -> Tried:
        services = self.services
        marker = ids.own_marker(services, entry.instance_id)
        claim = send.Claim(services.journal, marker, self.owner)
        attempt = _Attempt(entry, context, side, claim, services.clock(), time.monotonic())
        try:
            pairs = carry_out(entry, context, claim)
        except StorageFailed as error:
            self._unclear(attempt, error)
            with self._lock:
                self._can_write = False
            log.error("the journal cannot be written, routing waits: %s", error.message)
            return Tried(time.monotonic() + _NO_DISK_S)
        except BridgeError as error:
            log.info("entry %s (%s %s): %s", entry.id, entry.job, entry.key, error.message)
            return self._failed(attempt, error)
        except Exception as error:
            log.exception("entry %s failed", entry.id)
            return self._failed(attempt, Unexpected(kind=type(error).__name__))
        self._forget(entry)
        woke = side.succeeded(entry.lane)
        if woke:
            self._let_go(entry.instance_id, side_of(entry.job))
        now, made = services.clock(), attempt.ended("arrived")
        if not self._write(
            entry, lambda: services.journal.finish(entry, pairs, made=made, now=now)
        ):
            return Tried(time.monotonic() + _NO_DISK_S, woke)
        if entry.job is Job.REPLY:
            send.gone_out(entry, context)
        log.debug("%s %s arrived", entry.job, entry.key)
        return Tried(woke=woke)

    def _failed(self, attempt: _Attempt, error: BridgeError) -> Tried:
        services, entry = self.services, attempt.entry
        is_blamed = attempt.side.blames(entry.lane)
        verdict = judge(
            error,
            entry.attempts,
            most_s=services.settings.retry_most if is_blamed else self._side_most_s,
            runs_on_s=services.settings.chatwoot_runs_on,
        )
        if verdict.failed is not None:
            self._side(entry.instance_id, verdict.failed).failed(entry.lane)
        if verdict.holds:
            return self._hold(attempt, error)
        if verdict.unconfirmed or (attempt.claim.is_taken and isinstance(error, Unexpected)):
            self._unclear(attempt, error)
            return Tried(time.monotonic() + _UNCONFIRMED_S)
        if entry.age_s(services.clock()) > PATIENCE_S:
            return self._give_up(attempt, error, GivenUp(error, hours=PATIENCE_S // 3600))
        if verdict.dead or poison.is_poison(entry, error, attempt.context):
            return self._give_up(attempt, error, error)
        side = None if is_blamed else verdict.failed
        return self._postpone(attempt, error, verdict, side)

    def _postpone(
        self, attempt: _Attempt, error: BridgeError, verdict: Verdict, side: Side | None
    ) -> Tried:
        """Waits as the verdict says, or until `side` is up again."""
        services, entry, now = self.services, attempt.entry, time.monotonic()
        due_at, due_wall = now + verdict.after_s, services.clock() + verdict.after_s
        waits_for = None if side is None else (entry.instance_id, side)
        with self._lock:
            if verdict.doubtful:
                self._doubtful.add(entry.id)
            self._pauses[entry.id] = _Pause(
                due_at, now + verdict.at_least_s, due_wall, entry.due_at, waits_for
            )
        made = None if verdict.waits else attempt.ended("failed", error)
        doubtful = entry.doubtful or verdict.doubtful
        self._write(
            entry,
            lambda: services.journal.postpone(entry, due_at=due_wall, made=made, doubtful=doubtful),
        )
        return Tried(due_at if verdict.after_s > 0 else None)

    def _hold(self, attempt: _Attempt, error: BridgeError) -> Tried:
        """The integration waits, and everything of it."""
        services, entry, now = self.services, attempt.entry, self.services.clock()
        integration_id, made = attempt.context.integration.id, attempt.ended("failed", error)

        def write() -> None:
            services.integrations.judge(integration_id, Status.ERROR, error, now=now)
            # The call that was refused need not have been the first of the delivery.
            doubtful = entry.doubtful or entry.job is Job.MESSAGE
            services.journal.postpone(entry, due_at=now, made=made, doubtful=doubtful, counts=False)

        self._write(entry, write)
        return Tried(time.monotonic() + _CONTEXT_S, held=True)

    def _give_up(self, attempt: _Attempt, error: BridgeError, shown: BridgeError) -> Tried:
        entry, made = attempt.entry, attempt.ended("failed", shown)

        def write() -> None:
            if entry.job is Job.REPLY:
                send.give_up(entry, error, shown, attempt.context)
            self.services.journal.bury(entry, made=made, now=self.services.clock())

        self._forget(entry)
        self._write(entry, write)
        log.warning("entry %s is a dead letter: %s", entry.id, shown.message)
        return Tried()

    def _unclear(self, attempt: _Attempt, error: BridgeError) -> None:
        """Nobody knows how the try ended: a claimed send is unconfirmed, anything else doubtful."""
        services, entry, made = self.services, attempt.entry, attempt.ended("failed", error)
        wait_s = services.settings.echo_wait if attempt.claim.is_taken else 0.0
        due_at = services.clock() + wait_s
        with self._lock:
            self._doubtful.add(entry.id)
        self._write(entry, lambda: services.journal.doubt(entry, due_at=due_at, made=made))

    def _forget(self, entry: Entry) -> None:
        with self._lock:
            self._pauses.pop(entry.id, None)
            self._runs_on_until.pop(entry.id, None)
            self._doubtful.discard(entry.id)

    # -- the sides ---------------------------------------------------------------------------------

    @property
    def _side_most_s(self) -> float:
        """The longest pause of a side that may be down, in seconds."""
        return min(SIDE_MOST_S, self.services.settings.retry_most)

    def _side(self, instance_id: int, side: Side) -> SideHealth:
        with self._lock:
            key = instance_id, side
            if key not in self._sides:
                self._sides[key] = SideHealth(time.monotonic, self._side_most_s)
            return self._sides[key]

    def _let_go(self, instance_id: int, side: Side) -> None:
        """The side is up again: what waited for it is due as soon as it may."""
        with self._lock:
            for entry_id, pause in self._pauses.items():
                if pause.side == (instance_id, side):
                    self._pauses[entry_id] = dataclasses.replace(pause, due_at=pause.earliest_at)
