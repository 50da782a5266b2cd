"""The whole database at once: copied while it is in use, proven whole, sealed anew."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bridge.domain.errors import StartupError, StorageFailed
from bridge.store import Store
from bridge.store.sqlite import BUSY_S
from bridge.store.vault import SealBroken, Vault

#: Of the library that runs here.
SQLITE_VERSION = sqlite3.sqlite_version
#: Every column that holds sealed values, and the column that names their row.
_SEALED = (
    ("instance", "gateway_token", "id"),
    ("instance", "hook_secret", "id"),
    ("integration", "api_token", "id"),
    ("integration", "webhook_secret", "id"),
    ("draft", "answers", "id"),
    ("meta", "value", "key"),
)
#: Rows that one transaction seals anew: each is a moment at which a crash may come.
_BATCH = 50


def copy(source: Path, target: Path) -> None:
    """A consistent copy, made while others write: SQLite's own online backup.

    Raises StorageFailed.
    """
    try:
        with _opened(source) as old, contextlib.closing(sqlite3.connect(target)) as new:
            old.backup(new, pages=1000)
            # One file: the copy must not depend on a journal beside it.
            new.execute("pragma journal_mode = delete")
    except sqlite3.Error as error:
        raise StorageFailed(cause=str(error)) from None


def troubles(path: Path) -> list[str]:
    """What SQLite finds wrong with a database file; empty when it is whole."""
    try:
        with _opened(path) as found:
            rows = [str(row[0]) for row in found.execute("pragma integrity_check(20)")]
            rows = [] if rows == ["ok"] else rows
            return rows + [
                f"foreign key: {row}" for row in found.execute("pragma foreign_key_check")
            ]
    except sqlite3.Error as error:
        return [str(error)]


def counts(path: Path) -> tuple[int, int]:
    """Instances and messages in a database file. Raises StartupError."""
    try:
        with _opened(path) as found:
            row = found.execute(
                "select (select count(*) from instance), (select count(*) from journal)"
            ).fetchone()
    except sqlite3.Error as error:
        raise StartupError(reason=f"{path} is no database of this program: {error}") from None
    return int(row[0]), int(row[1])


def move_spool(store: Store, folder: Path) -> None:
    """The files that came inside messages lie in this folder from now on."""
    with store.write() as db:
        for job, where in (("message", "$.media.spooled"), ("file", "$.message.media.spooled")):
            rows = db.execute(
                "select id, json_extract(body, ?) as path from journal "
                "where job = ? and state not in ('done', 'discarded') and path <> ''",
                [where, job],
            ).fetchall()
            for entry_id, path in rows:
                db.execute(
                    "update journal set body = json_set(body, ?, ?) where id = ?",
                    [where, str(folder / Path(path).name), entry_id],
                )


def unreadable(store: Store, vault: Vault) -> list[str]:
    """The places of sealed values that no longer open."""
    found = []
    for where, sealed, _ in _sealed(store):
        try:
            vault.open(sealed, where=where)
        except SealBroken:
            found.append(where)
    return found


def reseal(store: Store, vault: Vault) -> tuple[int, list[str]]:
    """Seals every value with the newest key: how many were not yet, and the places of those that
    do not open and stay as they are. May be cut short and begun again at any moment.

    Raises StorageFailed.
    """
    old = [one for one in _sealed(store) if not vault.is_newest(one[1])]
    broken: list[str] = []
    for start in range(0, len(old), _BATCH):
        with store.write() as db:
            for where, sealed, (table, column, key, row) in old[start : start + _BATCH]:
                try:
                    fresh = vault.seal(vault.open(sealed, where=where), where=where)
                except SealBroken:
                    broken.append(where)
                    continue
                db.execute(
                    f"update {table} set {column} = ? where {key} = ? and {column} = ?",
                    [fresh, row, sealed],
                )
    return len(old) - len(broken), broken


def _sealed(store: Store) -> Iterator[tuple[str, str, tuple[str, str, str, object]]]:
    """Each sealed value with its place, as the rooms that seal call it, and its cell."""
    for table, column, key in _SEALED:
        rows = store.db.execute(
            f"select {key}, {column} from {table} where {column} like 'v1.%'"
        ).fetchall()
        for row, sealed in rows:
            where = f"{table}/{row}" if table in {"draft", "meta"} else f"{table}/{row}/{column}"
            yield where, sealed, (table, column, key, row)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, uri=True)) as connection:
        yield connection
