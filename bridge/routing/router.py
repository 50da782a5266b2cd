"""The router: takes what the journal holds to the other side, lane by lane.

One process runs it. A crash at any moment is harmless: what was under way is found in the journal
at the next start and is looked for on the other side, or waits for its echo, before it is repeated.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bridge import logs
from bridge.errors import BridgeError, GivenUp, IntegrationMissing, NoEcho, NotYet, StorageFailed
from bridge.models import Status
from bridge.routing import context as contexts
from bridge.routing import inbound, media, outbound, receipts
from bridge.routing.context import Context
from bridge.routing.lanes import Lanes
from bridge.routing.outcome import PATIENCE_S, Verdict, judge
from bridge.services import Services
from bridge.store.journal import Direction, Entry, Lane, Pair, State, Try

log = logging.getLogger(__name__)

WORKERS = 16
#: Entries of a lane that one turn may take before another lane gets its chance.
_TURN = 8
_LOOK_AGAIN_S = 15.0
_CONTEXT_S = 5.0
#: How long an echo is waited for at most after the gateway could not reach us.
_MOST_SILENCE_S = 3600.0
#: How often a lane looks whether its unconfirmed send has been settled.
_UNCONFIRMED_S = 1.0
_DAY_S = 86400.0
#: How long pairs of ids and dead letters are kept, in days: receipts, quotes and deletions of
#: older messages find nothing any more.
_KEEP_PAIRS_DAYS = 180

_DELIVER: dict[Direction, Callable[[Entry, Context], list[Pair]]] = {
    Direction.IN: inbound.deliver,
    Direction.RECEIPT: receipts.deliver,
    Direction.OUT: outbound.deliver,
    Direction.TYPING: outbound.deliver,
}


@dataclass(slots=True)
class _Side:
    """One far shore of one instance: while it is down, one lane at a time tries it."""

    up_at: float = 0.0
    failures: int = 0
    probing: bool = False
    suspects: set[Lane] = field(default_factory=set)

    def fails(self, lane: Lane, verdict: Verdict) -> bool:
        """Whether the side as a whole is down. One chat that fails says that only where its error
        does; a timeout or a broken connection may be about that chat alone."""
        if not verdict.side_down:
            return False
        self.suspects.add(lane)
        return not verdict.doubtful or len(self.suspects) > 1


@dataclass(slots=True)
class Router:
    """`run` works until `stop`; both may be called from different threads.

    `heard_since` tells since when nothing that a gateway said of an instance can have been missed,
    in UTC seconds: 0 where it repeats what was not acknowledged. `on_look` is called when anything
    may have changed.
    """

    services: Services
    workers: int = WORKERS
    heard_since: Callable[[int], float] = lambda _: 0.0
    on_look: Callable[[], None] = lambda: None
    _lanes: Lanes = field(init=False)
    _sides: dict[tuple[int, bool], _Side] = field(default_factory=dict)
    _contexts: dict[int, tuple[float, Context]] = field(default_factory=dict)
    #: For each send in doubt, when the gateway was heard again for the first time.
    _contacts: dict[int, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lanes = Lanes(most=max(1, self.workers * 3 // 4))

    def run(self) -> None:
        """Until `stop`: hears the bell, hands out lanes, settles what is unconfirmed."""
        services = self.services
        media.sweep(services.settings.spool)
        services.journal.suspect(due_at=services.clock() + services.settings.echo_wait)
        threads = [
            threading.Thread(target=self._work, name=f"worker-{number}")
            for number in range(self.workers)
        ]
        for thread in threads:
            thread.start()
        seen, looked_at, tidied_at = 0, 0.0, -_DAY_S
        again = True
        while not self._stopped.is_set():
            if again or time.monotonic() - looked_at >= _LOOK_AGAIN_S:
                self._forget_contexts()
                seen, looked_at = 0, time.monotonic()
            lanes, seen = services.journal.lanes(after_id=seen)
            self._lanes.add(lanes)
            if again:
                self.on_look()
                self._lanes.wake_all()
            self._settle()
            if time.monotonic() - tidied_at >= _DAY_S:
                threading.Thread(target=self._tidy, name="tidy", daemon=True).start()
                tidied_at = time.monotonic()
            wait_s = min(self._lanes.tick(services.clock()), 1.0)
            _, again = services.bell.wait(wait_s)
        self._lanes.close()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """What is under way is finished, nothing new is begun."""
        self._stopped.set()
        self.services.bell.ring()

    # -- workers -----------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopped.is_set():
            lane = self._lanes.take(self.services.clock())
            if lane is None:
                continue
            more, due_at = False, None
            try:
                more, due_at = self._serve(lane)
            except StorageFailed as error:
                log.error("the journal cannot be written: %s", error.message)
                due_at = self.services.clock() + 5
            except Exception:
                log.exception("lane %s failed", lane)
                due_at = self.services.clock() + 30
            self._lanes.release(lane, more=more, due_at=due_at)

    def _serve(self, lane: Lane) -> tuple[bool, float | None]:
        """Some entries of a lane: whether there are more, and from when on."""
        for _ in range(_TURN):
            if self._stopped.is_set():
                return False, None
            entry = self.services.journal.head(lane)
            if entry is None:
                return False, None
            now = self.services.clock()
            if entry.state is not State.READY:
                return False, now + _UNCONFIRMED_S  # an echo may settle it at any time
            if entry.due_at > now:
                return False, entry.due_at
            try:
                context = self._context(lane.instance_id)
            except IntegrationMissing:
                return False, None
            if context.integration.status is not Status.ACTIVE:
                return False, None  # found again when the operator has resumed it
            side = self._side(lane)
            wait_until = self._admit(side, now)
            if wait_until is not None:
                return False, wait_until
            with logs.about(entry.id):
                due_at = self._deliver(entry, context, side)
            if due_at is not None:
                return False, due_at
        return True, None

    def _deliver(self, entry: Entry, context: Context, side: _Side) -> float | None:
        """One try; when the lane is to be looked at again, None for at once."""
        services, began = self.services, time.monotonic()
        began_at = services.clock()

        def made(outcome: str, error: BridgeError | None = None) -> Try:
            return Try(began_at, time.monotonic() - began, outcome, error)

        try:
            pairs = _DELIVER[entry.direction](entry, context)
        except StorageFailed:
            self._leave(side)
            raise
        except BridgeError as error:
            verdict = judge(error, max(entry.attempts, side.failures))
            if not verdict.side_down and not isinstance(error, NotYet):
                self._leave(side)
            log.info("entry %s (%s %s): %s", entry.id, entry.direction, entry.key, error.message)
            outcome = "waits" if isinstance(error, NotYet) else "failed"
            return self._apply(verdict, error, entry, context, side, made(outcome, error))
        except BaseException:
            with self._lock:
                side.probing = False  # or nobody would ever try this side again
            raise
        self._leave(side)
        services.journal.finish(entry, pairs, made=made("arrived"), now=services.clock())
        log.debug("%s %s arrived", entry.direction, entry.key)
        return None

    def _apply(
        self,
        verdict: Verdict,
        error: BridgeError,
        entry: Entry,
        context: Context,
        side: _Side,
        made: Try,
    ) -> float | None:
        services, now = self.services, self.services.clock()
        if verdict.hold is not None:
            services.integrations.judge(context.integration.id, Status.ERROR, verdict.hold, now=now)
            services.journal.postpone(
                entry, due_at=now, made=made, doubtful=entry.doubtful, counts=False
            )
            self._forget_contexts()
            return now + _CONTEXT_S
        if verdict.unconfirmed:
            services.journal.unconfirm(entry, due_at=now + services.settings.echo_wait, made=made)
            return now + _UNCONFIRMED_S
        too_old = now - entry.received_at > PATIENCE_S
        if verdict.dead or too_old:
            told = GivenUp(error, hours=PATIENCE_S // 3600) if too_old else error
            return self._bury(entry, error, context, replace(made, error=told))
        due_at = now + verdict.after_s
        with self._lock:
            is_down = side.fails(entry.lane, verdict)
            if is_down:
                side.failures += 1
                side.up_at = due_at
            side.probing = False
        services.journal.postpone(
            entry,
            due_at=due_at,
            made=made if made.outcome == "failed" else None,
            doubtful=entry.doubtful or verdict.doubtful,
            counts=not is_down,
        )
        return due_at if verdict.after_s else None

    def _bury(self, entry: Entry, error: BridgeError, context: Context, made: Try) -> float | None:
        if entry.direction is Direction.OUT:
            outbound.give_up(entry, error, made.error or error, context)
        self.services.journal.bury(entry, made=made, now=self.services.clock())
        log.warning("entry %s is a dead letter: %s", entry.id, made.error)
        return None

    def _tidy(self) -> None:
        """Once a day: what is old is forgotten, and what was left behind removed."""
        services, now = self.services, self.services.clock()
        # A day longer than what catch-up trusts the journal to know.
        done_before = now - (services.settings.keep_days + 1) * _DAY_S
        try:
            # Once a day a Chatwoot is asked again for what it refused: it may have been another
            # version for a moment, while it was being updated.
            services.integrations.forget_refused()
            media.sweep_spool(services.settings.spool, older_than=now - PATIENCE_S - _DAY_S)
            all_before = now - max(_KEEP_PAIRS_DAYS, services.settings.keep_days) * _DAY_S
            while not self._stopped.is_set():
                if not services.journal.prune(done_before=done_before, all_before=all_before):
                    return
        except (StorageFailed, OSError) as error:
            log.warning("old entries could not be removed: %s", error)

    # -- what is unconfirmed -----------------------------------------------------------------------

    def _settle(self) -> None:
        """A send whose echo has not come, while later events of the instance have, did not
        happen: gateways repeat their webhooks until they are acknowledged (ryzeapi.md, 7). Sockets
        repeat nothing: after a gap the echo may have been missed, and the operator decides."""
        services, now = self.services, self.services.clock()
        unconfirmed = services.journal.unconfirmed(limit=200)
        self._contacts = {one.id: self._contacts.get(one.id, 0.0) for one in unconfirmed}
        for entry in unconfirmed:
            if not self._has_echo(entry.instance_id):
                continue  # nothing can prove it: the operator decides
            if self._is_settled(entry, now):
                log.info("entry %s: no echo came, it is sent again", entry.id)
                none = Try(now, 0.0, "no echo", NoEcho())
                services.journal.postpone(entry, due_at=now, made=none, doubtful=False)
                self._lanes.add([entry.lane])

    def _has_echo(self, instance_id: int) -> bool:
        try:
            gateway = self._context(instance_id).gateway
        except IntegrationMissing:
            return False
        return gateway is not None and gateway.capabilities.echoes_source

    def _is_settled(self, entry: Entry, now: float) -> bool:
        """Whether an echo would have come by now. A gateway that could not reach us for a while
        comes back at longer and longer intervals, so it is given as long again."""
        services, wait_s = self.services, self.services.settings.echo_wait
        doubted_at = entry.due_at - wait_s
        opened_at = max(doubted_at, services.store.beat_at("web"))
        heard_at = services.instances.heard_at(entry.instance_id)
        if self.heard_since(entry.instance_id) > entry.sent_at:
            # The socket was not open all the time; what calls us repeats what we did not take.
            heard_at = services.instances.callback(entry.instance_id).called_at
        if heard_at <= opened_at:
            return False
        if self._contacts[entry.id] <= opened_at:
            self._contacts[entry.id] = now
        contact_at = self._contacts[entry.id]
        return now >= contact_at + max(wait_s, min(contact_at - doubted_at, _MOST_SILENCE_S))

    # -- contexts and sides ------------------------------------------------------------------------

    def _context(self, instance_id: int) -> Context:
        now = time.monotonic()
        with self._lock:
            known = self._contexts.get(instance_id)
        if known is not None and known[0] > now:
            return known[1]
        found = contexts.of_instance(instance_id, self.services)
        with self._lock:
            self._contexts[instance_id] = (now + _CONTEXT_S, found)
        return found

    def _forget_contexts(self) -> None:
        with self._lock:
            self._contexts.clear()

    def _side(self, lane: Lane) -> _Side:
        to_gateway = lane.direction in {Direction.OUT, Direction.TYPING}
        with self._lock:
            return self._sides.setdefault((lane.instance_id, to_gateway), _Side())

    def _admit(self, side: _Side, now: float) -> float | None:
        """None when the side may be called; else when to come again."""
        with self._lock:
            if not side.failures:
                return None
            if side.up_at > now:
                return side.up_at + 0.05
            if side.probing:
                return now + 0.5
            side.probing = True
            return None

    def _leave(self, side: _Side) -> None:
        """The side answered: what waited for it is let go."""
        with self._lock:
            was_down, side.failures, side.probing = bool(side.failures), 0, False
            side.suspects.clear()
        if was_down:
            self._lanes.wake_all()
