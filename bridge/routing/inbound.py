"""From WhatsApp to Chatwoot: one message, once, in one call when all is known.

Rules: chatwoot.md sections 3 to 5; the flags in ryzeapi.md section 2.5.
"""

import dataclasses
import logging
from collections.abc import Iterator
from typing import cast

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.messaging import MessageFields
from bridge.chatwoot.refusals import ConversationGone, FileTooLarge, MessageGone, SourceTaken
from bridge.errors import N_, NotYet
from bridge.gateways import base, jids
from bridge.gateways.base import GatewayRefuses, GatewayUnavailable
from bridge.messages import MEDIA, Address, Kind, Message, decode
from bridge.routing import contacts, media
from bridge.routing.context import FILE_S, Context
from bridge.routing.notes import note
from bridge.routing.outgoing import WHATSAPP_ID_PREFIX
from bridge.store.chats import Chat, Thread
from bridge.store.journal import Entry, Pair

log = logging.getLogger(__name__)

#: How often a conversation that was deleted is made anew for one message.
_HEALS = 3
#: How long a message waits for its file, in seconds, before it comes without: one that the
#: gateway does not have, and one that cannot be asked for because the gateway is down.
_FILE_PATIENCE_S = 600.0
_GATEWAY_PATIENCE_S = 24 * 3600.0
_FILE_PAUSE_S = 3.0


def deliver(entry: Entry, context: Context) -> list[Pair]:
    """Brings one message to Chatwoot; the pairs that this made. Raises BridgeErrors."""
    message = cast(Message, decode(entry.body))
    services = context.services
    chat = services.chats.get(entry.chat_id)
    known = services.chats.pair(entry.instance_id, message.id)
    match message.kind:
        case Kind.REVOKE:
            return _revoke(entry, message, context)
        case Kind.EDIT | Kind.REACTION:
            pass
        case _ if known is not None:
            return []  # it arrived before, or is the echo of our own send
        case _ if message.from_me and services.journal.is_sending(entry.chat_id):
            # It may be the echo of that send, which does not know its id yet.
            raise NotYet(N_("a send of ours in the same chat"), retry_after_s=0.5)
    return _put(entry, message, chat, context)


def _put(entry: Entry, message: Message, chat: Chat, context: Context) -> list[Pair]:
    text = _text(message, chat, context)
    if text is None:
        return []
    for _ in range(_HEALS):
        thread = contacts.ensure_contact(chat, context)
        contacts.keep_known(chat, thread, context)
        if entry.doubtful:
            found = _already_there(entry, message, thread, context)
            if found is not None:
                return [found]
        try:
            return [_post(entry, message, text, thread, context)]
        except ConversationGone:
            # Deleted in Chatwoot, perhaps with its contact: both are looked up anew.
            context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
        except SourceTaken:
            context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
    raise NotYet(N_("Chatwoot to settle a conversation that was deleted"), retry_after_s=5)


def _post(entry: Entry, message: Message, text: str, thread: Thread, context: Context) -> Pair:
    options = context.integration.options
    source_id = WHATSAPP_ID_PREFIX + _own_id(message)
    fresh = not thread.conversation_id or (
        thread.status == "resolved" and not options.reopen_resolved
    )
    fields: MessageFields = {"incoming": not message.from_me, "source_id": source_id}
    if about := _quoted(message, context):
        fields["content_attributes"] = about
    if message.kind in MEDIA:
        if fresh:
            thread = contacts.open_conversation(thread, context)
        return _post_media(entry, message, text, thread, context, fields)
    if fresh:
        thread, message_id = contacts.open_conversation_with(thread, text, context, fields)
    else:
        chatwoot = context.chatwoot()
        message_id = chatwoot.post_message(thread.conversation_id, text, **fields)
    return _pair(message, thread, message_id, context)


def _post_media(
    entry: Entry,
    message: Message,
    text: str,
    thread: Thread,
    context: Context,
    fields: MessageFields,
) -> Pair:
    chatwoot = context.chatwoot(FILE_S)
    try:
        with media.from_gateway(message, context) as file:
            message_id = chatwoot.post_file(
                thread.conversation_id,
                file.path,
                file_name=file.name,
                mime_type=file.mime_type,
                content=text,
                **fields,
            )
    except FileTooLarge:
        key = "too_large"
    except GatewayRefuses as error:
        key = "too_large" if isinstance(error, base.FileTooLarge) else "file_gone"
    except GatewayUnavailable as error:
        # The gateway may still be fetching it, or be down: it is waited for, not for ever.
        there = isinstance(error, base.FileNotYet)
        patience_s = _FILE_PATIENCE_S if there else _GATEWAY_PATIENCE_S
        if context.services.clock() - entry.received_at < patience_s:
            after_s = min(_FILE_PAUSE_S * (1 + entry.attempts / 4), 60.0)
            raise NotYet(N_("a file of the message"), retry_after_s=after_s) from error
        key = "file_gone"
    else:
        return _pair(message, thread, message_id, context)
    name = message.media.file_name if message.media else ""
    said = note(context.services.settings.language, key, name=name or message.kind)
    content = f"{text}\n\n{said}".strip()
    return _pair(
        message,
        thread,
        context.chatwoot().post_message(thread.conversation_id, content, **fields),
        context,
    )


def _already_there(entry: Entry, message: Message, thread: Thread, context: Context) -> Pair | None:
    """Whether an earlier try did arrive: its source_id is looked for, since Chatwoot takes the same
    message any number of times (chatwoot.md section 5)."""
    source_id = WHATSAPP_ID_PREFIX + _own_id(message)
    conversations = [thread.conversation_id] if thread.conversation_id else []
    if not conversations or not context.integration.options.reopen_resolved:
        latest = context.chatwoot().conversations_of(thread.source_id)[:3]
        conversations = [one.id for one in latest] or conversations
    for conversation_id in conversations:
        for one in _unknown(conversation_id, entry, context):
            if one.own_source_id == source_id:
                found = dataclasses.replace(thread, conversation_id=conversation_id, status="open")
                context.services.chats.save_thread(found)
                return _pair(message, found, one.id, context)
    return None


def _unknown(conversation_id: int, entry: Entry, context: Context) -> Iterator[AgentMessage]:
    """The newest messages of a conversation, and what lies between them and the end of what is
    known: after the restore of a backup that may be much. A lane is in order, so an earlier try is
    newer than all that is known of the customer."""
    chatwoot, chats = context.chatwoot(), context.services.chats
    latest = chatwoot.latest_messages(conversation_id)
    yield from latest
    after = chats.newest_from_customer(entry.chat_id, conversation_id)
    while after and latest and after < latest[0].id:
        page = chatwoot.messages_after(conversation_id, after)
        yield from page
        after = page[-1].id if page else 0


def _own_id(message: Message) -> str:
    """An edit or a reaction must not carry the id of the message that it is about."""
    if message.kind in {Kind.EDIT, Kind.REACTION}:
        return f"{message.kind}:{message.target_id}:{message.id}:{int(message.at)}"
    return message.id


def _quoted(message: Message, context: Context) -> dict[str, object]:
    """What a message is about, as Chatwoot finds it: by its own id where we know it, since a
    message that an agent wrote cannot be given a source_id (chatwoot.md section 5)."""
    about = message.target_id if message.kind in {Kind.EDIT, Kind.REACTION} else message.quoted_id
    if not about:
        return {}
    pair = context.services.chats.pair(context.instance.id, about)
    if pair is not None and pair.integration_id == context.integration.id:
        return {"in_reply_to": pair.chatwoot_id}
    return {"in_reply_to_external_id": WHATSAPP_ID_PREFIX + about}


def _pair(message: Message, thread: Thread, message_id: int, context: Context) -> Pair:
    return Pair(
        instance_id=context.instance.id,
        whatsapp_id=_own_id(message),
        chat_id=thread.chat_id,
        from_me=message.from_me,
        integration_id=context.integration.id,
        conversation_id=thread.conversation_id,
        chatwoot_id=message_id,
    )


def _text(message: Message, chat: Chat, context: Context) -> str | None:
    """What the agent reads; None when there is nothing to say."""
    language = context.services.settings.language
    text = markup.to_chatwoot(message.text)
    match message.kind:
        case Kind.EDIT:
            text = note(language, "edited", text=text)
        case Kind.REACTION:
            text = message.text or note(language, "unreacted")
        case Kind.LOCATION if message.place is not None:
            place = message.place
            title = ", ".join(filter(None, [place.name, place.address]))
            link = f"https://www.google.com/maps?q={place.latitude},{place.longitude}"
            text = "\n".join(filter(None, [note(language, "location", name=title), link]))
        case Kind.CONTACT:
            text = "\n\n".join(_card(card, language) for card in message.cards)
        case Kind.POLL:
            lines = [note(language, "poll", title=text), *(f"- {one}" for one in message.options)]
            text = "\n".join(lines)
        case Kind.UNKNOWN:
            text = text or note(language, "unknown", label=message.label or "?")
    if message.kind not in MEDIA and not text.strip():
        text = note(language, "unknown", label=message.label or message.kind)
    if chat.kind == "group" and not message.from_me:
        name = message.sender.name or _shown(message.sender)
        text = f"**{markup.plain(name)}**: {text}".rstrip()
    return markup.protect_liquid(text) if message.from_me else text


def _shown(address: Address) -> str:
    """A person without a name: the number, or the LID as it is, since that is none."""
    phone = jids.phone(address.jid)
    return f"+{phone}" if phone else address.lid.partition("@")[0]


def _card(card: object, language: str) -> str:
    lines = [note(language, "card", name=getattr(card, "name", ""))]
    lines += list(getattr(card, "phones", ()))
    lines += [one for one in (getattr(card, "organization", ""), getattr(card, "email", "")) if one]
    return "\n".join(lines)


def _revoke(entry: Entry, message: Message, context: Context) -> list[Pair]:
    """Deleted for everyone on WhatsApp: deleted in Chatwoot too."""
    pair = context.services.chats.pair(entry.instance_id, message.target_id)
    first_try = not entry.attempts and not entry.doubtful
    if pair is None or (pair.reached == "deleted" and first_try):
        return []
    # Noted first: Chatwoot tells us of every deletion, and this one must not travel back.
    context.services.chats.note_deleted(entry.instance_id, message.target_id)
    try:
        context.chatwoot().delete_message(pair.conversation_id, pair.chatwoot_id)
    except MessageGone:
        log.debug("message %s was gone already", pair.chatwoot_id)
    return []
