"""Writes to the journal for callers that have a transaction already, such as what accepts events.

SQLite only: another engine brings functions of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.domain.errors import BridgeError
from bridge.store import Database, identity
from bridge.store.columns import to_error, write
from bridge.store.journal import OPEN, Job, MessageLink, NewEntry, ReplyId, State

#: An entry is accepted once under it.
_KEY = "instance_id, job, key, integration_id"
#: The entries of one Chatwoot message, found by their keys; for the parameters of `parts_of`.
PARTS = "instance_id = ? and job = 'reply' and key between ? and ? and integration_id = ?"


def parts_of(reply: ReplyId) -> list[Any]:
    """Parameters for PARTS: the keys are `m<message>:0` for the text, else
    `m<message>:file<attachment>`; `m<message>:<place>` where its id is not known."""
    key = f"m{reply.message_id}:"
    return [reply.instance_id, key, f"{key}~", reply.integration_id]


def insert(db: Database, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
    """The writes of `accept`; the number of entries that were new."""
    count = 0
    for entry in entries:
        if entry.replaces:
            # A new id with it, by which the router notices it, and which a worker that is just
            # delivering the old one does not mark as done.
            db.execute(
                "delete from journal where instance_id = ? and job = ? and key = ? "
                "and integration_id = ? and position < ?",
                [
                    *(instance_id, entry.job.value, entry.key, entry.integration_id),
                    entry.position or 0,
                ],
            )
        row = {
            "instance_id": instance_id,
            "chat_id": identity.root(db, entry.chat_id),
            "job": entry.job.value,
            "key": entry.key,
            "position": entry.position or 0,
            "body": entry.body,
            "state": (State.UNCONFIRMED if entry.doubt else State.READY).value,
            "reason": entry.doubt,
            "received_at": now,
            "due_at": entry.due_at,
            "integration_id": entry.integration_id,
            "message_id": entry.message_id or None,
        }
        count += db.put("journal", row, key=_KEY, replace=False)
    return count


def body_of(db: Database, instance_id: int, job: Job, key: str) -> str:
    """The entry with that key, empty when there is none."""
    sql = "select body from journal where instance_id = ? and job = ? and key = ?"
    return str(db.value(sql, instance_id, job.value, key, default=""))


def rewrite(db: Database, instance_id: int, job: Job, key: str, body: str) -> bool:
    """Puts more into an entry that is still open, and makes it due; whether it was open."""
    changed = db.execute(
        "update journal set body = ?, due_at = 0 "
        f"where instance_id = ? and job = ? and key = ? and state in {OPEN}",
        [body, instance_id, job.value, key],
    )
    return changed.rowcount > 0


def bodies_of(db: Database, reply: ReplyId) -> list[str]:
    """The entries of a Chatwoot message, in the order of their positions."""
    sql = f"select body from journal where {PARTS} order by position"
    return db.values(sql, *parts_of(reply))


def take_back(db: Database, reply: ReplyId) -> bool:
    """Removes the entries of a Chatwoot message as long as no try of any was made; whether that
    was so. A worker that has just read one does not begin to send it."""
    parts = parts_of(reply)
    begun = "(state <> 'ready' or attempts <> 0 or doubtful <> 0 or source is not null)"
    if db.has(f"select 1 from journal where {PARTS} and {begun}", *parts):
        return False
    db.execute(f"delete from journal where {PARTS}", parts)
    return True


@dataclass(frozen=True, slots=True)
class SettledSend:
    """A send of ours: its chat and key, what was sent, in which integration it was written, to
    which address it went (empty where an older version of us sent it), the state it was in, and
    when it was begun, in UTC seconds."""

    chat_id: int
    key: str
    body: str
    integration_id: str
    sent_to: str
    was: State
    sent_at: float


def settle(db: Database, instance_id: int, source: str, *, now: float) -> SettledSend | None:
    """The echo of a send of ours came, whatever the gateway answered to it; None when it is none of
    ours."""
    sent = db.first(
        SettledSend,
        "select chat_id, key, body, integration_id, sent_to, state as was, "
        "coalesce(sent_at, 0) as sent_at from journal where source = ? and instance_id = ?",
        *(source, instance_id),
    )
    if sent is not None:
        db.execute(
            "update journal set state = 'done', done_at = ?, reason = '' "
            f"where source = ? and instance_id = ? and (state in {OPEN} or state = 'dead')",
            [now, source, instance_id],
        )
    return sent


def withdraw(db: Database, instance_id: int, integration_id: str, key: str, job: Job) -> None:
    """Removes an entry that waits; a reply only where nothing of it can have left."""
    db.execute(
        "delete from journal where instance_id = ? and integration_id = ? and key = ? "
        "and job = ? and state = 'ready' "
        "and (job = 'receipt' or (not attempts and source is null))",
        [instance_id, integration_id, key, job.value],
    )


def is_shown(db: Database, reply: ReplyId) -> bool:
    """Whether agents are shown a Chatwoot message as failed."""
    sql = f"select 1 from journal where {PARTS} and shown limit 1"
    return db.has(sql, *parts_of(reply))


def note_arrived(db: Database, reply: ReplyId) -> None:
    """Agents are not shown a Chatwoot message as failed any more, if nothing of it is dead."""
    sql = f"select 1 from journal where {PARTS} and state = 'dead' limit 1"
    if not db.has(sql, *parts_of(reply)):
        note_shown(db, reply, shown=False)


def is_old_marker(db: Database, instance_id: int, source: str) -> bool:
    """Whether a marker was given to a send of an instance, also by an older version of us, whose
    markers named nobody."""
    return any(
        db.has(f"select 1 from {table} where source = ? and instance_id = ?", source, instance_id)
        for table in ("journal", "old_marker")
    )


def revive(
    db: Database, reply: ReplyId, *, now: float, refusals: tuple[type[BridgeError], ...] = ()
) -> int:
    """Makes the parts of a message ready again, as its agent wishes; how many there were.

    Those that are dead; or, when WhatsApp failed to bring all that was sent, those; none that its
    agent was not shown as failed before. A send that ended with one of the `refusals` may have been
    made all the same, and its echo be late: it is unconfirmed.
    """
    rows = db.rows(
        f"select id, state, source, reason, sent_at from journal where {PARTS} and shown "
        "and (state = 'dead' or (state = 'done' "
        # Least and greatest of what was reached: both are `failed` only where everything failed.
        "and 'failed' = (select iif(min(reached) = max(reached), min(reached), '') from "
        "pair indexed by pair_chatwoot where integration_id = ? and chatwoot_id = ? and from_me)))",
        *(*parts_of(reply), reply.integration_id, reply.message_id),
    )
    for row in rows:
        is_refused = isinstance(to_error(row["reason"]), refusals)
        again = ("ready", 0.0, None, "")
        if row["state"] == State.DEAD and row["source"] and is_refused:
            again = ("unconfirmed", row["sent_at"], row["source"], row["reason"])
        db.execute(
            "update journal set state = ?, due_at = ?, source = ?, reason = ?, attempts = 0, "
            "held_s = 0, received_at = ?, done_at = null where id = ?",
            [*again, now, row["id"]],
        )
    if rows:
        note_shown(db, reply, shown=False)
    return len(rows)


def note_shown(db: Database, reply: ReplyId, *, shown: bool = True) -> None:
    """Whether agents see a Chatwoot message as failed, noted with all its parts."""
    db.execute(f"update journal set shown = ? where {PARTS}", [int(shown), *parts_of(reply)])


def note_dead_shown(db: Database, reply: ReplyId) -> None:
    """What is dead of a Chatwoot message was seen there as failed, whoever marked it."""
    db.execute(
        f"update journal set shown = 1 where {PARTS} and state = 'dead' and not shown",
        parts_of(reply),
    )


def discard(db: Database, reply: ReplyId, *, now: float) -> None:
    """Gives up the parts of a message that have not left yet."""
    db.execute(
        "update journal set state = 'discarded', done_at = ? "
        f"where {PARTS} and state in ('ready', 'dead')",
        [now, *parts_of(reply)],
    )


def insert_pair(db: Database, pair: MessageLink, *, now: float) -> None:
    """Notes a pair; one that is known already stays as it is."""
    row = write(pair) | {"chat_id": identity.root(db, pair.chat_id), "noted_at": now}
    db.put("pair", row, key="instance_id, whatsapp_id", replace=False)
