"""The gateway's door to the journal: what comes in is kept, durably, before it is acknowledged.

Nothing here calls another server. Rules: docs/contracts/ryzeapi.md, Events and Uncertain sends.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlite_utils import Database

from bridge.chatwoot.events import AgentMessage
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
from bridge.routing.outgoing import SOURCE_PREFIX, Part
from bridge.services import Services
from bridge.store import chats, entries, instances
from bridge.store.journal import Direction, NewEntry, Pair

#: How long a receipt waits for the next one, in seconds: Chatwoot is told only the last.
_GATHER_S = 1.0
#: Receipts come in any order; a lower one never takes the place of a higher one.
_STEPS = {Ladder.SENT: 1, Ladder.DELIVERED: 2, Ladder.READ: 3, Ladder.FAILED: 4}


def from_gateway(
    instance: Instance,
    integration: Integration | None,
    received: Sequence[Received],
    services: Services,
    *,
    called: bool,
) -> None:
    """Keeps the events of one webhook call (`called`) or socket frame; `integration` is the
    instance's own.

    An echo of our own send is the proof that it happened, and ends there. Raises StorageFailed.
    """
    now = services.clock()

    def work(db: Database) -> list[Message]:
        instances.note_heard(db, instance.id, now, called=called)
        return [
            one.event
            for one in received
            if not _keep(db, instance, integration, one, now) and isinstance(one.event, Message)
        ]

    for message in services.committer.run(work, services.bell.ring):
        # Known already, or not routed: the file that came inside is not needed.
        if message.media is not None and message.media.spooled:
            Path(message.media.spooled).unlink(missing_ok=True)


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
    # What a message of our own says about names is about us.
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
    chat_id, body, integration_id = sent
    part = outgoing.read(body)
    if isinstance(part, Part):
        pair = Pair(
            instance_id=instance.id,
            whatsapp_id=message.id,
            chat_id=chat_id,
            from_me=True,
            integration_id=integration_id or integration.id,
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


def address_of_contact(message: AgentMessage) -> Address | None:
    """Where a contact that we did not make can be reached: by JID, else by phone number."""
    for known in (message.source_id, message.contact_identifier):
        if known.endswith(("@s.whatsapp.net", "@g.us")):
            return Address(jid=known)
        if known.endswith("@lid"):
            return Address(lid=known)
    digits = "".join(filter(str.isdigit, message.contact_phone))
    return Address(jid=f"{digits}@s.whatsapp.net") if digits else None
