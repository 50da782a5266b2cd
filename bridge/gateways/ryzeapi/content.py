"""What a message of RyzeAPI says: its kind and the parts that belong to it.

Source: docs/contracts/ryzeapi.md, Events, the table of parts. Many live names are unconfirmed
there, so each part is looked for under every name that a public reader uses.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bridge.domain.messages import ContactCard, Kind, Location, Media, Message
from bridge.gateways import fallback_text, rich_content, vcards
from bridge.gateways.base64_files import spool_text
from bridge.gateways.context_info import around, named, quoted
from bridge.gateways.fields import Fields, clean, file_name, mime_type, number

#: By the `type` of a message or of its media, in lower case without `_` and a final `message`.
_MEDIA_TYPES = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "gif": Kind.VIDEO,
    "ptv": Kind.VIDEO,
    "audio": Kind.AUDIO,
    "ptt": Kind.VOICE,
    "voice": Kind.VOICE,
    "document": Kind.DOCUMENT,
    "documentwithcaption": Kind.DOCUMENT,
    "file": Kind.DOCUMENT,
    "sticker": Kind.STICKER,
}
_REVOCATIONS = {"messagerevoke", "revoke", "revoked"}
_EDITS = {"messageedit", "edit", "edited"}
_TEXTS = {"text", "conversation", "extendedtext"}
_VOTES = {"pollvote", "pollupdate", "pollresponse"}
_ANSWERS = re.compile(r".*(response|reply)$")
#: What devices tell each other, and what WhatsApp remarks in a chat: nobody's words.
_NOISE = re.compile(
    r"(protocol|senderkey|fastratchet|ephemeralset|disappearing|expiration|(un)?pin(ned)?(inchat|$)"
    r"|keepinchat|appstate|historysync|messagehistory|peerdata|messagecontextinfo|initialsecurity"
    r"|ee(notification)?$|notification|groupnotification|gp$|lidmigration|stickersync|encreaction"
    r"|devicelist|chatassignment|callpermission|limitsharing|statusmention).*"
)
#: What announces messages that come by themselves.
_HEADERS = {"album"}
_MAX_OPTIONS = 12
_MAX_CARDS = 50
_MAX_SECONDS = 24 * 3600


def fill(
    base: Message, flat: Fields, *, spool: Path, vouched: Callable[[str], bool]
) -> Message | None:
    """`base` with the kind and the content of the message; Kind.UNKNOWN keeps its own name. None
    for what is nobody's message.

    `flat` is the message with its outer fields. `vouched` decides which addresses of media may be
    kept; a file that came inside is written to the folder `spool`.
    """
    kind_name = _type(flat.text("type", "messageType"))
    for change in (_revocation, _edit, _reaction):
        found = change(base, flat, kind_name)
        if found is not None:
            return found
    if _NOISE.fullmatch(kind_name) or kind_name == "reaction":
        return None  # a reaction that does not say to what
    base = around(base, flat)
    laid_out = rich_content.of(flat, now=base.at) if kind_name not in _TEXTS else None
    for read in (_vote, _choice, _poll, _place, _cards):
        found = read(base, flat, kind_name)
        if found is not None:
            return found
    text = _text(flat, kind_name)
    if laid_out is not None:
        layout, own_words = laid_out
        base = replace(base, rich=layout)
        text = "\n".join(dict.fromkeys(filter(None, [text, own_words])))
        text = "" if text in (layout.body, layout.title) else text
    with_file = _file(flat, kind_name, spool, vouched)
    if with_file is not None:
        kind, media = with_file
        return replace(base, kind=kind, media=media, text=text)
    if base.rich is not None:
        return replace(base, kind=Kind.RICH, text=text)
    if text or (kind_name in _TEXTS and base.advert is not None):
        return replace(base, kind=Kind.TEXT, text=text)
    if kind_name in _HEADERS:
        return None
    label = flat.text("type", "messageType")[:100]
    text = fallback_text.found_in(flat.without("type", "messageType").fields)
    return replace(base, kind=Kind.UNKNOWN, text=text, label=label)


def _type(said: str) -> str:
    """`imageMessage`, `image` and `IMAGE` are one: `image`."""
    plain = re.sub(r"[^a-z]", "", said.lower())
    return plain.removesuffix("message") or plain


def _text(flat: Fields, kind_name: str) -> str:
    """The text or the caption, wherever it stands."""
    said = clean(flat.get("content")) or flat.part("content").text("text", "body", "caption")
    if said.strip() == "{}" and kind_name not in _TEXTS:
        said = ""  # what the live service writes for no content at all
    return said or flat.text("text", "caption") or flat.part("media").text("caption")


def _revocation(base: Message, flat: Fields, kind_name: str) -> Message | None:
    if kind_name not in _REVOCATIONS:
        return None
    # Whether the event's own id or another one names what is gone is unconfirmed: both are read.
    target = quoted(flat, "revoke", "edit", "revokedMessageId", "targetId", "key") or base.id
    told = (flat, flat.part("revoke"), flat.part("sender"))
    by_admin = any(one.flag("byAdmin", "isAdmin", "admin", "revokedByAdmin") for one in told)
    return replace(base, kind=Kind.REVOKE, target_id=target, by_admin=by_admin)


def _edit(base: Message, flat: Fields, kind_name: str) -> Message | None:
    edit = flat.part("edit")
    if kind_name not in _EDITS and not flat.flag("isEdit") and not edit:
        return None
    target = quoted(flat, "edit", "originalId", "targetId") or base.id
    text = edit.text("text", "newContent", "content") or _text(flat, kind_name)
    text = text or fallback_text.found_in(edit.fields)
    mentions = around(base, flat).mentions
    return replace(base, kind=Kind.EDIT, target_id=target, text=text, mentions=mentions)


def _reaction(base: Message, flat: Fields, kind_name: str) -> Message | None:
    reaction = flat.get("reaction")
    if reaction is None and kind_name != "reaction":
        return None
    part = Fields(reaction)
    target = named(reaction) if part else quoted(flat)
    target = target or quoted(flat, "targetId")
    emoji = part.text("text", "emoji") if part else clean(reaction) or _text(flat, kind_name)
    if not target:
        return None
    return replace(base, kind=Kind.REACTION, target_id=target, text=emoji)


def _vote(base: Message, flat: Fields, kind_name: str) -> Message | None:
    """The options of a poll that were picked; none of them means that the vote was taken back."""
    part = flat.part("pollVote", "vote", "pollUpdate", "pollUpdateMessage")
    votes = part.part("vote")
    votes = votes if votes.has("selectedOptions") else part
    if kind_name not in _VOTES or not votes.has("selectedOptions"):
        return None
    options = [_option(one) for one in votes.items("selectedOptions")[:_MAX_OPTIONS]]
    poll = part.text("pollMessageId", "pollId", "pollCreationMessageId")
    poll = poll or named(part.get("pollCreationMessageKey", "pollKey", "poll", "key"))
    picked = ", ".join(filter(None, options))
    if options and not picked:
        return None  # told in a way that cannot be read
    return replace(base, kind=Kind.VOTE, text=picked, quoted_id=poll or base.quoted_id)


def _option(value: object) -> str:
    return clean(value) or Fields(value).text("name", "optionName", "text", "title")


def _choice(base: Message, flat: Fields, kind_name: str) -> Message | None:
    """A button or a row of a list that was picked; its words, else its id."""
    part = flat.part(
        "interactive", "buttonResponse", "listResponse", "templateButtonReply", "pollVote", "vote"
    )
    is_answer = kind_name in _VOTES or _ANSWERS.fullmatch(kind_name) is not None
    if not part and not is_answer:
        return None
    row = part.part("singleSelectReply", "selectedReply")
    options = [_option(one) for one in part.items("selectedOptions")]
    picked = [
        row.text("optionName", "title"),
        ", ".join(one for one in options[:_MAX_OPTIONS] if one),
        part.text("selectedDisplayText", "selectedText", "displayText"),
    ]
    ids = part.text("selectedButtonId", "selectedRowId", "selectedId", "selectedIndex")
    ids = ids or row.text("selectedRowId", "rowId", "id")
    if not any(picked) and not ids and not is_answer:
        return None
    said = [*picked, part.text("title", "body", "text"), _text(flat, kind_name), ids]
    text = next((one for one in said if one), "")
    if not text:
        return None
    return replace(base, kind=Kind.CHOICE, text=text)


def _poll(base: Message, flat: Fields, kind_name: str) -> Message | None:
    poll = flat.part("poll", "pollCreation")
    if not poll:
        return None
    options = [_option(one) for one in poll.items("options")]
    title = poll.text("title", "name", "question")
    if not title and not any(options):
        return None
    kept = tuple(one for one in options if one)[:_MAX_OPTIONS]
    return replace(base, kind=Kind.POLL, text=title, options=kept)


def _place(base: Message, flat: Fields, kind_name: str) -> Message | None:
    place = flat.part("location", "liveLocation")
    if not place:
        return None
    latitude = place.number("latitude", "degreesLatitude", "lat")
    longitude = place.number("longitude", "degreesLongitude", "lng")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    found = Location(
        latitude,
        longitude,
        place.text("name", "title"),
        place.text("address"),
        live="live" in kind_name or not flat.part("location") or bool(place.flag("live", "isLive")),
    )
    text = _text(flat, kind_name) or place.text("caption", "comment")
    return replace(base, kind=Kind.LOCATION, location=found, text=text)


def _cards(base: Message, flat: Fields, kind_name: str) -> Message | None:
    if kind_name in _TEXTS:
        return None
    written = flat.items("contacts", "contact", "vcards")
    cards = [card for one in written[:_MAX_CARDS] if (card := _card(one)) is not None]
    if not cards:
        return None
    text = _text(flat, kind_name)
    text = "" if "BEGIN:VCARD" in text else text
    return replace(base, kind=Kind.CONTACT, cards=tuple(cards), text=text)


def _card(value: object) -> ContactCard | None:
    if isinstance(value, str):
        return vcards.parse(clean(value))
    part = Fields(value)
    return vcards.parse(
        part.text("vcard"),
        name=part.text("displayName", "name", "fullName"),
        phone=part.text("phoneNumber", "phone"),
    )


def _file(
    flat: Fields, kind_name: str, spool: Path, vouched: Callable[[str], bool]
) -> tuple[Kind, Media] | None:
    part = flat.part("media")
    is_view_once = kind_name.startswith("viewonce")
    if not part and kind_name not in _MEDIA_TYPES and not is_view_once:
        return None
    mime = mime_type(part.text("mimetype", "mime"))
    kind = _media_kind(part, flat, kind_name, mime)
    urls = (part.text("s3Url"), part.text("url"))
    seconds = number(part.get("duration", "seconds")) or 0
    encoded: Any = part.get("base64")
    spooled = _spooled(encoded, spool) if isinstance(encoded, str) else ""
    return kind, Media(
        mime_type=mime,
        file_name=file_name(part.text("fileName")),
        url=next((url for url in urls if vouched(url)), ""),
        spooled=spooled,
        seconds=int(min(max(seconds, 0), _MAX_SECONDS)),
        view_once=is_view_once or bool(part.flag("viewOnce", "isViewOnce") or _is_once(flat)),
    )


def _is_once(flat: Fields) -> bool:
    return bool(flat.flag("viewOnce", "isViewOnce"))


def _spooled(encoded: str, spool: Path) -> str:
    """Where the file that came inside now lies; empty when it could not be kept.

    That loses nothing: a file that is not here is asked for at the gateway.
    """
    try:
        path = spool_text(encoded, spool)
    except OSError:
        return ""
    return str(path) if path else ""


def _media_kind(part: Fields, flat: Fields, kind_name: str, mime: str) -> Kind:
    """By the MIME type; by the `type` only where that says nothing.

    A voice note with `audio/mpeg` has been seen under the type of a plain file.
    """
    told = _type(part.text("type"))
    types = [_MEDIA_TYPES[one] for one in (told, kind_name) if one in _MEDIA_TYPES]
    flags = [part.flag("isVoiceNote", "ptt"), flat.flag("isVoiceNote", "ptt")]
    is_voice = next((flag for flag in flags if flag is not None), Kind.VOICE in types)
    family = "audio" if mime == "application/ogg" else mime.partition("/")[0]
    if family == "audio":
        return Kind.VOICE if is_voice else Kind.AUDIO
    if Kind.STICKER in types and family in ("image", ""):
        return Kind.STICKER
    if family in ("image", "video"):
        return Kind.IMAGE if family == "image" else Kind.VIDEO
    if mime or not types:
        return Kind.DOCUMENT
    return Kind.VOICE if types[0] is Kind.AUDIO and is_voice else types[0]
