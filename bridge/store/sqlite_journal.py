"""The journal in the one SQLite file."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from bridge.store import Store
from bridge.store import entries as writes
from bridge.store.columns import of_error, to_error
from bridge.store.committer import Committer
from bridge.store.journal import OPEN, Entry, Job, Lane, NewEntry, Pair, ReplyId, State, Try

_PRUNED_AT_ONCE = 1000
#: How long before it arrived a message was received at most, where only recent ones matter.
_WAITED_S = 3600.0
#: What tells the lanes of one job and chat apart.
_LANE_KEY = "iif(job = 'file', key, '')"
_COLUMNS = (
    "id, instance_id, chat_id, job, key, position, body, state, attempts, doubtful, due_at, "
    "coalesce(source, ''), reason, received_at, coalesce(sent_at, 0), "
    "held_s, integration_id"
)


class SqliteJournal:
    """What `Journal` promises, with group commit."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def accept(self, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
        return self._committer.run(lambda db: writes.insert(db, instance_id, entries, now=now))

    def lanes(self, *, after_id: int) -> tuple[list[Lane], int]:
        # The newest id first: what comes in between is seen twice, never missed.
        newest = self._store.db.execute("select coalesce(max(id), 0) from journal").fetchone()[0]
        if newest == after_id:
            return [], newest
        # Left to itself, SQLite reads the years of what is done to find the little that is open.
        indexed = "not indexed" if after_id else "indexed by journal_open"
        found = self._store.db.execute(
            f"select distinct instance_id, job, chat_id, {_LANE_KEY} from journal {indexed} "
            f"where id > ? and state in {OPEN}",
            [after_id],
        )
        return [Lane(row[0], Job(row[1]), *row[2:]) for row in found], newest

    def head(self, lane: Lane) -> Entry | None:
        row = self._store.db.execute(
            f"select {_COLUMNS} from journal where job = ? and chat_id = ? "
            f"and state in {OPEN} and {_LANE_KEY} = ? order by position, id limit 1",
            [lane.job.value, lane.chat_id, lane.key],
        ).fetchone()
        return _entry(row) if row else None

    def claim(
        self, entry: Entry, source: str, *, owner: str, now: float, until: float, to: str = ""
    ) -> bool:
        def work(db: Database) -> bool:
            done = db.execute(
                "update journal set state = 'sending', source = ?, owner = ?, claimed_until = ?, "
                "sent_at = ?, sent_to = ? where id = ? and state = 'ready' "
                "and (? = '' or exists (select 1 from chat "
                "where chat.id = journal.chat_id and chat.address = ?)) and not exists "
                "(select 1 from journal earlier where earlier.job = journal.job "
                f"and earlier.chat_id = journal.chat_id and earlier.state in {OPEN} "
                "and (earlier.position, earlier.id) < (journal.position, journal.id))",
                [source, owner, until, now, to, entry.id, to, to],
            )
            return done.rowcount > 0

        return self._committer.run(work)

    def expire_claims(self, *, now: float, due_at: float) -> None:
        over = self._store.db.execute(
            f"select 1 from journal indexed by journal_open where state in {OPEN} "
            "and state = 'sending' and claimed_until < ? limit 1",
            [now],
        )
        if over.fetchone() is not None:
            self._committer.run(
                lambda db: db.execute(
                    "update journal indexed by journal_open set state = 'unconfirmed', due_at = ? "
                    f"where state in {OPEN} and state = 'sending' and claimed_until < ?",
                    [due_at, now],
                )
            )

    def finish(self, entry: Entry, pairs: Iterable[Pair], *, made: Try, now: float) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal set state = 'done', done_at = ?, reason = '', "
                f"attempts = attempts + 1 where id = ? and state in {OPEN}",
                [now, entry.id],
            )
            _note_try(db, entry, made)
            for pair in pairs:
                writes.insert_pair(db, pair, now=now)

        self._committer.run(work)

    def postpone(
        self, entry: Entry, *, due_at: float, made: Try | None, doubtful: bool, counts: bool = True
    ) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal set state = 'ready', due_at = ?, reason = ?, doubtful = ?, "
                f"attempts = attempts + ? where id = ? and state in {OPEN}",
                [
                    due_at,
                    of_error(made.error if made else entry.error),
                    int(doubtful),
                    int(counts),
                    entry.id,
                ],
            )
            if made is not None:
                _note_try(db, entry, made)

        self._committer.run(work)

    def doubt(self, entry: Entry, *, due_at: float, made: Try) -> None:
        def work(db: Database) -> None:
            # Not when the echo was quicker than the failure.
            db.execute(
                "update journal set state = iif(state = 'sending', 'unconfirmed', 'ready'), "
                "doubtful = 1, due_at = ?, reason = ?, attempts = attempts + 1 "
                "where id = ? and state in ('sending', 'ready')",
                [due_at, of_error(made.error), entry.id],
            )
            _note_try(db, entry, made)

        self._committer.run(work)

    def bury(self, entry: Entry, *, made: Try, now: float) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal set state = 'dead', done_at = ?, reason = ? "
                f"where id = ? and state in {OPEN}",
                [now, of_error(made.error), entry.id],
            )
            _note_try(db, entry, made)

        self._committer.run(work)

    def unconfirmed(self, *, after_id: int, limit: int) -> list[Entry]:
        found = self._store.db.execute(
            f"select {_COLUMNS} from journal where state = 'unconfirmed' and id > ? "
            "order by id limit ?",
            [after_id, limit],
        )
        return [_entry(row) for row in found]

    def tries(self, entry: Entry) -> list[tuple[float, str]]:
        found = self._store.db.execute(
            "select began_at, reason from try where journal_id = ? order by began_at desc",
            [entry.id],
        )
        return [(row[0], row[1]) for row in found]

    def delivered(
        self, instance_ids: Sequence[int], *, other_than: int, since: float
    ) -> list[float]:
        marks = ", ".join("?" * len(instance_ids))
        found = self._store.db.execute(
            "select done_at from journal indexed by journal_recent "
            f"where instance_id in ({marks}) and job = 'message' and received_at > ? "
            "and state = 'done' and chat_id <> ? and done_at > ?",
            [*instance_ids, since - _WAITED_S, other_than, since],
        )
        return sorted(row[0] for row in found)

    def prove_writable(self) -> None:
        with self._store.write(messages=True) as db:
            db.execute(
                "insert into meta values ('written', '1') on conflict (key) "
                "do update set value = iif(value = '1', '2', '1')"
            )

    def is_sending(self, chat_id: int) -> bool:
        found = self._store.db.execute(
            "select 1 from journal where job = 'reply' and chat_id = ? "
            f"and state in {OPEN} and state <> 'ready' limit 1",
            [chat_id],
        )
        return found.fetchone() is not None

    def knows(self, instance_id: int, integration_id: str, key: str, job: Job = Job.REPLY) -> bool:
        found = self._store.db.execute(
            "select 1 from journal where instance_id = ? and job = ? and key = ? "
            "and integration_id = ?",
            [instance_id, job.value, key, integration_id],
        )
        return found.fetchone() is not None

    def find(self, instance_id: int, key: str, job: Job) -> Entry | None:
        row = self._store.db.execute(
            f"select {_COLUMNS} from journal where instance_id = ? and job = ? and key = ?",
            [instance_id, job.value, key],
        ).fetchone()
        return _entry(row) if row else None

    def about(self, instance_id: int, message_id: str) -> list[Entry]:
        found = self._store.db.execute(
            f"select {_COLUMNS} from journal where instance_id = ? and message_id = ? order by id",
            [instance_id, message_id],
        )
        return [_entry(row) for row in found]

    def knows_file(self, reply: ReplyId) -> bool:
        found = self._store.db.execute(
            f"select 1 from journal where {writes.PARTS} and key <> ? limit 1",
            [*writes.parts_of(reply), f"m{reply.message_id}:0"],
        )
        return found.fetchone() is not None

    def gave_up(self, reply: ReplyId) -> bool:
        found = self._store.db.execute(
            f"select 1 from journal where {writes.PARTS} and state = 'dead' limit 1",
            writes.parts_of(reply),
        )
        return found.fetchone() is not None

    def arrived(self, reply: ReplyId) -> bool:
        found = self._store.db.execute(
            f"select min(state = 'done') from journal where {writes.PARTS}",
            writes.parts_of(reply),
        )
        return bool(found.fetchone()[0])

    def note_shown(self, reply: ReplyId) -> None:
        self._committer.run(lambda db: writes.note_shown(db, reply))

    def shown_as_failed(self, instance_id: int, integration_id: str) -> set[int]:
        found = self._store.db.execute(
            "select distinct cast(substr(key, 2) as integer) from journal indexed by journal_shown "
            "where instance_id = ? and integration_id = ? and shown",
            [instance_id, integration_id],
        )
        return {row[0] for row in found}

    def given_up(self, instance_id: int, integration_id: str, *, since: float) -> list[Entry]:
        found = self._store.db.execute(
            f"select {_COLUMNS} from journal where instance_id = ? and state = 'dead' "
            "and job = 'reply' and integration_id = ? and done_at >= ? and shown order by id",
            [instance_id, integration_id, since],
        )
        return [_entry(row) for row in found]

    def old_dead_letters(self, instance_id: int) -> list[Entry]:
        found = self._store.db.execute(
            f"select {_COLUMNS} from journal where id in (select journal_id from old_dead_letter) "
            "and instance_id = ? and state = 'dead' order by id",
            [instance_id],
        )
        return [_entry(row) for row in found]

    def settle_old(self, entry: Entry, pair: Pair | None, *, now: float) -> None:
        def work(db: Database) -> None:
            db.execute("delete from old_dead_letter where journal_id = ?", [entry.id])
            if pair is None:
                return
            settled = db.execute(
                "update journal set state = 'done', done_at = ?, reason = '' "
                "where id = ? and state = 'dead'",
                [now, entry.id],
            )
            if settled.rowcount:
                writes.insert_pair(db, pair, now=now)

        self._committer.run(work)

    def prune(self, *, done_before: float, all_before: float) -> int:
        # Looked for outside of the transaction: nobody waits while all of the journal is read.
        old = self._store.db.execute(
            "select id from journal where (state in ('done', 'discarded') and done_at < ?) "
            "or (state = 'dead' and done_at < ?) order by id limit ?",
            [done_before, all_before, _PRUNED_AT_ONCE],
        ).fetchall()

        pairs = self._store.db.execute(
            "select instance_id, whatsapp_id from pair where noted_at between 1 and ? limit ?",
            [all_before, _PRUNED_AT_ONCE],
        ).fetchall()

        def work(db: Database) -> None:
            for row in old:
                db.execute(f"delete from journal where id = ? and state not in {OPEN}", [row[0]])
            for row in pairs:
                db.execute("delete from pair where instance_id = ? and whatsapp_id = ?", row)

        self._committer.run(work)
        return len(old) + len(pairs)

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


def _note_try(db: Database, entry: Entry, made: Try) -> None:
    db.execute(
        # Not when a later receipt has taken the place of the entry meanwhile.
        "insert into try select id, ?, ?, ?, ? from journal where id = ?",
        [made.began_at, made.seconds, made.outcome, of_error(made.error), entry.id],
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(
        id=row[0],
        instance_id=row[1],
        chat_id=row[2],
        job=Job(row[3]),
        key=row[4],
        position=row[5],
        body=row[6],
        state=State(row[7]),
        attempts=row[8],
        doubtful=bool(row[9]),
        due_at=row[10],
        source=row[11],
        error=to_error(row[12]),
        received_at=row[13],
        sent_at=row[14],
        held_s=row[15],
        integration_id=row[16],
    )
