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
from bridge.routing import poison
from bridge.routing.context import FILE_S, Context
from bridge.routing.handlers import carry_out, side_of
from bridge.routing.in_progress import InProgress
from bridge.routing.retry import MOST_S, PATIENCE_S, SIDE_MOST_S, Side, Verdict, judge
from bridge.routing.sides import SideHealth
from bridge.routing.to_whatsapp import markers, send
from bridge.runtime import logs
from bridge.services import Services
from bridge.store.journal import Entry, Job, State, Try

log = logging.getLogger(__name__)

_UNCONFIRMED_S = 1.0
_CONTEXT_S = 5.0
_NO_DISK_S = 1.0
_UNDER_WAY_S = 0.05
#: How long a claim of a send holds, in seconds: longer than any call takes.
CLAIM_S = FILE_S + 60.0


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
        found = self._noted.open(since=now - runs_on_s)
        for entry_id, began_at in found.items():
            left_s = min(began_at + runs_on_s - now, runs_on_s)
            self._runs_on_until[entry_id] = time.monotonic() + left_s

    # -- when --------------------------------------------------------------------------------------

    def due_at(self, entry: Entry) -> float:
        """When the entry is to be tried, in monotonic seconds.

        What this router has put off itself is measured by the steady clock; a time that another
        process, or an earlier one, wrote down is believed for as long as the longest pause.
        """
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
        try:
            with logs.about(entry.id), self._noted_as_under_way(entry):
                return self._try(entry, context, side)
        finally:
            side.left(entry.lane)

    def _noted_as_under_way(self, entry: Entry) -> contextlib.AbstractContextManager[None]:
        """A send to the gateway has its claim instead, and is waited for by its echo."""
        if side_of(entry.job) is Side.GATEWAY:
            return contextlib.nullcontext()
        return self._noted.delivering(entry.id, began_at=self.services.clock())

    def _try(self, entry: Entry, context: Context, side: SideHealth) -> Tried:
        services, began = self.services, time.monotonic()
        began_at = services.clock()
        claim = send.Claim(
            services.journal, markers.own(services, entry.instance_id), self.owner, CLAIM_S
        )

        def made(outcome: str, error: BridgeError | None = None) -> Try:
            return Try(began_at, time.monotonic() - began, outcome, error)

        try:
            pairs = carry_out(entry, context, claim)
        except StorageFailed as error:
            self._unclear(entry, made("failed", error), claim)
            with self._lock:
                self._can_write = False
            log.error("the journal cannot be written, routing waits: %s", error.message)
            return Tried(time.monotonic() + _NO_DISK_S)
        except BridgeError as error:
            log.info("entry %s (%s %s): %s", entry.id, entry.job, entry.key, error.message)
            return self._failed(entry, error, context, side, made, claim)
        except Exception as error:
            log.exception("entry %s failed", entry.id)
            return self._failed(
                entry, Unexpected(kind=type(error).__name__), context, side, made, claim
            )
        self._forget(entry)
        woke = side.succeeded(entry.lane)
        if woke:
            self._let_go(entry.instance_id, side_of(entry.job))
        now = services.clock()
        arrived = made("arrived")
        if not self._write(
            entry, lambda: services.journal.finish(entry, pairs, made=arrived, now=now)
        ):
            return Tried(time.monotonic() + _NO_DISK_S, woke)
        if entry.job is Job.REPLY:
            send.gone_out(entry, context)
        log.debug("%s %s arrived", entry.job, entry.key)
        return Tried(woke=woke)

    def _failed(
        self,
        entry: Entry,
        error: BridgeError,
        context: Context,
        side: SideHealth,
        made: Callable[[str, BridgeError | None], Try],
        claim: "send.Claim",
    ) -> Tried:
        services, now = self.services, self.services.clock()
        blamed = side.blames(entry.lane)
        verdict = judge(
            error,
            entry.attempts,
            most_s=services.settings.retry_most if blamed else self._side_most_s,
            runs_on_s=services.settings.chatwoot_runs_on,
        )
        if verdict.failed is not None:
            self._side(entry.instance_id, verdict.failed).failed(entry.lane)
        if verdict.holds:
            return self._hold(entry, error, context, made("failed", error))
        if verdict.unconfirmed or (claim.is_taken and isinstance(error, Unexpected)):
            self._unclear(entry, made("failed", error), claim)
            return Tried(time.monotonic() + _UNCONFIRMED_S)
        is_old = entry.age_s(now) > PATIENCE_S
        is_poison = poison.is_poison(entry, error, context)
        if verdict.dead or is_old or is_poison:
            told = GivenUp(error, hours=PATIENCE_S // 3600) if is_old else error
            return self._give_up(entry, error, told, context, made("failed", told))
        return self._postpone(entry, verdict, error, made, blamed=blamed)

    def _postpone(
        self,
        entry: Entry,
        verdict: Verdict,
        error: BridgeError,
        made: Callable[[str, BridgeError | None], Try],
        *,
        blamed: bool,
    ) -> Tried:
        services, now = self.services, time.monotonic()
        due_at = now + verdict.after_s
        due_wall = services.clock() + verdict.after_s
        waits_for = (
            None if blamed or verdict.failed is None else (entry.instance_id, verdict.failed)
        )
        with self._lock:
            if verdict.doubtful:
                self._doubtful.add(entry.id)
            self._pauses[entry.id] = _Pause(
                due_at, now + verdict.at_least_s, due_wall, entry.due_at, waits_for
            )
        attempt = None if verdict.waits else made("failed", error)
        self._write(
            entry,
            lambda: services.journal.postpone(
                entry,
                due_at=due_wall,
                made=attempt,
                doubtful=entry.doubtful or verdict.doubtful,
            ),
        )
        return Tried(due_at if verdict.after_s > 0 else None)

    def _hold(self, entry: Entry, error: BridgeError, context: Context, made: Try) -> Tried:
        """The integration waits, and everything of it."""
        services, now = self.services, self.services.clock()

        def write() -> None:
            services.integrations.judge(context.integration.id, Status.ERROR, error, now=now)
            # The call that was refused need not have been the first of the delivery.
            doubtful = entry.doubtful or entry.job is Job.MESSAGE
            services.journal.postpone(entry, due_at=now, made=made, doubtful=doubtful, counts=False)

        self._write(entry, write)
        return Tried(time.monotonic() + _CONTEXT_S, held=True)

    def _give_up(
        self, entry: Entry, error: BridgeError, told: BridgeError, context: Context, made: Try
    ) -> Tried:
        def write() -> None:
            if entry.job is Job.REPLY:
                send.give_up(entry, error, told, context)
            self.services.journal.bury(entry, made=made, now=self.services.clock())

        self._forget(entry)
        self._write(entry, write)
        log.warning("entry %s is a dead letter: %s", entry.id, told.message)
        return Tried()

    def _unclear(self, entry: Entry, made: Try, claim: "send.Claim") -> None:
        """Nobody knows how the try ended: a claimed send is unconfirmed, anything else doubtful."""
        services = self.services
        due_at = services.clock() + (services.settings.echo_wait if claim.is_taken else 0.0)
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
            found = self._sides.get((instance_id, side))
            if found is None:
                found = SideHealth(time.monotonic, self._side_most_s)
                self._sides[instance_id, side] = found
            return found

    def _let_go(self, instance_id: int, side: Side) -> None:
        """The side is up again: what waited for it is due as soon as it may."""
        with self._lock:
            for entry_id, pause in self._pauses.items():
                if pause.side == (instance_id, side):
                    self._pauses[entry_id] = dataclasses.replace(pause, due_at=pause.earliest_at)
