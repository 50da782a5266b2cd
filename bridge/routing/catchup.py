"""What was missed: Chatwoot never repeats a webhook, so it is asked (chatwoot.md section 7.4)."""

import contextlib
import logging

from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.messages import Ladder
from bridge.routing import marks, outgoing, replies, surveys
from bridge.routing.context import Context
from bridge.routing.outgoing import WHATSAPP_ID_PREFIX, Part

log = logging.getLogger(__name__)

#: Pages of conversations that one catch-up looks through at most (25 each, section 4).
_MOST_PAGES = 200
#: How far before the last catch-up it looks again: clocks differ, and jobs take their time.
_OVERLAP_S = 120.0
#: Ids below the last one that are looked at again: Chatwoot gives an id to a message before it is
#: there to be read, and messages of several agents overtake each other.
_OVERLAP_IDS = 50
#: Messages in an answer to `after`, and how many answers are read at most (section 5).
_PAGE = 100
_MOST_ANSWERS = 50
#: How old a dead letter may be whose Retry is still looked for, in days.
_RETRIES_DAYS = 3


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
                found += _since_last_look(conversation.id, conversation.last_message_id, context)
        if not moved or moved[-1].last_activity_at < since:
            break
    services.integrations.note_caught_up(one.id, started_at)
    if found:
        log.info("%s: %d replies had been missed", context.instance.name, found)
    return found


def look_at_retries(context: Context) -> None:
    """Looks whether an agent pressed Retry while nobody could tell us: that moves no conversation,
    it only takes the failed mark off (chatwoot.md section 5). Raises BridgeErrors."""
    services = context.services
    given_up = services.journal.given_up(
        context.instance.id, since=services.clock() - _RETRIES_DAYS * 86400
    )
    first: dict[int, int] = {}
    for entry in given_up:
        part = outgoing.read(entry.body)
        if isinstance(part, Part):
            first.setdefault(part.message.conversation_id, part.message.id)
    for conversation_id, message_id in first.items():
        with contextlib.suppress(ConversationGone):
            look_at(conversation_id, message_id - 1, context)


def look_at(conversation_id: int, after_id: int, context: Context) -> tuple[int, int]:
    """Keeps the replies in a conversation with an id above `after_id`, and mends what Chatwoot
    shows of ours; how many replies were new, and the id up to which all were seen.

    Raises BridgeErrors.
    """
    services, one = context.services, context.integration
    found = 0
    for _ in range(_MOST_ANSWERS):
        messages = context.chatwoot().messages_after(conversation_id, after_id)
        found += replies.missed_from_agents(context.instance, one, messages, services)
        for message in messages:
            mend(message, context)
            after_id = max(after_id, message.id)
        if len(messages) < _PAGE:
            break
    return found, after_id


def _since_last_look(conversation_id: int, newest_id: int, context: Context) -> int:
    services, one = context.services, context.integration
    known = services.chats.thread_of_conversation(one.id, conversation_id)
    checked_id = known.checked_id if known else 0
    if newest_id and checked_id >= newest_id:
        return 0
    found, _ = look_at(conversation_id, max(checked_id - _OVERLAP_IDS, 0), context)
    thread = known or services.chats.thread_of_conversation(one.id, conversation_id)
    if thread is not None:
        services.chats.note_checked(one.id, thread.chat_id, newest_id)
    return found


def mend(message: AgentMessage, context: Context) -> None:
    """What has arrived is shown so, whatever became of the webhook about it: Chatwoot marks a
    message, even a customer's own, as failed when we did not answer (section 7.4)."""
    surveys.learn(context.integration, message, context.services)
    if not message.is_marked or message.private:
        return
    services, instance_id = context.services, context.instance.id
    if message.own_source_id.startswith(WHATSAPP_ID_PREFIX):
        whatsapp_id = message.own_source_id.removeprefix(WHATSAPP_ID_PREFIX)
        found = services.chats.pair(instance_id, whatsapp_id)
        pairs = [found] if found is not None else []
    elif services.journal.arrived(instance_id, message.id):
        pairs = services.chats.pairs_of_chatwoot(instance_id, message.id)
    else:
        return
    reached = {pair.reached for pair in pairs}
    if pairs and not reached & {Ladder.FAILED, "deleted"}:
        marks.clear(message, reached.pop() if len(reached) == 1 else Ladder.SENT, context)
