"""RyzeAPI's events as neutral ones. Total: whatever comes in, nothing is raised.

Sources: docs/contracts/ryzeapi.md, Events, Receipts, States and Uncertain sends. Events come in two
shapes: the published catalogue keeps everything inside `data.message`, the real service keeps id,
direction, chat and sender on `data`. Both are read by the same rule, so a mixture is read as well.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.domain.messages import (
    ANSWERED,
    Address,
    ChatKind,
    ConnectionChange,
    DeliveryStatus,
    GroupName,
    Kind,
    Message,
    Receipt,
)
from bridge.gateways import jids, repetitions
from bridge.gateways.base import Received
from bridge.gateways.fields import Fields, timestamp
from bridge.gateways.ryzeapi import content

#: What is not named here says nothing about a message of ours: `pending`, `retry`, and the `_self`
#: ones, which tell that we have read on the phone (docs/contracts/ryzeapi.md, Receipts).
_STATUSES = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "played": DeliveryStatus.READ,
    "error": DeliveryStatus.FAILED,
    "servererror": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
}
#: A state that is named in neither is a step in between and changes nothing.
_CONNECTED = re.compile("connected|keepaliverestored")
_DISCONNECTED = re.compile(
    "disconnected|connecting|loggedout|tempbanned|qrready|streamreplaced|streamerror"
    "|clientoutdated|connectfailure|keepalivetimeout"
)
#: How the end of a call that nobody answered is called.
_UNANSWERED = ("terminat", "reject", "timeout", "missed", "noanswer", "unanswered", "cancel")
_CALLERS = ("callCreator", "creator", "from", "caller", "sender", "chat")


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What an event is read with: the clock, the folder for files, and which addresses of files
    may be called."""

    now: float
    spool: Path
    is_trusted: Callable[[str], bool]

    def time_of(self, event: Fields) -> float:
        """The time that an event bears, in UTC seconds; 0 where it bears none."""
        return timestamp(event.get("timestamp"), now=self.now) or 0.0


def events(body: Mapping[str, Any], context: ParseContext) -> list[Received]:
    """What a webhook body or a socket frame tells; `instanceData` is not even looked at."""
    read = _READERS.get(Fields(body).text("event"))
    if read is None:
        return []
    entries = Fields(body).items("data")
    return [received for entry in entries for received in read(Fields(entry), context)]


def _message(data: Fields, context: ParseContext) -> list[Received]:
    """A message, or something that happened to one (docs/contracts/ryzeapi.md, Events)."""
    inner = data.part("message")
    flat = data.merged(inner)
    # The live shape is trusted for routing where it has any: projects that read both do so.
    routing = inner.merged(data) if data.get("direction", "chat") else flat
    chat, sender, from_me = _parties(routing)
    at = context.time_of(routing)
    if not chat.jid and not chat.lid:
        # An address that leads to nothing that we know, as it stands: it is counted, not routed.
        unknown = routing.part("chat").text("jid", "lid", "id") or routing.text("chat")
        chat = Address(jid=unknown[:200])
        if not chat.jid:
            return []
    base = Message(
        id=routing.text("id", "messageId") or _made_up_id(routing, flat, chat),
        chat=chat,
        chat_kind=jids.chat_kind(chat),
        sender=sender,
        from_me=from_me,
        kind=Kind.UNKNOWN,
        at=at or context.now,
        source=flat.text("source"),
        forwarded=bool(flat.flag("isForwarded", "forwarded")),
    )
    message = content.read(base, flat, spool=context.spool, is_trusted=context.is_trusted)
    if message is None:
        return []
    return [Received(repetitions.key(message, stamp=int(at)), message, at)]


def _parties(routing: Fields) -> tuple[Address, Address, bool]:
    """The chat, whoever wrote, and whether that was our own number.

    The chat is never taken from the sender of what we sent: there the sender is ourselves.
    """
    direction = routing.text("direction")
    from_me = direction == "outgoing" or bool(routing.flag("fromMe", "isFromMe"))
    chat, sender = _address(routing, "chat"), _address(routing, "sender")
    if not chat.jid and not chat.lid:
        chat = _address(routing, "recipient") if from_me else sender
    elif direction == "incoming" and jids.is_same(chat, sender):
        # Both are the customer, and each may know a form or a name that the other does not. A
        # sender without a form of the chat's proves nothing: two people would become one for good.
        chat = Address(chat.jid or sender.jid, chat.lid or sender.lid, chat.name or sender.name)
    elif not from_me and jids.is_list(chat) and jids.chat_kind(sender) is ChatKind.PRIVATE:
        chat = sender  # a list is a way to write to many: each of them is written to by the sender
    return chat, sender if sender.jid or sender.lid else chat, from_me


def _address(routing: Fields, name: str) -> Address:
    """A party of an event: an object, or just its address as a text."""
    party = routing.part(name)
    if not party:
        return jids.address(routing.text(name))
    kind = party.text("type").lower()
    jid = party.text("jid", "id")
    if kind in ("newsletter", "broadcast", "status") and "@" not in jid:
        jid = f"{jid}@{'newsletter' if kind == 'newsletter' else 'broadcast'}"
    bare = jids.JidKind.GROUP if kind == "group" else jids.JidKind.PHONE
    return jids.address(jid, party.text("lid"), party.text("name", "pushName"), bare=bare)


def _made_up_id(routing: Fields, flat: Fields, chat: Address) -> str:
    """An id for a message that has none, the same at each repetition."""
    text = (flat.text("type"), flat.text("content"), flat.part("content").text("text"))
    return "none-" + repetitions.digest(routing.text("timestamp"), chat.jid, chat.lid, *text)


def _receipts(data: Fields, context: ParseContext) -> list[Received]:
    """One event for each message, so that a batch cannot hide a repetition.

    `isFromMe` is not trusted to say whose message it is; who keeps the pairs of ids knows that.
    """
    inner = data.merged(data.part("message"))
    word = inner.text("status").lower()
    status = _STATUSES.get(word.replace("_", ""))
    if status is None:
        return []
    at, chat = context.time_of(inner), _address(inner, "chat")
    failed = status is DeliveryStatus.FAILED
    reason = inner.text("reason", "error", "errorMessage") if failed else ""
    ids = [Fields({"id": item}).text("id") for item in inner.items("messageIds", "messageId", "id")]
    receipts = [
        Receipt((message_id,), chat, status, at or context.now, reason)
        for message_id in dict.fromkeys(filter(None, ids))
    ]
    return [Received(f"receipt:{receipt.ids[0]}:{word}", receipt, at) for receipt in receipts]


def _connection(data: Fields, context: ParseContext) -> list[Received]:
    state = data.text("state", "status")
    word = state.replace("_", "").lower()
    is_connected = _CONNECTED.fullmatch(word) is not None
    if not is_connected and not _DISCONNECTED.fullmatch(word):
        return []
    connection = ConnectionChange(is_connected, state, jids.normal(data.text("jid")))
    at = context.time_of(data)
    return [Received(f"connection:{word}:{at or context.now:.3f}", connection, at)]


def _group(data: Fields, context: ParseContext) -> list[Received]:
    """A new name of a group; joining, leaving and the like are of no concern."""
    jid = jids.normal(data.text("groupJid"), bare=jids.JidKind.GROUP)
    name = data.text("groupName", "name")
    is_renamed = data.text("type").lower() in ("name", "subject")
    if not is_renamed or not name or jids.kind_of(jid) is not jids.JidKind.GROUP:
        return []
    at = context.time_of(data)
    key = f"group:{jid}:{int(at or context.now)}:{repetitions.digest(name)}"
    return [Received(key, GroupName(Address(jid=jid, name=name)), at)]


def _call(data: Fields, context: ParseContext) -> list[Received]:
    """A call that ended without an answer, or that was answered. How its fields are
    called is unconfirmed: the names are those of the library beneath."""
    call = data.merged(data.part("call", "data"))
    word = call.text("type", "status", "state", "event").lower().replace("_", "")
    reason = call.text("reason", "terminateReason").lower().replace("_", "")
    answered = word.startswith("accept") or reason.startswith("accept")
    if not answered and not word.startswith(_UNANSWERED):
        return []
    if call.text("direction") == "outgoing" or call.flag("fromMe", "isFromMe"):
        return []
    people = [_address(call, name) for name in _CALLERS]
    caller = next((each for each in people if jids.chat_kind(each) is ChatKind.PRIVATE), None)
    if caller is None:
        return []
    caller = jids.address(
        caller.jid or caller.lid,
        caller.lid or call.text("callCreatorAlt", "lid", "fromLid"),
        caller.name or call.text("pushName", "name"),
    )
    group = jids.normal(call.text("groupJid"), bare=jids.JidKind.GROUP)
    at = context.time_of(call)
    call_id = call.text("callId", "id") or repetitions.digest(
        caller.jid, caller.lid, str(int((at or context.now) // 60))
    )
    is_video = call.flag("isVideo", "video", "hasVideo") or call.text("media") == "video"
    message = Message(
        id=f"call-{call_id}",
        chat=Address(jid=group) if group else caller,
        chat_kind=ChatKind.GROUP if group else ChatKind.PRIVATE,
        sender=caller,
        from_me=False,
        kind=Kind.CALL,
        at=at or context.now,
        label=ANSWERED if answered else "video" if is_video else "",
    )
    return [Received(f"call:{call_id}", message, at)]


#: Labels are of no concern.
_READERS: dict[str, Callable[[Fields, ParseContext], list[Received]]] = {
    "message.exchange": _message,
    "message.status": _receipts,
    "instance.state": _connection,
    "group.flow": _group,
    "call.update": _call,
}
