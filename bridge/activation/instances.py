"""Makes, changes and removes instances; API, pages and command line call this."""

import logging
import secrets
from dataclasses import replace

from bridge.activation import activate, connect
from bridge.activation.validation import InstanceRequest
from bridge.domain.errors import (
    N_,
    BridgeError,
    InstanceMissing,
    InstanceUnknown,
    Problem,
    TokenTaken,
)
from bridge.domain.models import Actor, GatewayConfig, Instance, Secret
from bridge.net.deadline import Deadline
from bridge.services import Services
from bridge.store.vault import same, token_hash

#: Seconds for telling both gateways who is to be called.
WIRE_S = 30.0

log = logging.getLogger(__name__)


def create(wish: InstanceRequest, services: Services, *, by: Actor) -> tuple[Instance, Secret]:
    """A new instance and its token, which is stored as a hash only: it is shown this once.

    Raises InstanceExists, TokenTaken.
    """
    token = wish.token or Secret(secrets.token_urlsafe(24))
    hashed = token_hash(token)
    if same(hashed, services.account_token_hash):
        raise TokenTaken(field="token")
    instance = services.instances.add(
        wish.name, token_hash=hashed, gateway=wish.gateway, created_at=services.clock()
    )
    services.note(by, N_("made the instance"), instance.name)
    return instance, token


def find(name: str, services: Services) -> Instance:
    """The instance of that name. Raises InstanceMissing."""
    instance = services.instances.find(name)
    if instance is None:
        raise InstanceMissing
    return instance


def set_gateway(
    instance: Instance, gateway: GatewayConfig, services: Services, *, by: Actor, join: bool = True
) -> list[Problem]:
    """The instance's WhatsApp side lives there from now on; both directions are joined anew, unless
    `join` is False because an activation follows.

    What the operator should know, empty when all stands. The gateway before it is told to call us
    no more, as far as it can be reached.
    """
    before, after = instance.gateway, replace(instance, gateway=gateway, connected=None)
    if before == gateway:
        return []
    deadline = Deadline(WIRE_S)
    if before is not None and before.base_url != gateway.base_url:
        try:
            connect.unwire(instance, services, deadline.within(WIRE_S / 3))
        except BridgeError as error:
            log.warning("the gateway before still calls us: %s", error.message)
    services.instances.set_gateway(instance.id, gateway)
    services.note(by, N_("set the gateway"), instance.name, gateway.base_url)
    if not join or services.integrations.of(instance.id) is None:
        return []
    return connect.wire(after, services, deadline)


def remove(instance: Instance, services: Services, *, by: Actor) -> None:
    """Removes the instance and its integration; the inbox stays in Chatwoot.

    Raises InstanceMissing when somebody else was faster.
    """
    try:
        activate.remove(instance, services, by=by)
    except InstanceUnknown:
        raise InstanceMissing from None
