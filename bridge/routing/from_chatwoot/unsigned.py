"""What webhooks name that Chatwoot did not sign (before 4.13.0, or with another secret than ours),
or not just now.

Such a call says where to look, and nothing more.
"""

import logging

from bridge.chatwoot.events import AgentMessage, ChatwootEvent, ConversationChanged, Typing
from bridge.domain.models import Integration
from bridge.routing.from_chatwoot import parts
from bridge.routing.from_chatwoot.receive import ask_about, is_agents, is_for
from bridge.services import Services
from bridge.store.journal import ReplyId

log = logging.getLogger(__name__)


def ask(integration: Integration, event: ChatwootEvent | None, services: Services) -> None:
    """Asks Chatwoot about what a webhook without a valid signature names, and believes none of it.

    Anybody who knows the path may have made it. What could bring nothing new is passed over, so
    that the echoes of what we post ourselves cost no call; who types cannot be asked about.
    """
    if event is None or not is_for(integration, event):
        return
    try:
        may_bring = _may_bring_something(integration, event, services)
    except Exception:
        log.exception("what a webhook without a signature names could not be looked up")
        may_bring = not isinstance(event, Typing)
    if may_bring:
        ask_about(integration, event, services, trusted=False)


def _may_bring_something(
    integration: Integration, event: ChatwootEvent, services: Services
) -> bool:
    """Whether Chatwoot might say more of what an event names than we know."""
    match event:
        case AgentMessage():
            return _may_bring_a_reply(integration, event, services)
        case ConversationChanged():
            known = services.chats.thread_of_conversation(integration.id, event.id)
            return known is not None and known.status != event.status
    return False


def _may_bring_a_reply(integration: Integration, message: AgentMessage, services: Services) -> bool:
    instance, journal = services.instances.get(integration.instance_id), services.journal
    if instance is None or not is_agents(message, integration, missed=True):
        return False
    if message.deleted:
        return not journal.knows(instance.id, integration.id, f"d{message.id}")
    reply = ReplyId(instance.id, integration.id, message.id)
    if not parts.are_known(reply, message, journal):
        return True
    return message.updated and journal.gave_up(reply)
