"""Finds or makes the contact of a chat, once.

What is known is in the database and is corrected when Chatwoot says otherwise. A chat is one lane,
so two first messages cannot make two contacts. Rules: docs/contracts/chatwoot.md, Contacts.
"""

import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.chatwoot.contacts import Contact, Contacts
from bridge.chatwoot.refusals import FileTooLarge, PhoneTaken, SourceTaken
from bridge.domain.errors import N_, BridgeError, ChatwootRejects, ChatwootUnreachable, NotYet
from bridge.domain.messages import LID_SUFFIX, PHONE_SUFFIX, Address
from bridge.gateways import jids, numbers
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed
from bridge.routing import addresses, jobs
from bridge.routing.context import CALL_S, Context
from bridge.routing.jobs import ContactProfile
from bridge.routing.to_chatwoot import conversations, profiles
from bridge.store.chats import Chat
from bridge.store.conversation_links import ConversationLink
from bridge.store.journal import Job

log = logging.getLogger(__name__)

#: How long a new contact may wait for its picture, and when one that was late is fetched again, in
#: seconds.
_PICTURE_S = 4.0
_LATER_S = 30.0
#: How long a message waits, in seconds, for a contact that Chatwoot has and does not show.
_TAKEN_S = 30.0
#: The same where a search for it failed, which proves nothing.
_BLIND_S = 2.0


def ensure_contact(chat: Chat, context: Context) -> ConversationLink:
    """The link of a chat, with a contact that is in our inbox. Raises BridgeErrors."""
    chats = context.services.chats
    link = chats.thread(context.integration.id, chat.id)
    if link is not None and link.contact_id:
        return link
    chat = _with_known_addresses(chat, context)
    link = chats.thread(context.integration.id, chat.id)
    finder = _Finder(chat, link.source_id if link else "", context)
    found = finder.find_or_make()
    may_be_renamed = chat.kind == "group" or not (chat.name or found.is_named)
    ready = dataclasses.replace(
        link or ConversationLink(context.integration.id, chat.id, ""),
        source_id=finder.source_id,
        contact_id=found.id,
        # The name of a group follows the group's; a person's is only filled in where it was not
        # known. That of a contact that was there before stays.
        given_name=finder.name if found.is_new and may_be_renamed else "",
    )
    if not found.is_new:
        ready = conversations.latest_of_contact(ready, context)
    chats.save_thread(ready)
    if found.is_new and not found.has_picture:
        _fill_in_later(chat, ContactProfile(ready.contact_id, with_picture=True), context)
    return ready


def fill_in_news(chat: Chat, link: ConversationLink, context: Context) -> None:
    """Has a contact get the name and the number that have become known, beside the chat's lane."""
    if link.given_name and chat.name and chat.name != link.given_name:
        _fill_in_later(chat, ContactProfile(link.contact_id), context)
    if (link.source_id.endswith(LID_SUFFIX) or chat.lost) and (phone := _phone(chat, context)):
        _fill_in_later(chat, ContactProfile(link.contact_id, phone=phone), context)


def _fill_in_later(chat: Chat, wanted: ContactProfile, context: Context) -> None:
    services, here = context.services, context.integration.id
    due_at = services.clock() + _LATER_S if wanted.with_picture else 0.0
    entry = jobs.profile(chat.id, chat.name, wanted, here, due_at=due_at)
    if not services.journal.knows(chat.instance_id, here, entry.key, Job.PROFILE):
        services.journal.accept(chat.instance_id, [entry], now=services.clock())
        services.wakeup.wake()


def _with_known_addresses(chat: Chat, context: Context) -> Chat:
    """The chat under all addresses that the gateway knows: a person who is first seen by LID may
    have been here by phone number (docs/contracts/ryzeapi.md, Addresses)."""
    forms = context.services.chats.forms(chat.id)
    if chat.kind == "group" or context.gateway is None or _phone_in(forms):
        return chat
    lid = _lid_in(forms)
    try:
        known = context.gateway.profile(Address(lid=lid), deadline=Deadline(CALL_S)).address
    except GatewayError as error:
        log.info("who %s is, is not known: %s", lid, error.message)
        return chat
    if not known.jid:
        return chat
    named = dataclasses.replace(chat, name=chat.name or known.name)
    chat_id = context.services.chats.meet(named, addresses.named(known))
    if chat_id != chat.id:
        # The two are one: this message goes on in the lane that was there first.
        context.services.wakeup.wake(look_again=True)
        raise NotYet(N_("its turn in the chat of the same person"), retry_after_s=0)
    return context.services.chats.get(chat_id)


def _phone(chat: Chat, context: Context) -> str:
    """The digits of a chat's phone number as its contact should have it; a LID is never one
    (docs/contracts/ryzeapi.md, Addresses)."""
    known = _phone_in(context.services.chats.forms(chat.id))
    written = jids.phone(chat.address)
    return numbers.shown(written if written in numbers.spellings(known) else known)


def _phone_in(forms: list[str]) -> str:
    return next((form.partition("@")[0] for form in forms if form.endswith(PHONE_SUFFIX)), "")


def _lid_in(forms: list[str]) -> str:
    return next((form for form in forms if form.endswith(LID_SUFFIX)), "")


@dataclass(frozen=True, slots=True)
class _Found:
    """`has_picture`: it is new, and no picture could be given later; `is_named`: it has the name
    that the gateway gives the person."""

    id: int
    is_new: bool = False
    has_picture: bool = False
    is_named: bool = False


class _Finder:
    """Finds the contact of one chat in Chatwoot, or makes it. `source_id` is what it has in our
    inbox, empty where that is not decided yet."""

    def __init__(self, chat: Chat, source_id: str, context: Context) -> None:
        self._chat, self._context = chat, context
        self._forms = context.services.chats.forms(chat.id)
        self._phone = _phone(chat, context)
        self.name = chat.name or (f"+{self._phone}" if self._phone else chat.address.split("@")[0])
        self.source_id = source_id or self._phone or chat.address
        if not source_id and context.services.chats.is_of_another(
            context.integration.id, chat.id, source_id=self.source_id
        ):
            self.source_id = self._unique_id()

    @property
    def _contacts(self) -> Contacts:
        """Calls to Chatwoot, under a limit of their own each time."""
        return self._context.chatwoot().contacts

    def find_or_make(self) -> _Found:
        """A contact that an agent made by phone number is used, in any spelling of the number; one
        that an earlier try made is found by its source_id. Never one that is known to be another
        chat's: the number has changed hands since then, and Chatwoot gives it to one contact only.
        """
        spellings = self._spellings()
        if len(spellings) > 1:
            for contact in self._contacts.find_by_phone(spellings):
                if not self._is_anothers(contact.id):
                    return _Found(self._join(contact.id))
        phone = f"+{self._phone}" if self._phone else ""
        identifier = next(iter(self._forms), self._chat.address)
        try:
            return self._make(phone, identifier, self.source_id)
        except (PhoneTaken, SourceTaken) as taken:
            contact_id = self._existing(spellings, identifier, taken)
        except ChatwootUnreachable as error:
            # A source_id that is in use makes Chatwoot stumble instead of refuse
            # (docs/contracts/chatwoot.md, Contacts).
            contact_id = self._by_source()
            if contact_id is None:
                raise error
            if self._is_anothers(contact_id):
                contact_id = None
        if contact_id is not None:
            return _Found(contact_id)
        unique_id = self._unique_id()
        return self._make("", unique_id, unique_id)

    def _make(self, phone: str, identifier: str, source_id: str) -> _Found:
        """A new contact with its picture, in one call. A picture that Chatwoot refuses is no reason
        to do without the contact, and a gateway that is slow no reason to wait for long."""
        fields: dict[str, Any] = {"phone": phone, "identifier": identifier, "source_id": source_id}
        try:
            with profiles.picture(self._chat, self._context, seconds=_PICTURE_S) as (file, called):
                is_named = bool(called) and not self._chat.name
                contact_id = self._contacts.create(
                    name=called if is_named else self.name, avatar=file, **fields
                )
                return _Found(contact_id, is_new=True, has_picture=True, is_named=is_named)
        except (ChatwootRejects, FileTooLarge, GatewayError, CallFailed) as error:
            log.info("a contact is made without its picture: %s", error)
        return _Found(self._contacts.create(name=self.name, **fields), is_new=True)

    def _existing(self, spellings: list[str], identifier: str, taken: BridgeError) -> int | None:
        """The contact that Chatwoot says is there already, None where it is another chat's; asked
        for in several ways, since one that finds nothing only shows that this way is blind now.
        Raises NotYet: what was refused as taken exists, so it is never given up as missing."""
        contact_id = self._by_source()
        if contact_id is not None and not self._is_anothers(contact_id):
            return contact_id
        has_other = contact_id is not None
        searches: list[Callable[[], list[Contact]]] = [
            lambda: self._contacts.find_by_phone(spellings),
            lambda: self._contacts.find_by_identifier(identifier),
            *(partial(self._search, text) for text in [*spellings, identifier]),
        ]
        wait_s = _TAKEN_S
        for search in searches:
            try:
                for contact in search():
                    if not self._is_anothers(contact.id):
                        return self._join(contact.id)
                    has_other = True
            except BridgeError as error:
                log.info("a search for an existing contact failed: %s", error.message)
                wait_s = _BLIND_S
        if has_other:
            return None
        what = N_("Chatwoot to show the contact that it has already")
        raise NotYet(what, retry_after_s=wait_s) from taken

    def _search(self, text: str) -> list[Contact]:
        base_url = self._context.integration.base_url
        if not self._context.services.searches.take(base_url, now=time.monotonic()):
            return []
        return self._contacts.search(text)

    def _join(self, contact_id: int) -> int:
        self._contacts.add_to_inbox(contact_id, self.source_id)
        return contact_id

    def _by_source(self) -> int | None:
        try:
            return self._contacts.find_by_source(self.source_id)
        except BridgeError as error:
            log.debug("looking up %s failed: %s", self.source_id, error.message)
            return None

    def _is_anothers(self, contact_id: int) -> bool:
        return self._context.services.chats.is_of_another(
            self._context.integration.id, self._chat.id, contact_id=contact_id
        )

    def _spellings(self) -> list[str]:
        """Every spelling under which a contact may have the number, in E.164, its own first."""
        if not self._phone:
            return []
        jid = numbers.canonical(self._phone) + PHONE_SUFFIX
        learned = self._context.services.chats.spellings(self._chat.instance_id, jid)
        phones = [self._phone, *map(jids.phone, learned)]
        spelled = (f"+{digits}" for phone in phones for digits in numbers.spellings(phone))
        return list(dict.fromkeys(spelled))

    def _unique_id(self) -> str:
        """A source_id that no other chat has ever had."""
        return _lid_in(self._forms) or f"{self._phone or self._chat.address}.{self._chat.id}"
