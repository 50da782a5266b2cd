"""Registers our webhook at the gateway: at the address that was set; or, where none was set and the
gateway is in the same network, at one that we find ourselves and that has to prove itself.

The gateway's socket replays nothing, its webhook is repeated until it is acknowledged
(docs/contracts/ryzeapi.md, Webhooks and Socket): so the socket is held only until the webhook has
called.
"""

import contextlib
import hashlib
import ipaddress
import logging
from urllib.parse import urlsplit

from bridge.config.settings import Settings
from bridge.domain.models import Instance
from bridge.gateways.base import Gateway, GatewayError
from bridge.net.addresses import facing
from bridge.net.deadline import Deadline
from bridge.routing import addresses
from bridge.services import Services

log = logging.getLogger(__name__)

#: After so many seconds a webhook that has not called, while the socket brought events, is given
#: up: the gateway does not reach the address that we found, such as from inside a container.
_PROOF_S = 120.0
_RESOLVE_S = 5.0
#: How long operators are told that a gateway was not heard, in seconds.
_NEWS_S = 24 * 3600.0


def wanted(instance: Instance, settings: Settings) -> str:
    """The base URL that the gateway is to call, empty where it cannot."""
    if settings.address_for_gateway or not settings.seeks_gateway or instance.gateway is None:
        return settings.address_for_gateway
    place = urlsplit(instance.gateway.base_url)
    own = facing(place.hostname or "", place.port or 80, _RESOLVE_S)
    if not own or not _listens_on(own, settings.host):
        return ""
    if place.scheme == "https" and not ipaddress.ip_address(own).is_loopback:
        return ""  # whoever speaks TLS to the gateway does not want to be called without
    return f"http://{f'[{own}]' if ':' in own else own}:{settings.port}"


def is_relied_on(instance_id: int, services: Services) -> bool:
    """Whether the gateway calls us, and repeats, so that its socket is not needed."""
    if services.settings.address_for_gateway:
        return True
    return services.instances.callback(instance_id).has_called


def register(instance: Instance, gateway: Gateway, services: Services, deadline: Deadline) -> None:
    """Has the gateway call us, where it can. Raises GatewayErrors."""
    base = wanted(instance, services.settings)
    if base:
        hook = services.instances.hook(instance.id)
        url = f"{base}/hooks/gateway/{hook.key}"
        owner = _owner(instance, services)
        gateway.register_webhook(url, hook.secret, owner=owner, deadline=deadline)
    services.instances.note_callback(instance.id, base, since=services.clock() if base else 0.0)


def withdraw(instance: Instance, gateway: Gateway, services: Services, deadline: Deadline) -> None:
    """Removes our webhook from the gateway, if there is one. Raises GatewayErrors."""
    if services.settings.address_for_gateway or services.instances.callback(instance.id).since:
        gateway.remove_webhook(owner=_owner(instance, services), deadline=deadline)
    services.instances.note_callback(instance.id, "", since=0.0)


def _owner(instance: Instance, services: Services) -> str:
    """The label of our webhook at the gateway: two installations may share an instance there."""
    key = services.instances.hook(instance.id).key
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def learn_own_number(
    instance: Instance, gateway: Gateway, services: Services, deadline: Deadline
) -> None:
    """Asks which number we are ourselves, so that it is never taken for a customer's."""
    with contextlib.suppress(GatewayError):
        own = addresses.named(gateway.own_number(deadline=deadline)).phone
        if own != services.instances.own_phone(instance.id):
            services.instances.note_own(instance.id, own)


def maintain(instance: Instance, gateway: Gateway, services: Services, deadline: Deadline) -> None:
    """Follows an address that has changed, and gives up one that does not work. Raises
    GatewayErrors."""
    base, known = wanted(instance, services.settings), services.instances.callback(instance.id)
    if not services.instances.own_phone(instance.id):
        learn_own_number(instance, gateway, services, deadline)
    if base != known.url:
        change = register if base else withdraw
        change(instance, gateway, services, deadline)
        log.info("%s: the gateway is to call %s", instance.name, base or "nobody")
    elif known.since and not is_relied_on(instance.id, services) and _has_told(instance, services):
        gateway.remove_webhook(owner=_owner(instance, services), deadline=deadline)
        services.instances.note_callback(instance.id, base, since=0.0)
        log.info("%s: the gateway does not reach %s: its socket stays", instance.name, base)


def silence(instance_id: int, services: Services) -> tuple[float, float] | None:
    """From when until when (UTC seconds) the gateway was last not heard, so that events of then are
    lost; None without such a time in the last day."""
    since, until = services.instances.deaf(instance_id)
    known = services.instances.callback(instance_id)
    if services.clock() - until >= _NEWS_S or (known.has_called and since >= known.since):
        return None  # it is old, or the webhook was there already and has repeated everything
    return since, until


def _has_told(instance: Instance, services: Services) -> bool:
    """Whether by now the webhook would have brought what the socket did."""
    since = services.instances.callback(instance.id).since
    return services.instances.heard_at(instance.id) > since + _PROOF_S


def _listens_on(address: str, host: str) -> bool:
    """Whether who listens on `host` is reached at that IP address."""
    try:
        own = ipaddress.ip_address({"localhost": "127.0.0.1"}.get(host, host))
    except ValueError:
        return False
    found = ipaddress.ip_address(address)
    if own.is_unspecified:
        return own.version == 6 or found.version == 4
    return own == found or (own.is_loopback and found.is_loopback and own.version == found.version)
