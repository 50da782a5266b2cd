"""Joins both directions of an integration, and proves that they stand.

The socket to Chatwoot is opened once, and the gateway is told where to call, or its socket opened.
What does not stand is no reason to refuse the activation: it is said, with the next step.
"""

import contextlib
import logging
from collections.abc import Callable

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
    """What the operator should know; empty when all stands."""
    found = context.of_instance(instance.id, services)
    services.wakeup.wake(look_again=True)  # the router opens its own while we prove that one can
    steps: list[Callable[[], list[Problem]]] = []
    # One that stands proves itself, and another would show the token's owner as online again.
    if services.settings.chatwoot_socket and not socket_listeners.is_connected(
        found.integration, services
    ):
        steps.append(lambda: _prove_cable(found, deadline))
    gateway = found.gateway
    if gateway is not None:
        steps.append(lambda: _prove_gateway(instance, gateway, services, deadline))
    said: list[Problem] = []
    for step in steps:
        try:
            said += step()
        except BridgeError as error:
            said.append(Problem(error.sentence, **error.values))
    services.wakeup.wake(look_again=True)
    return said


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
    if services.settings.address_for_gateway:
        gateway_webhook.register(instance, gateway, services, deadline.within(10))
    else:
        try:
            gateway_webhook.register(instance, gateway, services, deadline.within(10))
        except GatewayError as error:  # the socket does without it
            log.info("%s: the gateway calls no address: %s", instance.name, error.message)
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


def _prove_cable(found: context.Context, deadline: Deadline) -> list[Problem]:
    services, one = found.services, found.integration
    owner = context.account_of(one, services, deadline).owner()
    opening = deadline.within(10)
    with Cable(
        services.http,
        one.base_url,
        pubsub_token=owner.pubsub_token,
        user_id=owner.id,
        deadline=opening,
    ) as cable:
        cable.subscribe(one.account_id)
        cable.wait_for("confirm_subscription", opening)
    return []
