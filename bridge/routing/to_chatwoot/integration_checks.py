"""Asks Chatwoot, in one cheap call, whether an integration can work, and learns what changed there.

Its inbox is asked for: everything that routing is refused, this call is refused too, and it tells
the name of the inbox and the key that its webhooks are signed with, which a person may have changed
(docs/contracts/chatwoot.md, Looks).
"""

import contextlib
import logging
from collections.abc import Iterable

from bridge.chatwoot.account import Inbox
from bridge.domain.errors import BridgeError, InboxGone, StorageFailed
from bridge.domain.models import BRIDGE, Actor, Integration, Status
from bridge.gateways.base import GatewayDenies
from bridge.net.deadline import Deadline
from bridge.routing import context
from bridge.services import Services

log = logging.getLogger(__name__)

#: Limit of one call, in seconds.
CALL_S = 10.0


def ask(one: Integration, services: Services, deadline: Deadline) -> BridgeError | None:
    """What keeps an integration from working, or from being asked; None when it is well. Raises
    nothing."""
    try:
        read_inbox(one, services, deadline)
    except BridgeError as error:
        return error
    return None


def read_inbox(one: Integration, services: Services, deadline: Deadline) -> Inbox:
    """The inbox of an integration as it is now; notes its name and secret. Raises BridgeError."""
    if isinstance(one.last_error, GatewayDenies):
        _ask_gateway(one, services, deadline)
    inbox = context.account_of(one, services, deadline).inbox(one.inbox_id)
    try:
        if services.integrations.note_inbox(one, name=inbox.name, secret=inbox.secret):
            log.info("%s: its webhooks are signed with another secret from now on", one.id)
            services.audit.note(
                BRIDGE, "took over a new webhook secret", one.id, at=services.clock()
            )
    except StorageFailed as error:  # who only looks needs no disk
        log.warning("what was found of %s could not be noted: %s", one.id, error.message)
    return inbox


def note_version(one: Integration, services: Services) -> None:
    """Learns that another version of Chatwoot answers. No answer, or another one, says nothing:
    other things than Chatwoot may answer this one call. Raises StorageFailed."""
    with contextlib.suppress(BridgeError):
        version = context.account_of(one, services, Deadline(CALL_S)).version()
        if version != one.chatwoot_version:
            log.info("%s: Chatwoot %s answers now", one.id, version)
            services.integrations.note_version(one.id, version)


def hold(one: Integration, error: BridgeError, services: Services) -> None:
    """Everything of the integration waits from now on, for that cause. Raises StorageFailed."""
    services.integrations.judge(one.id, Status.ERROR, error, now=services.clock())
    services.wakeup.wake(look_again=True)


def resume(ones: Iterable[Integration], services: Services, *, by: Actor = BRIDGE) -> None:
    """What held integrations is over: they go on. Raises StorageFailed."""
    for one in ones:
        instance = services.instances.get(one.instance_id)
        services.integrations.judge(one.id, Status.ACTIVE, None, now=services.clock())
        name = instance.name if instance else one.id
        services.audit.note(by, "found it well again", name, at=services.clock())
    services.wakeup.wake(look_again=True)


def cause(one: Integration) -> tuple[str, str, int]:
    """What several integrations of an account have in common when one cause holds them: the token,
    the cause, and the inbox where it is about that."""
    code = one.last_error.code if one.last_error else ""
    own = one.inbox_id if isinstance(one.last_error, InboxGone | GatewayDenies) else 0
    return one.api_token, code, own


def _ask_gateway(one: Integration, services: Services, deadline: Deadline) -> None:
    gateway = context.of_instance(one.instance_id, services).gateway
    if gateway is not None:
        gateway.check(deadline=deadline)
