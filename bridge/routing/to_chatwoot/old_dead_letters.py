"""Looks once at the dead letters that an earlier version left behind.

It took answers for verdicts that were none, so some of what it gave up stands in Chatwoot
(docs/contracts/chatwoot.md, Answers). What is found there becomes delivered; the rest stays a dead
letter, which a person may replay in order, and which is never replayed by itself.
"""

import logging
import time
from collections.abc import Iterator

from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.messages import Kind, Message
from bridge.routing import ids, jobs
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot.posting import own_id
from bridge.store.chats import ConversationLink
from bridge.store.journal import Entry, MessageLink

log = logging.getLogger(__name__)

#: Conversations of the contact that are looked through, latest activity first, and how many
#: answers of 100 messages in each.
_MOST_CONVERSATIONS = 5
_MOST_ANSWERS = 20
_PAGE = 100


def look_up(context: Context, *, seconds: float) -> int:
    """Looks them up for about so many seconds; how many had arrived. The next call goes on.

    Raises BridgeErrors: what could not be asked stays to be looked up.
    """
    services, ends_at, arrived = context.services, time.monotonic() + seconds, 0
    for entry in services.journal.old_dead_letters(context.instance.id):
        pair = find(entry, context)
        services.journal.settle_old(entry, pair, now=services.clock())
        arrived += pair is not None
        if time.monotonic() > ends_at:
            break
    if arrived:
        log.info("%s: %d dead letters had arrived", context.instance.name, arrived)
    return arrived


def find(entry: Entry, context: Context) -> MessageLink | None:
    """The message of a customer as it stands in Chatwoot, with all that belongs to it; None where
    it, or its file, is not there. Raises BridgeErrors."""
    message = jobs.decode(entry.body)
    thread = context.services.chats.thread(context.integration.id, entry.chat_id)
    if thread is None or not isinstance(message, Message) or message.kind is Kind.REVOKE:
        return None
    wanted = WHATSAPP_ID_PREFIX + own_id(message)
    for conversation_id in _conversations(thread, context):
        for one in _since(entry, conversation_id, context):
            if ids.whole_id(one.own_source_id) == wanted:
                return _pair(entry, message, one, context) if _is_whole(one, context) else None
    return None


def _conversations(thread: ConversationLink, context: Context) -> list[int]:
    found = [one.id for one in context.chatwoot().conversations.of_source(thread.source_id)]
    known = [thread.conversation_id] if thread.conversation_id else []
    return [*known, *(one for one in found if one not in known)][:_MOST_CONVERSATIONS]


def _since(entry: Entry, conversation_id: int, context: Context) -> Iterator[AgentMessage]:
    """What came into a conversation since the entry was tried for the first time: its lane went on
    without it, so it may stand far before the end."""
    place = context.integration.id, entry.chat_id, conversation_id
    after_id = context.services.chats.newest_before(place, entry.id) or 0
    for _ in range(_MOST_ANSWERS):
        try:
            found = context.chatwoot().messages.after(conversation_id, after_id)
        except ConversationGone:
            return
        yield from found
        if len(found) < _PAGE:
            return
        after_id = found[-1].id


def _is_whole(message: AgentMessage, context: Context) -> bool:
    """Whether its files are there too: their bytes, not only their names."""
    return all(context.chatwoot().files.is_stored(one) for one in message.attachments)


def _pair(entry: Entry, message: Message, found: AgentMessage, context: Context) -> MessageLink:
    return MessageLink(
        instance_id=entry.instance_id,
        whatsapp_id=own_id(message),
        chat_id=entry.chat_id,
        from_me=message.from_me,
        integration_id=context.integration.id,
        conversation_id=found.conversation_id,
        chatwoot_id=found.id,
        reference=message.reference,
    )
