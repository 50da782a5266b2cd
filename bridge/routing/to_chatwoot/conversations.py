"""In which conversation of a contact a message belongs, and how a new one begins.

Rules: docs/contracts/chatwoot.md, Conversations.
"""

import dataclasses

from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.messages import NewMessage
from bridge.chatwoot.refusals import ContactGone, SourceTaken
from bridge.domain.errors import N_, NotYet
from bridge.routing.context import Context
from bridge.store.conversation_links import ConversationLink

#: When a contact that is gone is looked up anew: Chatwoot removes it little by little, in seconds.
_GOING_S = 1.0


def is_over(link: ConversationLink, context: Context) -> bool:
    """Whether there is no conversation that goes on."""
    reopens = context.integration.options.reopen_resolved
    return not link.conversation_id or (link.status == "resolved" and not reopens)


def continued(link: ConversationLink, context: Context, *, tried: bool) -> ConversationLink:
    """The link to the conversation that the next message belongs in; `is_over` where it begins
    a new one. `tried`: an earlier try may have begun one."""
    if not is_over(link, context) or not (link.conversation_id or tried):
        return link
    for conversation in of_contact(link, context):
        # An agent may have begun one, which we may hear of only later.
        if conversation.status != "resolved" and conversation.id != link.conversation_id:
            link = moved(link, conversation)
            context.services.chats.save_thread(link)
            break
    if is_over(link, context) and link.conversation_id and _is_blocked(link, context):
        # Chatwoot resolves every conversation of such a contact: this one takes all that comes.
        return dataclasses.replace(link, status="open")
    return link


def moved(link: ConversationLink, conversation: Conversation) -> ConversationLink:
    """The link to another conversation of the same contact."""
    return dataclasses.replace(link, conversation_id=conversation.id, status=conversation.status)


def latest_of_contact(link: ConversationLink, context: Context) -> ConversationLink:
    """A contact that was there before has conversations in our inbox: the latest goes on. It need
    not be ours: one that an agent began has a source_id that Chatwoot made up."""
    if link.conversation_id:
        return link
    latest = next(iter(of_contact(link, context)), None)
    return moved(link, latest) if latest is not None else link


def of_contact(link: ConversationLink, context: Context) -> list[Conversation]:
    """Those of the contact in our inbox, latest activity first; without those that are known to be
    another chat's, as after agents merged two contacts."""
    chats = context.services.chats
    try:
        conversations = context.chatwoot().conversations.of_contact(link.contact_id)
    except ContactGone:
        chats.forget_contact(link.integration_id, link.contact_id)
        what = N_("Chatwoot to settle a conversation that was deleted")
        raise NotYet(what, retry_after_s=_GOING_S) from None
    place = link.integration_id, link.chat_id
    return [
        conversation
        for conversation in conversations
        if chats.is_free(*place, conversation_id=conversation.id)
    ]


def begin(
    link: ConversationLink, context: Context, message: NewMessage | None = None
) -> tuple[ConversationLink, int]:
    """A new conversation, together with its first message in one call where there is one; the id of
    that, else 0."""
    status = "pending" if context.integration.options.start_as_pending else "open"
    try:
        made = context.chatwoot().conversations.create(
            link.contact_id, link.source_id, status, message
        )
    except ContactGone:
        context.services.chats.forget_contact(link.integration_id, link.contact_id)
        raise SourceTaken from None
    begun = dataclasses.replace(link, conversation_id=made.id, status=made.status)
    context.services.chats.save_thread(begun)
    return begun, made.message_id


def _is_blocked(link: ConversationLink, context: Context) -> bool:
    try:
        return context.chatwoot().contacts.get(link.contact_id).blocked
    except ContactGone:
        return False  # noticed, and corrected, where the conversation begins
