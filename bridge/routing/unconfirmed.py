"""Sends of which nobody knows whether they happened, and what settles them.

Source: docs/contracts/ryzeapi.md, Uncertain sends and Echoes.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.domain.errors import IntegrationMissing, NoEcho
from bridge.gateways.base import GatewayRefuses
from bridge.routing.context import Context
from bridge.services import Services
from bridge.store import event_times
from bridge.store.journal import Entry, Lane, Try

log = logging.getLogger(__name__)

#: Sends that one poll settles at most; the next poll goes on after them.
_PAGE = 500
#: How long an echo is waited for at most after the gateway could not reach us, in seconds.
_MOST_SILENCE_S = 3600.0
#: After how many times the wait for an echo a refusal counts although nothing else was heard.
_REFUSED_WAITS = 5


@dataclass(slots=True)
class Unconfirmed:
    """A send whose echo has not come, while events of a later time have, did not happen: gateways
    repeat their webhooks until they are acknowledged. When an event arrives says nothing: a gateway
    that lags tells for long what was before the send. Sockets repeat nothing: after a gap the echo
    may have been missed, and the operator decides."""

    services: Services
    context: Callable[[int], Context]
    heard_since: Callable[[int], float]
    #: For each send in doubt, when an event of a later time came first.
    _contacts: dict[int, float] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _after_id: int = 0

    def settle(self) -> list[Lane]:
        """Has sent again what surely was not sent; the lanes of that. Raises StorageFailed."""
        services, now = self.services, self.services.clock()
        services.journal.expire_claims(now=now, due_at=now + services.settings.echo_wait)
        page = services.journal.unconfirmed(after_id=self._after_id, limit=_PAGE)
        self._seen.update(entry.id for entry in page)
        self._after_id = page[-1].id if len(page) == _PAGE else 0
        settled: list[Lane] = []
        for entry in page:
            if self._was_not_sent(entry, now):
                log.info("entry %s: no echo came, it is sent again", entry.id)
                none = Try(now, 0.0, "no echo", NoEcho())
                services.journal.postpone(entry, due_at=now, made=none, doubtful=entry.doubtful)
                settled.append(entry.lane)
        if not self._after_id:  # all were seen once: what is gone is forgotten
            contacts = self._contacts.items()
            self._contacts = {entry_id: at for entry_id, at in contacts if entry_id in self._seen}
            self._seen = set()
        return settled

    def follow_clock(self, seconds: float) -> None:
        """This machine's clock was set by so many seconds; the journal was told already."""
        self._contacts = {entry_id: at + seconds for entry_id, at in self._contacts.items()}
        self.services.store.move_beat("web-opened", seconds)

    def _has_echo(self, instance_id: int) -> bool:
        try:
            gateway = self.context(instance_id).gateway
        except IntegrationMissing:
            return False
        return gateway is not None and gateway.echoes_source

    def _was_not_sent(self, entry: Entry, now: float) -> bool:
        """Whether that is known by now. What cannot be proven is the operator's to decide."""
        has_echo = self._has_echo(entry.instance_id)
        if isinstance(entry.error, GatewayRefuses) and (
            not has_echo or self._is_refusal_believed(entry, now)
        ):
            return True
        return bool(entry.source) and has_echo and self._is_echo_missing(entry, now)

    def _is_refusal_believed(self, entry: Entry, now: float) -> bool:
        """An agent wants a reply tried again that the gateway refused. It may have sent it all the
        same, so that the proof is waited for; but not for long where nothing more is heard."""
        times = event_times.of(self.services.store.db, entry.instance_id)
        heard_at = self.services.instances.heard_at(entry.instance_id)
        lag_s = min(max(heard_at + times.ahead_s - times.told_at, 0.0), _MOST_SILENCE_S)
        refused_at = min(entry.sent_at, entry.received_at)
        return now >= refused_at + _REFUSED_WAITS * self.services.settings.echo_wait + lag_s

    def _is_echo_missing(self, entry: Entry, now: float) -> bool:
        """Whether an echo would have come by now. A gateway that could not reach us for a while, or
        lags, brings it at longer and longer intervals, so it is given as long again."""
        services, wait_s = self.services, self.services.settings.echo_wait
        doubted_at = max(entry.due_at - wait_s, entry.sent_at)
        opened_at = max(doubted_at, services.store.beat_at("web-opened"))
        times = event_times.of(services.store.db, entry.instance_id)
        heard_at, told_at = services.instances.heard_at(entry.instance_id), times.told_at
        if self.heard_since(entry.instance_id) > entry.sent_at:
            # The socket was not open all the time; what calls us repeats what we did not take.
            heard_at = services.instances.callback(entry.instance_id).called_at
            told_at = times.called_at
        # Of a gateway whose events bear no time it is only known when they came.
        is_earlier = times.told_at > 0 and told_at <= doubted_at + times.ahead_s
        if heard_at <= opened_at or is_earlier:
            return False
        if self._contacts.get(entry.id, 0.0) <= opened_at:
            self._contacts[entry.id] = now
        contact_at = self._contacts[entry.id]
        return now >= contact_at + max(wait_s, min(contact_at - doubted_at, _MOST_SILENCE_S))
