"""The phone's SQLite file. It survives a killed process, for speed not every power cut."""

import json
import sqlite3
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists switch (name text primary key, value text not null) strict;
create table if not exists instance (name text primary key, body text not null) strict;
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

#: Grows with the schema; a file of another version begins anew.
VERSION = 2


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
        if self.row("pragma user_version")[0] != VERSION:  # type: ignore[index]
            for table in self._tables():
                self._db.execute(f"drop table {table}")
        self._db.executescript(f"{SCHEMA}pragma user_version = {VERSION};")

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

    def switches(self, known: Container[str]) -> dict[str, Any]:
        """The stored values of the switches that are known."""
        rows = self.rows("select * from switch")
        return {row["name"]: json.loads(row["value"]) for row in rows if row["name"] in known}

    def save_switches(self, values: dict[str, Any]) -> None:
        with self.write() as db:
            db.executemany(
                "insert or replace into switch values (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )

    def empty(self) -> None:
        with self.write() as db:
            for table in self._tables():
                db.execute(f"delete from {table}")  # noqa: S608

    def _tables(self) -> list[str]:
        found = self.rows(
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
        )
        return [row["name"] for row in found]
