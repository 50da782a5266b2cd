"""Where chats are in Chatwoot, and whose a conversation is: writes for callers that have a
transaction already."""

import dataclasses
from dataclasses import dataclass

from bridge.store import Database, identity
from bridge.store.columns import names, write


@dataclass(frozen=True, slots=True)
class ConversationLink:
    """A chat in Chatwoot; ids are 0 until they are known.

    `checked_id` is the newest Chatwoot message that has been looked at; `given_name` the name that
    we gave the contact and may change, empty where it is somebody else's.
    """

    integration_id: str
    chat_id: int
    source_id: str
    contact_id: int = 0
    conversation_id: int = 0
    status: str = ""
    checked_id: int = 0
    given_name: str = ""


def find(db: Database, where: str, *params: object) -> ConversationLink | None:
    """The first link of which a condition is true, with an index hint before it if need be."""
    sql = f"select {names(ConversationLink)} from thread {where} limit 1"
    return db.first(ConversationLink, sql, *params)


def save(db: Database, link: ConversationLink) -> None:
    """Notes where a chat is, in the caller's transaction. A chat that was merged into another one
    meanwhile leaves that one where it is."""
    chat_id = identity.root(db, link.chat_id)
    row = write(link) | {"chat_id": chat_id}
    db.put("thread", row, key="integration_id, chat_id", replace=chat_id == link.chat_id)
    if link.conversation_id:
        place = {"integration_id": link.integration_id, "conversation_id": link.conversation_id}
        db.put("conversation", {**place, "chat_id": chat_id}, key=", ".join(place))


def chat_of_conversation(
    db: Database,
    integration_id: str,
    conversation_id: int,
    *,
    source_id: str = "",
    contact_id: int = 0,
) -> int | None:
    """Whose conversation it is; of one that is new to us, whose contact it is."""
    chat_ids = db.values(
        "select chat_id from conversation where integration_id = ? and conversation_id = ? "
        "union all select chat_id from thread indexed by thread_source "
        "where integration_id = ? and source_id = nullif(?, '') limit 1",
        *(integration_id, conversation_id, integration_id, source_id),
    )
    if not chat_ids and contact_id:
        # Two chats have it where an agent merged two contacts: then only its number says more.
        chat_ids = db.values(
            "select chat_id from thread indexed by thread_contact "
            "where integration_id = ? and contact_id = ? limit 2",
            *(integration_id, contact_id),
        )
    return int(chat_ids[0]) if len(chat_ids) == 1 else None


def follow(db: Database, moved: ConversationLink) -> None:
    """An agent has gone on in this conversation, and so do we: what the customer writes next
    belongs there. The name stays known; what has been looked at was in another conversation."""
    where = "where integration_id = ? and chat_id = ?"
    before = find(db, where, moved.integration_id, moved.chat_id)
    if before is None:
        save(db, moved)
    elif before.conversation_id != moved.conversation_id:
        save(
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
