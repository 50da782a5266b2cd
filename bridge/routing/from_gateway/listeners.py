"""Hears what is new at the gateways: has them call us, or holds a socket until they do.

The gateway's socket replays nothing (docs/contracts/ryzeapi.md, Socket).
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.domain.errors import BridgeError, IntegrationMissing
from bridge.domain.models import GatewayConfig, Instance, Integration, Status
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.routing import context
from bridge.routing.context import Context
from bridge.routing.from_gateway import gateway_webhook
from bridge.routing.from_gateway.receive import receive_events
from bridge.routing.retry import backoff
from bridge.routing.to_chatwoot import duplicate_inboxes
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services

log = logging.getLogger(__name__)

_OPEN_S = 20.0
_MOST_PAUSE_S = 30.0
#: How long a gateway's socket may be closed, in seconds, before the operator is told.
_DEAF_S = 5.0
#: How often it is looked whether the gateway still calls the right address.
_CALLBACK_S = 15.0
_CALLBACK_AGAIN_S = 600.0
#: A listener whose socket gives no sign of life for so many seconds, and does not end, is stuck.
_STUCK_S = 120.0

#: An integration, which side is heard, and where: what moves is heard at its new place.
_Key = tuple[str, str, GatewayConfig | None]


@dataclass(slots=True)
class Listeners:
    """One thread for each thing that is listened to; `sync` begins and ends them.

    `last_beat` is when a router was last alive before this one, in UTC seconds.
    """

    services: Services
    heartbeat: Heartbeat
    last_beat: float = 0.0
    _running: dict[_Key, threading.Thread] = field(default_factory=dict)
    _gapless: dict[int, float] = field(default_factory=dict)
    #: Until when each instance was surely heard, by a webhook that is repeated or by its socket.
    _heard_until: dict[int, float] = field(default_factory=dict)
    _wanted: set[_Key] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def sync(self) -> None:
        """Listens to what there is now, and to nothing else."""
        jobs: dict[_Key, Callable[[Integration], None]] = {}
        found = self.services.integrations.all()
        for one in found:
            is_new = self.services.clock() - one.created_at < duplicate_inboxes.LOOKS_S[-1]
            if one.status is Status.ACTIVE and is_new:
                jobs[one.id, "spares", None] = self._tidy
            # Customers write on while an integration is paused or in trouble, and the gateway's
            # socket replays nothing.
            instance = self.services.instances.get(one.instance_id)
            if instance is not None and instance.gateway is not None:
                jobs[one.id, "callback", instance.gateway] = self._callback
                if gateway_webhook.is_relied_on(one.instance_id, self.services):
                    self._heard_until[one.instance_id] = self.services.clock()
                else:
                    jobs[_gateway_key(one, instance)] = self._gateway
        self._wanted = set(jobs)
        by_id = {one.id: one for one in found}
        for key, job in jobs.items():
            thread = self._running.get(key)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._keep, args=(key, job, by_id[key[0]]), name=key[1], daemon=True
                )
                self._running[key] = thread
                thread.start()

    def stop(self) -> None:
        """Ends all listening; threads that wait for the network end with the process."""
        self._wanted = set()
        self._stopped.set()

    def heard_since(self, instance_id: int) -> float:
        """Since when nothing that the gateway said of an instance can have been missed, in UTC
        seconds: always where it calls us, while the socket stands where it does not."""
        if self.services.settings.address_for_gateway:
            return 0.0
        return self._gapless.get(instance_id, math.inf)

    def _keep(self, key: _Key, job: Callable[[Integration], None], one: Integration) -> None:
        failures = 0
        while key in self._wanted:
            began = time.monotonic()
            try:
                job(one)
            except IntegrationMissing:
                return
            except BridgeError as error:
                log.info("%s of %s: %s", key[1], one.id, error.message)
            except Exception:
                log.exception("listening to the %s of %s failed", key[1], one.id)
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            self._stopped.wait(backoff(failures, most_s=_MOST_PAUSE_S))

    def _tidy(self, one: Integration) -> None:
        """Looks for a spare inbox while an answer of Chatwoot may still come late."""
        for after_s in duplicate_inboxes.LOOKS_S:
            wait_s = one.created_at + after_s - self.services.clock()
            if wait_s > 0:
                self._stopped.wait(wait_s)
                if (one.id, "spares", None) not in self._wanted:
                    return
                duplicate_inboxes.remove_spares(self._context(one))

    def _callback(self, one: Integration) -> None:
        """Sees to it that the gateway calls us where we are."""
        while True:
            found = self._context(one)
            key = (one.id, "callback", found.instance.gateway)
            if key not in self._wanted or found.gateway is None:
                return
            wait_s = _CALLBACK_S
            try:
                with self.heartbeat.working():
                    gateway_webhook.keep(
                        found.instance, found.gateway, self.services, Deadline(_OPEN_S)
                    )
            except GatewayError as error:
                if self.services.settings.address_for_gateway:
                    raise
                # Nobody asked for it, and the socket stands: all webhooks may be in use there.
                log.info("%s: the gateway calls no address: %s", one.id, error.message)
                wait_s = _CALLBACK_AGAIN_S
            self._stopped.wait(wait_s)

    def _gateway(self, one: Integration) -> None:
        found = self._context(one)
        if found.gateway is None:
            return
        try:
            with self.heartbeat.working(_STUCK_S) as progress:
                for body in found.gateway.listen(deadline=Deadline(_OPEN_S)):
                    progress()
                    if _gateway_key(one, found.instance) not in self._wanted:
                        return
                    if one.instance_id not in self._gapless:
                        self._stands_again(one)
                    self._heard_until[one.instance_id] = self.services.clock()
                    if body is not None:
                        received = found.gateway.parse(
                            body, now=self.services.clock(), spool=self.services.settings.spool
                        )
                        receive_events(
                            found.instance,
                            self.services.integrations.of(one.instance_id),
                            received,
                            self.services,
                            called=False,
                        )
        finally:
            self._gapless.pop(one.instance_id, None)

    def _stands_again(self, one: Integration) -> None:
        """The socket was opened; if it had been before, something may have been missed since."""
        now = self.services.clock()
        since = self._heard_until.get(one.instance_id, self.last_beat)
        if now - since > _DEAF_S and since > one.created_at:
            self.services.instances.note_deaf(one.instance_id, since, now)
        self._gapless[one.instance_id] = now

    def _context(self, one: Integration) -> Context:
        return context.of_instance(one.instance_id, self.services)


def _gateway_key(one: Integration, instance: Instance) -> _Key:
    return one.id, "gateway", instance.gateway
