"""Watches whether Chatwoot calls us, and changes the inbox's webhook address accordingly.

Taken off: when Chatwoot says that it may not call, or does not call for what was heard otherwise.
Tried again: after a change of the public address or of Chatwoot's version, when a call comes all
the same, and once a day in a quiet minute. A person's press is `webhook_address.put`.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bridge.domain.errors import BridgeError
from bridge.domain.models import Integration
from bridge.routing.from_chatwoot import webhook_address
from bridge.routing.retry import backoff
from bridge.routing.threads import Threads
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.feeds import Feed
from bridge.store.webhooks import Webhook, WebhookCalls, Why

log = logging.getLogger(__name__)

#: After so many messages in a row that were heard otherwise, the address counts as not called.
_MISSED = 3
_DAY_S = 86400.0
#: A minute without a message is a quiet one.
_QUIET_S = 60.0
#: A call that comes so long after the address was taken off was not under way then, in seconds.
_LATE_S = 600.0
_MOST_PAUSE_S = 300.0

_Action = Callable[[], object]


@dataclass(slots=True)
class WebhookWatcher:
    """`sync` looks at every integration; calls are made beside it, one at a time for each."""

    services: Services
    heartbeat: Heartbeat
    _threads: Threads[str] = field(default_factory=lambda: Threads("webhook"))
    _failures: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)

    def sync(self) -> None:
        """Begins what is to be changed now."""
        for integration in self.services.integrations.active():
            is_due = self._not_before.get(integration.id, 0.0) <= time.monotonic()
            if is_due and not self._threads.runs(integration.id):
                change = self._wanted(integration)
                if change is not None:
                    self._threads.begin(integration.id, partial(self._do, integration, change))

    def _do(self, integration: Integration, change: _Action) -> None:
        try:
            with self.heartbeat.working():
                change()
            self._failures.pop(integration.id, None)
        except BridgeError as error:
            log.info("the webhook address of %s: %s", integration.id, error.message)
            failures = self._failures[integration.id] = self._failures.get(integration.id, 0) + 1
            wait_s = backoff(failures, most_s=_MOST_PAUSE_S)
            self._not_before[integration.id] = time.monotonic() + wait_s
        except Exception:
            log.exception("the webhook address of %s could not be changed", integration.id)
            self._not_before[integration.id] = time.monotonic() + _MOST_PAUSE_S

    def _wanted(self, integration: Integration) -> _Action | None:
        services, url = self.services, self.services.settings.public_url
        known = services.webhooks.of(integration.id)
        if known is None:
            # From before this was stored: the address was put by the activation.
            calls = WebhookCalls.ON if url else WebhookCalls.OFF
            first = Webhook(calls, public_url=url, version=integration.chatwoot_version)
            return partial(webhook_address.save, integration, first, services)
        if known.public_url != url:
            return partial(self._move, integration)
        if known.version != integration.chatwoot_version:
            return partial(self._upgraded, integration, known)
        if known.calls is WebhookCalls.OFF:
            is_tried = (
                url and known.why is not Why.NONE and self._is_tried_again(integration, known)
            )
            return partial(self._try, integration, known) if is_tried else None
        return self._away(integration, known)

    def _away(self, integration: Integration, known: Webhook) -> _Action | None:
        """The address stands: whether Chatwoot calls it."""
        services, now = self.services, self.services.clock()
        if known.refused_at > known.changed_at:
            return partial(webhook_address.take_off, integration, Why.GUARD, services)
        if known.calls is WebhookCalls.TRYING:
            if webhook_address.called_at(integration, services) >= known.changed_at:
                return partial(webhook_address.proven, integration, services)
            if known.probed and now - known.changed_at > webhook_address.PROBE_S:
                return partial(self._unproven, integration)
        ways = services.feeds.of(integration.id)
        webhook, socket = ways.get(Feed.WEBHOOK), ways.get(Feed.CABLE)
        if socket is not None and socket.is_suspect(now):
            return None  # it tells nothing at all: that says nothing about the address
        if webhook is not None and webhook.missed >= _MISSED and webhook.is_suspect(now):
            return partial(webhook_address.take_off, integration, Why.SILENT, services)
        return None

    def _unproven(self, integration: Integration) -> None:
        why = webhook_address.why_silent(integration, self.services)
        webhook_address.take_off(integration, why, self.services)

    def _is_tried_again(self, integration: Integration, known: Webhook) -> bool:
        """Whether an address that was taken off is tried again."""
        now, tried_at = self.services.clock(), known.tried_at
        called_at = webhook_address.called_at(integration, self.services)
        if called_at > known.changed_at and now - max(known.changed_at, tried_at) > _LATE_S:
            return True
        quiet_s = now - self.services.stats.last_at(integration.instance_id)
        return now - tried_at > _DAY_S and quiet_s > _QUIET_S

    def _try(self, integration: Integration, known: Webhook) -> None:
        services = self.services
        if webhook_address.is_hopeless(integration.chatwoot_version, services):
            services.webhooks.save(
                integration.id, dataclasses.replace(known, tried_at=services.clock())
            )
            return
        webhook_address.put(integration, services)

    def _move(self, integration: Integration) -> None:
        """The public address is another one, or none."""
        services = self.services
        if not services.settings.public_url:
            webhook_address.take_off(integration, Why.NONE, services)
        elif webhook_address.is_guarded(integration.chatwoot_version, services):
            webhook_address.take_off(integration, Why.PRIVATE, services)
            if not webhook_address.is_hopeless(integration.chatwoot_version, services):
                webhook_address.put(
                    integration, services, only_proven=True, wait_s=webhook_address.PROBE_S
                )
        else:
            webhook_address.put(integration, services)

    def _upgraded(self, integration: Integration, known: Webhook) -> None:
        """Chatwoot is another version: it may call now what it did not, or no more."""
        services = self.services
        if not services.settings.public_url:
            services.webhooks.save(
                integration.id, dataclasses.replace(known, version=integration.chatwoot_version)
            )
        elif webhook_address.is_hopeless(integration.chatwoot_version, services):
            webhook_address.take_off(integration, Why.PRIVATE, services)
        elif known.calls is WebhookCalls.OFF:
            webhook_address.put(integration, services)
        else:
            webhook_address.probe(integration, services)
