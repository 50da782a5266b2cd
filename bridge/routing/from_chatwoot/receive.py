"""Chatwoot's door to the journal: what agents write is kept, durably, before it is acknowledged.

Nothing here calls another server. Rules: docs/contracts/chatwoot.md, Webhooks.
"""

import dataclasses
import enum
import logging
from collections.abc import Sequence

from sqlite_utils import Database

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactRemoved,
    ConversationChanged,
    Typing,
)
from bridge.chatwoot.refusals import ContactUnreachable
from bridge.domain.errors import BeforeRestore, StorageFailed, dump
from bridge.domain.messages import Address
from bridge.domain.models import Instance, Integration
from bridge.gateways.base import GatewayRefuses
from bridge.routing import jobs
from bridge.routing.from_chatwoot import copies, false_failures, parts, surveys
from bridge.routing.from_gateway import addresses
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.jobs import LAST_PART, PARTS, AgentTyping, Deletion, Failure
from bridge.services import Services
from bridge.store import chats, conversation_links, entries, feeds, identity
from bridge.store.chats import ConversationLink
from bridge.store.clocks import DOUBT_S
from bridge.store.feeds import Feed
from bridge.store.journal import ReplyId
from bridge.store.lookup_queue import CONVERSATION, LookupRequest

log = logging.getLogger(__name__)

_DAY_S = 86400.0
#: After so many seconds Chatwoot can say what became of the conversations of a contact that is
#: gone: until then they answer with errors.
_GONE_S = 1.0


def from_chatwoot(
    integration: Integration, event: ChatwootEvent | None, services: Services, *, way: Feed
) -> None:
    """Keeps what one signed webhook or socket frame of Chatwoot says.

    What cannot be kept now is asked about later: Chatwoot repeats nothing, and a webhook that is
    not answered with success marks its message as failed.
    """
    if event is None or not is_for(integration, event):
        return
    try:
        _keep(integration, event, services, way)
    except Exception as error:
        full = isinstance(error, StorageFailed)
        log.error("what Chatwoot told could not be kept: %s", error, exc_info=not full)
        ask_about(integration, event, services)


def is_for(integration: Integration, event: ChatwootEvent) -> bool:
    """Whether an event is about this inbox.

    The socket tells the events of every account of the token's owner, and the ids of conversations
    count per account (docs/contracts/chatwoot.md, Socket). Inboxes count over the installation.
    """
    if isinstance(event, ContactRemoved):
        return event.account_id == integration.account_id
    return event.inbox_id == integration.inbox_id and event.account_id in {
        0,  # conversations in webhooks before 4.14.2
        integration.account_id,
    }


def _keep(integration: Integration, event: ChatwootEvent, services: Services, way: Feed) -> None:
    instance = services.instances.get(integration.instance_id)
    if instance is None:
        return
    match event:
        case AgentMessage():
            surveys.learn(integration, event, services)
            copies.notice(integration, event, services)
            false_failures.seen(integration, event, services)
            kept = _from_agents(instance, integration, [event], services, way=way)
            if _Kept.UNPLACED in kept:
                # The socket does not say whose conversation it is.
                ask_about(integration, event, services)
        case ConversationChanged():
            services.chats.note_status(
                integration.id, event.id, event.status, contact_id=event.contact_id
            )
        case Typing() if event.on and not event.private and services.settings.show_typing:
            writing(instance, integration, event.conversation_id, services)
        case ContactRemoved():
            ask_about(integration, event, services)


def ask_about(
    integration: Integration, event: ChatwootEvent, services: Services, *, trusted: bool = True
) -> None:
    """Has Chatwoot asked about what an event names; never fails."""

    def ask(conversation_id: int, message_id: int, after_s: float = 0.0) -> None:
        due_at = services.clock() + after_s if after_s else 0.0
        services.lookups.ask(
            LookupRequest(
                integration.id, conversation_id, message_id, due_at=due_at, trusted=trusted
            )
        )

    match event:
        case AgentMessage():
            ask(event.conversation_id, event.id)
        case ConversationChanged():
            ask(event.id, CONVERSATION)
        case ContactRemoved():
            # Deleted, or merged into another one: then its conversations live on.
            for conversation_id in services.chats.conversations_of_contact(
                integration.id, event.id
            ):
                ask(conversation_id, CONVERSATION, _GONE_S)


def missed_from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
    *,
    looked: bool = False,
) -> int:
    """Keeps what was found by asking; how many messages are new. `looked`: nobody had told of it.

    Raises StorageFailed.
    """
    kept = _from_agents(instance, integration, messages, services, way=None, looked=looked)
    return sum(one in {_Kept.FRESH, _Kept.REVIVED} for one in kept)


def _from_agents(
    instance: Instance,
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
    *,
    way: Feed | None,
    looked: bool = False,
) -> "list[_Kept]":
    """`way` told of the messages, None where a look found them."""
    missed = way is None
    ours = [one for one in messages if is_agents(one, integration, missed=missed)]
    if not ours:
        return []
    now, clocks = services.clock(), services.chatwoot_clocks

    def work(db: Database) -> list[_Kept]:
        kept = [_keep_reply(db, instance, integration, one, services, missed, now) for one in ours]
        for message, became in zip(ours, kept, strict=True):
            if way is not None:
                feeds.note_told(db, integration.id, way, message.id, now=now)
            elif looked and became is _Kept.FRESH:
                written_at = now - clocks.age_s(integration.base_url, message.created_at)
                feeds.note_found(db, integration.id, message.id, at=written_at)
        return kept

    kept = services.committer.run(work)
    if {_Kept.FRESH, _Kept.REVIVED, _Kept.REFUSED} & set(kept):
        services.wakeup.wake(look_again=_Kept.REVIVED in kept)
    return kept


class _Kept(enum.Enum):
    """What became of an agent's message: nothing new, new entries, old ones to be tried again;
    UNPLACED where it is not known to whom it is to go, REFUSED where nobody can be reached."""

    UNPLACED = enum.auto()
    REFUSED = enum.auto()
    NOTHING = enum.auto()
    FRESH = enum.auto()
    REVIVED = enum.auto()


def is_agents(message: AgentMessage, integration: Integration, *, missed: bool) -> bool:
    """Private notes and what we put there ourselves are passed over (docs/contracts/chatwoot.md,
    Webhooks)."""
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
        if not message.contact_id:
            return _Kept.UNPLACED
        told = _has_no_number(db, instance, integration, message, services, missed, now)
        return _Kept.REFUSED if told else _Kept.NOTHING
    reply = ReplyId(instance.id, integration.id, message.id)
    if message.deleted:
        entries.discard(db, reply, now=now)
        gone = jobs.new(
            *(thread.chat_id, f"d{message.id}", Deletion(message)),
            position=message.id * PARTS + LAST_PART,
            integration_id=integration.id,
        )
        return _Kept.FRESH if entries.insert(db, instance.id, [gone], now=now) else _Kept.NOTHING
    if _is_news(message, integration, services, missed=missed):
        new = parts.of(db, reply, thread.chat_id, message)
        if message.created_at <= integration.unproven_until.plus(DOUBT_S):
            doubt = dump(BeforeRestore())
            new = [dataclasses.replace(part, doubt=doubt) for part in new]
        if entries.insert(db, instance.id, new, now=now):
            conversation_links.follow(db, thread)
            return _Kept.FRESH
    if missed and message.is_marked:
        # Asked for just now, so this is what its agent sees.
        entries.note_dead_shown(db, reply)
        return _Kept.NOTHING
    # The agent's Retry button: Chatwoot only updates the message (docs/contracts/chatwoot.md,
    # Messages).
    again = not message.external_error and message.status in {"", "sent"}
    if again and entries.revive(db, reply, now=now, refusals=(GatewayRefuses,)):
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
    clocks = services.chatwoot_clocks
    forgotten_at = clocks.now(integration.base_url).plus(-services.settings.keep_days * _DAY_S)
    return message.created_at >= max(clocks.begin_of(integration), forgotten_at).plus(-DOUBT_S)


def writing(
    instance: Instance, integration: Integration, conversation_id: int, services: Services
) -> None:
    """An agent is writing; kept so that the customer can be shown it."""
    now = services.clock()

    def work(db: Database) -> None:
        chat_id = conversation_links.chat_of_conversation(db, integration.id, conversation_id)
        if chat_id is None:
            return
        key, body = f"{conversation_id}:{int(now // 10)}", AgentTyping(conversation_id)
        entry = jobs.new(chat_id, key, body, integration_id=integration.id)
        entries.insert(db, instance.id, [entry], now=now)

    services.committer.run(work, services.wakeup.wake)


def _has_no_number(
    db: Database,
    instance: Instance,
    integration: Integration,
    message: AgentMessage,
    services: Services,
    missed: bool,
    now: float,
) -> bool:
    """Has the agent shown that the contact cannot be reached, once and after each Retry; whether
    there is something to show. Such a contact is a chat without an address."""
    is_shown = message.status == "failed" or bool(message.external_error)
    if message.deleted or is_shown or not _is_news(message, integration, services, missed=missed):
        return False
    chat_id = chats.resolve_chat(
        db,
        instance.id,
        [f"contact:{integration.id}:{message.contact_id}"],
        kind="private",
        address="",
        name=message.contact_name or f"#{message.contact_id}",
    )
    entry = jobs.new(
        chat_id,
        f"m{message.id}:nobody",
        Failure(message.conversation_id, message.id, dump(ContactUnreachable())),
        position=int(now * 1000),
        replaces=message.updated,
        integration_id=integration.id,
    )
    return entries.insert(db, instance.id, [entry], now=now) > 0


def _chat_at(
    db: Database, instance: Instance, address: Address | None, message: AgentMessage
) -> int | None:
    """The chat with that address, made where there is none yet."""
    if address is None:
        return None
    named = addresses.named(address)
    found = identity.find(db, instance.id, named)
    if found is not None:
        return found
    made = identity.resolve(
        db,
        instance.id,
        named,
        kind="group" if address.jid.endswith("@g.us") else "private",
        address=address.jid or address.lid,
        name=message.contact_name,
    )
    return made.chat_id


def _thread_of(
    db: Database, instance: Instance, integration: Integration, message: AgentMessage
) -> ConversationLink | None:
    """Where the message stands; an agent may also have begun a conversation with a new number."""
    chat_id = conversation_links.chat_of_conversation(
        db,
        integration.id,
        message.conversation_id,
        source_id=message.source_id,
        contact_id=message.contact_id,
    )
    if chat_id is None:
        chat_id = _chat_at(db, instance, addresses.of_contact(message), message)
    if chat_id is None:
        return None
    return ConversationLink(
        integration_id=integration.id,
        chat_id=chat_id,
        source_id=message.source_id,
        contact_id=message.contact_id,
        conversation_id=message.conversation_id,
        status=message.conversation_status or "open",
    )
