"""What happens in chats: messages, edits, revocations, reactions, receipts.

The HTTP API, the control API and the page all call these functions; each call is one step of
`Phone.acting`, so that a message and its events stand or fall together.
"""

import json
import random
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.gateways.ryzeapi.shapes import Exchange, Side, payload, stamp
from sandbox.gateways.ryzeapi.wire import Json, dumps
from sandbox.whatsapp import media as media_files
from sandbox.whatsapp.directory import Group, Person
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.phone import Phone

# Section 5.5; -1 is an error, "received" the state of what a customer sent.
STATUS_CODES = {"pending": 0, "sent": 1, "delivered": 2, "received": 3, "read": 4, "played": 5}
EVENT_KINDS = ("reaction", "edit", "revoke")


@dataclass(frozen=True)
class Message:
    """One entry of the pretend WhatsApp.  `kind` also names what is not a bubble: EVENT_KINDS."""

    seq: int
    instance: str
    id: str
    chat: str
    from_me: bool
    sender: str
    kind: str
    content: Json
    source: str
    quote: str | None
    media: str | None
    status: str
    edited: bool
    revoked: bool
    at: float

    @property
    def text(self) -> str:
        text = self.content.get("text", "")
        return text if isinstance(text, str) else ""


@dataclass(frozen=True)
class Draft:
    """A message to be posted.  `as_lid`/`device` choose how its events name the customer."""

    kind: str
    content: Json = field(default_factory=dict)
    media: media_files.Media | None = None
    quote: str | None = None
    source: str = ""
    id: str = ""
    as_lid: bool | None = None
    device: int | None = None


def from_row(row: sqlite3.Row) -> Message:
    return Message(
        row["seq"], row["instance"], row["id"], row["chat"], bool(row["from_me"]), row["sender"],
        row["kind"], json.loads(row["content"]), row["source"], row["quote"], row["media"],
        row["status"], bool(row["edited"]), bool(row["revoked"]), row["at"],
    )  # fmt: skip


def new_id(from_me: bool) -> str:
    """A message id as WhatsApp Web (3EB0...) or a phone (3A...) would make it."""
    return ("3EB0" if from_me else "3A") + secrets.token_hex(9).upper()


def find(phone: Phone, instance: str, message_id: str) -> Message | None:
    row = phone.store.row(
        "select * from message where instance = ? and id = ?", instance, message_id
    )
    return from_row(row) if row else None


def listed(phone: Phone, instance: str, chat: str | None = None, after: int = 0) -> list[Message]:
    """Everything that reached the pretend WhatsApp, in order; `after` is a `seq`."""
    rows = phone.store.rows(
        "select * from message where instance = ? and (? is null or chat = ?) and seq > ?"
        " order by seq", instance, chat, chat, after,
    )  # fmt: skip
    return [from_row(row) for row in rows]


def post(
    phone: Phone, instance: Instance, chat: Person | Group, sender: Person | None, draft: Draft
) -> Message:
    """A message reaches the chat; `sender` None is the owner's number, by hand or by API.

    Edits and revocations also change their target, when it is there and the sender's own.
    """
    from_me = sender is None
    message = Message(
        0, instance.name, draft.id or new_id(from_me and draft.source != ""), chat.jid, from_me,
        sender.jid if sender else instance.jid, draft.kind, draft.content, draft.source,
        draft.quote, draft.media.id if draft.media else None, "sent" if from_me else "received",
        False, False, time.time(),
    )  # fmt: skip
    event_id = message.id
    if draft.kind == "revoke" and phone.switches.revoke_id == "target":
        event_id = draft.content["target"]
    with phone.acting() as emit:
        message = replace(message, seq=_insert(phone, message))
        _apply(phone, message)
        if isinstance(chat, Group) and instance.options.get("ignoreGroupMessages"):
            return message
        data = _exchange(phone, instance, chat, message, draft, event_id)
        emit(instance, "message.exchange", data, lane=chat.jid, media=message.media)
        if from_me and draft.kind not in EVENT_KINDS:
            for status, wanted in (("delivered", phone.switches.auto_delivered),
                                   ("read", phone.switches.auto_read)):  # fmt: skip
                if wanted and instance.connected:
                    _receipt(phone, instance, chat, [message.id], status, None, emit)
    return message


def _insert(phone: Phone, message: Message) -> int:
    with phone.store.write() as db:
        done = db.execute(
            "insert into message (instance, id, chat, from_me, sender, kind, content, source,"
            " quote, media, status, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (message.instance, message.id, message.chat, int(message.from_me), message.sender,
             message.kind, dumps(message.content), message.source, message.quote, message.media,
             message.status, message.at),
        )  # fmt: skip
        return done.lastrowid or 0


def _apply(phone: Phone, message: Message) -> None:
    """Edit or revoke the target, as the phones of both sides would show it."""
    if message.kind not in ("edit", "revoke"):
        return
    target = find(phone, message.instance, message.content["target"])
    if target is None or target.sender != message.sender:
        return
    if message.kind == "revoke":
        phone.store.run("update message set revoked = 1 where seq = ?", target.seq)
    else:
        content = target.content | {"text": message.content["text"]}
        phone.store.run(
            "update message set edited = 1, content = ? where seq = ?", dumps(content), target.seq
        )


def receipt(
    phone: Phone,
    instance: Instance,
    chat: Person | Group,
    status: str,
    ids: list[str] | None = None,
    by: Person | None = None,
) -> list[str]:
    """The customer's phone reports messages of ours `delivered`, `read` or `played`.

    Without `ids`: all that have not got so far.  Returns the ids in the event; none, no event.
    """
    if ids is None:
        ids = [
            message.id
            for message in listed(phone, instance.name, chat.jid)
            if message.from_me and message.kind not in EVENT_KINDS
            and rank(message.status) < rank(status)
            and (status != "played" or message.kind == "voice")
        ]  # fmt: skip
    if ids:
        with phone.acting() as emit:
            _receipt(phone, instance, chat, ids, status, by, emit)
    return ids


def seen_by_owner(
    phone: Phone, instance: Instance, chat: Person | Group, ids: list[str] | None, *, tell: bool
) -> list[str]:
    """The business has read the customer's messages; with `tell` a `read_self` event says so."""
    unread = [
        message.id for message in listed(phone, instance.name, chat.jid)
        if not message.from_me and message.status == "received"
        and (ids is None or message.id in ids)
    ]  # fmt: skip
    if unread:
        with phone.acting() as emit:
            _set_status(phone, instance, unread, "read")
            if tell:
                data = _status_data(phone, instance, chat, unread, "read_self", None)
                emit(instance, "message.status", data, lane=chat.jid)
    return unread


def rank(status: str) -> int:
    return STATUS_CODES.get(status, -1)


def _receipt(
    phone: Phone, instance: Instance, chat: Person | Group, ids: list[str], status: str,
    by: Person | None, emit: Callable[..., None],
) -> None:  # fmt: skip
    _set_status(phone, instance, ids, status)
    data = _status_data(phone, instance, chat, ids, status, by)
    emit(instance, "message.status", data, lane=chat.jid)


def _set_status(phone: Phone, instance: Instance, ids: list[str], status: str) -> None:
    """Statuses only rise, whatever the order of the receipts."""
    lower = json.dumps([name for name in STATUS_CODES if rank(name) < rank(status)])
    for message_id in ids:
        phone.store.run(
            "update message set status = ? where instance = ? and id = ?"
            " and status in (select value from json_each(?))",
            status, instance.name, message_id, lower,
        )  # fmt: skip


def _status_data(
    phone: Phone, instance: Instance, chat: Person | Group, ids: list[str], status: str,
    by: Person | None,
) -> Json:  # fmt: skip
    """Section 5.5.  `isFromMe` tells whose phone reports: ours only for the `_self` statuses."""
    is_group = isinstance(chat, Group)
    by_self = status.endswith("_self")
    first = chat.members[:1] if isinstance(chat, Group) else (chat.jid,)
    reporter = by or next((phone.directory.person(jid) for jid in first), None)
    sender = instance.jid if by_self or reporter is None else reporter.jid
    return {
        "status": status,
        "messageIds": ids,
        "timestamp": stamp(time.time(), phone.switches.shape),
        "chat": {"jid": chat.jid, "type": "group" if is_group else "private",
                 "isCommunity": False},
        "recipient": None,
        "isFromMe": by_self,
        "sender": sender,
    }  # fmt: skip


def _exchange(
    phone: Phone, instance: Instance, chat: Person | Group, message: Message, draft: Draft,
    event_id: str,
) -> Json:  # fmt: skip
    switches, media = phone.switches, draft.media
    as_lid = _names_lid(phone, chat) if draft.as_lid is None else draft.as_lid
    if isinstance(chat, Group):
        chat_side = Side(chat.jid, None, chat.name)
    else:
        chat_side = _person_side(chat, as_lid=as_lid, device=None)
    sender = phone.directory.person(message.sender)
    if message.from_me or sender is None:
        sender_side = Side(message.sender, None, instance.profile if message.from_me else "")
    else:
        sender_side = _person_side(sender, as_lid=as_lid, device=draft.device)
    s3_url = phone.base_url + media.path if media and switches.media_s3 else None
    shown = Exchange(
        event_id, not message.from_me, message.at, chat_side, isinstance(chat, Group), sender_side,
        message.kind, message.content, message.source, quoted(phone, message), media, s3_url,
    )  # fmt: skip
    return payload(shown, switches.shape)


def _names_lid(phone: Phone, chat: Person | Group) -> bool:
    """Whether this event names people by LID where they have one."""
    if isinstance(chat, Group):
        return phone.switches.group_sender == "lid"
    choice = phone.switches.private_jid
    return choice == "lid" or (choice == "mixed" and random.random() < 0.5)  # noqa: S311


def quoted(phone: Phone, message: Message) -> Json | None:
    """The message a reply quotes: `id`, `sender`, `text`; an unknown one keeps its id."""
    if not message.quote:
        return None
    target = find(phone, message.instance, message.quote)
    return {
        "id": message.quote,
        "sender": target.sender if target else "",
        "text": target.text if target else "",
    }


def _person_side(person: Person, *, as_lid: bool, device: int | None) -> Side:
    jid = person.lid if as_lid and person.lid else person.jid
    if device is not None:
        jid = jid.replace("@", f":{device}@")
    return Side(jid, person.lid, person.name)


def set_state(phone: Phone, instance: Instance, state: str) -> Instance:
    """Connect, disconnect or log out; on connecting, what was held for the instance arrives."""
    changed: dict[str, Any] = {"state": state}
    if state == "connected" and not instance.number:
        taken = {each.number for each in phone.instances.all()}
        free = (str(5511900000001 + step) for step in range(1, 10_000))
        changed["number"] = next(number for number in free if number not in taken)
    with phone.acting() as emit:
        instance = phone.instances.change(instance.name, **changed)
        data = {
            "state": state,
            "timestamp": stamp(time.time(), phone.switches.shape),
            "jid": instance.jid or None,
            "instance": instance.name,
        }
        emit(instance, "instance.state", data, lane="state")
        if state == "connected":
            phone.release_held(instance, emit)
    return instance
