"""The doors of the journal: what comes in is kept, durably, before anybody is told that it arrived.

Nothing here calls another server. Rules: ryzeapi.md sections 5 and 7, chatwoot.md section 7.
"""

import enum
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlite_utils import Database

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactGone,
    ConversationChanged,
    Typing,
)
from bridge.gateways import jids
from bridge.gateways.base import Received
from bridge.messages import (
    Address,
    ChatKind,
    Connection,
    GroupName,
    Kind,
    Ladder,
    Message,
    Receipt,
    encode,
)
from bridge.models import Instance, Integration
from bridge.routing import outgoing
from bridge.routing.outgoing import (
    LAST_PART,
    PARTS,
    SOURCE_PREFIX,
    TEXT_PART,
    WHATSAPP_ID_PREFIX,
    Deletion,
    Part,
    Writing,
)
from bridge.services import Services
from bridge.store import chats, entries, instances
from bridge.store.chats import Thread
from bridge.store.journal import Direction, NewEntry, Pair

_DAY_S = 86400.0
#: How long a receipt waits for the next one, in seconds: Chatwoot is told only the last.
_GATHER_S = 1.0
#: Receipts come in any order; a lower one never takes the place of a higher one.
_STEPS = {Ladder.SENT: 1, Ladder.DELIVERED: 2, Ladder.READ: 3, Ladder.FAILED: 4}


# -- from the gateway ------------------------------------------------------------------------------


def from_gateway(
    instance: Instance,
    integration: Integration | None,
    received: Sequence[Received],
    services: Services,
) -> None:
    """Keeps the events of one webhook call or socket frame; `integration` is the instance's own.

    An echo of our own send is the proof that it happened, and ends there. Raises StorageFailed.
    """
    now = services.clock()

    def work(db: Database) -> list[Message]:
        instances.note_heard(db, instance.id, now)
        return [
            one.event
            for one in received
            if not _keep(db, instance, integration, one, now) and isinstance(one.event, Message)
        ]

    for message in services.committer.run(work):
        # Known already, or not routed: the file that came inside is not needed.
        if message.media is not None and message.media.spooled:
            Path(message.media.spooled).unlink(missing_ok=True)
    services.bell.ring()


def _keep(
    db: Database, instance: Instance, integration: Integration | None, one: Received, now: float
) -> bool:
    """Whether it is a new message that waits in the journal now."""
    match one.event:
        case Message() as message:
            if integration is not None and _is_routed(message, integration):
                return _keep_message(db, instance, integration, one.key, message, now)
        case Receipt() as receipt:
            if integration is not None:
                _keep_receipt(db, instance, receipt, now)
        case Connection() as link:
            instances.note_connection(db, instance.id, link.state)
        case GroupName(group):
            chats.rename(db, instance.id, group.jid, group.name)
    return False


def _is_routed(message: Message, integration: Integration) -> bool:
    if message.chat_kind is ChatKind.OTHER:
        return False
    return not (message.chat_kind is ChatKind.GROUP and integration.options.ignore_groups)


def _keep_message(
    db: Database,
    instance: Instance,
    integration: Integration,
    key: str,
    message: Message,
    now: float,
) -> bool:
    if message.from_me and message.source.startswith(SOURCE_PREFIX):
        _confirm(db, instance, integration, message, now)
        return False
    chat_id = _chat_of(db, instance, message)
    entry = NewEntry(chat_id, Direction.IN, key, encode(message))
    return entries.insert(db, instance.id, [entry], now=now) > 0


def _chat_of(db: Database, instance: Instance, message: Message) -> int:
    incoming = not message.from_me
    is_group = message.chat_kind is ChatKind.GROUP
    # What a message of our own says about names is about us (evolution.md section 3.1).
    name = message.chat.name or (message.sender.name if incoming and not is_group else "")
    return chats.resolve_chat(
        db,
        instance.id,
        forms(message.chat),
        kind="group" if is_group else "private",
        address=message.chat.jid or message.chat.lid,
        name=name if incoming or is_group else "",
        last_in_id=message.id if incoming else "",
        last_in_sender=(message.sender.jid or message.sender.lid) if incoming and is_group else "",
    )


def _confirm(
    db: Database, instance: Instance, integration: Integration, message: Message, now: float
) -> None:
    sent = entries.settle(db, instance.id, message.source, now=now)
    if sent is None or message.kind in {Kind.EDIT, Kind.REVOKE, Kind.REACTION}:
        return
    chat_id, body = sent
    part = outgoing.read(body)
    if isinstance(part, Part):
        pair = Pair(
            instance_id=instance.id,
            whatsapp_id=message.id,
            chat_id=chat_id,
            from_me=True,
            integration_id=integration.id,
            conversation_id=part.message.conversation_id,
            chatwoot_id=part.message.id,
        )
        entries.insert_pair(db, pair, now=now)


def _keep_receipt(db: Database, instance: Instance, receipt: Receipt, now: float) -> None:
    chat_id = chats.chat_of(db, instance.id, receipt.ids[0], forms(receipt.chat))
    if chat_id is None:
        return
    told = [
        NewEntry(
            chat_id,
            Direction.RECEIPT,
            whatsapp_id,
            encode(msgspec.structs.replace(receipt, ids=(whatsapp_id,))),
            position=_STEPS[receipt.reached],
            replaces=True,
            due_at=0.0 if receipt.reached is Ladder.FAILED else now + _GATHER_S,
        )
        for whatsapp_id in receipt.ids
    ]
    entries.insert(db, instance.id, told, now=now)


def forms(address: Address) -> list[str]:
    """Every form under which a chat is found again; phones in one canonical form."""
    found = []
    if address.jid.endswith("@s.whatsapp.net"):
        digits = address.jid.partition("@")[0]
        found.append(f"{jids.canonical(digits)}@s.whatsapp.net")
    elif address.jid:
        found.append(address.jid)
    if address.lid:
        found.append(address.lid)
    return found


# -- from Chatwoot ---------------------------------------------------------------------------------


def from_chatwoot(
    integration: Integration, event: ChatwootEvent | None, services: Services
) -> None:
    """Keeps what one webhook or socket frame of Chatwoot says. Raises StorageFailed."""
    instance = services.instances.get(integration.instance_id)
    if instance is None or event is None:
        return
    match event:
        case AgentMessage():
            from_agent(instance, integration, event, services)
        case ConversationChanged():
            services.chats.note_status(integration.id, event.id, event.status)
        case Typing() if event.on and not event.private and services.settings.show_typing:
            writing(instance, integration, event.conversation_id, services)
        case ContactGone(merged=False):  # of a merged one the conversations stand as before
            services.chats.forget_contact(integration.id, event.id)


def from_agent(
    instance: Instance, integration: Integration, message: AgentMessage, services: Services
) -> bool:
    """Keeps what an agent wrote, or took back; whether there is new work. Raises StorageFailed."""
    return _from_agents(instance, integration, [message], services, missed=False) > 0


def missed_from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
) -> int:
    """Keeps what was found by looking, not told by Chatwoot, at one go; how many messages are new
    work. Raises StorageFailed."""
    return _from_agents(instance, integration, messages, services, missed=True)


def _from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
    *,
    missed: bool,
) -> int:
    ours = [one for one in messages if _is_agents(one, integration, missed=missed)]
    if not ours:
        return 0
    now = services.clock()

    def work(db: Database) -> list[_Kept]:
        return [_keep_reply(db, instance, integration, one, services, missed, now) for one in ours]

    kept = services.committer.run(work)
    if any(one is not _Kept.NOTHING for one in kept):
        services.bell.ring(look_again=_Kept.REVIVED in kept)
    return sum(one is not _Kept.NOTHING for one in kept)


class _Kept(enum.Enum):
    """What became of an agent's message: nothing new, new entries, old ones to be tried again."""

    NOTHING = enum.auto()
    FRESH = enum.auto()
    REVIVED = enum.auto()


def _is_agents(message: AgentMessage, integration: Integration, *, missed: bool) -> bool:
    """Private notes and what we put there ourselves are passed over (chatwoot.md section 7.1)."""
    ours = message.own_source_id.startswith(WHATSAPP_ID_PREFIX)
    if message.private or message.type not in {"outgoing", "template"}:
        return False
    if message.inbox_id != integration.inbox_id or (ours and not message.deleted):
        return False
    # Chatwoot repeats a message that it, or we, marked as failed: that is no new message.
    return missed or not message.external_error


def _keep_reply(
    db: Database,
    instance: Instance,
    integration: Integration,
    message: AgentMessage,
    services: Services,
    missed: bool,
    now: float,
) -> _Kept:
    thread = _thread_of(db, instance, integration, message)
    if thread is None:
        return _Kept.NOTHING
    if message.deleted:
        entries.discard(db, instance.id, message.id, now=now)
        body = outgoing.write(Deletion(message))
        position = message.id * PARTS + LAST_PART
        gone = NewEntry(thread.chat_id, Direction.OUT, f"d{message.id}", body, position)
        return _Kept.FRESH if entries.insert(db, instance.id, [gone], now=now) else _Kept.NOTHING
    if _is_news(message, integration, services, missed=missed):
        parts = _parts(db, instance, thread.chat_id, message, missed=missed)
        if entries.insert(db, instance.id, parts, now=now):
            chats.follow(db, thread)
            return _Kept.FRESH
    # The agent's Retry button: Chatwoot only updates the message (chatwoot.md section 5).
    again = not message.external_error and message.status in {"", "sent"}
    if again and entries.revive(db, instance.id, message.id, now=now):
        return _Kept.REVIVED
    return _Kept.NOTHING


def _is_news(
    message: AgentMessage, integration: Integration, services: Services, *, missed: bool
) -> bool:
    if missed and message.status in {"delivered", "read"}:
        # Only our receipts say so: it was sent before the backup that we go on from was restored.
        return False
    return not (missed or message.updated) or _is_recent(message, integration, services)


def _is_recent(message: AgentMessage, integration: Integration, services: Services) -> bool:
    """Whether a message that the journal does not know may be a new one.

    Of older ones the journal has forgotten that they arrived; those that are older than the
    integration were never its matter.
    """
    forgotten_at = services.clock() - services.settings.keep_days * _DAY_S
    return message.created_at >= int(max(integration.created_at, forgotten_at))


def writing(
    instance: Instance, integration: Integration, conversation_id: int, services: Services
) -> None:
    """An agent is writing; kept so that the customer can be shown it."""
    now = services.clock()

    def work(db: Database) -> None:
        chat_id = chats.chat_of_conversation(db, integration.id, conversation_id)
        if chat_id is None:
            return
        body = outgoing.write(Writing(conversation_id))
        entry = NewEntry(chat_id, Direction.TYPING, f"{conversation_id}:{int(now // 10)}", body)
        entries.insert(db, instance.id, [entry], now=now)

    services.committer.run(work)
    services.bell.ring()


def _parts(
    db: Database, instance: Instance, chat_id: int, message: AgentMessage, *, missed: bool
) -> list[NewEntry]:
    """One entry for each WhatsApp message that the reply becomes."""
    files = message.attachments[: PARTS - 2]
    text_kept = entries.is_known(db, instance.id, outgoing.part_key(message.id, TEXT_PART))
    first = files[0].file_type if files else ""
    captioned = bool(message.text) and first in {"image", "video", "file"} and not text_kept
    parts = [] if captioned or (files and not message.text) else [Part(message, TEXT_PART)]
    parts += [
        Part(message, index, caption=captioned and index == 1) for index in range(1, len(files) + 1)
    ]
    return [
        NewEntry(
            chat_id,
            Direction.OUT,
            part.key,
            outgoing.write(msgspec.structs.replace(part, missed=missed)),
            message.id * PARTS + part.index,
        )
        for part in parts
    ]


def _thread_of(
    db: Database, instance: Instance, integration: Integration, message: AgentMessage
) -> Thread | None:
    """Where the message stands; an agent may also have begun a conversation with a new number."""
    chat_id = chats.chat_of_conversation(
        db, integration.id, message.conversation_id, source_id=message.source_id
    )
    address = address_of_contact(message) if chat_id is None else None
    if address is not None:
        chat_id = chats.chat_of(db, instance.id, "", forms(address)) or chats.resolve_chat(
            db,
            instance.id,
            forms(address),
            kind="group" if address.jid.endswith("@g.us") else "private",
            address=address.jid or address.lid,
            name=message.contact_name,
        )
    if chat_id is None:
        return None
    return Thread(
        integration_id=integration.id,
        chat_id=chat_id,
        source_id=message.source_id,
        contact_id=message.contact_id,
        conversation_id=message.conversation_id,
        status=message.conversation_status or "open",
    )


def address_of_contact(message: AgentMessage) -> Address | None:
    """Where a contact that we did not make can be reached: by JID, else by phone number."""
    for known in (message.source_id, message.contact_identifier):
        if known.endswith(("@s.whatsapp.net", "@g.us")):
            return Address(jid=known)
        if known.endswith("@lid"):
            return Address(lid=known)
    digits = "".join(filter(str.isdigit, message.contact_phone))
    return Address(jid=f"{digits}@s.whatsapp.net") if digits else None
