"""Connects both directions of an integration, and proves that they work.

The socket to Chatwoot is opened once, and the gateway is told where to call, or its socket is
opened. A direction that does not work is a warning with the next step; the activation succeeds.
"""

import contextlib
import logging
from collections.abc import Iterator

from bridge.chatwoot.socket import Cable
from bridge.domain.errors import N_, BridgeError, Problem
from bridge.domain.models import Instance
from bridge.gateways.base import Gateway, GatewayError
from bridge.net.deadline import Deadline
from bridge.routing import context
from bridge.routing.from_chatwoot import socket_listeners
from bridge.routing.from_gateway import gateway_webhook
from bridge.services import Services

log = logging.getLogger(__name__)


def wire(instance: Instance, services: Services, deadline: Deadline) -> list[Problem]:
    """What the operator should know; empty when both directions work."""
    found = context.of_instance(instance.id, services)
    services.wakeup.wake(look_again=True)  # the router opens its own while we prove that one can
    problems: list[Problem] = []
    # A socket that is open proves itself; another would show the token's owner as online again.
    connected = socket_listeners.is_connected(found.integration, services)
    if services.settings.chatwoot_socket and not connected:
        with _errors_in(problems):
            _prove_cable(found, deadline)
    if found.gateway is not None:
        with _errors_in(problems):
            problems += _prove_gateway(instance, found.gateway, services, deadline)
    services.wakeup.wake(look_again=True)
    return problems


@contextlib.contextmanager
def _errors_in(problems: list[Problem]) -> Iterator[None]:
    try:
        yield
    except BridgeError as error:
        problems.append(Problem(error.sentence, **error.values))


def unwire(instance: Instance, services: Services, deadline: Deadline) -> None:
    """Takes our webhook off the gateway. Raises GatewayError's."""
    gateway = context.gateway_of(instance, services)
    if gateway is not None:
        gateway_webhook.withdraw(instance, gateway, services, deadline)
    services.wakeup.wake(look_again=True)


def _prove_gateway(
    instance: Instance, gateway: Gateway, services: Services, deadline: Deadline
) -> list[Problem]:
    connected = gateway.check(deadline=deadline.within(10))
    word = "connected" if connected else "disconnected"
    services.instances.note_connection(instance.id, connected, word)
    gateway_webhook.learn_own_number(instance, gateway, services, deadline.within(10))
    try:
        gateway_webhook.register(instance, gateway, services, deadline.within(10))
    except GatewayError as error:
        if services.settings.address_for_gateway:
            raise
        log.info("%s: the gateway calls no address: %s", instance.name, error.message)
    if not services.settings.address_for_gateway:
        with contextlib.closing(gateway.listen(deadline=deadline.within(10))) as events:
            next(events)
    if connected:
        return []
    return [
        Problem(
            N_(
                "The WhatsApp number of {instance} is not connected in the gateway: connect it "
                "there, messages wait until then."
            ),
            instance=instance.name,
        )
    ]


def _prove_cable(found: context.Context, deadline: Deadline) -> None:
    services, joined = found.services, found.integration
    owner = context.account_of(joined, services, deadline).owner()
    opening = deadline.within(10)
    with Cable(
        services.http,
        joined.base_url,
        pubsub_token=owner.pubsub_token,
        user_id=owner.id,
        deadline=opening,
    ) as cable:
        cable.subscribe(joined.account_id)
        cable.wait_for("confirm_subscription", opening)
