"""Checks with one call to Chatwoot whether an integration works, and learns what changed there.

The call asks for the inbox: it is refused whatever routing is refused, and it tells the name of the
inbox and the key that its webhooks are signed with, which a person may have changed
(docs/contracts/chatwoot.md, Looks).
"""

import contextlib
import logging
from collections.abc import Iterable

from bridge.chatwoot.account import Inbox
from bridge.domain.errors import N_, BridgeError, InboxGone, StorageFailed
from bridge.domain.models import BRIDGE, Actor, Integration, Status
from bridge.gateways.base import GatewayDenies
from bridge.net.deadline import Deadline
from bridge.routing import context
from bridge.services import Services

log = logging.getLogger(__name__)

#: Limit of one call, in seconds.
CALL_S = 10.0


def ask(integration: Integration, services: Services) -> BridgeError | None:
    """What keeps an integration, or this check, from working; None when it is well."""
    try:
        read_inbox(integration, services, Deadline(CALL_S))
    except BridgeError as error:
        return error
    return None


def read_inbox(integration: Integration, services: Services, deadline: Deadline) -> Inbox:
    """The inbox of an integration as it is now; notes its name and secret. Raises BridgeError."""
    if isinstance(integration.last_error, GatewayDenies):
        gateway = context.of_instance(integration.instance_id, services).gateway
        if gateway is not None:
            gateway.check(deadline=deadline)
    inbox = context.account_of(integration, services, deadline).inbox(integration.inbox_id)
    try:
        if services.integrations.note_inbox(integration, name=inbox.name, secret=inbox.secret):
            log.info("%s: its webhooks are signed with another secret from now on", integration.id)
            services.audit.note(
                BRIDGE, N_("took over a new webhook secret"), integration.id, at=services.clock()
            )
    except StorageFailed as error:  # who only looks needs no disk
        log.warning("what was found of %s could not be noted: %s", integration.id, error.message)
    return inbox


def note_version(integration: Integration, services: Services) -> None:
    """Stores the version of Chatwoot that answers; without its answer, as where a proxy speaks for
    it, the version stays as it is. Raises StorageFailed."""
    with contextlib.suppress(BridgeError):
        version = context.account_of(integration, services, Deadline(CALL_S)).version()
        if version != integration.chatwoot_version:
            log.info("%s: Chatwoot %s answers now", integration.id, version)
            services.integrations.note_version(integration.id, version)


def hold(integration: Integration, error: BridgeError, services: Services) -> None:
    """Holds all of the integration, for that cause. Raises StorageFailed."""
    services.integrations.judge(integration.id, Status.ERROR, error, now=services.clock())
    services.wakeup.wake(look_again=True)


def resume(integrations: Iterable[Integration], services: Services, *, by: Actor = BRIDGE) -> None:
    """Lets integrations go on whose cause is over. Raises StorageFailed."""
    for integration in integrations:
        instance = services.instances.get(integration.instance_id)
        services.integrations.judge(integration.id, Status.ACTIVE, None, now=services.clock())
        name = instance.name if instance else integration.id
        services.audit.note(by, N_("found it well again"), name, at=services.clock())
    services.wakeup.wake(look_again=True)


def cause(integration: Integration) -> tuple[str, str, int]:
    """What integrations have in common when one cause holds them: the token, the code of the error,
    and the inbox where the error is about that."""
    error = integration.last_error
    inbox_id = integration.inbox_id if isinstance(error, InboxGone | GatewayDenies) else 0
    return integration.api_token, error.code if error else "", inbox_id
