"""What a message of WhatsApp refers to, as its agent finds it: quotes, names, an advert."""

import contextlib
from collections.abc import Mapping

from bridge.chatwoot import versions
from bridge.chatwoot.refusals import ConversationGone
from bridge.chatwoot.versions import Can
from bridge.domain.errors import BridgeError
from bridge.domain.messages import Address, Message
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import contacts, message_text, permissions, person_names
from bridge.store.chats import Chat, ConversationLink
from bridge.store.journal import MessageLink


def text(message: Message, chat: Chat, context: Context) -> str:
    """What the agent reads, in a group under the name of who wrote it; empty only beside a file."""
    language = context.services.settings.language

    def called(address: Address) -> str:
        return person_names.name_of(address, context)

    said = message_text.text(message, language, called=called)
    if chat.kind != "group" or message.from_me:
        return said
    return f"**{message_text.heading(called(message.sender))}**: {said}".rstrip()


def quote(
    message: Message, chat: Chat, thread: ConversationLink, context: Context
) -> tuple[dict[str, object], str]:
    """What a message answers: as an attribute where Chatwoot can show it, else as the words of it.

    Chatwoot shows a message of the same conversation, found by its own id where we know it, since
    one that an agent wrote cannot be given a source_id (docs/contracts/chatwoot.md, Messages).
    """
    wanted = message.quoted_id
    pair = context.services.chats.pair(context.instance.id, wanted) if wanted else None
    if pair is not None and not permissions.may_point_at(pair, chat):
        # Of another chat, such as a group that is answered in private: only what the event says.
        return {}, message_text.quote(message.quoted_text)
    if pair is not None and pair.integration_id != context.integration.id:
        pair = None
    goes_on = not contacts.is_over(thread, context)
    if pair is not None and goes_on and pair.conversation_id == thread.conversation_id:
        return {"in_reply_to": pair.chatwoot_id}, ""
    if pair is None and wanted and goes_on and (found := _in_chatwoot(wanted, thread, context)):
        return {"in_reply_to": found}, ""
    words = message.quoted_text
    said = (
        message_text.quote(words) if words else message_text.quote_shown(_words_of(pair, context))
    )
    if said or not wanted or not versions.can(context.integration, Can.KEEP_ATTRIBUTES):
        return {}, said
    return {"in_reply_to_external_id": WHATSAPP_ID_PREFIX + wanted}, ""


def _in_chatwoot(whatsapp_id: str, thread: ConversationLink, context: Context) -> int:
    """A message that we have forgotten, as after half a year or the restore of an old backup, among
    the latest of the conversation; 0 where it is not."""
    with contextlib.suppress(BridgeError):
        for one in context.chatwoot().messages.latest(thread.conversation_id):
            if one.own_source_id == WHATSAPP_ID_PREFIX + whatsapp_id:
                return one.id
    return 0


def origin(message: Message) -> Mapping[str, object]:
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
    return {"referral": {name: one for name, one in fields.items() if one}}


def _words_of(pair: MessageLink | None, context: Context) -> str:
    """What stands in Chatwoot, in another conversation, for a message that is answered here."""
    if pair is None or pair.reached == "deleted":
        return ""
    try:
        listed = context.chatwoot().messages.after(pair.conversation_id, pair.chatwoot_id - 1)
    except ConversationGone:
        return ""
    found = next((one for one in listed if one.id == pair.chatwoot_id), None)
    if found is None or found.deleted:
        return ""
    return found.text or ("📎" if found.attachments else "")
