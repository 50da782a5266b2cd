"""What is done for the instances that are joined to one Chatwoot account, and how often.

A list costs a large Chatwoot half a second, whatever the page, the messages of one conversation 20
ms (docs/contracts/chatwoot.md, Looks). So the pace of polls follows from what they cost, as it was
measured, and all instances of an account share it.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bridge.domain.errors import BridgeError, IntegrationMissing
from bridge.domain.models import Integration, Status
from bridge.routing.context import Context, of_instance
from bridge.routing.from_chatwoot import catchup
from bridge.routing.from_chatwoot.catchup import Memory
from bridge.routing.retry import backoff
from bridge.routing.to_chatwoot import integration_checks, old_dead_letters
from bridge.services import Services
from bridge.store.feeds import Feed

log = logging.getLogger(__name__)

#: The part of its time that a Chatwoot may be kept busy by polls of one account; and that for
#: lists, and again for conversations, while nothing that tells is known to work.
SHARE = 0.01
SHARE_WHILE_SILENT = 0.05
#: Parts of the setting BRIDGE_LOOK_INTERVAL: how often, at most, the list and the conversations are
#: read while nothing tells, and when what is held is looked at for the first time.
LIST_WHILE_SILENT = 1 / 12
RECENT_WHILE_SILENT = 1 / 20
HELD_FIRST = 1 / 2
#: How many polls back the cost is taken from, the lowest of them: a moment in which Chatwoot was
#: slow says nothing of what a poll costs it.
_COSTS = 3
_MOST_PAUSE_S = 3600.0
#: Webhooks that are passed over bring a poll no more often, in seconds.
_LEARN_S = 60.0
#: What is held again within so many seconds is looked at less and less often, down to this.
_RELAPSE_S = 300.0
_HELD_MOST_S = 600.0
#: The part of the time that is spent once on dead letters of an earlier version.
_OLD_LETTERS = 0.1


@dataclass(slots=True)
class _Hold:
    """A cause that holds integrations: when it is asked about again and when it was last over, on
    the monotonic clock; how often it came back."""

    due_at: float
    relapses: int = 0
    over_at: float = 0.0


@dataclass(slots=True)
class AccountPolling:
    """The turns of one account's thread; all times are on the monotonic clock."""

    services: Services
    _memories: dict[str, Memory] = field(default_factory=dict)
    _holds: dict[tuple[str, str, int], _Hold] = field(default_factory=dict)
    _costs: deque[float] = field(default_factory=lambda: deque(maxlen=_COSTS))
    #: The integrations that are to be polled before it is time, and when each may be.
    _asked: set[str] = field(default_factory=set)
    _free_at: dict[str, float] = field(default_factory=dict)
    #: When the inbox of each was last asked for, and what had been passed over by then.
    _learned: dict[str, tuple[float, float]] = field(default_factory=dict)
    _next_poll: float = 0.0
    _next_recent: float = 0.0
    _failures: int = 0
    _progress: Callable[[], None] = lambda: None

    def turn(
        self, integrations: list[Integration], asked: set[str], progress: Callable[[], None]
    ) -> float:
        """Does what is due; in how many seconds something may be due again."""
        self._progress = progress
        self._asked |= asked
        self._recheck([held for held in integrations if held.status is Status.ERROR])
        active = [each for each in integrations if each.status is Status.ACTIVE]
        if active:
            self._poll_due(active)
            self._read_recent(list(filter(self._is_silent, active)))
        # Only the time that passes shows that a feed has fallen silent.
        tick_s = min(self._every * LIST_WHILE_SILENT, max(self._next_poll - time.monotonic(), 0.1))
        return min(tick_s, 0.5) if self._asked or self._failures else tick_s

    @property
    def _every(self) -> float:
        return self.services.settings.look_interval

    # -- what is held ------------------------------------------------------------------------------

    def _recheck(self, held: list[Integration]) -> None:
        """Asks, once for all that one cause holds, whether it is over."""
        by_cause: dict[tuple[str, str, int], list[Integration]] = {}
        for integration in held:
            by_cause.setdefault(integration_checks.cause(integration), []).append(integration)
        for cause, integrations in by_cause.items():
            hold = self._hold(cause)
            if hold.due_at <= time.monotonic():
                self._ask(hold, integrations)

    def _hold(self, cause: tuple[str, str, int]) -> _Hold:
        now = time.monotonic()
        hold = self._holds.setdefault(cause, _Hold(now + self._every * HELD_FIRST))
        if hold.over_at:  # it is back
            again = now - hold.over_at < _RELAPSE_S
            hold.relapses = hold.relapses + 1 if again else 0
            pause = self._every * HELD_FIRST * 2**hold.relapses
            hold.due_at, hold.over_at = now + min(pause, _HELD_MOST_S), 0.0
        return hold

    def _ask(self, hold: _Hold, integrations: list[Integration]) -> None:
        services, first = self.services, integrations[0]
        error = integration_checks.ask(first, services)
        now = time.monotonic()
        hold.due_at = now + self._every
        try:
            if error is None:
                hold.over_at = now
                integration_checks.resume(integrations, services)
                return
            log.info("%s is still held: %s", first.id, error.message)
            if error.holds:
                integration_checks.hold(first, error, services)
        except BridgeError as trouble:
            log.error("the status of %s could not be noted: %s", first.id, trouble.message)

    # -- polls -------------------------------------------------------------------------------------

    def _poll_due(self, active: list[Integration]) -> None:
        """Polls all of them when it is time, and some before that where it is wanted."""
        due = time.monotonic() >= self._next_poll
        least_s, share = self._pace(active)
        seconds = least_s * share / len(active)
        began, well = time.monotonic(), True
        for integration in active:
            if due or self._is_wanted(integration):
                well = self._poll(integration, seconds) and well
        if not due:
            return
        now = time.monotonic()
        if well:
            self._failures = 0
            self._costs.append(now - began)
            least_s, share = self._pace(active)
            pause_s = max(least_s, min(self._costs) / share)
            self._next_poll = now + min(pause_s, _MOST_PAUSE_S)
        else:
            self._next_poll = now + backoff(self._failures, most_s=self._every)
            self._failures += 1

    def _pace(self, active: list[Integration]) -> tuple[float, float]:
        """The shortest pause between polls, in seconds, and the share of time they may take."""
        if any(map(self._is_silent, active)):
            return self._every * LIST_WHILE_SILENT, SHARE_WHILE_SILENT
        return self._every, SHARE

    def _is_wanted(self, integration: Integration) -> bool:
        """Whether one is to be polled before it is time, and may be."""
        if time.monotonic() < self._free_at.get(integration.id, 0.0):
            return False
        # Once a minute at most: anybody may call our address with a signature of his own.
        learned_at, passed_over_at = self._learned.get(integration.id, (-math.inf, 0.0))
        may_learn = time.monotonic() - learned_at >= min(self._every, _LEARN_S)
        unsigned = may_learn and self._passed_over_at(integration) != passed_over_at
        return integration.id in self._asked or unsigned

    def _passed_over_at(self, integration: Integration) -> float:
        webhooks = self.services.feeds.of(integration.id).get(Feed.WEBHOOK)
        return webhooks.rejected_at if webhooks else 0.0

    def _poll(self, integration: Integration, seconds: float) -> bool:
        """Polls once, optional work for so many seconds; whether it came to its end."""
        began, asked = time.monotonic(), integration.id in self._asked

        def work(context: Context, memory: Memory) -> None:
            self._learn(integration)
            catchup.catch_up(context, memory, seconds=seconds, asked=asked)
            old_dead_letters.look_up(context, seconds=self._every * _OLD_LETTERS)

        well = self._guarded(integration, work)
        if well:
            self._asked.discard(integration.id)
        now = time.monotonic()
        pause = (now - began) / SHARE_WHILE_SILENT if well else self._every * LIST_WHILE_SILENT
        self._free_at[integration.id] = now + min(pause, self._every)
        return well

    def _learn(self, integration: Integration) -> None:
        """What may have changed in Chatwoot. Raises what holds the integration."""
        self._learned[integration.id] = time.monotonic(), self._passed_over_at(integration)
        integration_checks.note_version(integration, self.services)
        error = integration_checks.ask(integration, self.services)
        if error is not None and error.holds:
            raise error

    def _read_recent(self, silent: list[Integration]) -> None:
        """Reads where a reply is likely, while no feed is known to work."""
        if not silent or time.monotonic() < self._next_recent:
            return
        began, pause = time.monotonic(), self._every * RECENT_WHILE_SILENT
        work = partial(catchup.read_recent, seconds=pause * SHARE_WHILE_SILENT / len(silent))
        for integration in silent:
            self._guarded(integration, work)
        now = time.monotonic()
        self._next_recent = now + max(pause, (now - began) / SHARE_WHILE_SILENT)

    def _is_silent(self, integration: Integration) -> bool:
        return self.services.feeds.are_silent(integration.id, now=self.services.clock())

    def _guarded(self, integration: Integration, work: Callable[[Context, Memory], object]) -> bool:
        """Whether it came to its end; what holds the integration is noted."""
        memory = self._memories.setdefault(integration.id, Memory())
        memory.progress = self._progress
        try:
            work(of_instance(integration.instance_id, self.services), memory)
        except IntegrationMissing:
            return True
        except BridgeError as error:
            log.info("polling %s: %s", integration.id, error.message)
            if error.holds:
                integration_checks.hold(integration, error, self.services)
            return False
        except Exception:
            log.exception("polling %s failed", integration.id)
            return False
        return True
