"""Chats: what they are called in WhatsApp and where they are in Chatwoot; and the pairs of ids."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from bridge.store import Store
from bridge.store.committer import Committer
from bridge.store.identity import chat_of, resolve_chat
from bridge.store.journal import Pair

__all__ = ["Chat", "Chats", "Thread", "chat_of", "resolve_chat"]


@dataclass(frozen=True, slots=True)
class Chat:
    """`address` is where replies go: the one that the chat used last. `kind`: private or group.

    `last_in_id` is the newest message that the customer has not been shown as read, empty without
    one; `last_in_sender` the member of the group who wrote it.
    """

    id: int
    instance_id: int
    kind: str
    address: str
    name: str
    last_in_id: str
    last_in_sender: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A chat in Chatwoot; ids are 0 until they are known.

    `checked_id` is the newest Chatwoot message that has been looked at; `given_name` the name that
    we gave the contact and may give it anew, empty where it is somebody else's.
    """

    integration_id: str
    chat_id: int
    source_id: str
    contact_id: int = 0
    conversation_id: int = 0
    status: str = ""
    checked_id: int = 0
    given_name: str = ""


#: The WhatsApp messages that a Chatwoot message became, for an integration and an id there. Left to
#: itself SQLite reads all pairs of it: it takes any leading part of a key for few rows.
PAIRS_OF_CHATWOOT = "pair indexed by pair_chatwoot where integration_id = ? and chatwoot_id = ?"
_REACHED = "update pair set reached = ? where instance_id = ? and whatsapp_id = ?"


class Chats:
    """The chats of every instance."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def get(self, chat_id: int) -> Chat:
        """The chat with that id."""
        row = self._store.db.execute("select * from chat where id = ?", [chat_id]).fetchone()
        return Chat(*row)

    def forms(self, chat_id: int) -> list[str]:
        """Every form of address that leads to the chat."""
        found = self._store.db.execute(
            "select form from alias where chat_id = ? order by form", [chat_id]
        )
        return [row[0] for row in found]

    def thread(self, integration_id: str, chat_id: int) -> Thread | None:
        """Where a chat is in Chatwoot."""
        return self._thread("where integration_id = ? and chat_id = ?", integration_id, chat_id)

    def thread_of_conversation(self, integration_id: str, conversation_id: int) -> Thread | None:
        """The chat behind a conversation."""
        return self._thread(
            "indexed by thread_conversation where integration_id = ? and conversation_id = ?",
            integration_id,
            conversation_id,
        )

    def save_thread(self, thread: Thread) -> None:
        """Notes where a chat is."""
        self._committer.run(lambda db: write_thread(db, thread))

    def note_status(
        self, integration_id: str, conversation_id: int, status: str, *, contact_id: int = 0
    ) -> None:
        """A conversation was opened, resolved, snoozed ..., or went over to the contact that its
        own was merged into; `contact_id` is 0 where it is not told."""
        known = self.thread_of_conversation(integration_id, conversation_id)
        if known is None:
            return
        contact_id = contact_id or known.contact_id
        if (known.status, known.contact_id) == (status, contact_id):
            return  # Chatwoot tells of every little change of a conversation
        # The name of the contact it went over to is somebody else's matter.
        given_name = known.given_name if contact_id == known.contact_id else ""
        self._run(
            "update thread set status = ?, contact_id = ?, given_name = ? "
            "where integration_id = ? and conversation_id = ?",
            [status, contact_id, given_name, integration_id, conversation_id],
        )

    def note_checked(self, integration_id: str, chat_id: int, message_id: int) -> None:
        """All of Chatwoot's messages up to this one have been looked at."""
        self._note(
            "update thread set checked_id = max(checked_id, ?) "
            "where integration_id = ? and chat_id = ?",
            [message_id, integration_id, chat_id],
        )

    def lower_checked(
        self, integration_id: str, chat_id: int, checked_id: int, newest_id: int
    ) -> None:
        """The mark stood at `checked_id`, above the newest message that there is."""
        self._run(
            "update thread set checked_id = ? "
            "where integration_id = ? and chat_id = ? and checked_id = ?",
            [newest_id, integration_id, chat_id, checked_id],
        )

    def newest_before(self, place: tuple[str, int, int], entry_id: int) -> int | None:
        """The newest Chatwoot id of a place (integration, chat, conversation) that was known before
        an entry of the journal was tried for the first time, 0 when none was; None for an entry
        that was never tried."""
        db = self._store.db
        tried = db.execute("select min(began_at) from try where journal_id = ?", [entry_id])
        (tried_at,) = tried.fetchone()
        if tried_at is None:
            return None
        found = db.execute(
            "select coalesce(max(chatwoot_id), 0) from pair "
            "where integration_id = ? and chat_id = ? and conversation_id = ? and noted_at < ?",
            [*place, tried_at],
        )
        return int(found.fetchone()[0])

    def forget_contact(self, integration_id: str, contact_id: int) -> None:
        """A contact was deleted in Chatwoot: it is looked up anew."""
        self._run(
            "update thread set contact_id = 0, conversation_id = 0, status = '' "
            "where integration_id = ? and contact_id = ?",
            [integration_id, contact_id],
        )

    def forget_conversation(self, integration_id: str, conversation_id: int) -> None:
        """A conversation was deleted in Chatwoot, perhaps with its contact: both are looked up
        anew."""
        self._run(
            "update thread set contact_id = 0, conversation_id = 0, status = '' "
            "where integration_id = ? and conversation_id = ?",
            [integration_id, conversation_id],
        )

    def conversations_of_contact(self, integration_id: str, contact_id: int) -> list[int]:
        """The conversations that are known to be a contact's."""
        found = self._store.db.execute(
            "select conversation_id from thread "
            "where integration_id = ? and contact_id = ? and conversation_id > 0",
            [integration_id, contact_id],
        )
        return [int(row[0]) for row in found]

    def newest_conversation(self, integration_id: str) -> int:
        """The newest conversation that is known; 0 for none."""
        found = self._store.db.execute(
            "select coalesce(max(conversation_id), 0) from thread indexed by thread_conversation "
            "where integration_id = ?",
            [integration_id],
        )
        return int(found.fetchone()[0])

    def note_given_name(self, integration_id: str, chat_id: int, name: str) -> None:
        """The name that we gave the contact; empty: it is somebody else's matter now."""
        self._run(
            "update thread set given_name = ? where integration_id = ? and chat_id = ?",
            [name, integration_id, chat_id],
        )

    def meet(self, chat: Chat, forms: Sequence[str]) -> int:
        """The chat, known under further forms of its address; another one when it was met there
        before, and then both are one from now on."""
        return self._committer.run(
            lambda db: resolve_chat(
                db,
                chat.instance_id,
                forms,
                kind=chat.kind,
                address=chat.address,
                name=chat.name,
                last_in_id=chat.last_in_id,
                last_in_sender=chat.last_in_sender,
            )
        )

    def note_read(self, chat_id: int, whatsapp_id: str) -> None:
        """The customer has been shown that this message was read."""
        self._note(
            "update chat set last_in_id = '' where id = ? and last_in_id = ?",
            [chat_id, whatsapp_id],
        )

    def pair(self, instance_id: int, whatsapp_id: str) -> Pair | None:
        """The pair of a WhatsApp message."""
        row = self._store.db.execute(
            "select * from pair where instance_id = ? and whatsapp_id = ?",
            [instance_id, whatsapp_id],
        ).fetchone()
        return _pair(row) if row else None

    def pieces(self, instance_id: int, whatsapp_id: str) -> list[Pair]:
        """The pairs of every message that one WhatsApp message became in Chatwoot, in order of
        their ids there: the first has its id, others the id, `#` and what they are."""
        found = self._store.db.execute(
            "select * from pair where instance_id = :instance and (whatsapp_id = :id "
            "or (whatsapp_id > :id || '#' and whatsapp_id < :id || '$')) order by chatwoot_id",
            {"instance": instance_id, "id": whatsapp_id},
        )
        return [_pair(row) for row in found]

    def newest_from_customer(self, place: tuple[str, int, int]) -> int:
        """The newest Chatwoot id of what the customer wrote in a place (integration, chat,
        conversation); 0 when there is none."""
        found = self._store.db.execute(
            "select coalesce(max(chatwoot_id), 0) from pair "
            "where integration_id = ? and chat_id = ? and conversation_id = ? and from_me = 0",
            list(place),
        )
        return int(found.fetchone()[0])

    def pairs_of_chatwoot(self, integration_id: str, chatwoot_id: int) -> list[Pair]:
        """The WhatsApp messages that a Chatwoot message became."""
        found = self._store.db.execute(
            f"select * from {PAIRS_OF_CHATWOOT}", [integration_id, chatwoot_id]
        )
        return [_pair(row) for row in found]

    def note_reached(self, instance_id: int, whatsapp_id: str, reached: str) -> None:
        """How far Chatwoot has been told that a message has come."""
        self._note(_REACHED, [reached, instance_id, whatsapp_id])

    def note_deleted(self, instance_id: int, whatsapp_id: str) -> None:
        """The message is deleted on both sides, or is about to be."""
        self._run(_REACHED, ["deleted", instance_id, whatsapp_id])

    def _thread(self, where: str, *params: object) -> Thread | None:
        row = self._store.db.execute(
            f"select * from thread {where} limit 1", list(params)
        ).fetchone()
        return Thread(*row) if row else None

    def _run(self, sql: str, params: list[Any]) -> None:
        self._committer.run(lambda db: db.execute(sql, params))

    def _note(self, sql: str, params: list[Any]) -> None:
        """For what is only looked up, marked or told once more when a crash loses it."""
        self._committer.along(lambda db: db.execute(sql, params))


def chat_of_conversation(
    db: Database, integration_id: str, conversation_id: int, *, source_id: str = ""
) -> int | None:
    """The chat behind a conversation, or behind another one of the same contact in the inbox."""
    row = db.execute(
        "select chat_id from thread indexed by thread_conversation "
        "where integration_id = ? and conversation_id = ? union all "
        "select chat_id from thread indexed by thread_source "
        "where integration_id = ? and source_id = nullif(?, '') limit 1",
        [integration_id, conversation_id, integration_id, source_id],
    ).fetchone()
    return int(row[0]) if row else None


def follow(db: Database, moved: Thread) -> None:
    """An agent has gone on in this conversation, and so do we: what the customer writes next
    belongs there. The name stays known; what has been looked at was in another conversation."""
    known = db.execute(
        "select * from thread where integration_id = ? and chat_id = ?",
        [moved.integration_id, moved.chat_id],
    ).fetchone()
    if known is None:
        write_thread(db, moved)
        return
    before = Thread(*known)
    if before.conversation_id == moved.conversation_id:
        return
    write_thread(
        db,
        dataclasses.replace(
            before,
            source_id=moved.source_id or before.source_id,
            contact_id=moved.contact_id or before.contact_id,
            conversation_id=moved.conversation_id,
            status=moved.status,
            checked_id=0,
        ),
    )


def rename(db: Database, instance_id: int, form: str, name: str) -> None:
    """What the chat with that address is called."""
    db.execute(
        "update chat set name = ? where id = "
        "(select chat_id from alias where instance_id = ? and form = ?)",
        [name, instance_id, form],
    )


def write_thread(db: Database, thread: Thread) -> None:
    """Notes where a chat is, in a transaction that the caller has."""
    db.execute(
        "insert or replace into thread values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            thread.integration_id,
            thread.chat_id,
            thread.source_id,
            thread.contact_id,
            thread.conversation_id,
            thread.status,
            thread.checked_id,
            thread.given_name,
        ],
    )


def _pair(row: tuple[Any, ...]) -> Pair:
    return Pair(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6], row[7])
