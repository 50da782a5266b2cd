"""Finds or makes the contact and the conversation of a chat, once.

What is known is in the database and is healed when Chatwoot says otherwise; nothing is guessed from
a memory that forgets. A chat is one lane, so two first messages cannot make two contacts.
Rules: chatwoot.md sections 3 and 4.
"""

import dataclasses
import logging

from bridge.chatwoot.messaging import MessageFields, NewMessage
from bridge.chatwoot.refusals import ContactGone, PhoneTaken, SourceTaken
from bridge.errors import BridgeError, ChatwootUnreachable
from bridge.gateways import jids
from bridge.messages import Message
from bridge.routing.context import Context
from bridge.store.chats import Chat, Thread

log = logging.getLogger(__name__)


def ensure_contact(chat: Chat, message: Message, context: Context) -> Thread:
    """The thread of a chat with a contact that stands in our inbox. Raises BridgeErrors."""
    chats = context.services.chats
    thread = chats.thread(context.integration.id, chat.id)
    if thread is not None and thread.contact_id:
        return thread
    source_id = thread.source_id if thread else _source_id(chat, context)
    found = _make_or_find(chat, source_id, context)
    ready = dataclasses.replace(
        thread or Thread(context.integration.id, chat.id, source_id),
        contact_id=found,
        given_name="",
    )
    if chat.name == "":
        ready = dataclasses.replace(ready, given_name=_fallback_name(chat, context))
    chats.save_thread(ready)
    return ready


def open_conversation(thread: Thread, context: Context) -> Thread:
    """A new conversation without a message in it yet."""
    opened, _ = _open(thread, context, None)
    return opened


def open_conversation_with(
    thread: Thread, text: str, context: Context, fields: MessageFields
) -> tuple[Thread, int]:
    """A new conversation together with its first message, in one call; the message's id."""
    return _open(thread, context, {"content": text, **fields})


def _open(thread: Thread, context: Context, message: NewMessage | None) -> tuple[Thread, int]:
    status = "pending" if context.integration.options.start_as_pending else "open"
    try:
        made = context.chatwoot().create_conversation(
            thread.contact_id, thread.source_id, status, message
        )
    except ContactGone:
        context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
        raise SourceTaken from None
    opened = dataclasses.replace(
        thread, conversation_id=made.id, status=made.status, checked_id=thread.checked_id
    )
    context.services.chats.save_thread(opened)
    return opened, made.message_id


def _make_or_find(chat: Chat, source_id: str, context: Context) -> int:
    """The contact's id. A contact that an agent made by phone number is used, in either Brazilian
    form of the number; one that an earlier try made is found by its source_id."""
    phone = _phone(chat, context)
    forms = [f"+{one}" for one in jids.variants(phone)] if phone else []
    if len(forms) > 1:
        found = context.chatwoot().find_contacts_by_phone(forms)
        if found:
            return _join(found[0].id, source_id, context)
    identifier = next(iter(context.services.chats.forms(chat.id)), chat.address)
    try:
        return context.chatwoot().create_contact(
            name=chat.name or _fallback_name(chat, context),
            phone=f"+{phone}" if phone else "",
            identifier=identifier,
            source_id=source_id,
        )
    except (PhoneTaken, SourceTaken) as taken:
        return _existing(forms, identifier, source_id, context, taken)
    except ChatwootUnreachable as error:
        # A source_id that is in use makes Chatwoot stumble instead of refuse (section 3).
        known = _by_source(source_id, context)
        if known is None:
            raise error
        return known


def _existing(
    forms: list[str], identifier: str, source_id: str, context: Context, taken: BridgeError
) -> int:
    known = _by_source(source_id, context)
    if known is not None:
        return known
    found = context.chatwoot().find_contacts_by_phone(forms) if forms else []
    if not found:
        found = context.chatwoot().find_contacts_by_identifier(identifier)
    if not found:
        raise taken
    return _join(found[0].id, source_id, context)


def _join(contact_id: int, source_id: str, context: Context) -> int:
    context.chatwoot().add_contact_inbox(contact_id, source_id)
    return contact_id


def _by_source(source_id: str, context: Context) -> int | None:
    try:
        return context.chatwoot().find_contact_inbox(source_id)
    except BridgeError as error:
        log.debug("looking up %s failed: %s", source_id, error.message)
        return None


def _phone(chat: Chat, context: Context) -> str:
    """The digits of a chat's phone number; a LID is never one (ryzeapi.md section 7.4)."""
    for form in context.services.chats.forms(chat.id):
        if form.endswith("@s.whatsapp.net"):
            return form.partition("@")[0]
    return ""


def _source_id(chat: Chat, context: Context) -> str:
    return _phone(chat, context) or chat.address


def _fallback_name(chat: Chat, context: Context) -> str:
    phone = _phone(chat, context)
    return f"+{phone}" if phone else chat.address.partition("@")[0]
