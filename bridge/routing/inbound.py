"""From WhatsApp to Chatwoot: one message, once, in one call when all is known.

Rules: docs/contracts/chatwoot.md, Contacts, Conversations and Messages; the flags in
docs/contracts/ryzeapi.md, Chatwoot module.
"""

import dataclasses
import logging
from collections.abc import Iterator
from typing import cast

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone, MessageGone, SourceTaken
from bridge.errors import N_, NotYet
from bridge.gateways import jids
from bridge.messages import MEDIA, Address, Kind, Message, decode
from bridge.routing import contacts, outgoing, rights
from bridge.routing.context import Context
from bridge.routing.notes import note
from bridge.routing.outgoing import WHATSAPP_ID_PREFIX
from bridge.routing.posting import Posting, own_id, pieces
from bridge.store.chats import Chat, Thread
from bridge.store.journal import Entry, Pair
from bridge.texts import clean

log = logging.getLogger(__name__)

#: How often a conversation that was deleted is made anew for one message.
_HEALS = 3


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
        case _ if message.from_me and _may_be_echo(entry, context):
            # Of a send of ours that does not know its id yet.
            raise NotYet(N_("a send of ours in the same chat"), retry_after_s=0.5)
    return _put(entry, message, chat, context)


def _may_be_echo(entry: Entry, context: Context) -> bool:
    """Whether what comes from our own number may be the echo of a send that is under way. Where
    echoes carry our marker they were told apart at the door, and nobody waits for a send."""
    marked = context.gateway is not None and context.gateway.capabilities.echoes_source
    return not marked and context.services.journal.is_sending(entry.chat_id)


def _put(entry: Entry, message: Message, chat: Chat, context: Context) -> list[Pair]:
    said = pieces(message, _text(message, chat, context))
    for _ in range(_HEALS):
        thread = contacts.ensure_contact(chat, context)
        contacts.keep_known(chat, thread, context)
        found: list[AgentMessage] = []
        try:
            if entry.doubtful or len(said) > 1:  # of several, an earlier try may have brought some
                thread, found = _already_there(entry, message, thread, context)
            return Posting(entry, message, context, found).post(said, thread)
        except (ConversationGone, SourceTaken):
            # Deleted in Chatwoot, perhaps with its contact: both are looked up anew.
            context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
    raise NotYet(N_("Chatwoot to settle a conversation that was deleted"), retry_after_s=5)


def _already_there(
    entry: Entry, message: Message, thread: Thread, context: Context
) -> tuple[Thread, list[AgentMessage]]:
    """What an earlier try did bring, and where: its source_id is looked for, since Chatwoot takes
    the same message any number of times (docs/contracts/chatwoot.md, Messages)."""
    ours = WHATSAPP_ID_PREFIX + own_id(message)
    conversations = [thread.conversation_id] if thread.conversation_id else []
    if not conversations or not context.integration.options.reopen_resolved:
        latest = context.chatwoot().conversations_of(thread.source_id)[:3]
        # The one where it goes on may be an agent's, under another source_id.
        conversations += [one.id for one in latest if one.id not in conversations]
    for conversation_id in conversations:
        found = [
            one
            for one in _unknown(conversation_id, entry, context)
            if outgoing.whole_id(one.own_source_id) == ours
        ]
        if found:
            thread = dataclasses.replace(thread, conversation_id=conversation_id, status="open")
            context.services.chats.save_thread(thread)
            return thread, found
    return thread, []


def _unknown(conversation_id: int, entry: Entry, context: Context) -> Iterator[AgentMessage]:
    """The newest messages of a conversation, and what lies between them and the end of what was
    known when the entry was tried first: after the restore of a backup, or when a dead letter is
    replayed whose lane went on without it, that may be much."""
    chatwoot, chats = context.chatwoot(), context.services.chats
    latest = chatwoot.latest_messages(conversation_id)
    yield from latest
    place = context.integration.id, entry.chat_id, conversation_id
    after = chats.newest_from_customer(place)
    if not after:
        return
    before = chats.newest_before(place, entry.id)
    after = after if before is None else min(after, before)
    while latest and after < latest[0].id:
        page = chatwoot.messages_after(conversation_id, after)
        yield from page
        if not page:
            return
        after = page[-1].id


def _text(message: Message, chat: Chat, context: Context) -> str:
    """What the agent reads; empty only beside a file."""
    language = context.services.settings.language
    text = markup.to_chatwoot(clean(message.text))
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
    return text


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
    chats = context.services.chats
    pair = chats.pair(entry.instance_id, message.target_id)
    first_try = not entry.attempts and not entry.doubtful
    if pair is None or (pair.reached == "deleted" and first_try):
        return []
    if not rights.may_change(message, pair, chats.get(entry.chat_id), context):
        log.warning("a deletion names message %s, which is not its author's", message.target_id)
        return []
    for piece in chats.pieces(entry.instance_id, message.target_id):
        if piece.integration_id != context.integration.id:
            continue  # it stands in a Chatwoot that the instance was joined to before
        # Noted first: Chatwoot tells us of every deletion, and this one must not travel back.
        chats.note_deleted(entry.instance_id, piece.whatsapp_id)
        try:
            context.chatwoot().delete_message(piece.conversation_id, piece.chatwoot_id)
        except MessageGone:
            log.debug("message %s was gone already", piece.chatwoot_id)
    return []
