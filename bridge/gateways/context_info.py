"""Reads what surrounds the text of a message: its quote, its mentions, its advert. Pure.

Gateways pass on WhatsApp's own `contextInfo`, under that name or another
(docs/contracts/ryzeapi.md, Events).
"""

from msgspec.structs import replace

from bridge.domain.messages import Address, Advert, Message
from bridge.gateways import fallback_text, jids
from bridge.gateways.fields import Fields, clean

#: The names under which an object says which message it means.
_ID_NAMES = ("originalId", "messageId", "stanzaId", "quotedMessageId", "targetId", "id")
#: Where a quote may be: the live name first, then the catalogue's.
_QUOTES = ("context", "contextInfo", "reply", "replyTo", "quoted", "quotedMessage")
_MENTIONS = ("mentions", "mentionedJid", "mentionedJids")
#: WhatsApp's own numbers for what an advert shows.
_MEDIA_TYPES = {"1": "image", "2": "video"}
_MAX_MENTIONS = 100
_MAX_QUOTE = 4_000


def add(base: Message, flat: Fields) -> Message:
    """The message with its quote, its mentions, its advert and whether it was forwarded."""
    context = flat.part("context", "contextInfo")
    forwarded = context.flag("isForwarded") or (context.number("forwardingScore") or 0) > 0
    return replace(
        base,
        quoted_id=quoted_id(flat),
        quoted_text=_quoted_text(flat),
        mentions=mentions(flat),
        advert=_advert(flat, context),
        forwarded=base.forwarded or bool(forwarded),
    )


def message_id(value: object) -> str:
    """The id of the message that a value means: the value, its id, or the id of its key."""
    if value is None:
        return ""
    if text := clean(value):
        return text
    fields = Fields(value)
    return fields.text(*_ID_NAMES, "key") or fields.part("key").text(*_ID_NAMES)


def quoted_id(flat: Fields, *first_names: str) -> str:
    """The id of the message that this one answers, or is about."""
    ids = (message_id(flat.get(name)) for name in (*first_names, *_QUOTES))
    return next(filter(None, ids), "")


def _quoted_text(flat: Fields) -> str:
    """The text of the message that is answered, as far as the event repeats it."""
    for name in _QUOTES:
        quote = flat.part(name)
        quoted = flat.get(name) if name == "quotedMessage" else quote.get("quotedMessage")
        text = (
            clean(quoted)
            or fallback_text.find(quoted)
            or quote.text("text", "body", "content", "caption")
            or fallback_text.find(quote.get("content"))
        )
        if text:
            return text[:_MAX_QUOTE]
    return ""


def mentions(flat: Fields) -> tuple[Address, ...]:
    items = flat.items(*_MENTIONS) or flat.part("context", "contextInfo").items(*_MENTIONS)
    people = map(_person, items[:_MAX_MENTIONS])
    return tuple(dict.fromkeys(person for person in people if person.jid or person.lid))


def _person(value: object) -> Address:
    person = Fields(value)
    jid = clean(value) or person.text("jid", "id", "number")
    return jids.address(jid, person.text("lid"), person.text("name", "pushName"))


def _advert(flat: Fields, context: Fields) -> Advert | None:
    ad = context.part("externalAdReply") or flat.part("externalAdReply", "referral", "advert")
    media_type = ad.text("mediaType")
    advert = Advert(
        title=ad.text("title", "headline"),
        text=ad.text("body", "text", "description"),
        url=ad.link("sourceUrl", "url", "mediaUrl"),
        source_id=ad.text("sourceId"),
        source_type=ad.text("sourceType") or context.text("entryPointConversionSource"),
        media_type=_MEDIA_TYPES.get(media_type, media_type.lower()),
        image_url=ad.link("originalImageUrl", "imageUrl") or ad.link("thumbnailUrl"),
        click_id=ad.text("ctwaClid", "clickId"),
    )
    return advert if advert.title or advert.text or advert.url or advert.source_id else None
