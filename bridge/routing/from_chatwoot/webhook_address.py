"""The webhook address of an inbox: put where Chatwoot calls it, left out where it does not.

A webhook that fails marks its message as failed, so an address that Chatwoot may not call, or that
does not reach us, does harm; the socket tells the same (docs/contracts/chatwoot.md, Webhooks).
Somebody else's address in the inbox is never touched.
"""

import dataclasses
import logging
import time
from urllib.parse import urlsplit

from bridge.chatwoot import versions
from bridge.chatwoot.account import Account
from bridge.domain.errors import N_, BridgeError, NoWebhookAddress, WebhookRefused, WebhookTaken
from bridge.domain.models import BRIDGE, Actor, Integration
from bridge.net import addresses
from bridge.net.deadline import Deadline
from bridge.routing.context import account_of, chatwoot_of
from bridge.services import Services
from bridge.store.feeds import Feed
from bridge.store.webhooks import Webhook, WebhookCalls, Why

log = logging.getLogger(__name__)

#: How long Chatwoot may take to make the call that a probe asks for, in seconds.
PROBE_S = 15.0
_CALL_S = 10.0
_RESOLVE_S = 3.0
_POLL_S = 0.05


def address(webhook_key: str, services: Services) -> str:
    """Where Chatwoot is to call for an integration, empty without a public address."""
    base = services.settings.public_url
    return f"{base}/hooks/chatwoot/{webhook_key}" if base else ""


def is_taken(url: str, webhook_key: str) -> bool:
    """Whether an inbox calls somebody else, not us, perhaps below an earlier public address."""
    return bool(url) and not url.endswith(f"/hooks/chatwoot/{webhook_key}")


def is_guarded(version: str, services: Services) -> bool:
    """Whether that Chatwoot, unless it was told otherwise, may not call our address."""
    url = services.settings.public_url
    if not url or not versions.guards_private(version):
        return False
    parts = urlsplit(url)
    try:
        resolved = addresses.resolve(parts.hostname or "", parts.port or 0, _RESOLVE_S)
    except addresses.Unresolved:
        return False
    return not any(addresses.is_public(ip) for _, ip in resolved)


def is_hopeless(version: str, services: Services) -> bool:
    """Whether nothing could make that Chatwoot call our address."""
    return is_guarded(version, services) and not versions.may_lift_guard(version)


def why_silent(integration: Integration, services: Services) -> Why:
    """Why an address may not have been called that nothing else speaks against."""
    return Why.PRIVATE if is_guarded(integration.chatwoot_version, services) else Why.SILENT


def plan(known: Webhook | None, version: str, services: Services, *, is_new: bool) -> Webhook:
    """What an activation does: puts the address, or leaves it out where Chatwoot calls no private
    one by default. What was judged of the same address and version stays."""
    now, url = services.clock(), services.settings.public_url
    fresh = Webhook(WebhookCalls.OFF, public_url=url, version=version, changed_at=now, tried_at=now)
    if not url:
        return fresh
    if known is not None and (known.public_url, known.version) == (url, version):
        if known.calls is not WebhookCalls.OFF:
            return known
        if known.why is Why.PRIVATE or is_guarded(version, services):
            return known
        return dataclasses.replace(fresh, calls=WebhookCalls.TRYING)
    if is_guarded(version, services) and (known is not None or is_new):
        return dataclasses.replace(fresh, why=Why.PRIVATE)
    return dataclasses.replace(fresh, calls=WebhookCalls.ON)


def save(integration: Integration, webhook: Webhook, services: Services) -> None:
    """Notes what became of the address. Raises StorageFailed."""
    services.webhooks.save(integration.id, webhook)
    if webhook.calls is WebhookCalls.OFF:
        services.feeds.note_closed(integration.id, Feed.WEBHOOK)
    else:
        services.feeds.note_open(integration.id, Feed.WEBHOOK, now=services.clock())


def put(
    integration: Integration,
    services: Services,
    *,
    by: Actor = BRIDGE,
    only_proven: bool = False,
    wait_s: float = 0.0,
) -> Webhook:
    """Puts the address into the inbox and has Chatwoot call it, for up to `wait_s` seconds.

    `only_proven`: without a call it is taken off again, or not even put where none can be asked
    for. Raises NoWebhookAddress, WebhookTaken, WebhookRefused, and what a call raises.
    """
    url = address(integration.webhook_key, services)
    if not url:
        raise NoWebhookAddress
    version = integration.chatwoot_version
    if is_hopeless(version, services):
        raise WebhookRefused(version=version, url=services.settings.public_url)
    with services.store.exclusive(_key(integration), timeout_s=_CALL_S):
        conversation_id = services.chats.newest_conversation(integration.id)
        known = services.webhooks.of(integration.id) or Webhook(WebhookCalls.OFF)
        if only_proven and not conversation_id:
            return known
        _require_ours(integration, services)
        trying = _tried(None, integration, conversation_id, services)
        # Written down first: what is put and forgotten would never be taken off again.
        save(integration, trying, services)
        try:
            _account(integration, services).set_webhook(integration.inbox_id, url)
        except BridgeError:
            save(integration, known, services)  # as it was, so that it is tried again
            raise
        base = url.rpartition("/hooks/")[0]
        _note(integration, N_("put the webhook address into the inbox"), services, by, base)
        if conversation_id:
            _probe(integration, conversation_id, services)
            if _was_called(integration, trying.changed_at, wait_s, services):
                return _proven(integration, trying, services)
            if only_proven:
                why = why_silent(integration, services)
                return _take_off(integration, trying, why, services, by)
        return trying


def take_off(
    integration: Integration, why: Why, services: Services, *, by: Actor = BRIDGE
) -> Webhook:
    """Removes our address, so that no call fails and marks a message. Raises what a call raises."""
    with services.store.exclusive(_key(integration), timeout_s=_CALL_S):
        known = services.webhooks.of(integration.id)
        return _take_off(integration, known, why, services, by)


def proven(integration: Integration, services: Services) -> None:
    """Chatwoot has called since the address was put."""
    with services.store.exclusive(_key(integration), timeout_s=_CALL_S):
        known = services.webhooks.of(integration.id)
        if known is not None and known.calls is WebhookCalls.TRYING:
            _proven(integration, known, services)


def probe(integration: Integration, services: Services) -> None:
    """Has Chatwoot prove anew that it calls the address that stands. Raises what a call raises."""
    conversation_id = services.chats.newest_conversation(integration.id)
    known = services.webhooks.of(integration.id)
    save(integration, _tried(known, integration, conversation_id, services), services)
    if conversation_id:
        _probe(integration, conversation_id, services)


def note_call(integration: Integration, services: Services) -> None:
    """A webhook has come; costs next to nothing and never fails."""
    services.store.beat(_key(integration))


def called_at(integration: Integration, services: Services) -> float:
    """When Chatwoot last called for an integration, in UTC seconds; 0 for never."""
    return services.store.beat_at(_key(integration))


# -- small parts -----------------------------------------------------------------------------------


def _take_off(
    integration: Integration, known: Webhook | None, why: Why, services: Services, by: Actor
) -> Webhook:
    account = _account(integration, services)
    url = account.inbox(integration.inbox_id).webhook_url
    if is_taken(url, integration.webhook_key):
        why = Why.TAKEN
    elif url:
        account.set_webhook(integration.inbox_id, "")
        _note(integration, N_("took the webhook address off the inbox"), services, by, why.value)
    webhook = dataclasses.replace(
        _judged(known, integration, services), why=why, changed_at=services.clock()
    )
    save(integration, webhook, services)
    return webhook


def _judged(known: Webhook | None, integration: Integration, services: Services) -> Webhook:
    """What is known, taken off for now, and judged of the present address and version."""
    return dataclasses.replace(
        known or Webhook(WebhookCalls.OFF),
        calls=WebhookCalls.OFF,
        public_url=services.settings.public_url,
        version=integration.chatwoot_version,
    )


def _tried(
    known: Webhook | None, integration: Integration, conversation_id: int, services: Services
) -> Webhook:
    """The address is tried from now on, with a call about the conversation if there is one."""
    now = services.clock()
    return dataclasses.replace(
        _judged(known, integration, services),
        calls=WebhookCalls.TRYING,
        changed_at=now,
        tried_at=now,
        probed=bool(conversation_id),
    )


def _require_ours(integration: Integration, services: Services) -> None:
    url = _account(integration, services).inbox(integration.inbox_id).webhook_url
    if is_taken(url, integration.webhook_key):
        known = _judged(services.webhooks.of(integration.id), integration, services)
        taken = dataclasses.replace(known, why=Why.TAKEN, tried_at=services.clock())
        save(integration, taken, services)
        raise WebhookTaken(host=urlsplit(url).hostname or "?")


def _proven(integration: Integration, trying: Webhook, services: Services) -> Webhook:
    webhook = dataclasses.replace(
        trying, calls=WebhookCalls.ON, why=Why.NONE, changed_at=services.clock()
    )
    save(integration, webhook, services)
    _note(integration, N_("found that Chatwoot calls the webhook address"), services, BRIDGE)
    return webhook


def _probe(integration: Integration, conversation_id: int, services: Services) -> None:
    """Asks for a webhook on which no message depends. A failure proves nothing."""
    chatwoot = chatwoot_of(integration, services, Deadline(_CALL_S))
    try:
        chatwoot.conversations.stop_typing(conversation_id)
    except BridgeError as error:
        log.info("%s: no webhook could be asked for: %s", integration.id, error.message)


def _was_called(integration: Integration, since: float, wait_s: float, services: Services) -> bool:
    ends_at = time.monotonic() + wait_s
    while called_at(integration, services) < since:
        if time.monotonic() >= ends_at:
            return False
        time.sleep(_POLL_S)
    return True


def _note(
    integration: Integration, change: str, services: Services, by: Actor, detail: str = ""
) -> None:
    instance = services.instances.get(integration.instance_id)
    name = instance.name if instance else integration.id
    services.audit.note(by, change, name, detail, at=services.clock())
    log.info("%s: %s %s", name, change, detail)


def _account(integration: Integration, services: Services) -> Account:
    return account_of(integration, services, Deadline(_CALL_S))


def _key(integration: Integration) -> str:
    return f"webhook-{integration.id}"
