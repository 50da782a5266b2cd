"""The sandbox's SQLite file: rows as JSON text, attachments as bytes, written behind.

A row that changed is marked; a thread writes all marked rows in one transaction a few times a
second. A kill may therefore lose the last instants, which a sandbox can afford.
"""

import atexit
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FLUSH_SECONDS = 0.1


class StateFile:
    """Keeps rows and blobs. `lock` is the state's own lock: rows are only read under it."""

    def __init__(self, path: Path | None, lock: threading.RLock) -> None:
        self._lock = lock
        self._changed: dict[tuple[str, int], object | None] = {}
        self._generation = 0
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._database = sqlite3.connect(
            path if path else ":memory:", isolation_level=None, check_same_thread=False, timeout=30
        )
        self._keeps_rows = path is not None
        self._database.execute("pragma journal_mode=wal")
        self._database.execute("pragma synchronous=off")
        self._database.executescript(
            """
            create table if not exists record
                (kind text, id integer, body text not null, primary key (kind, id)) strict;
            create table if not exists blob
                (key text primary key, name text, type text, body blob not null) strict;
            """
        )
        if self._keeps_rows:
            atexit.register(self.flush)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every stored row as (kind, attributes), oldest first within its kind."""
        for kind, body in self._database.execute("select kind, body from record order by kind, id"):
            yield kind, json.loads(body)

    def mark(self, kind: str, number: int, row: object | None) -> None:
        """Have `row` written soon; None removes it. Call with the state's lock held."""
        if not self._keeps_rows:
            return
        self._changed[kind, number] = row
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_behind, daemon=True)
            self._thread.start()

    def _write_behind(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self.flush()
            threading.Event().wait(_FLUSH_SECONDS)

    def flush(self) -> None:
        """Write what is marked."""
        with self._lock:
            generation = self._generation
            changed, self._changed = self._changed, {}
            rows = [
                (kind, number, json.dumps(row.__dict__))
                for (kind, number), row in changed.items()
                if row is not None
            ]
        gone = [key for key, row in changed.items() if row is None]
        with self._writing:
            if generation != self._generation:
                return  # wiped meanwhile
            self._database.execute("begin immediate")
            self._database.executemany("replace into record values (?, ?, ?)", rows)
            self._database.executemany("delete from record where kind = ? and id = ?", gone)
            self._database.execute("commit")

    def put_blob(self, key: str, *, name: str, kind: str, body: bytes) -> None:
        """Keep an uploaded file at once."""
        with self._writing:
            self._database.execute("replace into blob values (?, ?, ?, ?)", (key, name, kind, body))

    def blob(self, key: str) -> tuple[str, str, bytes] | None:
        """(file name, content type, bytes), or None."""
        with self._writing:
            row: tuple[str, str, bytes] | None = self._database.execute(
                "select name, type, body from blob where key = ?", (key,)
            ).fetchone()
        return row

    def drop_blob(self, key: str) -> None:
        """Forget an uploaded file."""
        with self._writing:
            self._database.execute("delete from blob where key = ?", (key,))

    def wipe(self) -> None:
        """Forget everything. Call with the state's lock held."""
        self._changed.clear()
        with self._writing:
            self._generation += 1
            self._database.execute("delete from record")
            self._database.execute("delete from blob")
