"""What the customer, or the owner of the number, does on a phone: by page or control API."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sandbox.kit.body import Body, Json
from sandbox.whatsapp import chats, media
from sandbox.whatsapp.chats import Chat
from sandbox.whatsapp.directory import GROUP_SUFFIX, Group, Person, plain
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.media import MEDIA_KINDS
from sandbox.whatsapp.message import EVENT_KINDS, Draft, Message
from sandbox.whatsapp.phone import Phone


def chosen_instance(phone: Phone, name: str) -> Instance:
    """The named instance, or the oldest one; ValueError when there is none."""
    found = phone.instances.get(name) if name else next(iter(phone.instances.all()), None)
    if found is None:
        raise ValueError(f"no instance {name!r}")
    return found


def chosen_chat(phone: Phone, address: str, name: str = "") -> Chat:
    """The chat at an address; a number nobody has had yet becomes a person."""
    if address.endswith(GROUP_SUFFIX):
        group = phone.directory.group(address)
        if group is None:
            raise ValueError(f"no group {address}")
        return group
    return phone.directory.meet(address, name)


def act(phone: Phone, who: str, body: Body, file: media.File | None = None) -> Message:
    """Post what a person does; `who` is "customer" or "owner".

    `chat` is the customer's number or a group; in a group `sender` is the participant who writes.
    `kind` decides the other fields, see `_content`.  ValueError says what does not fit.
    """
    instance = chosen_instance(phone, body.text("instance"))
    chat = chosen_chat(phone, body.text("chat"), body.text("name"))
    sender = None if who == "owner" else _customer(phone, chat, body.text("sender"))
    kind = body.text("kind", "text")
    content = _content(phone, instance, kind, body)
    if body.boolean("forwarded"):
        content["forwarded"] = True
    if body.texts("mentions"):
        content["mentions"] = body.texts("mentions")
    stored = _media(phone, kind, body, file) if kind in MEDIA_KINDS else None
    device = body.fields.get("device")
    draft = Draft(
        kind, content, stored, body.text("quote") or None, id=body.text("id"),
        as_lid=body.boolean("as_lid") if body.has("as_lid") else None,
        device=int(device) if isinstance(device, int) else None,
    )  # fmt: skip
    if draft.id and chats.find(phone, instance.name, draft.id):
        raise ValueError(f"there is a message {draft.id} already")
    return chats.post(phone, instance, chat, sender, draft)


def _customer(phone: Phone, chat: Chat, sender: str) -> Person:
    if isinstance(chat, Person):
        return chat
    found = phone.directory.meet(sender or chat.members[0])
    if found.jid not in chat.members:
        phone.directory.save_group(Group(chat.jid, chat.name, (*chat.members, found.jid)))
    return found


def _media(phone: Phone, kind: str, body: Body, file: media.File | None) -> media.Media:
    """The file of the action: uploaded, in `media_base64`, at `media_url`, or a sample."""
    if file is None and body.has("media_base64"):
        file = media.from_base64(body.text("media_base64"), may_be_empty=True)
    elif file is None and body.has("media_url"):
        file = media.fetch(body.text("media_url"))
    elif file is None:
        file = media.sample(kind)
    mime, name = body.text("mime") or file.mime, body.text("file_name") or file.name
    return media.save(phone.store, media.File(file.body, mime, name), kind)


def _content(phone: Phone, instance: Instance, kind: str, body: Body) -> Json:
    """The content of a message of that kind; ValueError for a kind that does not exist."""
    maker = _MAKERS.get(kind)
    if maker is None:
        raise ValueError(f"kind must be one of {', '.join(sorted(_MAKERS))}")
    content = maker(body)
    if kind in EVENT_KINDS and not content["target"]:
        raise ValueError("target is required")
    if kind == "edit":
        target = chats.find(phone, instance.name, content["target"])
        content["old"] = target.text if target else ""
    return content


def _needed(body: Body, name: str) -> str:
    value = body.text(name)
    if not value:
        raise ValueError(f"{name} is required")
    return value


def _contact(body: Body) -> Json:
    cards = body.objects("contacts") or [body]
    names = ("organization", "email", "url")
    return {
        "contacts": [
            {"name": _needed(card, "contact_name" if card is body else "name"),
             "phone": _needed(card, "contact_phone" if card is body else "phone")}
            | {name: card.text(name) for name in names if card is not body}
            for card in cards
        ]
    }  # fmt: skip


def _answer(body: Body) -> Json:
    """The tap on a button or a list row: its `button_id` and its `title`."""
    chosen = _needed(body, "button_id")
    return {"id": chosen, "title": body.text("title") or chosen}


def _poll(body: Body) -> Json:
    options = [option for option in body.texts("options") if option]
    if len(options) < 2:
        raise ValueError("a poll needs two options")
    return {"title": _needed(body, "title"), "options": options}


def _captioned(body: Body) -> Json:
    content: Json = {"text": body.text("text")}
    return content | ({"duration": body.number("duration")} if body.has("duration") else {})


_MAKERS: dict[str, Callable[[Body], Json]] = {
    "text": lambda body: {"text": _needed(body, "text")},
    "location": lambda body: {
        "latitude": body.number("latitude"), "longitude": body.number("longitude"),
        "name": body.text("place"), "address": body.text("address"),
    },
    "contact": _contact,
    "poll": _poll,
    "buttons_response": _answer,
    "list_response": _answer,
    "reaction": lambda body: {"emoji": body.text("emoji"), "target": body.text("target")},
    "edit": lambda body: {"text": _needed(body, "text"), "target": body.text("target")},
    "revoke": lambda body: {"target": body.text("target")},
} | dict.fromkeys(MEDIA_KINDS, _captioned)  # fmt: skip


def receipts(phone: Phone, body: Body) -> list[str]:
    """The customer receives, reads or plays; or, with `by_owner`, the owner reads on the phone."""
    instance = chosen_instance(phone, body.text("instance"))
    chat = chosen_chat(phone, body.text("chat"))
    ids = body.texts("ids") if body.has("ids") else None
    if body.boolean("by_owner"):
        return chats.seen_by_owner(phone, instance, chat, ids, tell=True)
    status = body.text("status", "read")
    if status not in ("delivered", "read", "played"):
        raise ValueError("status must be delivered, read or played")
    by = phone.directory.person(body.text("by")) if body.has("by") else None
    return chats.receipt(phone, instance, chat, status, ids, by)


def shown(phone: Phone, message: Message) -> dict[str, Any]:
    """A message as `GET /sandbox/api/messages` shows it."""
    stored = media.load(phone.store, message.media)
    file = stored and {
        "name": stored.name, "mime": stored.mime, "size": stored.size,
        "url": phone.base_url + stored.path,
    }  # fmt: skip
    return asdict(message) | {"text": message.text, "media": file}


def address_of(text: str) -> str:
    """A chat address as typed by a person: with spaces, a plus sign or dashes in a number."""
    text = plain(text)
    return text if "@" in text else "".join(char for char in text if char.isdigit())
