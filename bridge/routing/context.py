"""What a delivery needs to know of its instance."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.chatwoot.account import Account
from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.transport import Transport
from bridge.domain.errors import IntegrationMissing
from bridge.domain.models import ActivationRequest, Instance, Integration
from bridge.gateways import GATEWAYS
from bridge.gateways.base import Gateway, GatewayUnavailable
from bridge.net.deadline import Deadline
from bridge.services import Services
from bridge.store.journal import Entry, ReplyId

#: Limits of one delivery, in seconds; files get more time than words.
CALL_S = 30.0
FILE_S = 300.0


@dataclass(frozen=True, slots=True)
class Context:
    """One instance with both its sides."""

    instance: Instance
    integration: Integration
    gateway: Gateway | None
    services: Services

    def chatwoot(self, seconds: float = CALL_S) -> Chatwoot:
        """Calls to the inbox of this integration, under one limit."""
        return chatwoot_of(self.integration, self.services, Deadline(seconds))

    def reply_id(self, message_id: int) -> ReplyId:
        """A message of this integration's Chatwoot."""
        return ReplyId(self.instance.id, self.integration.id, message_id)

    def is_here(self, entry: Entry) -> bool:
        """Whether an entry is about this Chatwoot, and not about one that was joined before."""
        return entry.integration_id in {"", self.integration.id}

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """For the length of a block, a folder for a file in transit."""
        spool = self.services.settings.spool
        with tempfile.TemporaryDirectory(dir=spool, prefix="file-") as name:
            yield Path(name)

    def required_gateway(self) -> Gateway:
        """The gateway; raises GatewayUnavailable where none is set."""
        if self.gateway is None:
            raise GatewayUnavailable(base_url="", reason="no gateway is set for this instance")
        return self.gateway

    def is_gateways_own(self, url: str) -> bool:
        """Whether an address leads to the configured gateway itself."""
        config = self.instance.gateway
        return config is not None and url.startswith(config.base_url.rstrip("/") + "/")


def account_of(
    place: ActivationRequest | Integration, services: Services, deadline: Deadline
) -> Account:
    """Calls to the account that an instance is, or is to be, joined to, under one limit."""
    return Account(_transport(place, services, deadline, wait=None))


def chatwoot_of(integration: Integration, services: Services, deadline: Deadline) -> Chatwoot:
    """Calls to the inbox of an integration, under one limit."""
    transport = _transport(integration, services, deadline, wait=services.pace.wait)
    return Chatwoot(transport, integration.inbox_id)


def _transport(
    place: ActivationRequest | Integration,
    services: Services,
    deadline: Deadline,
    wait: Callable[[str], None] | None,
) -> Transport:
    return Transport(
        services.http,
        place.base_url,
        clocks=services.chatwoot_clocks,
        deadline=deadline,
        token=place.api_token,
        account_id=place.account_id,
        wait=wait,
    )


def of_instance(instance_id: int, services: Services) -> Context:
    """The context of an instance as it is now. Raises IntegrationMissing."""
    instance = services.instances.get(instance_id)
    integration = services.integrations.of(instance_id)
    if instance is None or integration is None:
        raise IntegrationMissing
    return Context(instance, integration, gateway_of(instance, services), services)


def gateway_of(instance: Instance, services: Services) -> Gateway | None:
    """The adapter of an instance, None where no gateway was named."""
    if instance.gateway is None:
        return None
    return GATEWAYS[instance.gateway.kind](instance.name, instance.gateway, services.http)
