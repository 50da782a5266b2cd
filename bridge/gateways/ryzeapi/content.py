"""What a message of RyzeAPI says: its kind and the parts that belong to it.

Source: docs/contracts/ryzeapi.md, Events, the table of parts. Many live names are unconfirmed
there, so each part is looked for under every name that a public reader uses.
"""

import re
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from bridge.domain.messages import ContactCard, Kind, Location, Media, Message
from bridge.domain.texts import file_name
from bridge.gateways import context_info, fallback_text, rich_content, vcards
from bridge.gateways.base64_files import spool_text
from bridge.gateways.context_info import message_id, quoted_id
from bridge.gateways.fields import Fields, clean, mime_type

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
#: What devices exchange, and WhatsApp's own remarks in a chat: no message of anybody.
_NOISE = re.compile(
    r"(protocol|senderkey|fastratchet|ephemeralset|disappearing|expiration|(un)?pin(ned)?(inchat|$)"
    r"|keepinchat|appstate|historysync|messagehistory|peerdata|messagecontextinfo|initialsecurity"
    r"|ee(notification)?$|notification|groupnotification|gp$|lidmigration|stickersync|encreaction"
    r"|devicelist|chatassignment|callpermission|limitsharing|statusmention).*"
)
_MAX_OPTIONS = 12
_MAX_CARDS = 50
_MAX_SECONDS = 24 * 3600


def read(
    base: Message, flat: Fields, *, spool: Path, is_trusted: Callable[[str], bool]
) -> Message | None:
    """`base` with the kind and the content of the message; Kind.UNKNOWN keeps its own name. None
    for what is nobody's message.

    `flat` is the message with its outer fields. `is_trusted` decides which addresses of media may
    be stored; a file that came inside is written to the folder `spool`.
    """
    type_name = _folded_type(flat.text("type", "messageType"))
    for read_change in (_revocation, _edit, _reaction):
        change = read_change(base, flat, type_name)
        if change is not None:
            return change
    if _NOISE.fullmatch(type_name) or type_name == "reaction":
        return None  # a reaction that does not say to what
    base = context_info.add(base, flat)
    rich = rich_content.read(flat, now=base.at) if type_name not in _TEXTS else None
    for read_part in (_vote, _choice, _poll, _location, _contact):
        message = read_part(base, flat, type_name)
        if message is not None:
            return message
    text = _text(flat, type_name)
    if rich is not None:
        content, own_text = rich
        base = replace(base, rich=content)
        text = "\n".join(dict.fromkeys(filter(None, [text, own_text])))
        text = "" if text in (content.body, content.title) else text
    file = _file(flat, type_name, spool, is_trusted)
    if file is not None:
        kind, media = file
        return replace(base, kind=kind, media=media, text=text)
    if base.rich is not None:
        return replace(base, kind=Kind.RICH, text=text)
    if text or (type_name in _TEXTS and base.advert is not None):
        return replace(base, kind=Kind.TEXT, text=text)
    if type_name == "album":
        return None  # it announces messages that come by themselves
    text = fallback_text.find(flat.without("type", "messageType").by_name)
    return replace(base, text=text, label=flat.text("type", "messageType")[:100])


def _folded_type(word: str) -> str:
    """`imageMessage`, `image` and `IMAGE` are one: `image`."""
    plain = re.sub(r"[^a-z]", "", word.lower())
    return plain.removesuffix("message") or plain


def _text(flat: Fields, type_name: str) -> str:
    """The text or the caption, wherever it stands."""
    text = clean(flat.get("content")) or flat.part("content").text("text", "body", "caption")
    if text.strip() == "{}" and type_name not in _TEXTS:
        text = ""  # what the live service writes for no content at all
    return text or flat.text("text", "caption") or flat.part("media").text("caption")


def _revocation(base: Message, flat: Fields, type_name: str) -> Message | None:
    if type_name not in _REVOCATIONS:
        return None
    # Whether the event's own id or another one names what is gone is unconfirmed: both are read.
    target = quoted_id(flat, "revoke", "edit", "revokedMessageId", "targetId", "key") or base.id
    parts = (flat, flat.part("revoke"), flat.part("sender"))
    by_admin = any(part.flag("byAdmin", "isAdmin", "admin", "revokedByAdmin") for part in parts)
    return replace(base, kind=Kind.REVOKE, target_id=target, by_admin=by_admin)


def _edit(base: Message, flat: Fields, type_name: str) -> Message | None:
    edit = flat.part("edit")
    if type_name not in _EDITS and not flat.flag("isEdit") and not edit:
        return None
    target = quoted_id(flat, "edit", "originalId", "targetId") or base.id
    text = edit.text("text", "newContent", "content") or _text(flat, type_name)
    text = text or fallback_text.find(edit.by_name)
    mentions = context_info.mentions(flat)
    return replace(base, kind=Kind.EDIT, target_id=target, text=text, mentions=mentions)


def _reaction(base: Message, flat: Fields, type_name: str) -> Message | None:
    value = flat.get("reaction")
    if value is None and type_name != "reaction":
        return None
    reaction = Fields(value)
    target = message_id(value) if reaction else quoted_id(flat)
    target = target or quoted_id(flat, "targetId")
    if not target:
        return None
    emoji = reaction.text("text", "emoji") if reaction else clean(value) or _text(flat, type_name)
    return replace(base, kind=Kind.REACTION, target_id=target, text=emoji)


def _vote(base: Message, flat: Fields, type_name: str) -> Message | None:
    """The options of a poll that were picked; none of them means that the vote was taken back."""
    update = flat.part("pollVote", "vote", "pollUpdate", "pollUpdateMessage")
    vote = update.part("vote")
    vote = vote if vote.has("selectedOptions") else update
    if type_name not in _VOTES or not vote.has("selectedOptions"):
        return None
    options = _options(vote, "selectedOptions")
    if vote.items("selectedOptions") and not options:
        return None  # in a form that cannot be read
    poll = update.text("pollMessageId", "pollId", "pollCreationMessageId")
    poll = poll or message_id(update.get("pollCreationMessageKey", "pollKey", "poll", "key"))
    picked = ", ".join(options)
    return replace(base, kind=Kind.VOTE, text=picked, quoted_id=poll or base.quoted_id)


def _options(fields: Fields, name: str) -> tuple[str, ...]:
    """The texts of options, empty ones left out."""
    texts = (
        clean(item) or Fields(item).text("name", "optionName", "text", "title")
        for item in fields.items(name)
    )
    return tuple(filter(None, texts))[:_MAX_OPTIONS]


def _choice(base: Message, flat: Fields, type_name: str) -> Message | None:
    """A button or a row of a list that was picked; its text, else its id."""
    choice = flat.part(
        "interactive", "buttonResponse", "listResponse", "templateButtonReply", "pollVote", "vote"
    )
    is_response = type_name in _VOTES or type_name.endswith(("response", "reply"))
    row = choice.part("singleSelectReply", "selectedReply")
    picked = (
        row.text("optionName", "title")
        or ", ".join(_options(choice, "selectedOptions"))
        or choice.text("selectedDisplayText", "selectedText", "displayText")
    )
    ids = choice.text("selectedButtonId", "selectedRowId", "selectedId", "selectedIndex")
    ids = ids or row.text("selectedRowId", "rowId", "id")
    if not picked and not ids and not is_response:
        return None
    text = picked or choice.text("title", "body", "text") or _text(flat, type_name) or ids
    return replace(base, kind=Kind.CHOICE, text=text) if text else None


def _poll(base: Message, flat: Fields, type_name: str) -> Message | None:
    poll = flat.part("poll", "pollCreation")
    title, options = poll.text("title", "name", "question"), _options(poll, "options")
    if not title and not options:
        return None
    return replace(base, kind=Kind.POLL, text=title, options=options)


def _location(base: Message, flat: Fields, type_name: str) -> Message | None:
    part = flat.part("location", "liveLocation")
    latitude = part.number("latitude", "degreesLatitude", "lat")
    longitude = part.number("longitude", "degreesLongitude", "lng")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    location = Location(
        latitude,
        longitude,
        part.text("name", "title"),
        part.text("address"),
        live="live" in type_name or not flat.part("location") or bool(part.flag("live", "isLive")),
    )
    text = _text(flat, type_name) or part.text("caption", "comment")
    return replace(base, kind=Kind.LOCATION, location=location, text=text)


def _contact(base: Message, flat: Fields, type_name: str) -> Message | None:
    if type_name in _TEXTS:
        return None
    items = flat.items("contacts", "contact", "vcards")[:_MAX_CARDS]
    cards = tuple(filter(None, map(_card, items)))
    if not cards:
        return None
    text = _text(flat, type_name)
    text = "" if "BEGIN:VCARD" in text else text
    return replace(base, kind=Kind.CONTACT, cards=cards, text=text)


def _card(value: object) -> ContactCard | None:
    card = Fields(value)
    return vcards.parse(
        clean(value) or card.text("vcard"),
        name=card.text("displayName", "name", "fullName"),
        phone=card.text("phoneNumber", "phone"),
    )


def _file(
    flat: Fields, type_name: str, spool: Path, is_trusted: Callable[[str], bool]
) -> tuple[Kind, Media] | None:
    media = flat.part("media")
    is_view_once = type_name.startswith("viewonce")
    if not media and type_name not in _MEDIA_TYPES and not is_view_once:
        return None
    mime = mime_type(media.text("mimetype", "mime"))
    urls = (media.text("s3Url"), media.text("url"))
    seconds = media.number("duration", "seconds") or 0
    flags = [part.flag("viewOnce", "isViewOnce") for part in (media, flat)]
    return _media_kind(media, flat, type_name, mime), Media(
        mime_type=mime,
        file_name=file_name(media.text("fileName")),
        url=next(filter(is_trusted, urls), ""),
        spooled=_spooled(media.get("base64"), spool),
        seconds=int(min(max(seconds, 0), _MAX_SECONDS)),
        view_once=is_view_once or any(flags),
    )


def _spooled(encoded: object, spool: Path) -> str:
    """Where the file that came inside now lies; empty when it could not be stored.

    That loses nothing: a file that is not here is asked for at the gateway.
    """
    try:
        path = spool_text(encoded, spool) if isinstance(encoded, str) else None
    except OSError:
        return ""
    return str(path) if path else ""


def _media_kind(media: Fields, flat: Fields, type_name: str, mime: str) -> Kind:
    """By the MIME type; by the `type` only where that says nothing.

    A voice note with `audio/mpeg` has been seen under the type of a plain file.
    """
    names = (_folded_type(media.text("type")), type_name)
    kinds = [_MEDIA_TYPES[name] for name in names if name in _MEDIA_TYPES]
    flags = [part.flag("isVoiceNote", "ptt") for part in (media, flat)]
    is_voice = next((flag for flag in flags if flag is not None), Kind.VOICE in kinds)
    family = "audio" if mime == "application/ogg" else mime.partition("/")[0]
    if family == "audio":
        return Kind.VOICE if is_voice else Kind.AUDIO
    if Kind.STICKER in kinds and family in ("image", ""):
        return Kind.STICKER
    if family in ("image", "video"):
        return Kind.IMAGE if family == "image" else Kind.VIDEO
    if mime or not kinds:
        return Kind.DOCUMENT
    return Kind.VOICE if kinds[0] is Kind.AUDIO and is_voice else kinds[0]
