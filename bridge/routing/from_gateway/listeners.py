"""Receives what is new at the gateways: has them call us, or holds a socket until they do.

The gateway's socket replays nothing (docs/contracts/ryzeapi.md, Socket).
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bridge.domain.models import GatewayConfig, Integration, Status
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.routing.context import Context, of_instance
from bridge.routing.from_gateway import gateway_webhook
from bridge.routing.from_gateway.receive import receive_events
from bridge.routing.threads import Threads
from bridge.routing.to_chatwoot import duplicate_inboxes
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services

log = logging.getLogger(__name__)

_OPEN_S = 20.0
#: How long a gateway's socket may be closed, in seconds, before the operator is told.
_DEAF_S = 5.0
#: How often it is looked whether the gateway still calls the right address.
_CALLBACK_S = 15.0
_CALLBACK_AGAIN_S = 600.0

#: A listener whose socket gives no sign of life for so many seconds, and does not end, is stuck.
_STUCK_S = 120.0

#: An integration, what is done for it, and at which gateway: it is done anew for another gateway.
_Key = tuple[str, str, GatewayConfig | None]
_Task = Callable[[_Key, Integration], None]


@dataclass(slots=True)
class Listeners:
    """One thread for each thing that is listened to; `sync` begins and ends them.

    `last_beat` is when a router was last alive before this one, in UTC seconds.
    """

    services: Services
    heartbeat: Heartbeat
    last_beat: float = 0.0
    _threads: Threads[_Key] = field(default_factory=lambda: Threads("gateway"))
    _gapless: dict[int, float] = field(default_factory=dict)
    #: Until when each instance was surely heard, by a webhook that is repeated or by its socket.
    _heard_until: dict[int, float] = field(default_factory=dict)

    def sync(self) -> None:
        """Listens to what there is now, and to nothing else."""
        wanted: dict[_Key, Callable[[_Key], None]] = {}
        now = self.services.clock()
        for integration in self.services.integrations.all():
            is_new = now - integration.created_at < duplicate_inboxes.LOOKS_S[-1]
            if integration.status is Status.ACTIVE and is_new:
                key: _Key = integration.id, "duplicate inboxes", None
                wanted[key] = partial(self._repeat, self._remove_duplicate_inboxes, integration)
            # Customers write on while an integration is paused or in trouble, and the gateway's
            # socket replays nothing.
            instance = self.services.instances.get(integration.instance_id)
            if instance is not None and instance.gateway is not None:
                key = integration.id, "webhook", instance.gateway
                wanted[key] = partial(self._repeat, self._maintain_webhook, integration)
                if gateway_webhook.is_relied_on(instance.id, self.services):
                    self._heard_until[instance.id] = now
                else:
                    key = integration.id, "socket", instance.gateway
                    wanted[key] = partial(self._repeat, self._listen, integration)
        self._threads.sync(wanted)

    def stop(self) -> None:
        """Ends all listening."""
        self._threads.stop()

    def heard_since(self, instance_id: int) -> float:
        """Since when no event of an instance can have been missed, in UTC seconds: always where the
        gateway calls us, else since the socket was opened last."""
        if self.services.settings.address_for_gateway:
            return 0.0
        return self._gapless.get(instance_id, math.inf)

    def _repeat(self, task: _Task, integration: Integration, key: _Key) -> None:
        what = f"the {key[1]} of {integration.id}"
        self._threads.repeat(key, what, partial(task, key, integration))

    def _remove_duplicate_inboxes(self, key: _Key, integration: Integration) -> None:
        """Looks for them while an answer of Chatwoot may still come late."""
        for after_s in duplicate_inboxes.LOOKS_S:
            wait_s = integration.created_at + after_s - self.services.clock()
            if wait_s > 0:
                self._threads.wait(wait_s)
                if not self._threads.is_wanted(key):
                    return
                duplicate_inboxes.remove(self._context(integration))

    def _maintain_webhook(self, key: _Key, integration: Integration) -> None:
        """Has the gateway call us where we are."""
        while self._threads.is_wanted(key):
            context = self._context(integration)
            if context.gateway is None or context.instance.gateway != key[2]:
                return
            wait_s = _CALLBACK_S
            try:
                with self.heartbeat.working():
                    gateway_webhook.maintain(
                        context.instance, context.gateway, self.services, Deadline(_OPEN_S)
                    )
            except GatewayError as error:
                if self.services.settings.address_for_gateway:
                    raise
                # Nobody asked for it, and there is the socket: all webhooks may be in use there.
                log.info("%s: the gateway calls no address: %s", integration.id, error.message)
                wait_s = _CALLBACK_AGAIN_S
            self._threads.wait(wait_s)

    def _listen(self, key: _Key, integration: Integration) -> None:
        context, services = self._context(integration), self.services
        if context.gateway is None:
            return
        instance_id = integration.instance_id
        try:
            with self.heartbeat.working(_STUCK_S) as progress:
                for body in context.gateway.listen(deadline=Deadline(_OPEN_S)):
                    progress()
                    if not self._threads.is_wanted(key):
                        return
                    if instance_id not in self._gapless:
                        self._note_gap(integration)
                    now = self._heard_until[instance_id] = services.clock()
                    if body is not None:
                        received = context.gateway.parse(
                            body, now=now, spool=services.settings.spool
                        )
                        current = services.integrations.of(instance_id)
                        receive_events(context.instance, current, received, services, called=False)
        finally:
            self._gapless.pop(instance_id, None)

    def _note_gap(self, integration: Integration) -> None:
        """The socket was opened; if it had been before, something may have been missed since."""
        now, instance_id = self.services.clock(), integration.instance_id
        since = self._heard_until.get(instance_id, self.last_beat)
        if now - since > _DEAF_S and since > integration.created_at:
            self.services.instances.note_deaf(instance_id, since, now)
        self._gapless[instance_id] = now

    def _context(self, integration: Integration) -> Context:
        return of_instance(integration.instance_id, self.services)
