"""Brings reactions, edits and deletions to the conversation of their message.

None of them begins a conversation or opens one again: in one that is not open they are private
notes (docs/contracts/chatwoot.md, Messages).
"""

import logging

from bridge.chatwoot.refusals import ConversationGone, MessageGone
from bridge.domain.messages import Kind, Message
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import content, permissions, search
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.routing.to_chatwoot.posting import Posting
from bridge.store.chats import Chat
from bridge.store.journal import Entry, MessageLink

log = logging.getLogger(__name__)

#: The states of a conversation that an incoming message leaves as they are.
_OPEN = {"open", "pending"}


def add(entry: Entry, message: Message, chat: Chat, context: Context) -> list[MessageLink]:
    """A reaction or an edit, as a reply to its message."""
    target = _target(message, chat, context)
    if target is not None and target.reached == "deleted":
        return []
    if target is None and is_deleted(entry, message, context):
        return []
    # Of a message from before the integration: it goes where the chat is now.
    place = target or context.services.chats.thread(context.integration.id, chat.id)
    if place is None or not place.conversation_id:
        log.info("%s of a message that is not known is passed over", message.kind)
        return []
    text = content.text(message, chat, context)
    return _reply(entry, message, text, place.conversation_id, target, context)


def delete(entry: Entry, message: Message, context: Context) -> list[MessageLink]:
    """Deletes in Chatwoot what was deleted for everyone on WhatsApp, and its edits; or marks it."""
    chats, instance_id = context.services.chats, entry.instance_id
    target = _target(message, chats.get(entry.chat_id), context)
    if target is None:
        return []  # if it still comes, it finds that it was deleted
    if context.integration.options.keep_deleted and not target.from_me:
        text = phrase(context.services.settings.language, "deleted")
        return _reply(entry, message, text, target.conversation_id, target, context)
    for piece in [
        *chats.pieces(instance_id, message.target_id),
        *chats.changes(instance_id, message.target_id),
    ]:
        if piece.integration_id != context.integration.id:
            continue  # it is in a Chatwoot that the instance was joined to before
        # Noted first: Chatwoot tells us of every deletion, and this one must not go back.
        chats.note_deleted(instance_id, piece.whatsapp_id)
        remove(piece.conversation_id, piece.chatwoot_id, context)
    return []


def remove(conversation_id: int, message_id: int, context: Context) -> None:
    """Deletes a message in Chatwoot that was deleted on WhatsApp. Raises BridgeErrors."""
    try:
        context.chatwoot().messages.delete(conversation_id, message_id)
    except MessageGone:
        log.debug("message %s was gone already", message_id)


def is_deleted(entry: Entry, message: Message, context: Context) -> bool:
    """Whether its deletion, or that of the message that it is about, has come already."""
    gone = Posting(entry, message, context).pair(message.about, 0, 0)
    chat = context.services.chats.get(entry.chat_id)
    about = context.services.journal.about(entry.instance_id, message.about)
    events = [jobs.decode(other.body) for other in about if other.chat_id == entry.chat_id]
    return any(
        isinstance(event, Message)
        and event.kind is Kind.REVOKE
        and permissions.may_change(event, gone, chat, context)
        for event in events
    )


def _target(message: Message, chat: Chat, context: Context) -> MessageLink | None:
    """The message that it is about, as far as it may be."""
    pair = context.services.chats.pair(context.instance.id, message.target_id)
    if pair is None or pair.integration_id != context.integration.id:
        return None
    if message.kind is Kind.REACTION:
        return pair if permissions.may_point_at(pair, chat) else None
    if permissions.may_change(message, pair, chat, context):
        return pair
    log.warning("%s names message %s, which is not its author's", message.kind, message.target_id)
    return None


def _reply(
    entry: Entry,
    message: Message,
    text: str,
    conversation_id: int,
    target: MessageLink | None,
    context: Context,
) -> list[MessageLink]:
    chatwoot = context.chatwoot()
    try:
        # What is written on the phone is an outgoing message, which opens nothing.
        is_open = message.from_me or chatwoot.conversations.get(conversation_id).status in _OPEN
        posting = Posting(entry, message, context, private=not is_open)
        pieces, found = posting.pieces(text), []
        if entry.doubtful or len(pieces) > 1:
            latest = chatwoot.messages.latest(conversation_id)
            found = [piece for piece in latest if search.own_id(message) in piece.own_source_id]
        answers = {"in_reply_to": target.chatwoot_id} if target is not None else {}
        return posting.post(pieces, posting.link_to(conversation_id), answers, found)
    except ConversationGone:
        log.info("%s of a message whose conversation was deleted is passed over", message.kind)
        return []
