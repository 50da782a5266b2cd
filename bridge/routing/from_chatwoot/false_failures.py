"""Takes failed marks off messages that arrived: Chatwoot marks a message, even a customer's own,
when a webhook about it failed (docs/contracts/chatwoot.md, Webhooks).

A mark is looked at when Chatwoot tells of it, and when a reply has gone out late.
"""

import logging

from bridge.chatwoot import versions
from bridge.chatwoot.events import AgentMessage
from bridge.domain.errors import BridgeError
from bridge.domain.messages import DeliveryStatus
from bridge.domain.models import Integration
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import reply_status
from bridge.services import Services
from bridge.store.journal import MessageLink, ReplyId
from bridge.store.lookup_queue import LookupRequest

log = logging.getLogger(__name__)

#: After how many seconds a mark is looked at, and a reply counts as late: Chatwoot waits as long
#: for the answer to a webhook.
SOON_S = 5.0


def look_up(integration_id: str, message: AgentMessage, services: Services) -> None:
    """Queues a lookup of a reply that went out, and may be shown as failed. Never fails."""
    services.lookups.ask(LookupRequest(integration_id, message.conversation_id, message.id))


def look_up_later(integration: Integration, message: AgentMessage, services: Services) -> None:
    """Queues a lookup of a message that Chatwoot told of as failed. Raises StorageFailed."""
    request = next_lookup(integration, message, services)
    if request is not None:
        services.lookups.ask(request)


def next_lookup(
    integration: Integration, message: AgentMessage, services: Services
) -> LookupRequest | None:
    """When to look a mark up (again); None without one, or if it is true. Raises StorageFailed."""
    if not message.external_error:
        return None
    now = services.clock()
    is_guards = versions.is_guards(message.external_error)
    if is_guards and services.webhooks.note_refused(integration.id, now=now):
        services.wakeup.wake(look_again=True)
    if not _is_ours(integration, message, services):
        return None
    # The older the message, the later: where the webhook about the cleared mark fails as well,
    # Chatwoot marks it again.
    age_s = services.chatwoot_clocks.age_s(integration.base_url, message.created_at)
    due_at = now + max(SOON_S, age_s)
    return LookupRequest(integration.id, message.conversation_id, message.id, due_at=due_at)


def must_wait(integration: Integration, message: AgentMessage, services: Services) -> bool:
    """Whether a mark can only be judged later: its message is in transit, or Chatwoot still has the
    address to call that it may not call."""
    if versions.is_guards(message.external_error) and not services.webhooks.is_off(integration.id):
        return True
    return not message.own_source_id and not services.journal.arrived(
        ReplyId(integration.instance_id, integration.id, message.id)
    )


def clear(message: AgentMessage, context: Context) -> None:
    """Takes the mark off a message that arrived, as Chatwoot showed it just now. Where Chatwoot
    does not let us, it is tried again later. Raises StorageFailed."""
    if not message.is_marked or message.private:
        return
    pairs = _arrived_as(message, context)
    reached = {pair.reached for pair in pairs or ()}
    if pairs is None or reached & {DeliveryStatus.FAILED, "deleted"}:
        return
    status = reached.pop() if len(reached) == 1 else DeliveryStatus.SENT
    try:
        reply_status.clear_failed_mark(message, status, context)
    except BridgeError as error:
        log.info("the mark of message %s stays for now: %s", message.id, error.message)
        look_up_later(context.integration, message, context.services)


def _arrived_as(message: AgentMessage, context: Context) -> list[MessageLink] | None:
    """What a message that arrived became in WhatsApp, or came from; None where it did not."""
    services, integration_id = context.services, context.integration.id
    if message.own_source_id.startswith(WHATSAPP_ID_PREFIX):
        whatsapp_id = message.own_source_id.removeprefix(WHATSAPP_ID_PREFIX)
        pair = services.chats.pair(context.instance.id, whatsapp_id)
        return [pair] if pair is not None and pair.integration_id == integration_id else None
    if services.journal.arrived(context.reply_id(message.id)):
        return services.chats.pairs_of_chatwoot(integration_id, message.id)
    return None


def _is_ours(integration: Integration, message: AgentMessage, services: Services) -> bool:
    """Whether we brought it to one side or the other, or still try to."""
    if message.own_source_id:
        return message.own_source_id.startswith(WHATSAPP_ID_PREFIX)
    journal, reply = services.journal, ReplyId(integration.instance_id, integration.id, message.id)
    text = jobs.text_key(message.id)
    is_known = journal.knows(reply.instance_id, integration.id, text) or journal.knows_file(reply)
    return is_known and not journal.gave_up(reply)
