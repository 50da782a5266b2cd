"""What the phone's screens show, worked out from the store: chat list and thread."""

import json
import re
import time
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from sandbox.whatsapp import chats, media
from sandbox.whatsapp.chats import Chat
from sandbox.whatsapp.directory import Group
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.message import Message
from sandbox.whatsapp.phone import Phone

SHOWN = 200
_LABELS = {
    "image": "Photo",
    "video": "Video",
    "audio": "Audio",
    "voice": "Voice note",
    "document": "Document",
    "sticker": "Sticker",
    "location": "Location",
    "contact": "Contact",
    "poll": "Poll",
    "buttons_response": "Button",
    "list_response": "List choice",
}


@dataclass(frozen=True)
class Row:
    """One line of the chat list."""

    jid: str
    name: str
    is_group: bool
    colour: int
    preview: str
    at: float
    unread: int

    @property
    def clock(self) -> str:
        at = datetime.fromtimestamp(self.at)
        return at.strftime("%H:%M") if at.date() == datetime.now().date() else _day(at)


@dataclass(frozen=True)
class Bubble:
    """One message in a thread.  `mine` is seen from the person who holds the phone."""

    message: Message
    mine: bool
    author: str
    colour: int
    clock: str
    stamp: str
    day: str
    tick: str
    file: media.Media | None
    quote: dict[str, Any] | None
    reactions: list[str]
    editable: bool
    deletable: bool

    @property
    def shape(self) -> str:
        """The template branch: media by what a browser can do with it, else the kind."""
        if self.message.revoked:
            return "revoked"
        kind = self.message.kind
        if self.file is None or kind not in media.MEDIA_KINDS:
            return kind
        family = self.file.mime.partition("/")[0]
        if kind == "document" or family not in ("image", "video", "audio"):
            return "document"
        return "sticker" if kind == "sticker" and family == "image" else family

    @property
    def size(self) -> str:
        size = self.file.size if self.file else 0
        return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(size // 1000, 1)} kB"


_MARKS = (
    (re.compile(r"```(.+?)```", re.S), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*(?=\S)(.+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)(.+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)(.+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)


def marked(text: str) -> Markup:
    """WhatsApp's *bold*, _italic_, ~struck~ and ```code``` as HTML; everything else escaped."""
    shown = str(escape(text))
    for pattern, html in _MARKS:
        shown = pattern.sub(html, shown)
    return Markup(shown)  # noqa: S704 - escaped above


def colour_of(jid: str) -> int:
    """One of eight avatar colours, always the same for the same address."""
    return zlib.crc32(jid.encode()) % 8


def preview(message: Message) -> str:
    """One line that stands for a message."""
    if message.revoked:
        return "Message deleted"
    label = _LABELS.get(message.kind, "")
    words = message.text or message.content.get("title") or message.content.get("name") or ""
    return f"{label}: {words}" if label and words else label or words


def chat_rows(phone: Phone, instance: Instance, who: str) -> list[Row]:
    """The chats as `who` ("customer" or "owner") sees them, the latest first."""
    last = {
        row["chat"]: Message.from_row(row)
        for row in phone.store.rows(
            "select * from message where seq in (select max(seq) from message where instance = ?"
            " and kind not in ('reaction', 'edit', 'revoke') group by chat)",
            instance.name,
        )
    }
    unread = {
        row["chat"]: row["count"]
        for row in phone.store.rows(
            "select chat, count(*) as count from message where instance = ? and from_me = ?"
            " and status in ('sent', 'delivered', 'received') and revoked = 0"
            " and kind not in ('reaction', 'edit', 'revoke') group by chat",
            instance.name,
            int(who == "customer"),
        )
    }
    everyone: list[Chat] = [*phone.directory.people(), *phone.directory.groups()]
    rows = [
        Row(
            each.jid,
            each.name,
            isinstance(each, Group),
            colour_of(each.jid),
            preview(last[each.jid]) if each.jid in last else "",
            last[each.jid].at if each.jid in last else 0.0,
            unread.get(each.jid, 0),
        )
        for each in everyone
    ]
    return sorted(rows, key=lambda row: -row.at)


def thread(
    phone: Phone, instance: Instance, chat: Chat, who: str, me: str, limit: int
) -> tuple[list[Bubble], bool]:
    """The latest bubbles of a chat, oldest first, and whether there are earlier ones.

    `me` is the JID of whoever holds the phone.
    """
    rows = phone.store.rows(
        "select * from message where instance = ? and chat = ? and kind not in"
        " ('reaction', 'edit', 'revoke') order by seq desc limit ?",
        instance.name,
        chat.jid,
        limit + 1,
    )
    messages = [Message.from_row(row) for row in reversed(rows[:limit])]
    reactions = _reactions(phone, instance, chat)
    bubbles = []
    day = ""
    for message in messages:
        at = datetime.fromtimestamp(message.at)
        today = _day(at)
        mine = message.sender == me if who == "customer" else message.from_me
        quote = chats.quoted(phone, message)
        if quote:
            target = chats.find(phone, instance.name, quote["id"])
            quote["preview"] = preview(target) if target else "Message not on this phone"
            quote["author"] = _name(phone, instance, quote["sender"])
        bubbles.append(
            Bubble(
                message,
                mine,
                _name(phone, instance, message.sender),
                colour_of(message.sender),
                at.strftime("%H:%M"),
                at.astimezone().isoformat(timespec="seconds"),
                today if today != day else "",
                _tick(message) if mine else "",
                media.load(phone.store, message.media) if message.media else None,
                quote,
                reactions.get(message.id, []),
                mine and message.kind == "text" and not message.revoked,
                mine and not message.revoked,
            )
        )
        day = today
    return bubbles, len(rows) > limit


def _reactions(phone: Phone, instance: Instance, chat: Chat) -> dict[str, list[str]]:
    """The reactions that stand on each message: the last of each person counts."""
    latest: dict[str, dict[str, str]] = {}
    rows = phone.store.rows(
        "select sender, content from message where instance = ? and chat = ? and kind = 'reaction'"
        " order by seq",
        instance.name,
        chat.jid,
    )
    for row in rows:
        content = json.loads(row["content"])
        latest.setdefault(content["target"], {})[row["sender"]] = content["emoji"]
    return {
        target: [emoji for emoji in by_person.values() if emoji]
        for target, by_person in latest.items()
    }


def _name(phone: Phone, instance: Instance, jid: str) -> str:
    if jid == instance.jid:
        return instance.profile or "The business"
    person = phone.directory.person(jid)
    return person.name if person else jid.partition("@")[0]


def _tick(message: Message) -> str:
    """How far my message got, in one word; for a customer the gateway is the other phone."""
    return {"received": "delivered", "pending": "sent", "played": "read"}.get(
        message.status, message.status
    )


def _day(at: datetime) -> str:
    days = (datetime.now().date() - at.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days) or f"{at.day} {at.strftime('%B %Y')}"


def typing(phone: Phone, instance: Instance, chat: Chat) -> str:
    """What the business is doing in this chat right now: "typing", "recording" or nothing."""
    state, until = phone.typing.get((instance.name, chat.jid), ("", 0.0))
    return state if until > time.time() else ""
