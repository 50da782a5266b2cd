"""The journal: every message that was accepted, until it has arrived, and after.

One narrow interface (`Journal`), so that another engine can stand behind it. What it promises, and
what its contract suite demands of every engine: an entry is durable when `accept` returns; a key is
accepted once; a lane (direction and chat) gives out one entry at a time, lowest position first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlite_utils import Database

from bridge.store import Store
from bridge.store.committer import Committer


class Direction(StrEnum):
    """Which lane of a chat an entry travels in."""

    IN = "in"
    OUT = "out"
    RECEIPT = "receipt"
    TYPING = "typing"


class State(StrEnum):
    """Where an entry is. READY, SENDING and UNCONFIRMED are open: they hold up their lane."""

    READY = "ready"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


OPEN = "('ready', 'sending', 'unconfirmed')"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be accepted. `position` None means: in the order of acceptance."""

    chat_id: int
    direction: Direction
    key: str
    body: str
    position: int | None = None
    replaces: bool = False  # a later receipt takes the place of one that waits, or was done


@dataclass(frozen=True, slots=True)
class Lane:
    """Entries of one lane leave strictly one after the other."""

    instance_id: int
    direction: Direction
    chat_id: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted message. Times are UTC seconds; `source` marks the send that is under way."""

    id: int
    instance_id: int
    chat_id: int
    direction: Direction
    key: str
    position: int
    body: str
    state: State
    attempts: int
    doubtful: bool
    due_at: float
    source: str
    reason: str
    received_at: float
    sent_at: float

    @property
    def lane(self) -> Lane:
        """The lane that it travels in."""
        return Lane(self.instance_id, self.direction, self.chat_id)


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery: when it began (UTC seconds), how long it took, how it ended."""

    began_at: float
    seconds: float
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two ids of one message. `from_me`: the customer did not write it."""

    instance_id: int
    whatsapp_id: str
    chat_id: int
    from_me: bool
    integration_id: str
    conversation_id: int
    chatwoot_id: int
    reached: str = ""


class Journal(Protocol):
    """What routing needs of a journal; all writes are durable when a call returns."""

    def accept(self, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
        """Keeps new entries; known keys are passed over. The number of new ones."""
        ...

    def lanes(self, *, after_id: int) -> tuple[list[Lane], int]:
        """The lanes with open entries accepted after `after_id`, and the newest id of all."""
        ...

    def head(self, lane: Lane) -> Entry | None:
        """The entry whose turn it is."""
        ...

    def start_sending(self, entry: Entry, source: str, *, now: float) -> None:
        """Notes a send before it is made."""
        ...

    def finish(self, entry: Entry, pairs: Iterable[Pair], *, made: Try, now: float) -> None:
        """The entry has arrived."""
        ...

    def postpone(
        self, entry: Entry, *, due_at: float, made: Try | None, doubtful: bool, counts: bool = True
    ) -> None:
        """The entry failed and is tried again; `doubtful`: it may have arrived all the same."""
        ...

    def unconfirm(self, entry: Entry, *, due_at: float, made: Try) -> None:
        """Nobody knows whether the send happened; `due_at` is when that may be settled."""
        ...

    def bury(self, entry: Entry, *, made: Try, now: float) -> None:
        """The entry is given up and becomes a dead letter; its lane goes on."""
        ...

    def in_state(self, state: State, *, limit: int) -> list[Entry]:
        """Entries in a state, oldest first."""
        ...

    def is_sending(self, chat_id: int) -> bool:
        """Whether a send to the chat is under way or unconfirmed."""
        ...

    def suspect(self, *, due_at: float) -> None:
        """A router died, perhaps in the middle: sends that were noted become unconfirmed, and the
        heads of the other lanes doubtful."""
        ...


_COLUMNS = (
    "id, instance_id, chat_id, direction, key, position, body, state, attempts, doubtful, due_at, "
    "coalesce(source, ''), reason, received_at, coalesce(sent_at, 0)"
)


class SqliteJournal:
    """The journal in the one SQLite file."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def accept(self, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
        return self._committer.run(lambda db: insert(db, instance_id, entries, now=now))

    def lanes(self, *, after_id: int) -> tuple[list[Lane], int]:
        # The newest id first: what comes in between is seen twice, never missed.
        newest = self._store.db.execute("select coalesce(max(id), 0) from journal").fetchone()[0]
        if newest == after_id:
            return [], newest
        # From the beginning, only the index of what is open is read, not the years of what is done.
        since = "id > ? and" if after_id else "? = 0 and"
        found = self._store.db.execute(
            "select distinct instance_id, direction, chat_id from journal "
            f"where {since} state in {OPEN}",
            [after_id],
        )
        return [Lane(row[0], Direction(row[1]), row[2]) for row in found], newest

    def head(self, lane: Lane) -> Entry | None:
        row = self._store.db.execute(
            f"select {_COLUMNS} from journal where direction = ? and chat_id = ? "
            f"and state in {OPEN} order by position, id limit 1",
            [lane.direction.value, lane.chat_id],
        ).fetchone()
        return _entry(row) if row else None

    def start_sending(self, entry: Entry, source: str, *, now: float) -> None:
        self._run(
            "update journal set state = 'sending', source = ?, sent_at = ? where id = ?",
            [source, now, entry.id],
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
                insert_pair(db, pair)

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
                    made.reason if made else entry.reason,
                    int(doubtful),
                    int(counts),
                    entry.id,
                ],
            )
            if made is not None:
                _note_try(db, entry, made)

        self._committer.run(work)

    def unconfirm(self, entry: Entry, *, due_at: float, made: Try) -> None:
        def work(db: Database) -> None:
            # Not when the echo was quicker than the failure.
            db.execute(
                "update journal set state = 'unconfirmed', due_at = ?, reason = ? "
                "where id = ? and state = 'sending'",
                [due_at, made.reason, entry.id],
            )
            _note_try(db, entry, made)

        self._committer.run(work)

    def bury(self, entry: Entry, *, made: Try, now: float) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal set state = 'dead', done_at = ?, reason = ? "
                f"where id = ? and state in {OPEN}",
                [now, made.reason, entry.id],
            )
            _note_try(db, entry, made)

        self._committer.run(work)

    def in_state(self, state: State, *, limit: int) -> list[Entry]:
        found = self._store.db.execute(
            f"select {_COLUMNS} from journal where state = ? order by id limit ?",
            [state.value, limit],
        )
        return [_entry(row) for row in found]

    def is_sending(self, chat_id: int) -> bool:
        found = self._store.db.execute(
            "select 1 from journal where direction = 'out' and chat_id = ? "
            f"and state in {OPEN} and state <> 'ready' limit 1",
            [chat_id],
        )
        return found.fetchone() is not None

    def suspect(self, *, due_at: float) -> None:
        def work(db: Database) -> None:
            db.execute(
                "update journal set state = 'unconfirmed', due_at = ? where state = 'sending'",
                [due_at],
            )
            db.execute(
                "update journal set doubtful = 1 where id in (select min(id) from journal "
                f"where direction <> 'out' and state in {OPEN} group by direction, chat_id)"
            )

        self._committer.run(work)

    def _run(self, sql: str, params: list[Any]) -> None:
        self._committer.run(lambda db: db.execute(sql, params))


def insert(db: Database, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
    """The writes of `accept`, for a caller that has a transaction already."""
    count = 0
    for entry in entries:
        if entry.replaces:
            # A new id with it, by which the router notices it.
            db.execute(
                "delete from journal where instance_id = ? and direction = ? and key = ? "
                "and body <> ?",
                [instance_id, entry.direction.value, entry.key, entry.body],
            )
        count += db.execute(
            "insert into journal (instance_id, chat_id, direction, key, position, body, state, "
            "received_at) values (?, ?, ?, ?, ?, ?, 'ready', ?) on conflict do nothing",
            [
                instance_id,
                entry.chat_id,
                entry.direction.value,
                entry.key,
                entry.position or 0,
                entry.body,
                now,
            ],
        ).rowcount
    return count


def is_known(db: Database, instance_id: int, key: str) -> bool:
    """Whether a reply with that key was accepted before."""
    found = db.execute(
        "select 1 from journal where instance_id = ? and direction = 'out' and key = ?",
        [instance_id, key],
    )
    return found.fetchone() is not None


def settle(db: Database, instance_id: int, source: str, *, now: float) -> tuple[int, str] | None:
    """The echo of a send of ours came: chat and body of the entry, None when it is none of ours."""
    row = db.execute(
        "select id, chat_id, body from journal where source = ? and instance_id = ?",
        [source, instance_id],
    ).fetchone()
    if row is None:
        return None
    db.execute(
        "update journal set state = 'done', done_at = ?, reason = '' "
        f"where id = ? and state in {OPEN}",
        [now, row[0]],
    )
    return int(row[1]), str(row[2])


def revive_between(db: Database, instance_id: int, first: int, last: int, *, now: float) -> int:
    """Makes the dead replies at these positions ready again; how many there were."""
    return db.execute(
        "update journal set state = 'ready', due_at = 0, attempts = 0, source = null, "
        "received_at = ? where instance_id = ? and direction = 'out' and state = 'dead' "
        "and position between ? and ?",
        [now, instance_id, first, last],
    ).rowcount


def insert_pair(db: Database, pair: Pair) -> None:
    """Notes a pair; what is known already is kept."""
    db.execute(
        "insert into pair values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        [
            pair.instance_id,
            pair.whatsapp_id,
            pair.chat_id,
            int(pair.from_me),
            pair.integration_id,
            pair.conversation_id,
            pair.chatwoot_id,
            pair.reached,
        ],
    )


def _note_try(db: Database, entry: Entry, made: Try) -> None:
    db.execute(
        "insert into try values (?, ?, ?, ?, ?)",
        [entry.id, made.began_at, made.seconds, made.outcome, made.reason],
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(
        id=row[0],
        instance_id=row[1],
        chat_id=row[2],
        direction=Direction(row[3]),
        key=row[4],
        position=row[5],
        body=row[6],
        state=State(row[7]),
        attempts=row[8],
        doubtful=bool(row[9]),
        due_at=row[10],
        source=row[11],
        reason=row[12],
        received_at=row[13],
        sent_at=row[14],
    )
