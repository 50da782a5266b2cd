"""Looks for what earlier tries brought to Chatwoot, by its source_id: Chatwoot takes the same
message any number of times (docs/contracts/chatwoot.md, Messages).
"""

import itertools
from collections.abc import Callable, Iterator

from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.messages import CHANGES, Message
from bridge.routing import ids
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import conversations
from bridge.store.conversation_links import ConversationLink
from bridge.store.journal import Entry

#: Messages in an answer of Chatwoot, and how many answers are read of one conversation at most.
_PAGE = 100
_MOST_PAGES = 1_000
#: In how many of a contact's latest conversations a message is looked for.
_LATEST = 3


def own_id(message: Message) -> str:
    """The id of a message in Chatwoot. What only says something of another message does not have
    the id of that message."""
    if message.kind in CHANGES:
        return f"{message.kind}:{message.target_id}:{message.id}:{int(message.at)}"
    return message.id


def is_of(found: AgentMessage, message: Message) -> bool:
    """Whether a message in Chatwoot is what a WhatsApp message became there, or a part of it."""
    return ids.whole_id(found.own_source_id) == WHATSAPP_ID_PREFIX + own_id(message)


def messages_after(
    conversation_id: int, after_id: int, context: Context, *, pages: int = _MOST_PAGES
) -> Iterator[AgentMessage]:
    """The messages of a conversation with a greater id, oldest first, in as many calls as it takes
    up to `pages`. Raises ConversationGone and other BridgeErrors."""
    for _ in range(pages):
        page = context.chatwoot().messages.after(conversation_id, after_id)
        yield from page
        if len(page) < _PAGE:
            return
        after_id = page[-1].id


def earlier(
    entry: Entry, message: Message, link: ConversationLink, context: Context
) -> tuple[ConversationLink, list[AgentMessage]]:
    """What earlier tries brought of a message, and where."""
    for place in _places(link, context):
        try:
            unknown = _unknown(place.conversation_id, entry, context)
            found = [piece for piece in unknown if is_of(piece, message)]
        except ConversationGone:
            if place is link:
                raise
            continue
        if found:
            if not link.conversation_id:
                context.services.chats.save_thread(place)
            # Where the chat goes on elsewhere by now, only this message belongs there.
            return place, found
    return link, []


def _places(link: ConversationLink, context: Context) -> Iterator[ConversationLink]:
    """The link, and as if it led to the other conversations of its contact: an agent may have begun
    a new one since, under another source_id."""
    seen = {link.conversation_id}
    if link.conversation_id:
        yield link
    looks: tuple[Callable[[], list[Conversation]], ...] = (
        lambda: context.chatwoot().conversations.of_source(link.source_id),
        lambda: conversations.of_contact(link, context),
    )
    for look in looks:
        for conversation in look()[:_LATEST]:
            if conversation.id not in seen:
                seen.add(conversation.id)
                yield conversations.moved(link, conversation)


def _unknown(conversation_id: int, entry: Entry, context: Context) -> Iterator[AgentMessage]:
    """The newest messages of a conversation, and what lies between them and the end of what was
    known when the entry was tried first: after the restore of a backup, or when a dead letter is
    replayed whose lane went on without it, that may be much."""
    chats = context.services.chats
    latest = context.chatwoot().messages.latest(conversation_id)
    yield from latest
    place = context.integration.id, entry.chat_id, conversation_id
    known_id = chats.newest_from_customer(place)
    if not latest or not known_id:
        return
    before_id = chats.newest_before(place, entry.id)
    after_id = known_id if before_id is None else min(known_id, before_id)
    if after_id < latest[0].id:
        between = messages_after(conversation_id, after_id, context)
        yield from itertools.takewhile(lambda known: known.id < latest[0].id, between)
