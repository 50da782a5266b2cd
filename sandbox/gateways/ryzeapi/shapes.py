"""A message as a `message.exchange` payload, in both shapes of docs/contracts/ryzeapi.md, Events.

Shape A ("catalogue") is what the documentation prints, shape B ("live") what the service really
sends.  Names that the contract leaves open are chosen among those its readers accept.
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.kit.body import Json
from sandbox.whatsapp.dialect import MessagePosted
from sandbox.whatsapp.media import Media

_BRASILIA = timezone(timedelta(hours=-3))


def stamp(at: float, shape: str) -> str:
    """RFC 3339; the live service writes Brasilia's offset, the catalogue UTC."""
    zone = _BRASILIA if shape == "live" else UTC
    text = datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def wire_type(kind: str) -> str:
    """The `type` an event or an answer gives a message of that kind."""
    names = {"voice": "audio", "edit": "message_edit", "revoke": "message_revoke"}
    return names.get(kind, kind)


def live(posted: MessagePosted, event_id: str, s3_url: str | None) -> Json:
    """The `data` of a message's event as the service really sends it."""
    shown = posted.message
    content = shown.content
    text = content.get("text", "") if shown.kind in ("text", "edit") else ""
    message: Json = {
        "type": wire_type(shown.kind), "content": text, "source": shown.source,
        "isForwarded": bool(content.get("forwarded")), "isEdit": shown.kind == "edit",
        "edit": None, "context": None, "media": None, "reaction": None, "interactive": None,
    }  # fmt: skip
    if shown.kind == "edit":
        message["edit"] = {"original_id": content["target"], "text": text}
    elif shown.kind == "reaction":
        message["reaction"] = {"text": content["emoji"], "messageId": content["target"]}
    elif shown.kind == "buttons_response":
        message["interactive"] = {"selectedButtonId": content["id"]}
    elif shown.kind == "list_response":
        message["interactive"] = {"title": content["title"], "selectedRowId": content["id"]}
    elif shown.kind == "revoke":
        message["context"] = {"messageId": content["target"]}
    if posted.quote:
        message["context"] = {
            "messageId": posted.quote["id"], "participant": posted.quote["sender"],
            "content": posted.quote["text"],
        }  # fmt: skip
    if posted.media:
        message["media"] = _media(posted, posted.media, "mimeType", s3_url)
        message["media"]["isVoiceNote"] = shown.kind == "voice"
    message |= _common(shown.kind, content)
    return {
        "id": event_id,
        "direction": "outgoing" if shown.from_me else "incoming",
        "timestamp": stamp(shown.at, "live"),
        "chat": asdict(posted.chat) | {"type": "group" if posted.is_group else "private"},
        "sender": asdict(posted.sender),
        "recipient": None,
        "message": message,
    }


def catalogue(posted: MessagePosted, event_id: str, s3_url: str | None) -> Json:
    """The `data` of a message's event as the documentation prints it."""
    shown = posted.message
    content = shown.content
    message: Json = {
        "id": event_id,
        "direction": "outgoing" if shown.from_me else "incoming",
        "timestamp": stamp(shown.at, "catalogue"),
        "type": wire_type(shown.kind),
        "source": shown.source,
        "chat": asdict(posted.chat)
        | {"type": "group" if posted.is_group else "private", "isCommunity": False},
        "sender": asdict(posted.sender),
        "content": {"text": content.get("text", "")},
    }
    if shown.kind == "edit":
        message |= {
            "isEdit": True, "edit": {"original_id": content["target"], "text": content["text"]},
        }  # fmt: skip
    elif shown.kind == "reaction":
        message["reaction"] = {"emoji": content["emoji"], "message_id": content["target"]}
    elif shown.kind == "buttons_response":
        message["button_response"] = {
            "title": content["title"], "body": "", "selected_button_id": content["id"],
        }  # fmt: skip
    elif shown.kind == "list_response":
        message["list_response"] = {
            "title": content["title"], "body": "",
            "single_select_reply": {"option_name": content["title"]},
        }  # fmt: skip
    elif shown.kind == "revoke":
        message["reply"] = {"message_id": content["target"], "text": ""}
    if posted.quote:
        message["reply"] = {"message_id": posted.quote["id"], "text": posted.quote["text"]}
    if posted.media:
        message["media"] = _media(posted, posted.media, "mimetype", s3_url)
        if shown.kind == "voice":
            message["media"]["type"] = "ptt"
    message |= _common(shown.kind, content)
    return {"id": event_id, "message": message}


def _media(posted: MessagePosted, media: Media, mime_name: str, s3_url: str | None) -> Json:
    """The media part.  `url` stands for WhatsApp's encrypted CDN and leads nowhere on purpose."""
    described: Json = {
        "type": wire_type(posted.message.kind),
        "url": f"https://cdn.sandbox.invalid/{media.id}.enc",
        "s3Url": s3_url,
        "base64": None,
        mime_name: media.mime,
        "fileName": media.name,
        "fileSize": media.size,
        "caption": posted.message.text,
    }
    if duration := posted.message.content.get("duration"):
        described["duration"] = duration
    return described


def _common(kind: str, content: Json) -> Json:
    """The parts that look the same in both shapes."""
    part: Json = {}
    if kind == "location":
        names = ("latitude", "longitude", "name", "address")
        part["location"] = {name: content[name] for name in names}
    elif kind == "contact":
        cards = [contact_card(card) for card in content["contacts"]]
        part["contact"] = cards[0]
        if len(cards) > 1:
            part["contacts"] = cards
    elif kind == "poll":
        part["poll"] = {
            "title": content["title"],
            "options": [{"name": option} for option in content["options"]],
        }
    if content.get("mentions"):
        part["mentions"] = content["mentions"]
    return part


def contact_card(card: Json) -> Json:
    """One contact as an event shows it, with the vCard the phone would attach."""
    digits = "".join(char for char in card["phone"] if char.isdigit())
    lines: list[Any] = [
        "BEGIN:VCARD", "VERSION:3.0", f"FN:{card['name']}",
        f"TEL;type=CELL;waid={digits}:+{digits}",
        card.get("organization") and f"ORG:{card['organization']}",
        card.get("email") and f"EMAIL:{card['email']}",
        card.get("url") and f"URL:{card['url']}", "END:VCARD",
    ]  # fmt: skip
    return {
        "display_name": card["name"],
        "phone_number": card["phone"],
        "vcard": "\n".join(line for line in lines if line),
    }
