"""Writes what a gateway tells into the journal, durably, before it is acknowledged.

Nothing here calls another server. Rules: docs/contracts/ryzeapi.md, Events and Uncertain sends.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridge.domain.messages import (
    CHANGES,
    STEPS,
    Address,
    ChatKind,
    ConnectionChange,
    DeliveryStatus,
    GroupName,
    Kind,
    Message,
    Receipt,
)
from bridge.domain.models import Instance, Integration
from bridge.gateways import jids
from bridge.gateways.base import Received
from bridge.routing import addresses, ids, jobs
from bridge.routing.from_gateway import echoes
from bridge.routing.ids import SOURCE_PREFIX
from bridge.routing.jobs import ContactProfile, LateFile
from bridge.services import Services
from bridge.store import (
    Database,
    chats,
    entries,
    event_times,
    identity,
    instances,
    members,
    unrouted,
)
from bridge.store.identity import ResolvedChat
from bridge.store.journal import Job, NewEntry

log = logging.getLogger(__name__)

#: How much older than the activation a message may be, in seconds, that is not history.
_HISTORY_S = 3600.0
_DOMAIN = re.compile(r"[a-z][a-z.]{1,30}")
#: How long a receipt waits for the next one, in seconds: Chatwoot is told only the last.
_GATHER_S = 1.0


def receive_events(
    instance: Instance,
    integration: Integration | None,
    received: Sequence[Received],
    services: Services,
    *,
    called: bool,
) -> None:
    """Stores the events of one webhook call (`called`) or socket frame; `integration` is the
    instance's own.

    An echo of our own send is the proof that it happened, and ends there. Raises StorageFailed.
    """
    now, marker = services.clock(), ids.own_marker(services, instance.id)
    newest_at = max((event.at for event in received), default=0.0)
    active_s, at_least = _since_activation(integration, services, now)

    def write(db: Database) -> tuple[list[Message], bool]:
        instances.note_heard(db, instance.id, now, called=called)
        if newest_at:
            event_times.note(db, instance.id, newest_at, called=called, now=now)
        times = event_times.of(db, instance.id)
        told_at = max(times.told_at, min(at_least, now + times.ahead_s))
        batch = _Batch(db, instance, marker, now, told_at - active_s - _HISTORY_S)
        outcomes = [batch.store(event, integration) for event in received]
        unstored = [
            event.event
            for event, outcome in zip(received, outcomes, strict=True)
            if not outcome.is_new and isinstance(event.event, Message)
        ]
        return unstored, any(outcome.merged for outcome in outcomes)

    unstored, merged = services.committer.run(write, services.wakeup.wake)
    if merged:  # what was in one lane is in another now
        services.wakeup.wake(look_again=True)
    for message in unstored:
        # Known already, or not routed: the file that came inside is not needed.
        if message.media is not None and message.media.spooled:
            Path(message.media.spooled).unlink(missing_ok=True)


def _since_activation(
    integration: Integration | None, services: Services, now: float
) -> tuple[float, float]:
    """How many seconds an integration has been active, and which time it is at least, in UTC
    seconds.

    The newest event less the former is the activation by the clock of the events. The seconds are
    counted by our clock or Chatwoot's, whichever counts more of them, since either may have been
    set; and it is at least the earlier of what these two show.
    """
    if integration is None:
        return 0.0, 0.0
    clocks, url = services.chatwoot_clocks, integration.base_url
    active_s = max(now - integration.created_at, clocks.age_s(url, integration.began_at), 0.0)
    return active_s, min(now, clocks.now(url).seconds)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`is_new`: a new message is queued in the journal; `merged`: two chats have become one."""

    is_new: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class _Batch:
    """The writes of one call. `marker` is what those of our own sends begin with, `now` our time;
    what is older than `began_at`, by the clock of the events, is history."""

    db: Database
    instance: Instance
    marker: str
    now: float
    began_at: float

    def store(self, received: Received, integration: Integration | None) -> _Outcome:
        db, instance_id = self.db, self.instance.id
        match received.event:
            case Message() as message if integration is not None:
                if message.from_me and self._is_ours(message.source):
                    self._learn_own_lid(message.sender)
                    merged = echoes.confirm(
                        db, instance_id, integration.id, message, now=self.now, at=received.at
                    )
                    return _Outcome(merged=merged)
                if reason := self._not_routed(message, received.at, integration):
                    unrouted.count(db, instance_id, reason, now=self.now)
                    log.info("a message of %s is not routed: %s", self.instance.name, reason)
                    return _Outcome()
                return self._store_message(received.key, message)
            case Receipt() as receipt if integration is not None:
                self._store_receipt(receipt)
            case ConnectionChange() as link:
                instances.note_connection(db, instance_id, link.connected, link.state)
                instances.note_own(db, instance_id, addresses.named(Address(link.jid)).phone)
            case GroupName(group):
                chats.rename(db, instance_id, group.jid, group.name)
                if integration is not None:
                    self._rename_contact(group, integration)
        return _Outcome()

    def _insert(self, entry: NewEntry) -> bool:
        return entries.insert(self.db, self.instance.id, [entry], now=self.now) > 0

    def _not_routed(self, message: Message, at: float, integration: Integration) -> str:
        """Why a message stays out of Chatwoot; empty for one that goes there."""
        options = integration.options
        if message.chat_kind is ChatKind.OTHER:
            name, _, domain = message.chat.jid.lower().rpartition("@")
            if name == "status":
                return "story"
            return domain if _DOMAIN.fullmatch(domain) else "other"
        if message.chat_kind is ChatKind.GROUP and options.ignore_groups:
            return "group"
        if message.kind is Kind.CALL and options.ignore_calls:
            return "call"
        return "history" if 0 < at < self.began_at else ""

    def _store_message(self, key: str, message: Message) -> _Outcome:
        if message.from_me:
            self._learn_own_lid(message.sender)
        chat = self._chat_of(message)
        if message.chat_kind is ChatKind.GROUP:
            self._note_members(chat.chat_id, message)
        entry = jobs.new(chat.chat_id, key, message)
        is_new = self._insert(entry)
        if not is_new and message.kind not in CHANGES:
            is_new = self._store_fuller(entry, message)
        return _Outcome(is_new, chat.merged)

    def _note_members(self, chat_id: int, message: Message) -> None:
        people = [*message.mentions] if message.from_me else [message.sender, *message.mentions]
        for person in people:
            at = person.jid or person.lid
            if person.name and at and jids.kind_of(at) is not jids.JidKind.GROUP:
                members.note(self.db, chat_id, at, person.name)

    def _store_fuller(self, again: NewEntry, message: Message) -> bool:
        """Whether a second event of a message says more than the first; then it is stored too."""
        db, instance_id = self.db, self.instance.id
        body = entries.body_of(db, instance_id, Job.MESSAGE, again.key)
        earlier = jobs.decode(body) if body else None
        if not isinstance(earlier, Message) or not message.says_more_than(earlier):
            return False
        late = instance_id, Job.FILE, jobs.late_key(message.id)
        # Where the text went ahead, and the file is still being asked for: here it is.
        if message.media is not None and entries.rewrite(db, *late, jobs.encode(LateFile(message))):
            return True
        return self._insert(jobs.new(again.chat_id, jobs.fuller_key(message.id), message))

    def _rename_contact(self, group: Address, integration: Integration) -> None:
        """The contact of a group gets its new name, where it has one."""
        chat_id = identity.find(self.db, self.instance.id, addresses.named(group))
        if chat_id is None:
            return
        contact_id = chats.contact_of(self.db, integration.id, chat_id)
        if contact_id:
            wanted = ContactProfile(contact_id)
            self._insert(jobs.profile(chat_id, group.name, wanted, integration.id))

    def _is_ours(self, source: str) -> bool:
        """Whether a message is the echo of our own send; another bridge on the same number has
        markers of its own, and what it sends is shown."""
        if source.startswith(self.marker):
            return True
        is_marker = source.startswith(SOURCE_PREFIX)
        return is_marker and entries.is_old_marker(self.db, self.instance.id, source)

    def _learn_own_lid(self, sender: Address) -> None:
        """Our own LID, where an event names it beside our own number."""
        own = addresses.named(sender)
        if own.lid and own.phone and own.phone == instances.own_phone(self.db, self.instance.id):
            instances.note_own(self.db, self.instance.id, own.phone, own.lid)

    def _chat_of(self, message: Message) -> ResolvedChat:
        incoming = not message.from_me
        is_group = message.chat_kind is ChatKind.GROUP
        # What a message of our own says about names is about us.
        is_theirs = incoming and not is_group and jids.is_same(message.chat, message.sender)
        name = message.chat.name or (message.sender.name if is_theirs else "")
        sender = (message.sender.jid or message.sender.lid) if incoming and is_group else ""
        return identity.resolve(
            self.db,
            self.instance.id,
            addresses.named(message.chat),
            kind="group" if is_group else "private",
            address=message.chat.jid or message.chat.lid,
            name=name if incoming or is_group else "",
            last_in=message.reference if incoming and message.kind is not Kind.CALL else "",
            last_in_sender=sender,
        )

    def _store_receipt(self, receipt: Receipt) -> None:
        chat = addresses.named(receipt.chat)
        chat_id = identity.chat_of(self.db, self.instance.id, receipt.ids[0], chat)
        if chat_id is None:
            return
        has_failed = receipt.reached is DeliveryStatus.FAILED
        for whatsapp_id in receipt.ids:
            entry = jobs.new(
                chat_id,
                whatsapp_id,
                msgspec.structs.replace(receipt, ids=(whatsapp_id,)),
                position=STEPS[receipt.reached],
                replaces=True,
                due_at=0.0 if has_failed else self.now + _GATHER_S,
            )
            self._insert(entry)
