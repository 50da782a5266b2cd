"""What happens in chats: messages, edits, revocations, reactions, receipts.

Gateways, the control API and the page all call these functions; each call is one step of
`Phone.acting`, so that a message and its events stand or fall together.
"""

import json
import random
import time
from dataclasses import replace
from typing import Any

from sandbox.kit.body import Json, dumps
from sandbox.whatsapp.dialect import MessagePosted, Party, Receipt, StateChanged
from sandbox.whatsapp.directory import Group, Person
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.message import EVENT_KINDS, STATUSES, Draft, Message, new_id, rank
from sandbox.whatsapp.phone import Emit, Phone

Chat = Person | Group


def find(phone: Phone, instance: str, message_id: str) -> Message | None:
    row = phone.store.row(
        "select * from message where instance = ? and id = ?", instance, message_id
    )
    return Message.from_row(row) if row else None


def listed(phone: Phone, instance: str, chat: str | None = None, after: int = 0) -> list[Message]:
    """Everything that reached the pretend WhatsApp, in order; `after` is a `seq`."""
    rows = phone.store.rows(
        "select * from message where instance = ? and (? is null or chat = ?) and seq > ?"
        " order by seq", instance, chat, chat, after,
    )  # fmt: skip
    return [Message.from_row(row) for row in rows]


def draft_message(instance: Instance, chat: Chat, sender: Person | None, draft: Draft) -> Message:
    """The message that a draft becomes; `sender` None is the owner's number, by hand or by API."""
    from_me = sender is None
    return Message(
        0, instance.name, draft.id or new_id(from_me=from_me and draft.source != ""), chat.jid,
        from_me, sender.jid if sender else instance.jid, draft.kind, draft.content, draft.source,
        draft.quote, draft.media.id if draft.media else None, "sent" if from_me else "received",
        False, False, time.time(),
    )  # fmt: skip


def post(
    phone: Phone, instance: Instance, chat: Chat, sender: Person | None, draft: Draft
) -> Message:
    """A message reaches the chat; an edit or revocation also changes its target."""
    message = draft_message(instance, chat, sender, draft)
    with phone.acting() as emit:
        message = replace(message, seq=_insert(phone, message))
        _apply(phone, message)
        posted = _posted(phone, instance, chat, message, draft)
        emit(instance, posted, lane=chat.jid, media=message.media)
        if message.from_me and draft.kind not in EVENT_KINDS and instance.connected:
            if phone.switches.auto_delivered:
                _receipt(phone, instance, chat, [message.id], "delivered", None, emit)
            if phone.switches.auto_read:
                _receipt(phone, instance, chat, [message.id], "read", None, emit)
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
    chat: Chat,
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
    phone: Phone, instance: Instance, chat: Chat, ids: list[str] | None, *, tell: bool
) -> list[str]:
    """The business has read the customer's messages; with `tell` an event says so."""
    unread = [
        message.id for message in listed(phone, instance.name, chat.jid)
        if not message.from_me and message.status == "received"
        and (ids is None or message.id in ids)
    ]  # fmt: skip
    if unread:
        with phone.acting() as emit:
            _set_status(phone, instance, unread, "read")
            if tell:
                read = Receipt(chat, unread, "read", instance.jid, True, time.time())
                emit(instance, read, lane=chat.jid)
    return unread


def _receipt(
    phone: Phone, instance: Instance, chat: Chat, ids: list[str], status: str,
    by: Person | None, emit: Emit,
) -> None:  # fmt: skip
    _set_status(phone, instance, ids, status)
    first = chat.members[0] if isinstance(chat, Group) else chat.jid
    reporter = by or phone.directory.person(first)
    jid = reporter.jid if reporter else instance.jid
    emit(instance, Receipt(chat, ids, status, jid, False, time.time()), lane=chat.jid)


def _set_status(phone: Phone, instance: Instance, ids: list[str], status: str) -> None:
    """Statuses only rise, whatever the order of the receipts."""
    lower = json.dumps(STATUSES[: max(rank(status), 0)])
    for message_id in ids:
        phone.store.run(
            "update message set status = ? where instance = ? and id = ?"
            " and status in (select value from json_each(?))",
            status, instance.name, message_id, lower,
        )  # fmt: skip


def _posted(
    phone: Phone, instance: Instance, chat: Chat, message: Message, draft: Draft
) -> MessagePosted:
    as_lid = _names_lid(phone, chat) if draft.as_lid is None else draft.as_lid
    if isinstance(chat, Group):
        party = Party(chat.jid, None, chat.name)
    else:
        party = _party(chat, as_lid=as_lid, device=None)
    sender = phone.directory.person(message.sender)
    if message.from_me or sender is None:
        author = Party(message.sender, None, instance.profile if message.from_me else "")
    else:
        author = _party(sender, as_lid=as_lid, device=draft.device)
    is_group = isinstance(chat, Group)
    return MessagePosted(message, party, is_group, author, quoted(phone, message), draft.media)


def _names_lid(phone: Phone, chat: Chat) -> bool:
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


def _party(person: Person, *, as_lid: bool, device: int | None) -> Party:
    jid = person.lid if as_lid and person.lid else person.jid
    if device is not None:
        jid = jid.replace("@", f":{device}@")
    return Party(jid, person.lid, person.name)


def set_state(phone: Phone, instance: Instance, state: str) -> Instance:
    """Connect, disconnect or log out; on connecting, what was held for the instance arrives."""
    changed: dict[str, Any] = {"state": state}
    if state == "connected" and not instance.number:
        taken = {each.number for each in phone.instances.all()}
        free = (str(5511900000001 + step) for step in range(1, 10_000))
        changed["number"] = next(number for number in free if number not in taken)
    with phone.acting() as emit:
        instance = phone.instances.change(instance.name, **changed)
        emit(instance, StateChanged(state, time.time()), lane="state")
        if state == "connected":
            phone.release_held(instance, emit)
    return instance
