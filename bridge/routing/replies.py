"""Chatwoot's door to the journal: what agents write is kept, durably, before it is acknowledged.

Nothing here calls another server. Rules: chatwoot.md section 7.
"""

import enum
from collections.abc import Sequence

import msgspec
from sqlite_utils import Database

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactGone,
    ConversationChanged,
    Typing,
)
from bridge.messages import Address
from bridge.models import Instance, Integration
from bridge.routing import outgoing
from bridge.routing.accept import forms
from bridge.routing.outgoing import (
    LAST_PART,
    PARTS,
    TEXT_PART,
    WHATSAPP_ID_PREFIX,
    Deletion,
    Part,
    Writing,
)
from bridge.services import Services
from bridge.store import chats, entries, hearing
from bridge.store.chats import Thread
from bridge.store.hearing import Way
from bridge.store.journal import Direction, NewEntry

_DAY_S = 86400.0


def from_chatwoot(
    integration: Integration, event: ChatwootEvent | None, services: Services, *, way: Way
) -> None:
    """Keeps what one webhook or socket frame of Chatwoot says. Raises StorageFailed."""
    instance = services.instances.get(integration.instance_id)
    if instance is None or event is None:
        return
    match event:
        case AgentMessage():
            _from_agents(instance, integration, [event], services, way=way)
        case ConversationChanged():
            services.chats.note_status(integration.id, event.id, event.status)
        case Typing() if event.on and not event.private and services.settings.show_typing:
            writing(instance, integration, event.conversation_id, services)
        case ContactGone(merged=False):  # of a merged one the conversations stand as before
            services.chats.forget_contact(integration.id, event.id)


def missed_from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
) -> int:
    """Keeps what was found by looking, not told by Chatwoot, at one go; how many messages are new
    work. Raises StorageFailed."""
    return _from_agents(instance, integration, messages, services, way=None)


def _from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
    *,
    way: Way | None,
) -> int:
    """`way` told of the messages, None where a look found them."""
    missed = way is None
    ours = [one for one in messages if _is_agents(one, integration, missed=missed)]
    if not ours:
        return 0
    now = services.clock()

    def work(db: Database) -> list[_Kept]:
        kept = [_keep_reply(db, instance, integration, one, services, missed, now) for one in ours]
        for message, became in zip(ours, kept, strict=True):
            if way is not None:
                hearing.note_told(db, integration.id, way, message.id, now=now)
            elif became is _Kept.FRESH:
                at = message.created_at
                hearing.note_found(db, integration.id, message.id, written_at=at, now=now)
        return kept

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

    services.committer.run(work, services.bell.ring)


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
