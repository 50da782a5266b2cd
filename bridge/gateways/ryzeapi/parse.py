"""RyzeAPI's events as neutral ones. Total: whatever comes in, nothing is raised.

Sources: docs/contracts/ryzeapi.md, Events, Receipts, States and Uncertain sends. Events come in two
shapes: the published catalogue keeps everything inside `data.message`, the real service keeps id,
direction, chat and sender on `data`. Both are read by the same rule, so a mixture is read as well.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
from bridge.gateways import jids
from bridge.gateways.base import Received
from bridge.gateways.fields import Fields, moment
from bridge.gateways.ryzeapi.content import fill

#: Section 5.5. What is not named here says nothing about a message of ours: `pending`, `retry`,
#: and the `_self` ones, which tell that we have read on the phone.
_LADDER = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "played": DeliveryStatus.READ,
    "error": DeliveryStatus.FAILED,
    "servererror": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
}
#: Section 5.6. States that are not named here are steps on the way and change nothing.
_CONNECTED = {"connected", "keepaliverestored"}
_DISCONNECTED = {
    "disconnected",
    "connecting",
    "loggedout",
    "tempbanned",
    "qrready",
    "streamreplaced",
    "streamerror",
    "clientoutdated",
    "connectfailure",
    "keepalivetimeout",
}
#: How the end of a call that nobody answered is called.
_UNANSWERED = ("terminat", "reject", "timeout", "missed", "noanswer", "unanswered", "cancel")
#: The parts that tell where a message belongs; the live shape has them outside of the message.
_ROUTING = ("id", "direction", "timestamp", "chat", "sender", "recipient")


@dataclass(frozen=True, slots=True)
class Around:
    """What an event is read with: the clock, the folder for files, and the gateway's own origin."""

    now: float
    spool: Path
    origin: str


def origin(url: str) -> str:
    """Scheme, host and port of an http address in one spelling; empty for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else ""


def events(body: Mapping[str, Any], around: Around) -> list[Received]:
    """What a webhook body or a socket frame tells; `instanceData` is not even looked at."""
    reader = _READERS.get(Fields(body).text("event"))
    if reader is None:
        return []
    entries = Fields(body).items("data")
    return [one for entry in entries for one in reader(Fields(entry), around)]


def _exchange(data: Fields, around: Around) -> list[Received]:
    """A message, or something that happened to one (docs/contracts/ryzeapi.md, Events)."""
    inner = data.part("message")
    flat = data.merged(inner)
    # The live shape is trusted for routing where it has any: projects that read both do so.
    routing = inner.merged(data) if data.get("direction", "chat") else flat
    chat, sender, from_me = _parties(routing)
    if not chat.jid and not chat.lid:
        chat = _nowhere(routing)
        if not chat.jid:
            return []
    at = moment(routing.get("timestamp"), now=around.now)
    own_id = routing.text("id", "messageId")
    base = Message(
        id=own_id or _made_up_id(routing, flat, chat),
        chat=chat,
        chat_kind=jids.chat_kind(chat),
        sender=sender,
        from_me=from_me,
        kind=Kind.UNKNOWN,
        at=around.now if at is None else at,
        source=flat.text("source"),
        forwarded=bool(flat.flag("isForwarded", "forwarded")),
    )
    message = fill(base, flat, spool=around.spool, vouched=_vouched(around.origin))
    if message is None:
        return []
    return [Received(_key(message, stamp=int(at or 0)), message, at or 0.0)]


def _parties(routing: Fields) -> tuple[Address, Address, bool]:
    """The chat, whoever wrote, and whether that was our own number.

    The chat is never taken from the sender of what we sent: there the sender is ourselves.
    """
    direction = routing.text("direction")
    from_me = direction == "outgoing" or bool(routing.flag("fromMe", "isFromMe"))
    chat = _address(routing, "chat")
    sender = _address(routing, "sender")
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
    sort = party.text("type").lower()
    jid = party.text("jid", "id")
    if sort in ("newsletter", "broadcast", "status") and "@" not in jid:
        jid = f"{jid}@{'newsletter' if sort == 'newsletter' else 'broadcast'}"
    bare = jids.JidKind.GROUP if sort == "group" else jids.JidKind.PHONE
    called = party.text("name", "pushName")
    return jids.address(jid, party.text("lid"), called, bare=bare)


def _nowhere(routing: Fields) -> Address:
    """An address that leads to nothing that we know, as it was told: it is counted, not routed."""
    told = routing.part("chat").text("jid", "lid", "id") or routing.text("chat")
    return Address(jid=told[:200])


def _vouched(own: str) -> Callable[[str], bool]:
    """Whether a media address leads to the configured gateway and nowhere else
    (docs/contracts/ryzeapi.md, Media)."""
    return lambda url: bool(own) and origin(url) == own


def _made_up_id(routing: Fields, flat: Fields, chat: Address) -> str:
    """An id for a message without one, the same when it comes again."""
    said = (flat.text("type"), flat.text("content"), flat.part("content").text("text"))
    return "none-" + _digest(routing.text("timestamp"), chat.jid, chat.lid, *said)


def _key(message: Message, *, stamp: int) -> str:
    """Under which a repetition is recognised (docs/contracts/ryzeapi.md, Repetitions).

    What happens to a message never shares the message's own key. Whether its event has an id of its
    own is unconfirmed: where it bears the target's, time and content tell one from the next.
    """
    if message.kind is Kind.REVOKE:
        return f"revoke:{message.target_id}"
    if message.kind not in (Kind.EDIT, Kind.REACTION):
        return f"message:{message.id}"
    if message.id != message.target_id:
        return f"{message.kind}:{message.id}"
    who = message.sender.lid or message.sender.jid
    return f"{message.kind}:{message.id}:{stamp}:{_digest(who, message.text)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _status(data: Fields, around: Around) -> list[Received]:
    """Receipts: one event for each message, so that a batch cannot hide a repetition.

    `isFromMe` is not trusted to say whose message it is; who keeps the pairs of ids knows that.
    """
    inner = data.merged(data.part("message"))
    status = inner.text("status").lower()
    reached = _LADDER.get(status.replace("_", ""))
    if reached is None:
        return []
    at = moment(inner.get("timestamp"), now=around.now)
    chat = _address(inner, "chat")
    reason = (
        inner.text("reason", "error", "errorMessage") if reached is DeliveryStatus.FAILED else ""
    )
    named = [Fields({"id": one}).text("id") for one in inner.items("messageIds", "messageId", "id")]
    return [
        Received(
            f"receipt:{one}:{status}",
            Receipt((one,), chat, reached, around.now if at is None else at, reason),
            at or 0.0,
        )
        for one in dict.fromkeys(named)
        if one
    ]


def _state(data: Fields, around: Around) -> list[Received]:
    """The connection of the instance to WhatsApp."""
    state = data.text("state", "status")
    word = state.replace("_", "").lower()
    if word not in _CONNECTED | _DISCONNECTED:
        return []
    at = moment(data.get("timestamp"), now=around.now)
    told = ConnectionChange(word in _CONNECTED, state, jids.normal(data.text("jid")))
    key = f"connection:{word}:{around.now if at is None else at:.3f}"
    return [Received(key, told, at or 0.0)]


def _group(data: Fields, around: Around) -> list[Received]:
    """A new name of a group; joining, leaving and the like are of no concern."""
    jid = jids.normal(data.text("groupJid"), bare=jids.JidKind.GROUP)
    name = data.text("groupName", "name")
    is_renamed = data.text("type").lower() in ("name", "subject")
    if not is_renamed or not name or jids.kind_of(jid) is not jids.JidKind.GROUP:
        return []
    at = moment(data.get("timestamp"), now=around.now)
    key = f"group:{jid}:{int(around.now if at is None else at)}:{_digest(name)}"
    return [Received(key, GroupName(Address(jid=jid, name=name)), at or 0.0)]


def _call(data: Fields, around: Around) -> list[Received]:
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
    caller = next(
        (
            one
            for name in ("callCreator", "creator", "from", "caller", "sender", "chat")
            if jids.chat_kind(one := _address(call, name)) is ChatKind.PRIVATE
        ),
        Address(),
    )
    if not caller.jid and not caller.lid:
        return []
    caller = jids.address(
        caller.jid or caller.lid,
        caller.lid or call.text("callCreatorAlt", "lid", "fromLid"),
        caller.name or call.text("pushName", "name"),
    )
    group = jids.normal(call.text("groupJid"), bare=jids.JidKind.GROUP)
    told_at = moment(call.get("timestamp"), now=around.now)
    at = around.now if told_at is None else told_at
    own_id = call.text("callId", "id") or _digest(caller.jid, caller.lid, str(int(at // 60)))
    is_video = call.flag("isVideo", "video", "hasVideo") or call.text("media") == "video"
    message = Message(
        id=f"call-{own_id}",
        chat=Address(jid=group) if group else caller,
        chat_kind=ChatKind.GROUP if group else ChatKind.PRIVATE,
        sender=caller,
        from_me=False,
        kind=Kind.CALL,
        at=at,
        label=ANSWERED if answered else "video" if is_video else "",
    )
    return [Received(f"call:{own_id}", message, told_at or 0.0)]


#: Labels are of no concern.
_READERS: dict[str, Callable[[Fields, Around], list[Received]]] = {
    "message.exchange": _exchange,
    "message.status": _status,
    "instance.state": _state,
    "group.flow": _group,
    "call.update": _call,
}
