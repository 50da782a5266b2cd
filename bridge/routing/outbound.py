"""From Chatwoot to WhatsApp: every send is written down before it is made, and made once.

Rules: ryzeapi.md sections 6 and 7 (nothing is resent blindly), chatwoot.md section 7.
"""

import contextlib
import logging
import secrets

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.deadline import Deadline
from bridge.errors import BridgeError
from bridge.gateways.base import Gateway, GatewayRefuses, GatewayUnavailable
from bridge.messages import Kind, Ladder, Reply
from bridge.routing import accept, media
from bridge.routing.accept import SOURCE_PREFIX, WHATSAPP_ID_PREFIX, Deletion, Part, Writing
from bridge.routing.context import CALL_S, FILE_S, Context
from bridge.routing.outcome import NotYet
from bridge.store.chats import Chat
from bridge.store.journal import Entry, Pair

log = logging.getLogger(__name__)

#: How often a message that came without its attachment is looked at again, and how far apart.
_FILE_TRIES = 5
_FILE_PAUSE_S = 2.0
_TYPING_FRESH_S = 15.0


def deliver(entry: Entry, context: Context) -> list[Pair]:
    """Brings one reply to WhatsApp; the pair that this made. Raises BridgeErrors."""
    match accept.read_outgoing(entry.body):
        case Part() as part:
            return _send(entry, part, context)
        case Deletion() as deletion:
            return _revoke(entry, deletion.message, context)
        case Writing():
            _show_typing(entry, context)
    return []


def _send(entry: Entry, part: Part, context: Context) -> list[Pair]:
    message, gateway = part.message, _gateway(context)
    _look_for_earlier(entry, message, context)
    if part.index == 0 and not message.text:
        if entry.attempts < _FILE_TRIES and not entry.doubtful:
            # Chatwoot may announce a message before its attachment is there (section 7.2).
            raise NotYet(what="the attachment of the message", after_s=_FILE_PAUSE_S)
        return []
    chat = context.services.chats.get(entry.chat_id)
    with contextlib.ExitStack() as files:
        reply = _reply(part, chat, context, files)
        source = f"{SOURCE_PREFIX}{secrets.token_hex(8)}"
        context.services.journal.start_sending(entry, source, now=context.services.clock())
        seconds = FILE_S if reply.file else CALL_S
        sent = gateway.send(reply, source=source, deadline=Deadline(seconds))
    if part.missed:
        _clear_failed_mark(message, context)
    _mark_read(chat, gateway, context)
    return [_pair(entry, message, sent.message_id, context)] if sent.message_id else []


def _look_for_earlier(entry: Entry, message: AgentMessage, context: Context) -> None:
    """Chatwoot's webhooks come in any order, or not at all: before a reply leaves, its conversation
    is asked for what else was written since the last one (chatwoot.md sections 5 and 7.4)."""
    services, one = context.services, context.integration
    thread = services.chats.thread(one.id, entry.chat_id)
    if thread is None or thread.checked_id >= message.id:
        return
    found = context.chatwoot().messages_after(message.conversation_id, thread.checked_id)
    fresh = [
        accept.from_agent(context.instance, one, earlier, services, missed=True)
        for earlier in found
        if earlier.created_at >= int(one.created_at)
    ]
    newest = max([message.id, *(earlier.id for earlier in found)])
    services.chats.note_checked(one.id, entry.chat_id, newest)
    if any(fresh):
        raise NotYet(what="earlier replies of this conversation", after_s=0)


def _reply(part: Part, chat: Chat, context: Context, files: contextlib.ExitStack) -> Reply:
    message = part.message
    quoted = _quoted(message, context)
    if part.index == 0:
        return Reply(
            to=chat.address, kind=Kind.TEXT, text=_text(message, context), quoted_id=quoted
        )
    attachment = message.attachments[part.index - 1]
    file = files.enter_context(media.from_chatwoot(attachment, context))
    return Reply(
        to=chat.address,
        kind=file.kind,
        text=_text(message, context) if part.caption else "",
        quoted_id=quoted if part.index == 1 else "",
        file=str(file.path),
        file_name=file.name,
        mime_type=file.mime_type,
        seconds=file.seconds,
    )


def _text(message: AgentMessage, context: Context) -> str:
    text = markup.to_whatsapp(message.text)
    name = message.sender_name if message.sender_type == "user" else ""
    if context.integration.options.sign_messages and name:
        return f"{markup.signature(name)}\n{text}"
    return text


def _quoted(message: AgentMessage, context: Context) -> str:
    """The WhatsApp id of the message that is replied to."""
    external = message.in_reply_to_external_id
    if external.startswith(WHATSAPP_ID_PREFIX):
        return external.removeprefix(WHATSAPP_ID_PREFIX)
    if not message.in_reply_to_id:
        return ""
    pairs = context.services.chats.pairs_of_chatwoot(context.instance.id, message.in_reply_to_id)
    return pairs[0].whatsapp_id if pairs else ""


def _revoke(entry: Entry, message: AgentMessage, context: Context) -> list[Pair]:
    """An agent deleted a message that we had sent: it is deleted for everyone."""
    gateway, chats = _gateway(context), context.services.chats
    if Kind.REVOKE not in gateway.capabilities.sends:
        return []
    chat = chats.get(entry.chat_id)
    for pair in chats.pairs_of_chatwoot(context.instance.id, message.id):
        if not pair.from_me or pair.reached == "deleted":
            continue
        reply = Reply(to=chat.address, kind=Kind.REVOKE, target_id=pair.whatsapp_id)
        try:
            gateway.send(reply, source=SOURCE_PREFIX + "delete", deadline=Deadline(CALL_S))
        except GatewayRefuses as error:
            log.info("message %s could not be taken back: %s", pair.whatsapp_id, error.message)
        chats.note_reached(context.instance.id, pair.whatsapp_id, "deleted")
    return []


def _show_typing(entry: Entry, context: Context) -> None:
    if context.services.clock() - entry.received_at > _TYPING_FRESH_S or context.gateway is None:
        return
    chat = context.services.chats.get(entry.chat_id)
    with contextlib.suppress(BridgeError):
        context.gateway.show_typing(chat.address, deadline=Deadline(5))


def _mark_read(chat: Chat, gateway: Gateway, context: Context) -> None:
    """Who answers has read; a failure here costs nothing but the blue ticks."""
    if not chat.last_in_id or not context.services.settings.mark_read:
        return
    with contextlib.suppress(BridgeError):
        gateway.mark_read(
            chat.address, [chat.last_in_id], sender=chat.last_in_sender, deadline=Deadline(5)
        )
    context.services.chats.note_read(chat.id, chat.last_in_id)


def _clear_failed_mark(message: AgentMessage, context: Context) -> None:
    """Chatwoot marked it as failed when our webhook did not answer (chatwoot.md section 7.4)."""
    if message.status == "failed" or message.external_error:
        with contextlib.suppress(BridgeError):
            context.chatwoot().set_status(message.conversation_id, message.id, Ladder.SENT, "")


def report_failure(entry: Entry, reason: str, context: Context) -> None:
    """Shows the agent that a reply did not go out, and why."""
    outgoing = accept.read_outgoing(entry.body)
    if isinstance(outgoing, Part):
        context.chatwoot().set_status(
            outgoing.message.conversation_id, outgoing.message.id, Ladder.FAILED, reason
        )


def _gateway(context: Context) -> Gateway:
    if context.gateway is None:
        raise GatewayUnavailable(base_url="", reason="no gateway is set for this instance")
    return context.gateway


def _pair(entry: Entry, message: AgentMessage, whatsapp_id: str, context: Context) -> Pair:
    return Pair(
        instance_id=entry.instance_id,
        whatsapp_id=whatsapp_id,
        chat_id=entry.chat_id,
        from_me=True,
        integration_id=context.integration.id,
        conversation_id=message.conversation_id,
        chatwoot_id=message.id,
    )
