"""Listens to Chatwoot's socket: one connection for each token, whatever hangs on it.

A connection shows the token's owner as online for about 20 s, and a token hears all of its owner's
accounts anyway (docs/contracts/chatwoot.md, Socket): so the instances of one token share one.
"""

import hashlib
import logging
import threading
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
from bridge.routing.retry import backoff
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.feeds import Feed

log = logging.getLogger(__name__)

_OPEN_S = 20.0
_MOST_PAUSE_S = 30.0
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
    """One thread for each connection; `sync` begins and ends them.

    `ask` is called with the id of an integration when it begins to be heard: what was told before
    that nobody has heard.
    """

    services: Services
    heartbeat: Heartbeat
    ask: Callable[[str], None]
    _wanted: dict[Place, dict[str, Integration]] = field(default_factory=dict)
    _running: dict[Place, threading.Thread] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def sync(self) -> None:
        """Listens for the integrations that there are now, and for nobody else."""
        wanted: dict[Place, dict[str, Integration]] = {}
        if self.services.settings.chatwoot_socket:
            for integration in self.services.integrations.all():
                if integration.status is Status.ACTIVE:
                    wanted.setdefault(place_of(integration), {})[integration.id] = integration
        self._wanted = wanted
        for place in wanted:
            thread = self._running.get(place)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._keep, args=(place,), name="chatwoot", daemon=True
                )
                self._running[place] = thread
                thread.start()

    def stop(self) -> None:
        """Ends all listening; threads that wait for the network end with the process."""
        self._wanted = {}
        self._stopped.set()

    def _keep(self, place: Place) -> None:
        failures = 0
        while place in self._wanted:
            began = time.monotonic()
            try:
                with self.heartbeat.working(_STUCK_S) as progress:
                    self._listen(place, progress)
            except BridgeError as error:
                log.info("the socket to %s: %s", place[0], error.message)
                if error.holds:
                    now = self.services.clock()
                    for integration in self._wanted.get(place, {}).values():
                        self.services.integrations.judge(
                            integration.id, Status.ERROR, error, now=now
                        )
            except Exception:
                log.exception("listening to %s failed", place[0])
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            self._stopped.wait(backoff(failures, most_s=_MOST_PAUSE_S))

    def _listen(self, place: Place, progress: Callable[[], None]) -> None:
        """Until the connection ends, or nobody needs it any more. Raises BridgeErrors."""
        services, base_url = self.services, place[0]
        deadline = Deadline(_OPEN_S)
        clocks, token = services.chatwoot_clocks, place[1]
        transport = Transport(
            services.http, base_url, clocks=clocks, deadline=deadline, token=token
        )
        owner = Account(transport).owner()
        cable = Cable(
            services.http,
            base_url,
            pubsub_token=owner.pubsub_token,
            user_id=owner.id,
            deadline=deadline,
        )
        with cable:
            subscriptions = _Subscriptions(cable, base_url)
            heard: set[str] = set()
            subscriptions.want(self._wanted.get(place, {}).values())
            for said in cable.events():
                progress()
                integrations = list(self._wanted.get(place, {}).values())
                if not integrations:
                    return
                if isinstance(said, Subscribed):
                    subscriptions.confirmed.add(said.account_id)
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
                    if isinstance(said, CableEvent) and said.account_id == integration.account_id:
                        receive(integration, said.event, services, feed=Feed.CABLE)


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
        now = time.monotonic()
        late = False
        for account_id in {integration.account_id for integration in integrations}:
            asked_at = self._asked_at.get(account_id)
            is_late = asked_at is not None and now - asked_at > _CONFIRM_S
            if account_id in self.confirmed or not (asked_at is None or is_late):
                continue
            late = late or is_late
            self._asked_at[account_id] = now
            self.cable.subscribe(account_id)
        if late and not self.confirmed:
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
