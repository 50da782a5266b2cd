"""What stands around the words of a message: what it answers, whom it names, what brought it. Pure.

Gateways pass on WhatsApp's own `contextInfo`, under that name or another
(docs/contracts/ryzeapi.md, Events).
"""

import re

from msgspec.structs import replace

from bridge.domain.messages import Address, Advert, Message
from bridge.gateways import fallback_text, jids
from bridge.gateways.fields import Fields, clean, number

#: The names under which a part says which message it means.
_NAMES_OF_ID = ("originalId", "messageId", "stanzaId", "quotedMessageId", "targetId", "id")
#: Where a quote may be: the live name first, then the catalogue's.
_QUOTES = ("context", "contextInfo", "reply", "replyTo", "quoted", "quotedMessage")
_LINK = re.compile(r"https?://\S+")
#: WhatsApp's own numbers for what an advert shows.
_SHOWN = {"1": "image", "2": "video"}
_MOST_MENTIONS = 100
_MOST_QUOTED = 4_000


def around(base: Message, flat: Fields) -> Message:
    """The message with its quote, its mentions, its advert and whether it was forwarded."""
    context = flat.part("context", "contextInfo")
    forwarded = context.flag("isForwarded") or (number(context.get("forwardingScore")) or 0) > 0
    return replace(
        base,
        quoted_id=quoted(flat),
        quoted_text=_quoted_text(flat),
        mentions=_mentions(flat, context),
        advert=_advert(flat, context),
        forwarded=base.forwarded or bool(forwarded),
    )


def named(value: object) -> str:
    """The id of the message that a part means: the part itself, its id, or the id of its key."""
    if value is None:
        return ""
    if found := clean(value):
        return found
    part = Fields(value)
    return part.text(*_NAMES_OF_ID, "key") or part.part("key").text(*_NAMES_OF_ID)


def quoted(flat: Fields, *more: str) -> str:
    """The id of the message that this one answers, or is about."""
    return next((found for name in (*more, *_QUOTES) if (found := named(flat.get(name)))), "")


def _quoted_text(flat: Fields) -> str:
    """The words of the message that is answered, as far as the event repeats them."""
    for name in _QUOTES:
        part = flat.part(name)
        told = flat.get(name) if name == "quotedMessage" else part.get("quotedMessage")
        said = clean(told) or fallback_text.found_in(told)
        said = said or part.text("text", "body", "content", "caption")
        said = said or fallback_text.found_in(part.get("content"))
        if said:
            return said[:_MOST_QUOTED]
    return ""


def _mentions(flat: Fields, context: Fields) -> tuple[Address, ...]:
    told = flat.items("mentions", "mentionedJid", "mentionedJids")
    told = told or context.items("mentions", "mentionedJid", "mentionedJids")
    found = [_person(one) for one in told[:_MOST_MENTIONS]]
    return tuple(dict.fromkeys(one for one in found if one.jid or one.lid))


def _person(value: object) -> Address:
    part = Fields(value)
    if not part:
        return jids.address(clean(value))
    return jids.address(
        part.text("jid", "id", "number"), part.text("lid"), part.text("name", "pushName")
    )


def _advert(flat: Fields, context: Fields) -> Advert | None:
    part = context.part("externalAdReply") or flat.part("externalAdReply", "referral", "advert")
    if not part:
        return None
    media_type = part.text("mediaType")
    urls = (part.text("sourceUrl", "url", "mediaUrl"), part.text("originalImageUrl", "imageUrl"))
    url, image_url = (one if _LINK.fullmatch(one) else "" for one in urls)
    if not image_url and _LINK.fullmatch(part.text("thumbnailUrl")):
        image_url = part.text("thumbnailUrl")
    found = Advert(
        title=part.text("title", "headline"),
        text=part.text("body", "text", "description"),
        url=url,
        source_id=part.text("sourceId"),
        source_type=part.text("sourceType") or context.text("entryPointConversionSource"),
        media_type=_SHOWN.get(media_type, media_type.lower()),
        image_url=image_url,
        click_id=part.text("ctwaClid", "clickId"),
    )
    return found if found.title or found.text or found.url or found.source_id else None
