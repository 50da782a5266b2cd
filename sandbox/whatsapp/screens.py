"""What the phone's screens show, worked out from the store: chat list and thread."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
class Bubble:
    """One message in a thread.  `mine` is seen from the person who holds the phone."""

    message: Message
    mine: bool
    author: str
    day: str
    file: media.Media | None
    quote: dict[str, Any] | None
    reactions: list[str]

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.message.at).astimezone()

    @property
    def colour(self) -> int:
        return colour_of(self.message.sender)

    @property
    def tick(self) -> str:
        """How far my message got, in one word; for a customer the gateway is the other phone."""
        status = self.message.status
        words = {"received": "delivered", "pending": "sent", "played": "read"}
        return words.get(status, status) if self.mine else ""

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


def chat_rows(phone: Phone, instance: Instance, who: str) -> list[dict[str, Any]]:
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
        {
            "jid": each.jid,
            "name": each.name,
            "is_group": isinstance(each, Group),
            "colour": colour_of(each.jid),
            "preview": preview(last[each.jid]) if each.jid in last else "",
            "at": last[each.jid].at if each.jid in last else 0.0,
            "clock": _clock(last[each.jid].at) if each.jid in last else "",
            "unread": unread.get(each.jid, 0),
        }
        for each in everyone
    ]
    return sorted(rows, key=lambda row: -row["at"])


def thread(
    phone: Phone, instance: Instance, chat: Chat, who: str, me: str, limit: int
) -> tuple[list[Bubble], bool]:
    """The latest bubbles of a chat as `me` (a JID) sees it, and whether there are earlier ones."""
    rows = phone.store.rows(
        "select * from message where instance = ? and chat = ? and kind not in"
        " ('reaction', 'edit', 'revoke') order by seq desc limit ?",
        instance.name,
        chat.jid,
        limit + 1,
    )
    reactions = _reactions(phone, instance, chat)
    bubbles, day = [], ""
    for message in map(Message.from_row, reversed(rows[:limit])):
        today = _day(datetime.fromtimestamp(message.at))
        quote = chats.quoted(phone, message)
        if quote:
            target = chats.find(phone, instance.name, quote["id"])
            quote["preview"] = preview(target) if target else "Message not on this phone"
            quote["author"] = _name(phone, instance, quote["sender"])
        bubbles.append(
            Bubble(
                message,
                message.sender == me if who == "customer" else message.from_me,
                _name(phone, instance, message.sender),
                today if today != day else "",
                media.load(phone.store, message.media),
                quote,
                reactions.get(message.id, []),
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


def _clock(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds)
    return at.strftime("%H:%M") if at.date() == datetime.now().date() else _day(at)


def _day(at: datetime) -> str:
    days = (datetime.now().date() - at.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days) or f"{at.day} {at.strftime('%B %Y')}"
