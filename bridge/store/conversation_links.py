"""Where chats are in Chatwoot, and whose a conversation is: writes for callers that have a
transaction already."""

import dataclasses
from dataclasses import dataclass

from sqlite_utils import Database

from bridge.store import identity


@dataclass(frozen=True, slots=True)
class ConversationLink:
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


def write_thread(db: Database, thread: ConversationLink) -> None:
    """Notes where a chat is, in a transaction that the caller has. A chat that was merged into
    another one meanwhile leaves that one where it is."""
    chat_id = identity.root(db, thread.chat_id)
    doubled = "replace" if chat_id == thread.chat_id else "ignore"
    db.execute(
        f"insert or {doubled} into thread values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            thread.integration_id,
            chat_id,
            thread.source_id,
            thread.contact_id,
            thread.conversation_id,
            thread.status,
            thread.checked_id,
            thread.given_name,
        ],
    )
    if thread.conversation_id:
        db.execute(
            "insert into conversation values (?, ?, ?) "
            "on conflict do update set chat_id = excluded.chat_id",
            [thread.integration_id, thread.conversation_id, chat_id],
        )


def chat_of_conversation(
    db: Database,
    integration_id: str,
    conversation_id: int,
    *,
    source_id: str = "",
    contact_id: int = 0,
) -> int | None:
    """Whose conversation it is; of one that is new to us, whose contact it is."""
    row = db.execute(
        "select chat_id from conversation where integration_id = ? and conversation_id = ? "
        "union all select chat_id from thread indexed by thread_source "
        "where integration_id = ? and source_id = nullif(?, '') limit 1",
        [integration_id, conversation_id, integration_id, source_id],
    ).fetchone()
    if row is None and contact_id:
        # Two chats have it where an agent merged two contacts: then only its number says more.
        rows = db.execute(
            "select chat_id from thread indexed by thread_contact "
            "where integration_id = ? and contact_id = ? limit 2",
            [integration_id, contact_id],
        ).fetchall()
        row = rows[0] if len(rows) == 1 else None
    return int(row[0]) if row else None


def follow(db: Database, moved: ConversationLink) -> None:
    """An agent has gone on in this conversation, and so do we: what the customer writes next
    belongs there. The name stays known; what has been looked at was in another conversation."""
    known = db.execute(
        "select * from thread where integration_id = ? and chat_id = ?",
        [moved.integration_id, moved.chat_id],
    ).fetchone()
    if known is None:
        write_thread(db, moved)
        return
    before = ConversationLink(*known)
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
