"""All rows in memory with the indexes a request needs, kept in the state file.

One lock guards everything: a request holds it while it reads or changes rows, never while it
waits for anybody.
"""

import logging
import secrets
import threading
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

from sandbox.chatwoot import records
from sandbox.chatwoot.answers import crash
from sandbox.chatwoot.file import StateFile
from sandbox.chatwoot.options import Options
from sandbox.chatwoot.records import (
    Account,
    AccountWebhook,
    AgentBot,
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Message,
    User,
)
from sandbox.chatwoot.seed import seed_rows

log = logging.getLogger(__name__)

Row = (
    Account
    | AccountWebhook
    | AgentBot
    | Attachment
    | Contact
    | ContactInbox
    | Conversation
    | Inbox
    | Message
    | User
)
RowType = TypeVar("RowType", bound=Row)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58_token() -> str:
    """24 random characters, as Rails' has_secure_token makes them."""
    return "".join(secrets.choice(_BASE58) for _ in range(24))


class Counters:
    """The last id given out per kind of row; ids are never used twice, even after a restart."""

    def __init__(self, **last: int) -> None:
        self.__dict__.update(last)

    def last(self, kind: str) -> int:
        """The highest id so far."""
        return int(self.__dict__.get(kind, 0))

    def saw(self, kind: str, number: int) -> None:
        """A row with this id exists."""
        if number > self.last(kind):
            self.__dict__[kind] = number


class State:
    """The rows, their indexes and the file behind them. `changes` grows with every change."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self.file = StateFile(path, self.lock)
        self.changes = 0
        self._clear()
        with self.lock:
            try:
                self._read_file()
            except (TypeError, AttributeError):
                log.warning("the sandbox's file is of another version: it begins anew")
                self.file.wipe()
                self._clear()
            if not self.accounts:
                self._seed()
            for number in self.conversations_of.keys() - self.contacts.keys():
                self.remove_conversations_of(number)

    def _read_file(self) -> None:
        """Raises TypeError and AttributeError for what another version wrote."""
        for kind, attributes in self.file.rows():
            if kind == "Options":
                self.options = Options(**attributes)
            elif kind == "Counters":
                self._counters = Counters(**attributes)
            else:
                self._index(getattr(records, kind)(**attributes))

    def _clear(self) -> None:
        self.options = Options()
        self.accounts: dict[int, Account] = {}
        self.users: dict[int, User] = {}
        self.bots: dict[int, AgentBot] = {}
        self.inboxes: dict[int, Inbox] = {}
        self.contacts: dict[int, Contact] = {}
        self.contact_inboxes: dict[int, ContactInbox] = {}
        self.conversations: dict[int, Conversation] = {}
        self.messages: dict[int, Message] = {}
        self.attachments: dict[int, Attachment] = {}
        self.webhooks: dict[int, AccountWebhook] = {}
        self.tokens: dict[str, User | AgentBot] = {}
        self.places: dict[tuple[int, str], ContactInbox] = {}
        self.places_by_source: defaultdict[str, list[int]] = defaultdict(list)
        self.places_of: defaultdict[int, list[ContactInbox]] = defaultdict(list)
        self.by_display_id: dict[tuple[int, int], Conversation] = {}
        self.conversations_of_place: defaultdict[int, list[int]] = defaultdict(list)
        self.conversations_of: defaultdict[int, list[int]] = defaultdict(list)
        self.thread: defaultdict[int, list[Message]] = defaultdict(list)
        self._unique: dict[tuple[int, str, str], int] = {}
        self._unique_of: dict[int, list[tuple[int, str, str]]] = {}
        self._counters = Counters()

    def _seed(self) -> None:
        for row in seed_rows():
            self.add(row)
        self.save_options()

    def reset(self) -> None:
        """Back to the first state, options included."""
        with self.lock:
            self.file.wipe()
            self._clear()
            self._seed()

    def next_id(self, kind: type[Row]) -> int:
        """A new database id for a row of this kind."""
        return self._counters.last(kind.__name__) + 1

    def skip_ids(self, kind: type[Row], count: int) -> None:
        """Never give out the next ids of a kind."""
        self._counters.saw(kind.__name__, self._counters.last(kind.__name__) + count)

    def add(self, row: RowType) -> RowType:
        """Keep a new row."""
        self._index(row)
        self.save(row)
        self.file.mark("Counters", 1, self._counters)
        return row

    def save(self, row: Row) -> None:
        """Keep what changed in a row."""
        if isinstance(row, Contact):
            self._index_contact(row)
        self.changes += 1
        self.file.mark(type(row).__name__, row.id, row)

    def save_options(self) -> None:
        """Keep the options."""
        self.file.mark("Options", 1, self.options)

    def _index(self, row: Row) -> None:
        name = type(row).__name__
        self._counters.saw(name, row.id)
        match row:
            case Message():
                self.messages[row.id] = row
                self.thread[row.conversation_id].append(row)
            case Conversation():
                self.conversations[row.id] = row
                self.by_display_id[row.account_id, row.display_id] = row
                self.conversations_of_place[row.contact_inbox_id].append(row.id)
                self.conversations_of[row.contact_id].append(row.id)
            case Contact():
                self.contacts[row.id] = row
                self._index_contact(row)
            case ContactInbox():
                self.contact_inboxes[row.id] = row
                self.places[row.inbox_id, row.source_id] = row
                self.places_by_source[row.source_id].append(row.id)
                self.places_of[row.contact_id].append(row)
            case Attachment():
                self.attachments[row.id] = row
            case Inbox():
                self.inboxes[row.id] = row
            case Account():
                self.accounts[row.id] = row
            case User():
                self.users[row.id] = row
                self.tokens[row.access_token] = row
            case AgentBot():
                self.bots[row.id] = row
                self.tokens[row.access_token] = row
            case AccountWebhook():
                self.webhooks[row.id] = row

    def _index_contact(self, row: Contact) -> None:
        for key in self._unique_of.get(row.id, ()):
            if self._unique.get(key) == row.id:
                del self._unique[key]
        keys = self._unique_of[row.id] = []
        for column, value in (
            ("identifier", row.identifier),
            ("phone_number", row.phone_number),
            ("email", row.email),
        ):
            if value:
                keys.append((row.account_id, column, value))
                self._unique[row.account_id, column, value] = row.id

    def contact_with(self, account_id: int, column: str, value: str) -> Contact | None:
        """The contact that holds this identifier, phone_number or (lower-case) email."""
        number = self._unique.get((account_id, column, value))
        return self.contacts[number] if number else None

    def display_id(self, account: Account) -> int:
        """The next conversation number of an account."""
        number = account.next_display_id
        account.next_display_id += 1
        self.save(account)
        return number

    def set_token(self, user: User, token: str) -> None:
        """Give a user another token; the old one is nobody's from now on."""
        self.tokens.pop(user.access_token, None)
        user.access_token = token
        self.tokens[token] = user
        self.save(user)

    def move_place(self, place: ContactInbox, contact_id: int) -> None:
        """Give a contact_inbox to another contact (contact merge)."""
        self.places_of[place.contact_id].remove(place)
        place.contact_id = contact_id
        self.places_of[contact_id].append(place)
        self.save(place)

    def contact_of(self, conversation: Conversation) -> Contact:
        """Its contact. When that was deleted a moment ago, Rails stumbles over its absence."""
        contact = self.contacts.get(conversation.contact_id)
        if contact is None:
            raise crash()
        return contact

    def whole_conversations(self) -> list[Conversation]:
        """All that no job is about to delete with their contact."""
        return [one for one in self.conversations.values() if one.contact_id in self.contacts]

    def remove_conversations_of(self, contact_id: int) -> None:
        """Delete the conversations that a deleted contact left behind."""
        for number in list(self.conversations_of[contact_id]):
            self.remove_conversation(self.conversations[number])
        del self.conversations_of[contact_id]

    def remove_contact(self, contact: Contact) -> None:
        """Delete a contact with its places; its conversations stay behind."""
        for place in list(self.places_of[contact.id]):
            self._remove_place(place)
        for key in self._unique_of.pop(contact.id, ()):
            self._unique.pop(key, None)
        del self.contacts[contact.id]
        self._forget(contact)

    def _remove_place(self, place: ContactInbox) -> None:
        self.places_of[place.contact_id].remove(place)
        self.places_by_source[place.source_id].remove(place.id)
        del self.places[place.inbox_id, place.source_id]
        del self.contact_inboxes[place.id]
        self._forget(place)

    def remove_conversation(self, conversation: Conversation) -> None:
        """Delete a conversation with its messages."""
        for message in self.thread.pop(conversation.id, []):
            self.remove_attachments(message)
            del self.messages[message.id]
            self._forget(message)
        self.conversations_of_place[conversation.contact_inbox_id].remove(conversation.id)
        self.conversations_of[conversation.contact_id].remove(conversation.id)
        del self.by_display_id[conversation.account_id, conversation.display_id]
        del self.conversations[conversation.id]
        self._forget(conversation)

    def remove_attachments(self, message: Message) -> None:
        """Destroy the files of a message."""
        for number in message.attachment_ids:
            attachment = self.attachments.pop(number, None)
            if attachment:
                self.file.drop_blob(attachment.key)
                self._forget(attachment)
        message.attachment_ids = []

    def remove_inbox(self, inbox: Inbox) -> None:
        """Delete an inbox with everything in it."""
        for conversation in [c for c in self.conversations.values() if c.inbox_id == inbox.id]:
            self.remove_conversation(conversation)
        for place in [p for p in self.contact_inboxes.values() if p.inbox_id == inbox.id]:
            self._remove_place(place)
        self.inboxes.pop(inbox.id, None)
        self._forget(inbox)

    def remove_webhook(self, webhook: AccountWebhook) -> None:
        """Delete an account webhook."""
        del self.webhooks[webhook.id]
        self._forget(webhook)

    def _forget(self, row: Row) -> None:
        self.changes += 1
        self.file.mark(type(row).__name__, row.id, None)
