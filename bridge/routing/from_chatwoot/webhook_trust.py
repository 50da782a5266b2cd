"""Which webhooks are believed. Chatwoot signs them from 4.13.0 on; a signature of another time, or
none, says where to look and nothing more (docs/contracts/chatwoot.md, Signatures)."""

import logging

from bridge.chatwoot.events import AgentMessage, ChatwootEvent, ConversationChanged, Typing
from bridge.domain.models import ChatwootTime, Integration
from bridge.routing.from_chatwoot import receive, reply_parts
from bridge.services import Services
from bridge.store.journal import ReplyId

log = logging.getLogger(__name__)

#: How far a signature may be from what Chatwoot's clock shows, in seconds. Repetitions within that
#: time are recognised by the journal.
TOLERANCE_S = 300.0


def is_current(signed_at: ChatwootTime, integration: Integration, services: Services) -> bool:
    """Whether Chatwoot's clock shows about the time of a signature. False while that clock is not
    known: then a signature proves nothing about when it was made."""
    clocks = services.chatwoot_clocks
    if not clocks.is_known(integration.base_url):
        return False
    return abs(clocks.now(integration.base_url).since(signed_at)) <= TOLERANCE_S


def look_up(integration: Integration, event: ChatwootEvent | None, services: Services) -> None:
    """Asks Chatwoot about what an untrusted webhook names; never fails.

    What can bring nothing new is ignored, so that echoes of our own posts cost no call.
    """
    if event is None or not receive.is_for(integration, event):
        return
    try:
        is_news = _may_be_news(integration, event, services)
    except Exception:
        log.exception("what a webhook without a signature names could not be looked up")
        is_news = not isinstance(event, Typing)
    if is_news:
        receive.ask_about(integration, event, services, trusted=False)


def _may_be_news(integration: Integration, event: ChatwootEvent, services: Services) -> bool:
    """Whether Chatwoot may say more about what an event names than is known."""
    match event:
        case ConversationChanged():
            known = services.chats.thread_of_conversation(integration.id, event.id)
            return known is not None and known.status != event.status
        case AgentMessage() if receive.is_agents(event, integration, asked=True):
            journal = services.journal
            reply = ReplyId(integration.instance_id, integration.id, event.id)
            if event.deleted:
                return not journal.knows(reply.instance_id, integration.id, f"d{event.id}")
            is_known = reply_parts.are_known(reply, event, journal)
            return not is_known or event.updated and journal.gave_up(reply)
    return False
