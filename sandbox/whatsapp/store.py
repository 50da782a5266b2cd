"""The phone's own SQLite file: one connection, one lock, writes that survive a killed process.

`synchronous=off` is deliberate: a toy must be quick, and only a power cut could lose what the
operating system already holds.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists switch (name text primary key, value text not null) strict;
create table if not exists instance (
    name text primary key, token text not null unique, number text not null,
    profile text not null, state text not null, created_at real not null,
    options text not null, websocket text) strict;
create table if not exists webhook (
    instance text not null, label text not null, enabled integer not null, url text not null,
    authorization text, by_events integer not null, events text not null,
    media_base64 integer not null, primary key (instance, label)) strict;
create table if not exists person (
    jid text primary key, lid text unique, name text not null, registered integer not null) strict;
create table if not exists chat_group (
    jid text primary key, name text not null, members text not null) strict;
create table if not exists media (
    id text primary key, mime text not null, name text not null, size integer not null,
    body blob not null) strict;
create table if not exists message (
    seq integer primary key autoincrement, instance text not null, id text not null,
    chat text not null, from_me integer not null, sender text not null, kind text not null,
    content text not null, source text not null, quote text, media text, status text not null,
    edited integer not null default 0, revoked integer not null default 0, at real not null,
    unique (instance, id)) strict;
create index if not exists message_of_chat on message (instance, chat, seq);
create table if not exists held (
    id integer primary key autoincrement, instance text not null, event text not null,
    lane text not null, data text not null, media text) strict;
create table if not exists delivery (
    id integer primary key autoincrement, instance text not null, label text not null,
    event text not null, lane text not null, data text not null, media text,
    attempts integer not null default 0, created_at real not null) strict;
"""

TABLES = (
    "switch", "instance", "webhook", "person", "chat_group", "media", "message", "held", "delivery",
)  # fmt: skip


class Store:
    """Everything the phone remembers.  Safe to use from any thread of one process."""

    def __init__(self, database: Path | None) -> None:
        """Open (and create) `database`; None keeps everything in memory."""
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._db = sqlite3.connect(
            str(database) if database else ":memory:",
            check_same_thread=False, isolation_level=None, cached_statements=200, timeout=10,
        )  # fmt: skip
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(SCHEMA)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone with the database; all or nothing.  May be nested."""
        with self.lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        with self.lock:
            found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return found

    def run(self, sql: str, *values: Any) -> int:
        """One writing statement in its own transaction; the number of rows it touched."""
        with self.write() as db:
            return db.execute(sql, values).rowcount

    def switches(self) -> dict[str, Any]:
        return {row["name"]: json.loads(row["value"]) for row in self.rows("select * from switch")}

    def save_switches(self, values: dict[str, Any]) -> None:
        with self.write() as db:
            db.executemany(
                "insert or replace into switch values (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )

    def empty(self, *, keep: tuple[str, ...] = ()) -> None:
        """Forget the content of all tables but the ones to keep."""
        with self.write() as db:
            for table in TABLES:
                if table not in keep:
                    db.execute(" ".join(("delete from", table)))
