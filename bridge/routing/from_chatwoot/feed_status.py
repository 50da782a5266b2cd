"""How Chatwoot is heard, in words: for the pages, the command line and the answer of `set`."""

from bridge.chatwoot import versions
from bridge.domain.errors import N_, Problem
from bridge.domain.models import Integration
from bridge.routing.from_chatwoot import socket_listeners, webhook_address
from bridge.services import Services
from bridge.store.feeds import Feed
from bridge.store.webhooks import Webhook, WebhookCalls, Why

_OFF = {
    Why.GUARD: N_(
        "Chatwoot {version} may not call {url}: it said so on a message, and the webhook address "
        "was taken off the inbox. It is heard over its socket."
    ),
    Why.SILENT: N_(
        "Chatwoot did not call {url} for what was heard otherwise, and the webhook address was "
        "taken off the inbox. It is heard over its socket."
    ),
    Why.TAKEN: N_(
        "Another program's webhook address stands in the inbox and is left alone. Chatwoot is "
        "heard over its socket."
    ),
}
_PRIVATE = N_(
    "Chatwoot {version} calls no private addresses unless it is told to, and {url} is one: it is "
    "heard over its socket. If SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true is set in Chatwoot, have the "
    "webhooks tried again."
)
_HOPELESS = N_(
    "Chatwoot {version} calls no private addresses, and {url} is one: it is heard over its socket."
)
_NEITHER = N_(
    "Chatwoot is heard in neither way, by webhook or over its socket: replies wait for a look, up "
    "to a minute. Set BRIDGE_CHATWOOT_SOCKET=true, or an address that Chatwoot calls in "
    "BRIDGE_PUBLIC_URL."
)
_SILENT = N_(
    "Chatwoot tells of nothing, neither by webhook nor over its socket: replies are found by "
    "asking, and leave up to a minute late. Restart Chatwoot's Sidekiq and web process, and look "
    "after its Redis."
)
_DEAF = N_(
    "Chatwoot's socket is deaf: it answers and tells nothing. Restart Chatwoot's web process."
)


def feeds_in_use(integration: Integration, services: Services) -> str:
    """`both`, `webhook`, `socket` or `none`: how Chatwoot is heard as far as is known."""
    calls, listens = _calls(integration, services), services.settings.chatwoot_socket
    if calls and listens:
        return "both"
    return "webhook" if calls else "socket" if listens else "none"


def is_heard(integration: Integration, services: Services) -> bool:
    """Whether one of the two ways works, as far as is known."""
    is_connected = socket_listeners.is_connected(integration, services)
    is_told = is_connected and not _is_deaf(integration, services)
    return is_told or _tells_by_webhook(integration, services)


def can_try(integration: Integration, services: Services) -> bool:
    """Whether a person may have the webhooks tried again."""
    return (
        services.webhooks.is_off(integration.id)
        and bool(services.settings.public_url)
        and not webhook_address.is_hopeless(integration.chatwoot_version, services)
    )


def problems(
    integration: Integration, services: Services, *, is_settled: bool = True
) -> list[Problem]:
    """What the operator should know about how Chatwoot is heard, the gravest first. Not
    `is_settled`: the socket may just be opening."""
    known, is_deaf = services.webhooks.of(integration.id), _is_deaf(integration, services)
    is_down = not services.settings.chatwoot_socket or (
        is_settled
        and services.router_alive
        and not socket_listeners.is_connected(integration, services)
    )
    result: list[Problem] = []
    if (is_deaf or is_down) and not _tells_by_webhook(integration, services):
        result.append(Problem(_SILENT if is_deaf or _calls(integration, services) else _NEITHER))
    elif is_deaf:
        result.append(Problem(_DEAF))
    if known and known.calls is WebhookCalls.OFF and known.why is not Why.NONE and not is_deaf:
        result.append(_off(integration, known, services))
    return result


def _off(integration: Integration, known: Webhook, services: Services) -> Problem:
    values = {"version": integration.chatwoot_version, "url": services.settings.public_url}
    if known.why is not Why.PRIVATE:
        return Problem(_OFF[known.why], **values)
    lifted = versions.may_lift_guard(integration.chatwoot_version)
    return Problem(_PRIVATE if lifted else _HOPELESS, **values)


def _calls(integration: Integration, services: Services) -> bool:
    return bool(services.settings.public_url) and not services.webhooks.is_off(integration.id)


def _tells_by_webhook(integration: Integration, services: Services) -> bool:
    """Whether Chatwoot calls us, and has not missed what it should have told."""
    now = services.clock()
    is_silent = services.feeds.is_suspect(integration.id, Feed.WEBHOOK, now=now)
    return _calls(integration, services) and not is_silent


def _is_deaf(integration: Integration, services: Services) -> bool:
    return socket_listeners.is_connected(integration, services) and services.feeds.is_suspect(
        integration.id, Feed.CABLE, now=services.clock()
    )
