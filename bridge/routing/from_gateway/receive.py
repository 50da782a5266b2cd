"""The gateway's door to the journal: what comes in is kept, durably, before it is acknowledged.

Nothing here calls another server. Rules: docs/contracts/ryzeapi.md, Events and Uncertain sends.
"""

import logging
import re
from collections.abc import Callable, Sequence
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
from bridge.routing import jobs
from bridge.routing.from_gateway import addresses, echoes
from bridge.routing.ids import SOURCE_PREFIX
from bridge.routing.jobs import ContactProfile, LateFile
from bridge.routing.to_whatsapp import markers
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
_DAY_S = 24 * 3600.0
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
    """Keeps the events of one webhook call (`called`) or socket frame; `integration` is the
    instance's own.

    An echo of our own send is the proof that it happened, and ends there. Raises StorageFailed.
    """
    now, marker = services.clock(), markers.own(services, instance.id)
    newest_at = max((one.at for one in received), default=0.0)
    is_history = _history(integration, services)

    def work(db: Database) -> tuple[list[Message], bool]:
        instances.note_heard(db, instance.id, now, called=called)
        if newest_at:
            event_times.note(db, instance.id, newest_at, called=called, now=now)
        told_at = event_times.of(db, instance.id).told_at
        kept = [
            _keep(db, instance, integration, one, marker, now, is_history(one.at, told_at))
            for one in received
        ]
        rest = [
            one.event
            for one, became in zip(received, kept, strict=True)
            if not became.is_new and isinstance(one.event, Message)
        ]
        return rest, any(became.merged for became in kept)

    rest, merged = services.committer.run(work, services.wakeup.wake)
    if merged:  # what was in one lane is in another now
        services.wakeup.wake(look_again=True)
    for message in rest:
        # Known already, or not routed: the file that came inside is not needed.
        if message.media is not None and message.media.spooled:
            Path(message.media.spooled).unlink(missing_ok=True)


def _history(integration: Integration | None, services: Services) -> Callable[[float, float], bool]:
    """Tells whether an event of a time is history, by the newest time that any event has told, both
    by the clock of the events.

    It is where it is older than the activation by more than an hour. When the activation was, by
    that clock, the time since then tells: by our clock or Chatwoot's, whichever counts more of it,
    since one of them may have been set. Our clock alone tells nothing: where it was ahead,
    whatever customers wrote would be history. While no newer event is known, it is believed to be
    right to a day.
    """
    if integration is None:
        return lambda at, told_at: False
    now, clocks, url = services.clock(), services.chatwoot_clocks, integration.base_url
    since_s = max(now - integration.created_at, clocks.age_s(url, integration.began_at), 0.0)
    day_ago = min(now, clocks.now(url).seconds) - _DAY_S

    def is_history(at: float, told_at: float) -> bool:
        return 0 < at < max(told_at, day_ago) - since_s - _HISTORY_S

    return is_history


@dataclass(frozen=True, slots=True)
class _Kept:
    """`is_new`: a new message waits in the journal now; `merged`: two chats have become one."""

    is_new: bool = False
    merged: bool = False


def _keep(
    db: Database,
    instance: Instance,
    integration: Integration | None,
    one: Received,
    marker: str,
    now: float,
    is_history: bool,
) -> _Kept:
    match one.event:
        case Message() as message:
            if integration is None:
                return _Kept()
            if message.from_me and _is_ours(db, instance, message.source, marker):
                _learn_own(db, instance, message.sender)
                return _Kept(merged=echoes.confirm(db, instance, integration, message, now, one.at))
            if kind := _not_routed(message, integration, is_history):
                unrouted.count(db, instance.id, kind, now=now)
                log.info("a message of %s is not routed: %s", instance.name, kind)
                return _Kept()
            return _keep_message(db, instance, one.key, message, now)
        case Receipt() as receipt:
            if integration is not None:
                _keep_receipt(db, instance, receipt, now)
        case ConnectionChange() as link:
            instances.note_connection(db, instance.id, link.connected, link.state)
            instances.note_own(db, instance.id, addresses.named(Address(link.jid)).phone)
        case GroupName(group):
            chats.rename(db, instance.id, group.jid, group.name)
            if integration is not None:
                _tell_name(db, instance, integration, group, now)
    return _Kept()


def _not_routed(message: Message, integration: Integration, is_history: bool) -> str:
    """Why a message stays out of Chatwoot; empty for one that is brought there."""
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
    return "history" if is_history else ""


def _keep_message(
    db: Database, instance: Instance, key: str, message: Message, now: float
) -> _Kept:
    if message.from_me:
        _learn_own(db, instance, message.sender)
    met = _chat_of(db, instance, message)
    if message.chat_kind is ChatKind.GROUP:
        _note_members(db, met.chat_id, message)
    entry = jobs.new(met.chat_id, key, message)
    is_new = entries.insert(db, instance.id, [entry], now=now) > 0
    if not is_new and message.kind not in CHANGES:
        is_new = _keep_fuller(db, instance, entry, message, now)
    return _Kept(is_new, met.merged)


def _note_members(db: Database, chat_id: int, message: Message) -> None:
    people = [*message.mentions] if message.from_me else [message.sender, *message.mentions]
    for one in people:
        at = one.jid or one.lid
        if one.name and at and jids.kind_of(at) is not jids.JidKind.GROUP:
            members.note(db, chat_id, at, one.name)


def _keep_fuller(
    db: Database, instance: Instance, again: NewEntry, message: Message, now: float
) -> bool:
    """Whether a second event of a message says more than the first; then it is kept beside it."""
    place = instance.id, Job.MESSAGE, again.key
    body = entries.body_of(db, *place)
    earlier = jobs.decode(body) if body else None
    if not isinstance(earlier, Message) or not message.says_more_than(earlier):
        return False
    late = instance.id, Job.FILE, jobs.late_key(message.id)
    if message.media is not None and entries.body_of(db, *late):
        # Its words went ahead, and the file is being asked for: here it is.
        return entries.rewrite(db, *late, jobs.encode(LateFile(message)))
    fuller = jobs.new(again.chat_id, jobs.fuller_key(message.id), message)
    return entries.insert(db, instance.id, [fuller], now=now) > 0


def _tell_name(
    db: Database, instance: Instance, integration: Integration, group: Address, now: float
) -> None:
    """The contact of a group gets its new name, where it has one."""
    chat_id = identity.find(db, instance.id, addresses.named(group))
    contact_id = chats.contact_of(db, integration.id, chat_id) if chat_id is not None else 0
    if chat_id is not None and contact_id:
        told = ContactProfile(contact_id)
        entry = jobs.profile(chat_id, group.name, told, integration.id)
        entries.insert(db, instance.id, [entry], now=now)


def _is_ours(db: Database, instance: Instance, source: str, marker: str) -> bool:
    """Whether a message is the echo of our own send; another bridge on the same number has markers
    of its own, and what it sends is shown."""
    if source.startswith(marker):
        return True
    return source.startswith(SOURCE_PREFIX) and entries.is_old_marker(db, instance.id, source)


def _learn_own(db: Database, instance: Instance, sender: Address) -> None:
    """Our own LID, where an event names it beside our own number."""
    own = addresses.named(sender)
    if own.lid and own.phone and own.phone == instances.own_phone(db, instance.id):
        instances.note_own(db, instance.id, own.phone, own.lid)


def _chat_of(db: Database, instance: Instance, message: Message) -> ResolvedChat:
    incoming = not message.from_me
    is_group = message.chat_kind is ChatKind.GROUP
    # What a message of our own says about names is about us.
    is_theirs = incoming and not is_group and jids.is_same(message.chat, message.sender)
    name = message.chat.name or (message.sender.name if is_theirs else "")
    return identity.resolve(
        db,
        instance.id,
        addresses.named(message.chat),
        kind="group" if is_group else "private",
        address=message.chat.jid or message.chat.lid,
        name=name if incoming or is_group else "",
        last_in=message.reference if incoming and message.kind is not Kind.CALL else "",
        last_in_sender=(message.sender.jid or message.sender.lid) if incoming and is_group else "",
    )


def _keep_receipt(db: Database, instance: Instance, receipt: Receipt, now: float) -> None:
    chat_id = identity.chat_of(db, instance.id, receipt.ids[0], addresses.named(receipt.chat))
    if chat_id is None:
        return
    told = [
        jobs.new(
            chat_id,
            whatsapp_id,
            msgspec.structs.replace(receipt, ids=(whatsapp_id,)),
            position=STEPS[receipt.reached],
            replaces=True,
            due_at=0.0 if receipt.reached is DeliveryStatus.FAILED else now + _GATHER_S,
        )
        for whatsapp_id in receipt.ids
    ]
    entries.insert(db, instance.id, told, now=now)
