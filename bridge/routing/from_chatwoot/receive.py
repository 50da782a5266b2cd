"""Stores what agents write, durably, before Chatwoot's webhook is acknowledged.

Nothing here calls another server. Rules: docs/contracts/chatwoot.md, Webhooks.
"""

import dataclasses
import enum
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactRemoved,
    ConversationChanged,
    Typing,
)
from bridge.chatwoot.refusals import ContactUnreachable
from bridge.domain.errors import BeforeRestore, StorageFailed, dump
from bridge.domain.messages import GROUP_SUFFIX
from bridge.domain.models import Integration
from bridge.gateways.base import GatewayRefuses
from bridge.routing import addresses, jobs
from bridge.routing.from_chatwoot import duplicates, false_failures, reply_parts, surveys
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.jobs import LAST_PART, PARTS, AgentTyping, Deletion, Failure
from bridge.services import Services
from bridge.store import Database, conversation_links, entries, feeds, identity
from bridge.store.clocks import DOUBT_S
from bridge.store.conversation_links import ConversationLink
from bridge.store.feeds import Feed
from bridge.store.journal import NewEntry, ReplyId
from bridge.store.lookup_queue import CONVERSATION, LookupRequest

log = logging.getLogger(__name__)

_DAY_S = 86400.0
#: After so many seconds Chatwoot can say what became of the conversations of a contact that is
#: gone: until then it answers with errors.
_GONE_S = 1.0


def receive(
    integration: Integration, event: ChatwootEvent | None, services: Services, *, feed: Feed
) -> None:
    """Stores what one signed webhook or websocket frame of Chatwoot tells; never fails.

    What cannot be stored now is looked up later: Chatwoot repeats nothing, and a webhook that is
    not answered with success marks its message as failed.
    """
    if event is None or not is_for(integration, event):
        return
    try:
        _store(integration, event, services, feed)
    except Exception as error:
        full = isinstance(error, StorageFailed)
        log.error("what Chatwoot told could not be stored: %s", error, exc_info=not full)
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


def _store(integration: Integration, event: ChatwootEvent, services: Services, feed: Feed) -> None:
    if services.instances.get(integration.instance_id) is None:
        return
    match event:
        case AgentMessage():
            surveys.learn(integration, event, services)
            duplicates.count(integration, event, services)
            false_failures.look_up_later(integration, event, services)
            outcomes = store_messages(integration, [event], services, feed=feed)
            if Outcome.ASK in outcomes:
                ask_about(integration, event, services)
        case ConversationChanged():
            services.chats.note_status(
                integration.id, event.id, event.status, contact_id=event.contact_id
            )
        case Typing() if event.on and not event.private and services.settings.show_typing:
            _store_typing(integration, event.conversation_id, services)
        case ContactRemoved():
            ask_about(integration, event, services)


def ask_about(
    integration: Integration, event: ChatwootEvent, services: Services, *, trusted: bool = True
) -> None:
    """Queues a lookup of what an event names; never fails."""

    def ask(conversation_id: int, message_id: int, due_at: float = 0.0) -> None:
        place = integration.id, conversation_id, message_id
        services.lookups.ask(LookupRequest(*place, due_at=due_at, trusted=trusted))

    match event:
        case AgentMessage():
            ask(event.conversation_id, event.id)
        case ConversationChanged():
            ask(event.id, CONVERSATION)
        case ContactRemoved():
            # Deleted, or merged into another one: then its conversations live on.
            conversations = services.chats.conversations_of_contact(integration.id, event.id)
            for conversation_id in conversations:
                ask(conversation_id, CONVERSATION, services.clock() + _GONE_S)


class Outcome(enum.Enum):
    """What became of an agent's message: nothing new, new entries, old ones tried again, or an
    agent who is shown that nobody can be reached. ASK: Chatwoot has to be asked about it."""

    NOTHING = enum.auto()
    NEW = enum.auto()
    RETRIED = enum.auto()
    UNREACHABLE = enum.auto()
    ASK = enum.auto()


NEWS = {Outcome.NEW, Outcome.RETRIED}


def store_messages(
    integration: Integration,
    messages: Sequence[AgentMessage],
    services: Services,
    *,
    feed: Feed | None = None,
    retriable: Collection[int] = (),
    untold: bool = False,
) -> list[Outcome]:
    """Stores what agents wrote; what became of each of their messages. Raises StorageFailed.

    `feed` told of the messages, None where Chatwoot was asked: then `retriable` were shown as
    failed before that, so that the answer can say that the agent pressed Retry. `untold`: no feed
    had named the messages.
    """
    asked = feed is None
    agents = [message for message in messages if is_agents(message, integration, asked=asked)]
    if not agents:
        return []
    now, clocks = services.clock(), services.chatwoot_clocks

    def work(db: Database) -> list[Outcome]:
        writer = _Writer(db, integration, services, retriable, asked, now)
        outcomes = [writer.store(message) for message in agents]
        for message, outcome in zip(agents, outcomes, strict=True):
            if feed is not None:
                feeds.note_told(db, integration.id, feed, message.id, now=now)
            elif untold and outcome is Outcome.NEW:
                written_at = now - clocks.age_s(integration.base_url, message.created_at)
                feeds.note_found(db, integration.id, message.id, at=written_at)
        return outcomes

    outcomes = services.committer.run(work)
    if (NEWS | {Outcome.UNREACHABLE}) & set(outcomes):
        services.wakeup.wake(look_again=Outcome.RETRIED in outcomes)
    return outcomes


def is_agents(message: AgentMessage, integration: Integration, *, asked: bool) -> bool:
    """Whether a message is an agent's to the customer: no private note, and none of ours
    (docs/contracts/chatwoot.md, Webhooks). `asked`: it is how Chatwoot shows it now."""
    ours = message.own_source_id.startswith(WHATSAPP_ID_PREFIX)
    if message.private or message.type not in {"outgoing", "template"}:
        return False
    if message.inbox_id != integration.inbox_id or (ours and not message.deleted):
        return False
    # Chatwoot repeats a message that it, or we, marked as failed: that is no new message.
    return asked or not message.external_error


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes agents' messages into the journal, in one transaction."""

    db: Database
    integration: Integration
    services: Services
    retriable: Collection[int]
    asked: bool
    now: float

    def store(self, message: AgentMessage) -> Outcome:
        db, integration = self.db, self.integration
        link = self._link(message)
        if link is None:
            # The socket does not say whose conversation it is.
            return self._refuse(message) if message.contact_id else Outcome.ASK
        reply = ReplyId(integration.instance_id, integration.id, message.id)
        if message.deleted:
            entries.discard(db, reply, now=self.now)
            entry = jobs.new(
                *(link.chat_id, f"d{message.id}", Deletion(message)),
                position=message.id * PARTS + LAST_PART,
                integration_id=integration.id,
            )
            return Outcome.NEW if self._insert([entry]) else Outcome.NOTHING
        if self._may_be_new(message):
            new = reply_parts.of(db, reply, link.chat_id, message)
            if message.created_at <= integration.unproven_until.plus(DOUBT_S):
                doubt = dump(BeforeRestore())
                new = [dataclasses.replace(part, doubt=doubt) for part in new]
            if self._insert(new):
                conversation_links.follow(db, link)
                return Outcome.NEW
        return self._retry(reply, message)

    def _retry(self, reply: ReplyId, message: AgentMessage) -> Outcome:
        """The agent's Retry only updates the message (docs/contracts/chatwoot.md, Messages). What
        a feed tells may be older than the failure that the agent was shown, so Chatwoot is asked
        how the message stands now."""
        if self.asked and message.is_marked:
            entries.note_dead_shown(self.db, reply)
            return Outcome.NOTHING
        if message.external_error or message.status not in {"", "sent"}:
            return Outcome.NOTHING
        if not self.asked:
            return Outcome.ASK if entries.is_shown(self.db, reply) else Outcome.NOTHING
        if message.id in self.retriable and entries.revive(
            self.db, reply, now=self.now, refusals=(GatewayRefuses,)
        ):
            return Outcome.RETRIED
        return Outcome.NOTHING

    def _insert(self, new: list[NewEntry]) -> bool:
        """Whether any of them was unknown."""
        return bool(entries.insert(self.db, self.integration.instance_id, new, now=self.now))

    def _may_be_new(self, message: AgentMessage) -> bool:
        """Whether a message that the journal does not know may be new: of old ones it has forgotten
        that they arrived, and those from before the integration are not its matter."""
        if self.asked and message.status in {"delivered", "read"}:
            # Only our receipts say so: it was sent before the backup that was restored.
            return False
        if not (self.asked or message.updated):
            return True
        clocks, base_url = self.services.chatwoot_clocks, self.integration.base_url
        forgotten_at = clocks.now(base_url).plus(-self.services.settings.keep_days * _DAY_S)
        oldest = max(clocks.begin_of(self.integration), forgotten_at)
        return message.created_at >= oldest.plus(-DOUBT_S)

    def _refuse(self, message: AgentMessage) -> Outcome:
        """Shows the agent that the contact has no number, once and after each Retry. Such a contact
        is a chat without an address."""
        if message.deleted or message.is_marked or not self._may_be_new(message):
            return Outcome.NOTHING
        chat_id = identity.resolve_chat(
            self.db,
            self.integration.instance_id,
            [f"contact:{self.integration.id}:{message.contact_id}"],
            kind="private",
            address="",
            name=message.contact_name or f"#{message.contact_id}",
        )
        entry = jobs.new(
            chat_id,
            f"m{message.id}:nobody",
            Failure(message.conversation_id, message.id, dump(ContactUnreachable())),
            position=int(self.now * 1000),
            replaces=message.updated,
            integration_id=self.integration.id,
        )
        return Outcome.UNREACHABLE if self._insert([entry]) else Outcome.NOTHING

    def _link(self, message: AgentMessage) -> ConversationLink | None:
        """Where the message stands; an agent may also have begun a conversation with a new number.
        None where that is not known."""
        integration_id, conversation_id = self.integration.id, message.conversation_id
        chat_id = conversation_links.chat_of_conversation(
            self.db,
            integration_id,
            conversation_id,
            source_id=message.source_id,
            contact_id=message.contact_id,
        )
        if chat_id is None:
            chat_id = self._chat_of_contact(message)
        if chat_id is None:
            return None
        return ConversationLink(
            integration_id=integration_id,
            chat_id=chat_id,
            source_id=message.source_id,
            contact_id=message.contact_id,
            conversation_id=conversation_id,
            status=message.conversation_status or "open",
        )

    def _chat_of_contact(self, message: AgentMessage) -> int | None:
        """The chat with the address of the contact, made where there is none yet."""
        address = addresses.of_contact(message)
        if address is None:
            return None
        place = self.db, self.integration.instance_id, addresses.named(address)
        known = identity.find(*place)
        if known is not None:
            return known
        return identity.resolve(
            *place,
            kind="group" if address.jid.endswith(GROUP_SUFFIX) else "private",
            address=address.jid or address.lid,
            name=message.contact_name,
        ).chat_id


def _store_typing(integration: Integration, conversation_id: int, services: Services) -> None:
    now = services.clock()

    def work(db: Database) -> None:
        chat_id = conversation_links.chat_of_conversation(db, integration.id, conversation_id)
        if chat_id is None:
            return
        key, body = f"{conversation_id}:{int(now // 10)}", AgentTyping(conversation_id)
        entry = jobs.new(chat_id, key, body, integration_id=integration.id)
        entries.insert(db, integration.instance_id, [entry], now=now)

    services.committer.run(work, services.wakeup.wake)
