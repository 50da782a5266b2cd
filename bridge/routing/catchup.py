"""What was missed: Chatwoot never repeats a webhook, so it is asked (chatwoot.md section 7.4)."""

import logging

from bridge.routing import accept
from bridge.routing.context import Context

log = logging.getLogger(__name__)

#: Pages of conversations that one catch-up looks through at most (25 each, section 4).
_MOST_PAGES = 200
#: How far before the last catch-up it looks again: clocks differ, and jobs take their time.
_OVERLAP_S = 120.0


def catch_up(context: Context) -> int:
    """Keeps every reply written since the last time, per conversation that moved; their number.

    Raises BridgeErrors; what was found until then is kept.
    """
    services, one = context.services, context.integration
    started_at = services.clock()
    since = max(services.integrations.caught_up_at(one.id), one.created_at) - _OVERLAP_S
    found = 0
    for page in range(1, _MOST_PAGES + 1):
        moved = context.chatwoot().moved_conversations(page)
        for conversation in moved:
            services.chats.note_status(one.id, conversation.id, conversation.status)
            if conversation.last_activity_at >= since:
                found += _messages(conversation.id, context)
        if not moved or moved[-1].last_activity_at < since:
            break
    services.integrations.note_caught_up(one.id, started_at)
    if found:
        log.info("%s: %d replies had been missed", context.instance.name, found)
    return found


def _messages(conversation_id: int, context: Context) -> int:
    services, one = context.services, context.integration
    thread = services.chats.thread_of_conversation(one.id, conversation_id)
    after = thread.checked_id if thread else 0
    messages = context.chatwoot().messages_after(conversation_id, after)
    found = sum(
        accept.from_agent(context.instance, one, message, services, missed=True)
        for message in messages
        if message.created_at >= int(one.created_at)
    )
    if thread is not None and messages:
        newest = max(message.id for message in messages)
        services.chats.note_checked(one.id, thread.chat_id, newest)
    return found
