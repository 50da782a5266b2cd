"""Brings one message from WhatsApp to Chatwoot, once, in one call where all is known.

Rules: docs/contracts/chatwoot.md, Contacts, Conversations and Messages; the flags in
docs/contracts/ryzeapi.md, Chatwoot module.
"""

from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone, SourceTaken
from bridge.domain.errors import N_, NotYet
from bridge.domain.messages import ANSWERED, Kind, Message
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import (
    changes,
    contacts,
    content,
    conversations,
    late_content,
    search,
)
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.routing.to_chatwoot.posting import Posting
from bridge.store.chats import Chat
from bridge.store.journal import Entry, MessageLink

#: How often a conversation that was deleted is made anew for one message.
_MOST_BEGINS = 3


def deliver(entry: Entry, message: Message, context: Context) -> list[MessageLink]:
    """Brings one message to Chatwoot; the pairs that this made. Raises BridgeErrors."""
    services = context.services
    chat = services.chats.get(entry.chat_id)
    if message.kind is Kind.REVOKE:
        return changes.delete(entry, message, context)
    if message.kind in {Kind.EDIT, Kind.REACTION}:
        return changes.add(entry, message, chat, context)
    if message.kind is Kind.CALL and message.label == ANSWERED:
        return []  # stored so that its end does not count as a missed call
    known = services.chats.pair(entry.instance_id, message.id)
    if known is not None:
        # It arrived before, is the echo of our own send, or says more than what arrived.
        is_fuller = entry.key == jobs.fuller_key(message.id)
        return late_content.add(entry, message, chat, known, context) if is_fuller else []
    if message.from_me and _may_be_echo(entry, context):
        # Of a send of ours that does not know its id yet.
        raise NotYet(N_("a send of ours in the same chat"), retry_after_s=0.5)
    is_deleted = changes.is_deleted(entry, message, context)
    if is_deleted and not context.integration.options.keep_deleted:
        return []  # its deletion came first
    if not entry.doubtful:
        message = late_content.fullest(entry, message, context)
    return _post(entry, message, chat, context, is_deleted=is_deleted)


def _may_be_echo(entry: Entry, context: Context) -> bool:
    """Whether what comes from our own number may be the echo of a send that is under way. Echoes
    with our marker were recognized when they came, so that nothing waits for a send."""
    marked = context.gateway is not None and context.gateway.echoes_source
    return not marked and context.services.journal.is_sending(entry.chat_id)


def _post(
    entry: Entry, message: Message, chat: Chat, context: Context, *, is_deleted: bool
) -> list[MessageLink]:
    text = content.text(message, chat, context)
    if is_deleted:
        text = f"{phrase(context.services.settings.language, 'deleted')}\n{text}".rstrip()
    tried = bool(entry.attempts) or entry.doubtful
    for _ in range(_MOST_BEGINS):
        link = contacts.ensure_contact(chat, context)
        contacts.fill_in_news(chat, link, context)
        found: list[AgentMessage] = []
        try:
            link = conversations.continued(link, context, tried=tried)
            attributes, quote = content.quote(message, chat, link, context)
            posting = Posting(entry, message, context)
            pieces = posting.pieces("\n\n".join(filter(None, [quote, text])))
            if entry.doubtful or len(pieces) > 1:  # an earlier try may have brought some
                link, found = search.earlier(entry, message, link, context)
            return posting.post(pieces, link, {**attributes, **content.advert(message)}, found)
        except (ConversationGone, SourceTaken):
            # Deleted in Chatwoot, perhaps with its contact: both are looked up anew.
            context.services.chats.forget_contact(link.integration_id, link.contact_id)
    raise NotYet(N_("Chatwoot to settle a conversation that was deleted"), retry_after_s=5)
