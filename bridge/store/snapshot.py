"""The whole database at once: copied while it is in use, proven whole, sealed anew."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.domain.errors import StartupError, StorageFailed
from bridge.domain.models import Secret
from bridge.store import Database, Store
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
            old.conn.backup(new, pages=1000)
            # One file: the copy must not depend on a journal beside it.
            new.execute("pragma journal_mode = delete")
    except sqlite3.Error as error:
        raise StorageFailed(cause=str(error)) from None


def troubles(path: Path) -> list[str]:
    """What SQLite finds wrong with a database file; empty when it is whole."""
    try:
        with _opened(path) as db:
            broken = db.values("pragma integrity_check(20)")
            keys = [
                f"foreign key: {tuple(row.values())}" for row in db.rows("pragma foreign_key_check")
            ]
            return keys if broken == ["ok"] else broken + keys
    except sqlite3.Error as error:
        return [str(error)]


def counts(path: Path) -> tuple[int, int]:
    """Instances and messages in a database file. Raises StartupError."""
    try:
        with _opened(path) as db:
            instances = db.value("select count(*) from instance")
            return instances, db.value("select count(*) from journal")
    except sqlite3.Error as error:
        raise StartupError(reason=f"{path} is no database of this program: {error}") from None


def move_spool(store: Store, folder: Path) -> None:
    """The files that came inside messages lie in this folder from now on."""
    with store.write() as db:
        for job, where in (("message", "$.media.spooled"), ("file", "$.message.media.spooled")):
            for row in db.rows(
                "select id, json_extract(body, ?) as path from journal "
                "where job = ? and state not in ('done', 'discarded') and path <> ''",
                *(where, job),
            ):
                moved = str(folder / Path(row["path"]).name)
                sql = "update journal set body = json_set(body, ?, ?) where id = ?"
                db.execute(sql, [where, moved, row["id"]])


def unreadable(store: Store, vault: Vault) -> list[str]:
    """The places of sealed values that no longer open."""
    return [cell.where for cell in _cells(store) if _opens(vault, cell) is None]


def reseal(store: Store, vault: Vault) -> tuple[int, list[str]]:
    """Seals every value with the newest key: how many were not yet, and the places of those that
    do not open and stay as they are. May be cut short and begun again at any moment.

    Raises StorageFailed.
    """
    old = [cell for cell in _cells(store) if not vault.is_newest(cell.sealed)]
    broken: list[str] = []
    for start in range(0, len(old), _BATCH):
        with store.write() as db:
            for cell in old[start : start + _BATCH]:
                secret = _opens(vault, cell)
                if secret is None:
                    broken.append(cell.where)
                    continue
                sql = f"update {cell.table} set {cell.column} = ? where {cell.key} = ?"
                fresh = vault.seal(secret, where=cell.where)
                db.execute(f"{sql} and {cell.column} = ?", [fresh, cell.row, cell.sealed])
    return len(old) - len(broken), broken


@dataclass(frozen=True, slots=True)
class _Cell:
    """A sealed value, and where it is."""

    table: str
    column: str
    key: str
    row: object
    sealed: str

    @property
    def where(self) -> str:
        """Its place, as the store that sealed it calls it."""
        place = f"{self.table}/{self.row}"
        return place if self.table in {"draft", "meta"} else f"{place}/{self.column}"


def _cells(store: Store) -> list[_Cell]:
    return [
        _Cell(table, column, key, row["id"], row["sealed"])
        for table, column, key in _SEALED
        for row in store.db.rows(
            f"select {key} as id, {column} as sealed from {table} where {column} like 'v1.%'"
        )
    ]


def _opens(vault: Vault, cell: _Cell) -> Secret | None:
    try:
        return vault.open(cell.sealed, where=cell.where)
    except SealBroken:
        return None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Database]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, timeout=BUSY_S, uri=True)) as connection:
        yield Database(connection)
