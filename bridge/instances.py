"""Making and removing instances, for every door."""

import secrets

from bridge import activation
from bridge.errors import InstanceMissing, InstanceUnknown, TokenTaken
from bridge.intake import NewInstance
from bridge.models import Actor, Instance, Secret
from bridge.services import Services
from bridge.vault import same, token_hash


def create(wish: NewInstance, services: Services, *, by: Actor) -> tuple[Instance, Secret]:
    """A new instance and its token, which is kept as a hash only: it is shown this once.

    Raises InstanceExists, TokenTaken.
    """
    token = wish.token or Secret(secrets.token_urlsafe(24))
    hashed = token_hash(token)
    if same(hashed, services.account_token_hash):
        raise TokenTaken(field="token")
    instance = services.instances.add(
        wish.name, token_hash=hashed, gateway=wish.gateway, created_at=services.clock()
    )
    services.audit.note(by, "made the instance", instance.name, at=services.clock())
    return instance, token


def find(name: str, services: Services) -> Instance:
    """The instance of that name. Raises InstanceMissing."""
    instance = services.instances.find(name)
    if instance is None:
        raise InstanceMissing
    return instance


def remove(instance: Instance, services: Services, *, by: Actor) -> None:
    """Removes the instance and its integration; the inbox stays in Chatwoot.

    Raises InstanceMissing when somebody else was faster.
    """
    try:
        activation.remove(instance, services, by=by)
    except InstanceUnknown:
        raise InstanceMissing from None
