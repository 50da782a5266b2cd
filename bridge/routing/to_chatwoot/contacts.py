"""Finds or makes the contact and the conversation of a chat, once.

What is known is in the database and is healed when Chatwoot says otherwise; nothing is guessed from
a memory that forgets. A chat is one lane, so two first messages cannot make two contacts.
Rules: docs/contracts/chatwoot.md, Contacts and Conversations.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bridge.chatwoot.contacts import Contact
from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.messages import MessageFields, NewMessage
from bridge.chatwoot.refusals import ContactGone, FileTooLarge, PhoneTaken, SourceTaken
from bridge.domain.errors import N_, BridgeError, ChatwootRejects, ChatwootUnreachable, NotYet
from bridge.domain.messages import Address
from bridge.gateways import jids, numbers
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed
from bridge.routing import jobs
from bridge.routing.context import CALL_S, Context
from bridge.routing.from_gateway import addresses
from bridge.routing.jobs import ContactProfile
from bridge.routing.to_chatwoot import profiles
from bridge.store.chats import Chat, ConversationLink
from bridge.store.journal import Job

log = logging.getLogger(__name__)

#: How long a new contact may wait for its picture, and when one that was late is fetched again, in
#: seconds.
_PICTURE_S = 4.0
_LATER_S = 30.0
#: When a contact that is gone is looked up anew: Chatwoot takes it away by and by, in seconds.
_GOING_S = 1.0
#: How long a message waits, in seconds, for a contact that Chatwoot has and does not show.
_TAKEN_S = 30.0
#: The same where a look for it failed, which judges nothing.
_BLIND_S = 2.0


def ensure_contact(chat: Chat, context: Context) -> ConversationLink:
    """The thread of a chat with a contact that stands in our inbox. Raises BridgeErrors."""
    chats = context.services.chats
    thread = chats.thread(context.integration.id, chat.id)
    if thread is not None and thread.contact_id:
        return thread
    chat = _meet(chat, context)
    thread = chats.thread(context.integration.id, chat.id)
    source_id = thread.source_id if thread and thread.source_id else _source_id(chat, context)
    name = chat.name or _fallback_name(chat, context)
    found = _make_or_find(chat, name, source_id, context)
    ready = dataclasses.replace(
        thread or ConversationLink(context.integration.id, chat.id, source_id),
        source_id=source_id,
        contact_id=found.id,
        # The name of a group follows the group's; a person's is only filled in where it was not
        # known. Of a contact that was there before, it is none of our business.
        given_name=name if found.is_new and _may_be_renamed(chat, found) else "",
    )
    if not found.is_new:
        ready = _with_its_conversation(ready, context)
    chats.save_thread(ready)
    if found.is_new and not found.has_picture:
        _fill_in_later(chat, ContactProfile(ready.contact_id, with_picture=True), context)
    return ready


def keep_known(chat: Chat, thread: ConversationLink, context: Context) -> None:
    """Sees to it that a contact gets the name and the number that have become known, beside the
    chat's lane."""
    if thread.given_name and chat.name and chat.name != thread.given_name:
        _fill_in_later(chat, ContactProfile(thread.contact_id), context)
    if (thread.source_id.endswith("@lid") or chat.lost) and (phone := _phone(chat, context)):
        _fill_in_later(chat, ContactProfile(thread.contact_id, phone=phone), context)


def is_over(thread: ConversationLink, context: Context) -> bool:
    """Whether there is no conversation that goes on."""
    reopens = context.integration.options.reopen_resolved
    return not thread.conversation_id or (thread.status == "resolved" and not reopens)


def where_it_goes_on(
    thread: ConversationLink, context: Context, *, tried: bool
) -> ConversationLink:
    """The thread in the conversation that the next message belongs into; `is_over` where it begins
    a new one. `tried`: an earlier try may have begun one."""
    if not is_over(thread, context) or not (thread.conversation_id or tried):
        return thread
    thread = with_what_an_agent_began(thread, context)
    if is_over(thread, context) and thread.conversation_id and _is_blocked(thread, context):
        # Chatwoot resolves every conversation of such a contact: this one takes all that comes.
        return dataclasses.replace(thread, status="open")
    return thread


def _is_blocked(thread: ConversationLink, context: Context) -> bool:
    try:
        return context.chatwoot().contacts.get(thread.contact_id).blocked
    except ContactGone:
        return False  # found out, and healed, where the conversation is opened


def with_what_an_agent_began(thread: ConversationLink, context: Context) -> ConversationLink:
    """The thread in the conversation that an agent has begun meanwhile with the same contact,
    which we may hear of only later; as it was where there is none."""
    for one in conversations_of(thread, context):
        if one.status != "resolved" and one.id != thread.conversation_id:
            found = dataclasses.replace(thread, conversation_id=one.id, status=one.status)
            context.services.chats.save_thread(found)
            return found
    return thread


def open_conversation(thread: ConversationLink, context: Context) -> ConversationLink:
    """A new conversation without a message in it yet."""
    opened, _ = _open(thread, context, None)
    return opened


def open_conversation_with(
    thread: ConversationLink, text: str, context: Context, fields: MessageFields
) -> tuple[ConversationLink, int]:
    """A new conversation together with its first message, in one call; the message's id."""
    return _open(thread, context, {"content": text, **fields})


def _open(
    thread: ConversationLink, context: Context, message: NewMessage | None
) -> tuple[ConversationLink, int]:
    status = "pending" if context.integration.options.start_as_pending else "open"
    try:
        made = context.chatwoot().conversations.create(
            thread.contact_id, thread.source_id, status, message
        )
    except ContactGone:
        context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
        raise SourceTaken from None
    opened = dataclasses.replace(thread, conversation_id=made.id, status=made.status)
    context.services.chats.save_thread(opened)
    return opened, made.message_id


def _meet(chat: Chat, context: Context) -> Chat:
    """The chat under all addresses that the gateway knows: a person who is first seen by LID may
    have been here by phone number (docs/contracts/ryzeapi.md, Addresses)."""
    forms = context.services.chats.forms(chat.id)
    if chat.kind == "group" or context.gateway is None or _phone_in(forms):
        return chat
    lid = next((form for form in forms if form.endswith("@lid")), "")
    try:
        known = context.gateway.profile(Address(lid=lid), deadline=Deadline(CALL_S))
    except GatewayError as error:
        log.info("who %s is, is not known: %s", lid, error.message)
        return chat
    if not known.address.jid:
        return chat
    named = dataclasses.replace(chat, name=chat.name or known.address.name)
    met = context.services.chats.meet(named, addresses.named(known.address))
    if met != chat.id:
        # The two are one: this message goes on in the lane that was there first.
        context.services.wakeup.wake(look_again=True)
        raise NotYet(N_("its turn in the chat of the same person"), retry_after_s=0)
    return context.services.chats.get(met)


@dataclass(frozen=True, slots=True)
class _Found:
    """`has_picture`: it is new and there is no picture that it could be given later; `is_named`: it
    is called as the gateway calls the person."""

    id: int
    is_new: bool = False
    has_picture: bool = False
    is_named: bool = False


def _make_or_find(chat: Chat, name: str, source_id: str, context: Context) -> _Found:
    """A contact that an agent made by phone number is used, in any spelling of the number; one that
    an earlier try made is found by its source_id. Never one that is known to be another chat's: the
    number has changed hands since then, and Chatwoot gives it to one contact only."""
    phone = _phone(chat, context)
    forms = _spelled(phone, chat, context)
    if len(forms) > 1:
        for known in context.chatwoot().contacts.find_by_phone(forms):
            if not _is_anothers(known.id, chat, context):
                return _Found(_join(known.id, source_id, context))
    identifier = next(iter(context.services.chats.forms(chat.id)), chat.address)
    wish = _Wish(name, f"+{phone}" if phone else "", identifier, source_id)
    try:
        return _make(chat, wish, context)
    except (PhoneTaken, SourceTaken) as taken:
        found = _existing(chat, forms, identifier, source_id, context, taken)
    except ChatwootUnreachable as error:
        # A source_id that is in use makes Chatwoot stumble instead of refuse
        # (docs/contracts/chatwoot.md, Contacts).
        found = _by_source(source_id, context)
        if found is None:
            raise error
        if _is_anothers(found, chat, context):
            found = None
    if found is not None:
        return _Found(found)
    alone = _own_id(chat, context)
    return _make(chat, _Wish(name, "", alone, alone), context)


def _may_be_renamed(chat: Chat, found: _Found) -> bool:
    return chat.kind == "group" or not (chat.name or found.is_named)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The fields of a new contact."""

    name: str
    phone: str
    identifier: str
    source_id: str


def _make(chat: Chat, wish: _Wish, context: Context) -> _Found:
    """A new contact with its picture, in one call. What the picture is to blame for is no reason
    to do without the contact, and a gateway that is slow no reason to wait for long."""
    fields = dataclasses.asdict(wish)
    try:
        with profiles.picture(chat, context, seconds=_PICTURE_S) as (file, called):
            is_named = bool(called) and not chat.name
            named = {"name": called} if is_named else {}
            made = context.chatwoot().contacts.create(**fields | named, avatar=file)
            return _Found(made, is_new=True, has_picture=True, is_named=is_named)
    except (ChatwootRejects, FileTooLarge, GatewayError, CallFailed) as error:
        log.info("a contact is made without its picture: %s", error)
    return _Found(context.chatwoot().contacts.create(**fields), is_new=True)


def _existing(
    chat: Chat,
    forms: list[str],
    identifier: str,
    source_id: str,
    context: Context,
    taken: BridgeError,
) -> int | None:
    """The contact that Chatwoot says is there already, None where it is another chat's; asked for
    in several ways, since one that finds nothing only shows that this way is blind now. Raises
    NotYet: what was refused as taken exists, so that it is never given up for want of it."""
    known = _by_source(source_id, context)
    if known is not None and not _is_anothers(known, chat, context):
        return known
    is_anothers = known is not None
    looks: list[Callable[[], list[Contact]]] = [
        lambda: context.chatwoot().contacts.find_by_phone(forms),
        lambda: context.chatwoot().contacts.find_by_identifier(identifier),
        *(partial(_searched, one, context) for one in [*forms, identifier]),
    ]
    wait_s = _TAKEN_S
    for look in looks:
        try:
            for found in look():
                if not _is_anothers(found.id, chat, context):
                    return _join(found.id, source_id, context)
                is_anothers = True
        except BridgeError as error:
            log.info("looking for a contact that is there already failed: %s", error.message)
            wait_s = _BLIND_S
    if is_anothers:
        return None
    raise NotYet(
        N_("Chatwoot to show the contact that it has already"), retry_after_s=wait_s
    ) from taken


def _searched(wanted: str, context: Context) -> list[Contact]:
    services, base_url = context.services, context.integration.base_url
    if not services.searches.take(base_url, now=time.monotonic()):
        return []
    return context.chatwoot().contacts.search(wanted)


def _join(contact_id: int, source_id: str, context: Context) -> int:
    context.chatwoot().contacts.add_to_inbox(contact_id, source_id)
    return contact_id


def _by_source(source_id: str, context: Context) -> int | None:
    try:
        return context.chatwoot().contacts.find_by_source(source_id)
    except BridgeError as error:
        log.debug("looking up %s failed: %s", source_id, error.message)
        return None


def _with_its_conversation(thread: ConversationLink, context: Context) -> ConversationLink:
    """A contact that was there before has conversations in our inbox: the latest goes on. It need
    not be ours: one that an agent began stands under a source_id that Chatwoot made up."""
    if thread.conversation_id:
        return thread
    latest = next(iter(conversations_of(thread, context)), None)
    if latest is None:
        return thread
    return dataclasses.replace(thread, conversation_id=latest.id, status=latest.status)


def conversations_of(thread: ConversationLink, context: Context) -> list[Conversation]:
    """Of the contact in our inbox, latest activity first; without those that are known to be
    another chat's, as after agents merged two contacts."""
    place = thread.integration_id, thread.chat_id
    try:
        found = context.chatwoot().conversations.of_contact(thread.contact_id)
    except ContactGone:
        context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
        raise NotYet(
            N_("Chatwoot to settle a conversation that was deleted"), retry_after_s=_GOING_S
        ) from None
    chats = context.services.chats
    return [one for one in found if chats.is_free(*place, conversation_id=one.id)]


def _fill_in_later(chat: Chat, wanted: ContactProfile, context: Context) -> None:
    services, here = context.services, context.integration.id
    due_at = services.clock() + _LATER_S if wanted.with_picture else 0.0
    entry = jobs.profile(chat.id, chat.name, wanted, here, due_at=due_at)
    if services.journal.knows(chat.instance_id, here, entry.key, Job.PROFILE):
        return
    services.journal.accept(chat.instance_id, [entry], now=services.clock())
    services.wakeup.wake()


def _is_anothers(contact_id: int, chat: Chat, context: Context) -> bool:
    chats = context.services.chats
    return chats.is_of_another(context.integration.id, chat.id, contact_id=contact_id)


def _phone(chat: Chat, context: Context) -> str:
    """The digits of a chat's phone number as its contact should have it; a LID is never one
    (docs/contracts/ryzeapi.md, Addresses)."""
    known = _phone_in(context.services.chats.forms(chat.id))
    written = jids.phone(chat.address)
    return numbers.shown(written if written in numbers.spellings(known) else known)


def _spelled(phone: str, chat: Chat, context: Context) -> list[str]:
    """Every spelling under which a contact may have the number, in E.164, its own first."""
    if not phone:
        return []
    jid = numbers.canonical(phone) + jids.PHONE_SUFFIX
    learned = context.services.chats.spellings(chat.instance_id, jid)
    found = [phone, *(jids.phone(one) for one in learned)]
    return [f"+{one}" for one in dict.fromkeys(o for one in found for o in numbers.spellings(one))]


def _phone_in(forms: list[str]) -> str:
    return next((one.partition("@")[0] for one in forms if one.endswith("@s.whatsapp.net")), "")


def _source_id(chat: Chat, context: Context) -> str:
    usual = _phone(chat, context) or chat.address
    taken = context.services.chats.is_of_another(context.integration.id, chat.id, source_id=usual)
    return _own_id(chat, context) if taken else usual


def _own_id(chat: Chat, context: Context) -> str:
    """What no other chat has ever had."""
    forms = context.services.chats.forms(chat.id)
    lid = next((one for one in forms if one.endswith(jids.LID_SUFFIX)), "")
    return lid or f"{_phone(chat, context) or chat.address}.{chat.id}"


def _fallback_name(chat: Chat, context: Context) -> str:
    phone = _phone(chat, context)
    return f"+{phone}" if phone else chat.address.partition("@")[0]
