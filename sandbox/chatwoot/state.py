"""All rows, in memory by id and by indexed columns, and in a SQLite file that survives a restart.

One lock guards everything: a request holds it while it reads or changes rows, never while it
waits for anybody.
"""

import json
import logging
import secrets
import sqlite3
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from sandbox.chatwoot import records
from sandbox.chatwoot.answers import crash
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
    Row,
    User,
)
from sandbox.chatwoot.seed import seed_rows

log = logging.getLogger(__name__)

RowType = TypeVar("RowType", bound=Row)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = off;
create table if not exists record
    (kind text, id integer, body text not null, primary key (kind, id)) strict;
create table if not exists blob
    (key text primary key, name text, type text, body blob not null) strict;
"""


def base58_token() -> str:
    """24 random characters, as Rails' has_secure_token makes them."""
    return "".join(secrets.choice(_BASE58) for _ in range(24))


class Rows(dict[int, RowType], Generic[RowType]):
    """The rows of one kind by id; `indexes` are the columns that `where` looks up."""

    def __init__(self, kind: type[RowType], *indexes: tuple[str, ...]) -> None:
        super().__init__()
        self.kind = kind.__name__
        self._indexes: dict[tuple[str, ...], defaultdict[tuple[object, ...], dict[int, RowType]]]
        self._indexes = {columns: defaultdict(dict) for columns in indexes}
        self._keys: dict[tuple[int, tuple[str, ...]], tuple[object, ...]] = {}

    def put(self, row: RowType) -> None:
        """Add a row, or note that its columns changed."""
        self[row.id] = row
        for columns, index in self._indexes.items():
            key = tuple(getattr(row, column) for column in columns)
            before = self._keys.get((row.id, columns))
            if key != before:
                if before is not None:
                    del index[before][row.id]
                self._keys[row.id, columns] = key
                index[key][row.id] = row

    def remove(self, row: RowType) -> None:
        """Forget a row."""
        del self[row.id]
        for columns, index in self._indexes.items():
            del index[self._keys.pop((row.id, columns))][row.id]

    def where(self, **columns: object) -> list[RowType]:
        """The rows with these values, in the order in which they came to have them."""
        rows = self._indexes[tuple(columns)].get(tuple(columns.values()), {})
        return list(rows.values())

    def first(self, **columns: object) -> RowType | None:
        """The first row with these values."""
        return next(iter(self.where(**columns)), None)


class State:
    """The rows and uploads, in memory only without a path. `changes` grows with every change."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self._survives = path is not None
        self._database = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=30
        )
        self._database.executescript(_SCHEMA)
        self.changes = 0
        self._clear()
        try:
            self._read()
        except (TypeError, KeyError):
            log.warning("the sandbox's file is of another version: it begins anew")
            self.reset()
        if not self.accounts:
            self.reset()
        for conversation in list(self.conversations.values()):
            if conversation.contact_id not in self.contacts:  # its job died with the process
                self.remove_conversation(conversation)

    def _read(self) -> None:
        """Raises TypeError and KeyError for what another version wrote."""
        sql = "select kind, body from record order by kind, id"
        for kind, body in self._database.execute(sql).fetchall():
            columns = json.loads(body)
            if kind == "Options":
                self.options = Options(**columns)
            elif kind == "Ids":
                self._last_ids.update(columns)
            else:
                self._rows[kind].put(getattr(records, kind)(**columns))

    def _clear(self) -> None:
        self.options = Options()
        self.accounts = Rows(Account)
        self.users = Rows(User, ("access_token",))
        self.bots = Rows(AgentBot, ("access_token",))
        self.inboxes = Rows(Inbox)
        unique = [("account_id", name) for name in ("identifier", "phone_number", "email")]
        self.contacts = Rows(Contact, *unique)
        self.contact_inboxes = Rows(
            ContactInbox, ("inbox_id", "source_id"), ("source_id",), ("contact_id",), ("inbox_id",)
        )
        self.conversations = Rows(
            Conversation,
            ("account_id", "display_id"),
            ("contact_inbox_id",),
            ("contact_id",),
            ("inbox_id",),
        )
        self.messages = Rows(Message, ("conversation_id",))
        self.attachments = Rows(Attachment)
        self.webhooks = Rows(AccountWebhook)
        self._rows = {rows.kind: rows for rows in vars(self).values() if isinstance(rows, Rows)}
        #: The last id given out per kind of row: none is used twice, even after a restart.
        self._last_ids: dict[str, int] = {}

    def reset(self) -> None:
        """Back to the first state, options included."""
        with self.lock:
            self._database.execute("delete from record")
            self._database.execute("delete from blob")
            self._clear()
            for row in seed_rows():
                self.add(row)

    def next_id(self, kind: type[Row]) -> int:
        """A new database id for a row of this kind."""
        return self._last_ids.get(kind.__name__, 0) + 1

    def skip_ids(self, kind: type[Row], count: int) -> None:
        """Never give out the next ids of a kind."""
        self._last_ids[kind.__name__] = self._last_ids.get(kind.__name__, 0) + count

    def add(self, row: RowType) -> RowType:
        """Store a new row."""
        kind = type(row).__name__
        self._last_ids[kind] = max(self._last_ids.get(kind, 0), row.id)
        self._write("Ids", 1, self._last_ids)
        self.save(row)
        return row

    def save(self, row: Row) -> None:
        """Store what changed in a row."""
        self.changes += 1
        kind = type(row).__name__
        self._rows[kind].put(row)
        self._write(kind, row.id, row.__dict__)

    def save_options(self) -> None:
        """Store the options."""
        self._write("Options", 1, self.options.as_json())

    def remove(self, row: Row) -> None:
        """Delete a row alone."""
        self.changes += 1
        kind = type(row).__name__
        self._rows[kind].remove(row)
        self._database.execute("delete from record where kind = ? and id = ?", (kind, row.id))

    def _write(self, kind: str, number: int, columns: dict[str, Any]) -> None:
        if self._survives:
            values = (kind, number, json.dumps(columns))
            self._database.execute("replace into record values (?, ?, ?)", values)

    def put_blob(self, key: str, *, name: str, kind: str, body: bytes) -> None:
        """Store an uploaded file."""
        with self.lock:
            self._database.execute("replace into blob values (?, ?, ?, ?)", (key, name, kind, body))

    def blob(self, key: str) -> tuple[str, str, bytes] | None:
        """(file name, content type, bytes), or None."""
        sql = "select name, type, body from blob where key = ?"
        with self.lock:
            blob: tuple[str, str, bytes] | None = self._database.execute(sql, (key,)).fetchone()
        return blob

    def holder_of(self, token: str) -> User | AgentBot | None:
        """Whose token it is."""
        return self.users.first(access_token=token) or self.bots.first(access_token=token)

    def thread(self, conversation: Conversation) -> list[Message]:
        """The messages of a conversation, oldest first."""
        return self.messages.where(conversation_id=conversation.id)

    def display_id(self, account: Account) -> int:
        """The next conversation number of an account."""
        number = account.next_display_id
        account.next_display_id += 1
        self.save(account)
        return number

    def set_token(self, user: User, token: str) -> None:
        """Give a user another token; the old one is nobody's from now on."""
        user.access_token = token
        self.save(user)

    def contact_of(self, conversation: Conversation) -> Contact:
        """Its contact. When that was deleted a moment ago, Rails stumbles over its absence."""
        contact = self.contacts.get(conversation.contact_id)
        if contact is None:
            raise crash()
        return contact

    def whole_conversations(self) -> list[Conversation]:
        """All that no job is about to delete with their contact."""
        return [row for row in self.conversations.values() if row.contact_id in self.contacts]

    def remove_contact(self, contact: Contact) -> None:
        """Delete a contact with its places; its conversations stay behind."""
        for place in self.contact_inboxes.where(contact_id=contact.id):
            self.remove(place)
        self.remove(contact)

    def remove_conversation(self, conversation: Conversation) -> None:
        """Delete a conversation with its messages, if it is still there."""
        if self.conversations.get(conversation.id) is not conversation:
            return
        for message in self.thread(conversation):
            self.remove_attachments(message)
            self.remove(message)
        self.remove(conversation)

    def remove_attachments(self, message: Message) -> None:
        """Destroy the files of a message."""
        for number in message.attachment_ids:
            if attachment := self.attachments.get(number):
                self._database.execute("delete from blob where key = ?", (attachment.key,))
                self.remove(attachment)
        message.attachment_ids = []

    def remove_inbox(self, inbox: Inbox) -> None:
        """Delete an inbox with everything in it, if it is still there."""
        if self.inboxes.get(inbox.id) is not inbox:
            return
        for conversation in self.conversations.where(inbox_id=inbox.id):
            self.remove_conversation(conversation)
        for place in self.contact_inboxes.where(inbox_id=inbox.id):
            self.remove(place)
        self.remove(inbox)
