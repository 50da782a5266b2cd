"""Listens to Chatwoot's socket: one connection for each token, whatever hangs on it.

A connection shows the token's owner as online for about 20 s, and a token hears all of its owner's
accounts anyway (docs/contracts/chatwoot.md, Socket): so the instances of one token share one.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bridge.chatwoot.account import Account
from bridge.chatwoot.socket import Cable, CableEvent, CableRefused, Subscribed
from bridge.chatwoot.transport import Transport
from bridge.domain.errors import BridgeError
from bridge.domain.models import Integration, Secret, Status
from bridge.net.deadline import Deadline
from bridge.routing.from_chatwoot.receive import receive
from bridge.routing.threads import Threads
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.feeds import Feed

log = logging.getLogger(__name__)

_OPEN_S = 20.0
#: After so many seconds a subscription that was not confirmed is asked for again.
_CONFIRM_S = 20.0
#: A connection that has given no sign of life for so many seconds does not stand.
_FRESH_S = 30.0

#: A listener that has read nothing for so many seconds is stuck: Chatwoot pings every three.
_STUCK_S = 120.0

#: Base URL of a Chatwoot, and a token there.
Place = tuple[str, Secret]


@dataclass(slots=True)
class SocketListeners:
    """One thread for each connection. `ask` gets the id of each integration that begins to be
    heard: nobody heard what was told before."""

    services: Services
    heartbeat: Heartbeat
    ask: Callable[[str], None]
    _wanted: dict[Place, dict[str, Integration]] = field(default_factory=dict)
    _threads: Threads[Place] = field(default_factory=lambda: Threads("chatwoot"))

    def sync(self) -> None:
        """Listens for the integrations that there are now, and for nobody else."""
        wanted: dict[Place, dict[str, Integration]] = {}
        if self.services.settings.chatwoot_socket:
            for integration in self.services.integrations.active():
                wanted.setdefault(place_of(integration), {})[integration.id] = integration
        self._wanted = wanted
        self._threads.sync(dict.fromkeys(wanted, self._repeat))

    def stop(self) -> None:
        """Ends all listening."""
        self._wanted = {}
        self._threads.stop()

    def _repeat(self, place: Place) -> None:
        self._threads.repeat(place, f"the socket to {place[0]}", lambda: self._work(place))

    def _work(self, place: Place) -> None:
        try:
            with self.heartbeat.working(_STUCK_S) as progress:
                self._listen(place, progress)
        except BridgeError as error:
            if error.holds:
                services, now = self.services, self.services.clock()
                for integration in self._wanted.get(place, {}).values():
                    services.integrations.judge(integration.id, Status.ERROR, error, now=now)
            raise

    def _listen(self, place: Place, progress: Callable[[], None]) -> None:
        """Until the connection ends, or nobody needs it any more. Raises BridgeErrors."""
        services, base_url = self.services, place[0]
        http, deadline, clocks = services.http, Deadline(_OPEN_S), services.chatwoot_clocks
        transport = Transport(http, base_url, clocks=clocks, deadline=deadline, token=place[1])
        owner = Account(transport).owner()
        cable = Cable(
            http,
            base_url,
            pubsub_token=owner.pubsub_token,
            user_id=owner.id,
            deadline=deadline,
        )
        with cable:
            subscriptions = _Subscriptions(cable, base_url)
            heard: set[str] = set()
            subscriptions.want(self._wanted.get(place, {}).values())
            for event in cable.events():
                progress()
                integrations = list(self._wanted.get(place, {}).values())
                if not integrations:
                    return
                if isinstance(event, Subscribed):
                    subscriptions.confirmed.add(event.account_id)
                subscriptions.want(integrations)
                if subscriptions.confirmed:
                    services.store.beat(_beat_of(place))
                for integration in integrations:
                    if (
                        integration.account_id in subscriptions.confirmed
                        and integration.id not in heard
                    ):
                        heard.add(integration.id)
                        services.feeds.note_open(integration.id, Feed.CABLE, now=services.clock())
                        self.ask(integration.id)
                    if isinstance(event, CableEvent) and event.account_id == integration.account_id:
                        receive(integration, event.event, services, feed=Feed.CABLE)


@dataclass(slots=True)
class _Subscriptions:
    """Which accounts a connection was asked for, and which of them it confirmed."""

    cable: Cable
    base_url: str
    confirmed: set[int] = field(default_factory=set)
    _asked_at: dict[int, float] = field(default_factory=dict)

    def want(self, integrations: Iterable[Integration]) -> None:
        """Subscribes to the accounts of these integrations. Raises CableRefused where Chatwoot
        confirms none at all; one account of several may be closed to the owner."""
        now, is_late = time.monotonic(), False
        account_ids = {integration.account_id for integration in integrations}
        for account_id in account_ids - self.confirmed:
            asked_at = self._asked_at.get(account_id)
            if asked_at is not None and now - asked_at <= _CONFIRM_S:
                continue
            is_late = is_late or asked_at is not None
            self._asked_at[account_id] = now
            self.cable.subscribe(account_id)
        if is_late and not self.confirmed:
            detail = "the subscription was not confirmed"
            raise CableRefused(detail=detail, base_url=self.base_url)


def place_of(integration: Integration) -> Place:
    """The connection that an integration shares."""
    return integration.base_url, integration.api_token


def is_connected(integration: Integration, services: Services) -> bool:
    """Whether the socket that an integration shares has given a sign of life just now."""
    heard_at = services.store.beat_at(_beat_of(place_of(integration)))
    return services.settings.chatwoot_socket and services.clock() - heard_at < _FRESH_S


def _beat_of(place: Place) -> str:
    return "cable-" + hashlib.sha256("\0".join(place).encode()).hexdigest()[:16]
