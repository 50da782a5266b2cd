"""The journal in the one SQLite file."""

from collections.abc import Iterable, Sequence

from bridge.store import Database, Store
from bridge.store.columns import marks, of_error
from bridge.store.committer import Committer
from bridge.store.entries import PARTS, insert, insert_pair, note_shown, parts_of
from bridge.store.journal import OPEN, Entry, Job, Lane, MessageLink, NewEntry, ReplyId, Try

_PRUNED_AT_ONCE = 1000
#: How long before it arrived a message was received at most, where only recent ones matter.
_WAITED_S = 3600.0
#: What tells the lanes of one job and chat apart.
_LANE_KEY = "case job when 'file' then key else '' end"
_COLUMNS = (
    "id, instance_id, chat_id, job, key, position, body, state, attempts, doubtful, due_at, "
    "coalesce(source, '') as source, reason as error, received_at, "
    "coalesce(sent_at, 0) as sent_at, held_s, integration_id"
)


class SqliteJournal:
    """What `Journal` promises, with group commit."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    # -- what is open ------------------------------------------------------------------------------

    def accept(self, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
        return self._committer.run(lambda db: insert(db, instance_id, entries, now=now))

    def lanes(self, *, after_id: int) -> tuple[list[Lane], int]:
        # The newest id first: what comes in between is seen twice, never missed.
        newest = self._store.db.value("select max(id) from journal", default=0)
        if newest == after_id:
            return [], newest
        # Left to itself, SQLite reads the years of what is done to find the little that is open.
        indexed = "not indexed" if after_id else "indexed by journal_open"
        lanes = self._store.db.all(
            Lane,
            f"select distinct instance_id, job, chat_id, {_LANE_KEY} as key from journal {indexed} "
            f"where id > ? and state in {OPEN}",
            after_id,
        )
        return lanes, newest

    def head(self, lane: Lane) -> Entry | None:
        return self._entry(
            f"job = ? and chat_id = ? and state in {OPEN} and {_LANE_KEY} = ? "
            "order by position, id limit 1",
            *(lane.job.value, lane.chat_id, lane.key),
        )

    def unconfirmed(self, *, after_id: int, limit: int) -> list[Entry]:
        where = "state = 'unconfirmed' and id > ? order by id limit ?"
        return self._entries(where, after_id, limit)

    # -- a try -------------------------------------------------------------------------------------

    def claim(
        self, entry: Entry, source: str, *, owner: str, now: float, until: float, to: str = ""
    ) -> bool:
        changed = self._committer.change(
            "update journal set state = 'sending', source = ?, owner = ?, claimed_until = ?, "
            "sent_at = ?, sent_to = ? where id = ? and state = 'ready' "
            "and (? = '' or exists (select 1 from chat "
            "where chat.id = journal.chat_id and chat.address = ?)) and not exists "
            "(select 1 from journal earlier where earlier.job = journal.job "
            f"and earlier.chat_id = journal.chat_id and earlier.state in {OPEN} "
            "and (earlier.position, earlier.id) < (journal.position, journal.id))",
            *(source, owner, until, now, to, entry.id, to, to),
        )
        return changed > 0

    def expire_claims(self, *, now: float, due_at: float) -> None:
        expired = f"state in {OPEN} and state = 'sending' and claimed_until < ?"
        source = "journal indexed by journal_open"
        if self._store.db.has(f"select 1 from {source} where {expired} limit 1", now):
            self._committer.change(
                f"update {source} set state = 'unconfirmed', due_at = ? where {expired}",
                *(due_at, now),
            )

    def finish(self, entry: Entry, pairs: Iterable[MessageLink], *, made: Try, now: float) -> None:
        def work(db: Database) -> None:
            changes = "state = 'done', done_at = ?, reason = '', attempts = attempts + 1"
            _end_try(db, entry, made, changes, now)
            for pair in pairs:
                insert_pair(db, pair, now=now)

        self._committer.run(work)

    def postpone(
        self, entry: Entry, *, due_at: float, made: Try | None, doubtful: bool, counts: bool = True
    ) -> None:
        error = of_error(made.error if made else entry.error)
        changes = "state = 'ready', due_at = ?, reason = ?, doubtful = ?, attempts = attempts + ?"
        params = (due_at, error, int(doubtful), int(counts))
        self._committer.run(lambda db: _end_try(db, entry, made, changes, *params))

    def doubt(self, entry: Entry, *, due_at: float, made: Try) -> None:
        changes = (
            "state = case state when 'sending' then 'unconfirmed' else 'ready' end, "
            "doubtful = 1, due_at = ?, reason = ?, attempts = attempts + 1"
        )
        params = (due_at, of_error(made.error))
        # Not what is unconfirmed or done: the echo was quicker than the failure.
        states = "('sending', 'ready')"
        self._committer.run(lambda db: _end_try(db, entry, made, changes, *params, states=states))

    def bury(self, entry: Entry, *, made: Try, now: float) -> None:
        changes, params = "state = 'dead', done_at = ?, reason = ?", (now, of_error(made.error))
        self._committer.run(lambda db: _end_try(db, entry, made, changes, *params))

    def suspect(self, *, owner: str, due_at: float) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal indexed by journal_open set state = 'unconfirmed', due_at = ? "
                f"where state in {OPEN} and state = 'sending' and owner <> ?",
                [due_at, owner],
            )
            db.execute(
                "update journal set doubtful = 1 where id in (select min(id) from journal "
                f"where job <> 'reply' and state in {OPEN} "
                f"group by job, chat_id, {_LANE_KEY})"
            )

        self._committer.run(work)

    def tries(self, entry: Entry) -> list[tuple[float, str]]:
        sql = "select began_at, reason from try where journal_id = ? order by began_at desc"
        rows = self._store.db.rows(sql, entry.id)
        return [(row["began_at"], row["reason"]) for row in rows]

    # -- what is known -----------------------------------------------------------------------------

    def delivered(
        self, instance_ids: Sequence[int], *, other_than: int, since: float
    ) -> list[float]:
        times = self._store.db.values(
            "select done_at from journal indexed by journal_recent "
            f"where instance_id in ({marks(instance_ids)}) and job = 'message' "
            "and received_at > ? and state = 'done' and chat_id <> ? and done_at > ?",
            *(*instance_ids, since - _WAITED_S, other_than, since),
        )
        return sorted(times)

    def prove_writable(self) -> None:
        self._store.change(
            "insert into meta (key, value) values ('written', '1') on conflict (key) "
            "do update set value = case meta.value when '1' then '2' else '1' end",
            messages=True,
        )

    def is_sending(self, chat_id: int) -> bool:
        return self._store.db.has(
            "select 1 from journal where job = 'reply' and chat_id = ? "
            f"and state in {OPEN} and state <> 'ready' limit 1",
            chat_id,
        )

    def knows(self, instance_id: int, integration_id: str, key: str, job: Job = Job.REPLY) -> bool:
        return self._store.db.has(
            "select 1 from journal where instance_id = ? and job = ? and key = ? "
            "and integration_id = ?",
            *(instance_id, job.value, key, integration_id),
        )

    def find(self, instance_id: int, key: str, job: Job) -> Entry | None:
        return self._entry("instance_id = ? and job = ? and key = ?", instance_id, job.value, key)

    def about(self, instance_id: int, message_id: str) -> list[Entry]:
        where = "instance_id = ? and message_id = ? order by id"
        return self._entries(where, instance_id, message_id)

    def knows_file(self, reply: ReplyId) -> bool:
        return self._has_part(reply, "key <> ?", f"m{reply.message_id}:0")

    def gave_up(self, reply: ReplyId) -> bool:
        return self._has_part(reply, "state = 'dead'")

    def arrived(self, reply: ReplyId) -> bool:
        return self._has_part(reply, "true") and not self._has_part(reply, "state <> 'done'")

    # -- dead letters, and what is old -------------------------------------------------------------

    def note_shown(self, reply: ReplyId) -> None:
        self._committer.run(lambda db: note_shown(db, reply))

    def shown_as_failed(self, instance_id: int, integration_id: str) -> set[int]:
        ids = self._store.db.values(
            "select distinct cast(substr(key, 2) as integer) from journal indexed by journal_shown "
            "where instance_id = ? and integration_id = ? and shown",
            *(instance_id, integration_id),
        )
        return set(ids)

    def given_up(self, instance_id: int, integration_id: str, *, since: float) -> list[Entry]:
        return self._entries(
            "instance_id = ? and state = 'dead' and job = 'reply' and integration_id = ? "
            "and done_at >= ? and shown order by id",
            *(instance_id, integration_id, since),
        )

    def old_dead_letters(self, instance_id: int) -> list[Entry]:
        return self._entries(
            "id in (select journal_id from old_dead_letter) and instance_id = ? "
            "and state = 'dead' order by id",
            instance_id,
        )

    def settle_old(self, entry: Entry, pair: MessageLink | None, *, now: float) -> None:
        def work(db: Database) -> None:
            db.execute("delete from old_dead_letter where journal_id = ?", [entry.id])
            settled = "update journal set state = 'done', done_at = ?, reason = ''"
            where = "where id = ? and state = 'dead'"
            if pair and db.execute(f"{settled} {where}", [now, entry.id]).rowcount:
                insert_pair(db, pair, now=now)

        self._committer.run(work)

    def prune(self, *, done_before: float, all_before: float) -> int:
        # Looked for outside of the transaction: nobody waits while all of the journal is read.
        entries = self._store.db.values(
            "select id from journal where (state in ('done', 'discarded') and done_at < ?) "
            "or (state = 'dead' and done_at < ?) order by id limit ?",
            *(done_before, all_before, _PRUNED_AT_ONCE),
        )
        pairs = self._store.db.rows(
            "select instance_id, whatsapp_id from pair where noted_at between 1 and ? limit ?",
            *(all_before, _PRUNED_AT_ONCE),
        )

        def work(db: Database) -> None:
            for entry_id in entries:
                db.execute(f"delete from journal where id = ? and state not in {OPEN}", [entry_id])
            for pair in pairs:
                sql = "delete from pair where instance_id = ? and whatsapp_id = ?"
                db.execute(sql, list(pair.values()))

        self._committer.run(work)
        return len(entries) + len(pairs)

    # -- underneath --------------------------------------------------------------------------------

    def _entries(self, where: str, *params: object) -> list[Entry]:
        sql = f"select {_COLUMNS} from journal where {where}"
        return self._store.db.all(Entry, sql, *params)

    def _entry(self, where: str, *params: object) -> Entry | None:
        return next(iter(self._entries(where, *params)), None)

    def _has_part(self, reply: ReplyId, condition: str, *params: object) -> bool:
        sql = f"select 1 from journal where {PARTS} and {condition} limit 1"
        return self._store.db.has(sql, *parts_of(reply), *params)


def _end_try(
    db: Database, entry: Entry, made: Try | None, changes: str, *params: object, states: str = OPEN
) -> None:
    """What a try has made of an entry that is in one of these states, and the try itself."""
    sql = f"update journal set {changes} where id = ? and state in {states}"
    db.execute(sql, [*params, entry.id])
    if made is not None:
        db.execute(
            # Not when a later receipt has taken the place of the entry meanwhile.
            "insert into try (journal_id, began_at, seconds, outcome, reason) "
            "select id, ?, ?, ?, ? from journal where id = ?",
            [made.began_at, made.seconds, made.outcome, of_error(made.error), entry.id],
        )
