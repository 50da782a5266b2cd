"""Writes to the journal for callers that have a transaction already, such as what accepts events.

SQLite only: another engine brings functions of its own. The one caller is
`bridge.routing.from_gateway.receive`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from bridge.domain.errors import BridgeError
from bridge.store.columns import to_error
from bridge.store.journal import OPEN, Job, NewEntry, Pair, ReplyId, State

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
        count += db.execute(
            "insert into journal (instance_id, chat_id, job, key, position, body, state, "
            "reason, received_at, due_at, integration_id, message_id) values "
            "(?, coalesce((select merged_into from chat where id = ?2), ?2), "
            "?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, '')) "
            "on conflict do nothing",
            [
                instance_id,
                entry.chat_id,
                entry.job.value,
                entry.key,
                entry.position or 0,
                entry.body,
                (State.UNCONFIRMED if entry.doubt else State.READY).value,
                entry.doubt,
                now,
                entry.due_at,
                entry.integration_id,
                entry.message_id,
            ],
        ).rowcount
    return count


def body_of(db: Database, instance_id: int, job: Job, key: str) -> str:
    """The entry with that key, empty when there is none."""
    row = db.execute(
        "select body from journal where instance_id = ? and job = ? and key = ?",
        [instance_id, job.value, key],
    ).fetchone()
    return str(row[0]) if row else ""


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
    found = db.execute(
        f"select body from journal where {PARTS} order by position",
        parts_of(reply),
    )
    return [str(row[0]) for row in found]


def take_back(db: Database, reply: ReplyId) -> bool:
    """Removes the entries of a Chatwoot message as long as no try of any was made; whether that
    was so. A worker that has just read one does not begin to send it."""
    parts = parts_of(reply)
    begun = db.execute(
        f"select 1 from journal where {PARTS} and (state <> 'ready' or attempts or doubtful "
        "or source is not null)",
        parts,
    )
    if begun.fetchone() is not None:
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
    row = db.execute(
        "select id, chat_id, key, body, integration_id, sent_to, state, sent_at "
        "from journal where source = ? and instance_id = ?",
        [source, instance_id],
    ).fetchone()
    if row is None:
        return None
    db.execute(
        "update journal set state = 'done', done_at = ?, reason = '' "
        f"where id = ? and (state in {OPEN} or state = 'dead')",
        [now, row[0]],
    )
    chat_id, key, body, integration_id, sent_to, was, sent_at = row[1:]
    return SettledSend(
        chat_id, key, body, integration_id, sent_to or "", State(was), sent_at or 0.0
    )


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
    shown = db.execute(f"select 1 from journal where {PARTS} and shown limit 1", parts_of(reply))
    return shown.fetchone() is not None


def note_arrived(db: Database, reply: ReplyId) -> None:
    """Agents are not shown a Chatwoot message as failed any more, if nothing of it is dead."""
    parts = parts_of(reply)
    dead = db.execute(f"select 1 from journal where {PARTS} and state = 'dead' limit 1", parts)
    if dead.fetchone() is None:
        note_shown(db, reply, shown=False)


def is_old_marker(db: Database, instance_id: int, source: str) -> bool:
    """Whether a marker was given to a send of an instance, also by an older version of us, whose
    markers named nobody."""
    found = db.execute(
        "select 1 from journal where source = ?1 and instance_id = ?2 union all "
        "select 1 from old_marker where source = ?1 and instance_id = ?2",
        [source, instance_id],
    )
    return found.fetchone() is not None


def revive(
    db: Database, reply: ReplyId, *, now: float, refusals: tuple[type[BridgeError], ...] = ()
) -> int:
    """Makes the parts of a message ready again, as its agent wishes; how many there were.

    Those that are dead; or, when WhatsApp failed to bring all that was sent, those; none that its
    agent was not shown as failed before. A send that ended with one of the `refusals` may have been
    made all the same, and its echo be late: it is unconfirmed.
    """
    found = db.execute(
        f"select id, state, source, reason, sent_at from journal where {PARTS} and shown "
        "and (state = 'dead' or (state = 'done' "
        # Least and greatest of what was reached: both are `failed` only where everything failed.
        "and 'failed' = (select iif(min(reached) = max(reached), min(reached), '') from "
        "pair indexed by pair_chatwoot where integration_id = ? and chatwoot_id = ? and from_me)))",
        [*parts_of(reply), reply.integration_id, reply.message_id],
    ).fetchall()
    for entry_id, state, source, reason, sent_at in found:
        in_doubt = state == "dead" and source and isinstance(to_error(reason), refusals)
        again = ("unconfirmed", sent_at, source, reason) if in_doubt else ("ready", 0.0, None, "")
        db.execute(
            "update journal set state = ?, due_at = ?, source = ?, reason = ?, attempts = 0, "
            "held_s = 0, received_at = ?, done_at = null where id = ?",
            [*again, now, entry_id],
        )
    if found:
        note_shown(db, reply, shown=False)
    return len(found)


def note_shown(db: Database, reply: ReplyId, *, shown: bool = True) -> None:
    """Whether agents see a Chatwoot message as failed, noted with all its parts."""
    db.execute(
        f"update journal set shown = ? where {PARTS}",
        [int(shown), *parts_of(reply)],
    )


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


def insert_pair(db: Database, pair: Pair, *, now: float) -> None:
    """Notes a pair; what is known already is kept."""
    db.execute(
        "insert into pair values "
        "(?, ?, coalesce((select merged_into from chat where id = ?3), ?3), "
        "?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict do nothing",
        [
            pair.instance_id,
            pair.whatsapp_id,
            pair.chat_id,
            int(pair.from_me),
            pair.integration_id,
            pair.conversation_id,
            pair.chatwoot_id,
            pair.reached,
            now,
            pair.author,
            pair.reference,
        ],
    )
