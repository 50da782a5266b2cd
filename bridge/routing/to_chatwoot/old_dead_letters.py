"""Looks up once the dead letters that an earlier version left behind.

It took answers as final that were not, so some of what it gave up is in Chatwoot
(docs/contracts/chatwoot.md, Answers). What is found there becomes delivered; the rest stays a dead
letter, which a person may replay in order, and which is never replayed by itself.
"""

import contextlib
import logging
import time

from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.messages import Kind, Message
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import search
from bridge.routing.to_chatwoot.posting import Posting
from bridge.store.journal import Entry, MessageLink

log = logging.getLogger(__name__)

#: Conversations of the contact that are looked through, latest activity first, and how many
#: answers of 100 messages in each.
_MOST_CONVERSATIONS = 5
_MOST_PAGES = 20


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
    """The message of a customer as it is in Chatwoot, with all that belongs to it; None where it,
    or its file, is not there. Raises BridgeErrors."""
    message, here = jobs.decode(entry.body), context.integration.id
    link = context.services.chats.thread(here, entry.chat_id)
    if link is None or not isinstance(message, Message) or message.kind is Kind.REVOKE:
        return None
    listed = context.chatwoot().conversations.of_source(link.source_id)
    ids = dict.fromkeys([link.conversation_id, *(conversation.id for conversation in listed)])
    for conversation_id in list(filter(None, ids))[:_MOST_CONVERSATIONS]:
        # The lane went on without the entry, so that it may be far before the end.
        place = here, entry.chat_id, conversation_id
        after_id = context.services.chats.newest_before(place, entry.id) or 0
        later = search.messages_after(conversation_id, after_id, context, pages=_MOST_PAGES)
        with contextlib.suppress(ConversationGone):
            found = next((other for other in later if search.is_of(other, message)), None)
            if found is not None:
                # Its files are there where their bytes are, not only their names.
                is_whole = all(map(context.chatwoot().files.is_stored, found.attachments))
                name = search.own_id(message)
                pair = Posting(entry, message, context).pair(name, conversation_id, found.id)
                return pair if is_whole else None
    return None
