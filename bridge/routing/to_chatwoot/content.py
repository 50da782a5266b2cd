"""What a WhatsApp message becomes in Chatwoot: its text with the names of people, what it quotes,
and the advert that it answers.
"""

import contextlib
import time
from collections.abc import Mapping

from bridge import markup
from bridge.chatwoot import versions
from bridge.chatwoot.refusals import ConversationGone
from bridge.chatwoot.versions import Can
from bridge.domain.errors import BridgeError
from bridge.domain.messages import Address, Message
from bridge.domain.texts import clean
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import conversations, message_text, permissions
from bridge.store.chats import Chat
from bridge.store.conversation_links import ConversationLink
from bridge.store.journal import MessageLink

#: How long a name that a gateway gave is used, and how long the gateway may take, in seconds.
_KEEP_S = 3600.0
_CALL_S = 4.0
_MOST_NAMES = 4096
#: Until when (monotonic seconds) an address that a gateway gave is used, by instance and address.
_KNOWN: dict[tuple[int, str, str], tuple[float, Address]] = {}


def text(message: Message, chat: Chat, context: Context) -> str:
    """What the agent reads, in a group under the name of who wrote it; empty only beside a file."""

    def name_of(address: Address) -> str:
        return _name_of(address, context)

    written = message_text.text(message, context.services.settings.language, name_of=name_of)
    if chat.kind != "group" or message.from_me:
        return written
    return f"**{markup.plain(name_of(message.sender))}**: {written}".rstrip()


def _name_of(address: Address, context: Context) -> str:
    """The name of a person, else the phone number, else the LID; the gateway is asked for what the
    event leaves out (docs/contracts/ryzeapi.md, Addresses)."""
    if address.name:
        return address.name
    known = _known(address, context)
    return known.name or message_text.number_of(known) or message_text.number_of(address)


def _known(address: Address, context: Context) -> Address:
    key = context.instance.id, address.jid, address.lid
    expires_at, known = _KNOWN.get(key, (0.0, address))
    if context.gateway is None or expires_at > time.monotonic():
        return known
    try:
        known = context.gateway.profile(address, deadline=Deadline(_CALL_S)).address
    except GatewayError:
        return address
    if len(_KNOWN) >= _MOST_NAMES:
        _KNOWN.clear()
    _KNOWN[key] = time.monotonic() + _KEEP_S, known
    return known


def quote(
    message: Message, chat: Chat, link: ConversationLink, context: Context
) -> tuple[dict[str, object], str]:
    """What a message answers: as an attribute where Chatwoot can show it, else as its words.

    Chatwoot shows a message of the same conversation, found by its own id where we know it, since
    one that an agent wrote cannot be given a source_id (docs/contracts/chatwoot.md, Messages).
    """
    quoted_id = message.quoted_id
    words = markup.to_chatwoot(message_text.shortened(clean(message.quoted_text)))
    pair = context.services.chats.pair(context.instance.id, quoted_id) if quoted_id else None
    if pair is not None and not permissions.may_point_at(pair, chat):
        # Of another chat, such as a group that is answered in private: only what the event says.
        return {}, message_text.quote(words)
    if pair is not None and pair.integration_id != context.integration.id:
        pair = None
    if quoted_id and not conversations.is_over(link, context):
        if pair is not None and pair.conversation_id == link.conversation_id:
            return {"in_reply_to": pair.chatwoot_id}, ""
        if pair is None and (message_id := _in_chatwoot(quoted_id, link, context)):
            return {"in_reply_to": message_id}, ""
    shown = message_text.quote(words or _text_of(pair, context))
    if shown or not quoted_id or not versions.can(context.integration, Can.KEEP_ATTRIBUTES):
        return {}, shown
    return {"in_reply_to_external_id": WHATSAPP_ID_PREFIX + quoted_id}, ""


def _in_chatwoot(whatsapp_id: str, link: ConversationLink, context: Context) -> int:
    """A message that we have forgotten, as after half a year or the restore of an old backup, among
    the latest of the conversation; 0 where it is not."""
    with contextlib.suppress(BridgeError):
        for message in context.chatwoot().messages.latest(link.conversation_id):
            if message.own_source_id == WHATSAPP_ID_PREFIX + whatsapp_id:
                return message.id
    return 0


def _text_of(pair: MessageLink | None, context: Context) -> str:
    """The text in Chatwoot, in another conversation, of a message that is answered here."""
    if pair is None or pair.reached == "deleted":
        return ""
    try:
        page = context.chatwoot().messages.after(pair.conversation_id, pair.chatwoot_id - 1)
    except ConversationGone:
        return ""
    message = next((other for other in page if other.id == pair.chatwoot_id), None)
    if message is None or message.deleted:
        return ""
    return message.text or ("📎" if message.attachments else "")


def advert(message: Message) -> Mapping[str, object]:
    """The advert that a message answers, in the form in which Chatwoot keeps those of its own
    WhatsApp inboxes (docs/routing.md)."""
    advert = message.advert
    if advert is None:
        return {}
    fields = {
        "source_url": advert.url,
        "source_type": advert.source_type,
        "source_id": advert.source_id,
        "headline": advert.title,
        "body": advert.text,
        "media_type": advert.media_type,
        "image_url": advert.image_url,
        "ctwa_clid": advert.click_id,
    }
    return {"referral": {name: value for name, value in fields.items() if value}}
