"""From Chatwoot to WhatsApp: every send is written down before it is made, and made once.

Rules: docs/contracts/ryzeapi.md, Sending and Uncertain sends (nothing is resent blindly),
docs/contracts/chatwoot.md, Webhooks.
"""

import contextlib
import logging
import secrets
from dataclasses import dataclass

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import (
    ContactGone,
    ConversationGone,
    FileNotThere,
    FileRefused,
    FileTooLarge,
)
from bridge.domain.errors import N_, AddressLost, BridgeError, NothingToSend, NotYet, dump
from bridge.domain.messages import Address, Kind, Reply
from bridge.gateways import jids
from bridge.gateways.base import Gateway, GatewayRefuses
from bridge.net.deadline import Deadline
from bridge.routing import addresses, files, ids, jobs
from bridge.routing.context import CALL_S, FILE_S, Context
from bridge.routing.from_chatwoot import catchup, false_failures, surveys
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.jobs import TEXT_PART, Failure, ReplyPart
from bridge.routing.to_whatsapp import mentions
from bridge.store.chats import Chat
from bridge.store.journal import Entry, Journal, MessageLink, NewEntry

log = logging.getLogger(__name__)

#: How often a message that came without text and attachment is looked at again, and how far apart.
_FILE_TRIES = 5
_FILE_PAUSE_S = 1.0
#: How long an attachment that Chatwoot announces, and does not have, is asked for, in seconds.
_FILE_PATIENCE_S = 600.0
_TYPING_FRESH_S = 15.0
#: How long a claim of a send holds, in seconds: longer than any call takes.
CLAIM_S = FILE_S + 60.0


@dataclass(slots=True)
class Claim:
    """The right of `owner` to make one send, once, for CLAIM_S; `marker` begins its marker."""

    journal: Journal
    marker: str
    owner: str
    is_taken: bool = False

    def take(self, entry: Entry, to: str, *, now: float) -> str:
        """Writes the send down before it is made, `now` in UTC seconds; its marker. Raises NotYet,
        as where the address of the chat has changed, and StorageFailed."""
        source = self.marker + secrets.token_hex(8)
        until = now + CLAIM_S
        self.is_taken = self.journal.claim(
            entry, source, owner=self.owner, now=now, until=until, to=to
        )
        if not self.is_taken:
            raise NotYet(N_("an earlier reply that has come meanwhile"), retry_after_s=0)
        return source


def send(entry: Entry, part: ReplyPart, context: Context, claim: Claim) -> list[MessageLink]:
    """Sends one part of a reply; the pair of ids that this made. Raises BridgeErrors."""
    message, gateway = part.message, context.required_gateway()
    if context.is_here(entry):
        _store_earlier(entry, message, context)
        if entry.doubtful and _went_out(part, context):
            return []
        if part.index == TEXT_PART and not message.has_words:
            if not _has_files(entry, message, context):
                raise NothingToSend(kind=message.content_type or "text")
            return []
    chat = context.services.chats.get(entry.chat_id)
    if not chat.address:
        chat = _found_again(chat, context)
    with contextlib.ExitStack() as stack:
        reply = mentions.marked(_reply(entry, part, chat, context, stack), chat, context)
        source = claim.take(entry, reply.to, now=context.services.clock())
        seconds = FILE_S if reply.file else CALL_S
        sent = gateway.send(reply, source=source, deadline=Deadline(seconds))
    _learn(chat, reply.to, sent.reached, context)
    _mark_read(chat, gateway, context)
    return [
        MessageLink(
            instance_id=entry.instance_id,
            whatsapp_id=sent.message_id,
            chat_id=entry.chat_id,
            from_me=True,
            integration_id=_integration_of(entry, context),
            conversation_id=message.conversation_id,
            chatwoot_id=message.id,
            reference=sent.reference,
        )
    ]


def _found_again(chat: Chat, context: Context) -> Chat:
    """A chat that has lost its number to somebody else is reached where its contact says, once an
    agent has corrected that. Raises AddressLost."""
    chats = context.services.chats
    thread = chats.thread(context.integration.id, chat.id)
    number = ""
    if thread is not None and thread.contact_id:
        with contextlib.suppress(ContactGone):
            number = context.chatwoot().contacts.get(thread.contact_id).phone
    at = addresses.of_number(number)
    if at is None or not chats.adopt(chat, addresses.named(at), at.jid):
        raise AddressLost(number=f"+{jids.phone(chat.lost)}")
    context.services.wakeup.wake(look_again=True)
    return chats.get(chat.id)


def _learn(chat: Chat, to: str, at: Address, context: Context) -> None:
    """Notes where a send has come to, unless that is known: the number may be written otherwise in
    WhatsApp, and then the customer answers from there."""
    named, where = addresses.named(at), at.jid or at.lid
    chats = context.services.chats
    if not where or (chat.address == where and set(named.forms) <= set(chats.forms(chat.id))):
        return
    if chats.reached(chat, addresses.named(addresses.of_text(to)), named, where):
        context.services.wakeup.wake(look_again=True)


def _store_earlier(entry: Entry, message: AgentMessage, context: Context) -> None:
    """Asks what else was written since the last reply: Chatwoot's webhooks come in any order,
    or not at all (docs/contracts/chatwoot.md, Messages and Webhooks)."""
    thread = context.services.chats.thread(context.integration.id, entry.chat_id)
    if thread is None or thread.checked_id >= message.id:
        return
    try:
        seen_id = catchup.read_conversation(
            message.conversation_id, thread.checked_id, context
        ).seen_id
    except ConversationGone:  # with all that it held, but for what we have of it
        return
    # Of all that the answers showed nothing is missing: later replies among it need no look. The id
    # of this one proves nothing by itself, since anybody may have written it into a webhook.
    context.services.chats.note_checked(context.integration.id, entry.chat_id, seen_id)


def _went_out(part: ReplyPart, context: Context) -> bool:
    """Whether Chatwoot shows that a reply has arrived: only our receipts say so, and those of the
    bridge that a backup was taken from. Of several parts it does not say which."""
    message, count = part.message, len(part.message.attachments)
    if count > 1 or (count and message.has_words and not part.caption):
        return False
    try:
        later = context.chatwoot().messages.after(message.conversation_id, message.id - 1)
    except ConversationGone:
        return False
    return any(shown.id == message.id and shown.status in {"delivered", "read"} for shown in later)


def _has_files(entry: Entry, message: AgentMessage, context: Context) -> bool:
    """Whether the attachments have entries by now, for Chatwoot may announce a message before them
    (docs/contracts/chatwoot.md, Files). Raises NotYet while they may still come."""
    with contextlib.suppress(ConversationGone):
        catchup.read_conversation(message.conversation_id, message.id - 1, context)
    has_files = context.services.journal.knows_file(context.reply_id(message.id))
    if not has_files and entry.attempts < _FILE_TRIES:
        raise NotYet(N_("the attachment of the message"), retry_after_s=_FILE_PAUSE_S)
    return has_files


def _reply(
    entry: Entry, part: ReplyPart, chat: Chat, context: Context, stack: contextlib.ExitStack
) -> Reply:
    message = part.message
    quoted = _quoted(entry, message, context)
    attachment = part.attachment
    if attachment is None:
        return Reply(
            to=chat.address, kind=Kind.TEXT, text=_text(entry, message, context), quoted=quoted
        )
    if not context.is_here(entry):
        raise FileRefused(detail="it is in a Chatwoot that this instance is joined to no longer")
    try:
        file = stack.enter_context(files.from_chatwoot(attachment, context))
    except FileNotThere as error:
        if entry.age_s(context.services.clock()) < _FILE_PATIENCE_S:
            raise
        raise FileRefused(detail=error.message) from error
    carries_text = _carries_text(entry, part, context)
    if carries_text and file.kind in {Kind.VOICE, Kind.AUDIO}:
        # Its bytes say so, not what Chatwoot calls it, and a sound has no caption.
        words, now = _words_of(entry, part), context.services.clock()
        context.services.journal.accept(entry.instance_id, [words], now=now)
        raise NotYet(N_("the text of the message"), retry_after_s=0)
    return Reply(
        to=chat.address,
        kind=file.kind,
        text=_text(entry, message, context) if carries_text else "",
        quoted=quoted if part.index == 1 else "",
        file=str(file.path),
        file_name=file.name,
        mime_type=file.mime_type,
        seconds=file.seconds,
    )


def _carries_text(entry: Entry, part: ReplyPart, context: Context) -> bool:
    """Not when the text has gone ahead, because the file could not be sent."""
    text = entry.instance_id, entry.integration_id, jobs.text_key(part.message.id)
    return part.caption and not context.services.journal.knows(*text)


def _words_of(entry: Entry, part: ReplyPart) -> NewEntry:
    """The text of a reply, to leave before its file and apart from it."""
    words = ReplyPart(part.message, TEXT_PART)
    return jobs.reply_part(entry.chat_id, words, entry.integration_id)


def _text(entry: Entry, message: AgentMessage, context: Context) -> str:
    is_here = context.is_here(entry)
    text = surveys.text_of(message, entry, context) if is_here else markup.to_whatsapp(message.text)
    text = "\n".join([text] * bool(text) + list(message.menu))
    name = message.sender_name if message.sender_type == "user" else ""
    if context.integration.options.sign_messages and name:
        return f"{markup.signature(name)}\n{text}"
    return text


def _quoted(entry: Entry, message: AgentMessage, context: Context) -> str:
    """The gateway's reference of the message that is replied to; its bare id if it is unknown."""
    external = message.in_reply_to_external_id
    if not external and not message.in_reply_to_id:
        return ""
    chats = context.services.chats
    pairs = chats.pairs_of_chatwoot(_integration_of(entry, context), message.in_reply_to_id)
    quoted_id = external.removeprefix(WHATSAPP_ID_PREFIX) or (pairs[0].whatsapp_id if pairs else "")
    known = chats.pair(entry.instance_id, quoted_id)
    if known is not None and known.chat_id != chats.get(entry.chat_id).id:
        return ""  # it is another customer's, whoever gave it this id
    quoted_id = ids.whole_id(quoted_id)
    if quoted_id.count(":") == 3:
        # Of an edit or a reaction, the message that it is about is quoted:
        # `edit:<id>:<own>:<time>`.
        quoted_id = quoted_id.split(":")[1]
        known = chats.pair(entry.instance_id, quoted_id)
    return known.reference if known is not None else quoted_id


def revoke(entry: Entry, message: AgentMessage, context: Context) -> None:
    """An agent deleted a message that we had sent: it is deleted for everyone."""
    gateway, chats = context.required_gateway(), context.services.chats
    chat = chats.get(entry.chat_id)
    for pair in chats.pairs_of_chatwoot(_integration_of(entry, context), message.id):
        if not pair.from_me or pair.reached == "deleted":
            continue
        try:
            gateway.delete(chat.address, pair.reference, deadline=Deadline(CALL_S))
        except GatewayRefuses as error:
            log.info("message %s could not be taken back: %s", pair.whatsapp_id, error.message)
        chats.note_deleted(context.instance.id, pair.whatsapp_id)


def show_typing(entry: Entry, context: Context) -> None:
    """Shows the customer that an agent is typing, as long as that is news; never fails."""
    if context.services.clock() - entry.received_at > _TYPING_FRESH_S or context.gateway is None:
        return
    chat = context.services.chats.get(entry.chat_id)
    if not chat.address:
        return
    with contextlib.suppress(BridgeError):
        context.gateway.show_typing(chat.address, deadline=Deadline(5))


def _mark_read(chat: Chat, gateway: Gateway, context: Context) -> None:
    """Who answers has read; a failure here costs nothing but the blue ticks."""
    if not chat.last_in or not chat.address or not context.services.settings.mark_read:
        return
    with contextlib.suppress(BridgeError):
        gateway.mark_read(
            chat.address, chat.last_in, sender=chat.last_in_sender, deadline=Deadline(5)
        )
    context.services.chats.note_read(chat.id, chat.last_in)


def gone_out(entry: Entry, context: Context) -> None:
    """Looks a reply up that left so late that Chatwoot may show it as failed. Never fails."""
    part, late_s = jobs.decode(entry.body), context.services.clock() - entry.received_at
    if isinstance(part, ReplyPart) and (part.message.is_marked or late_s > false_failures.SOON_S):
        integration_id = _integration_of(entry, context)
        false_failures.look_up(integration_id, part.message, context.services)


def give_up(entry: Entry, error: BridgeError, shown: BridgeError, context: Context) -> None:
    """Shows the agent why a reply does not go out; where `error` is about a file, its text goes
    alone. Raises StorageFailed."""
    part = jobs.decode(entry.body)
    if not isinstance(part, ReplyPart):
        return
    message, now = part.message, context.services.clock()
    failure = Failure(message.conversation_id, message.id, dump(shown))
    new = [
        jobs.new(
            entry.chat_id,
            part.key,
            failure,
            position=int(now),
            replaces=True,
            integration_id=entry.integration_id,
        )
    ]
    if part.caption and isinstance(error, FileTooLarge | FileRefused | GatewayRefuses):
        new.append(_words_of(entry, part))
    context.services.journal.accept(entry.instance_id, new, now=now)
    context.services.wakeup.wake()


def _integration_of(entry: Entry, context: Context) -> str:
    """The one in whose Chatwoot the reply was written."""
    return entry.integration_id or context.integration.id
