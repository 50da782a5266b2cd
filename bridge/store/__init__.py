"""Everything on the disk: the only folder with SQL. It calls nobody, and knows no rules of routing.

A store (`chats`, `instances` ...) is SQL over `Store`, the protocol that an engine fulfils;
`bridge.store.sqlite` is the engine (docs/decisions.md, One protocol for every store).
"""

from contextlib import AbstractContextManager
from typing import Protocol

from bridge.store.database import Database

__all__ = ["Database", "Store"]


class Store(Protocol):
    """What a store may ask of its engine, from any thread and from several processes at once."""

    @property
    def db(self) -> Database:
        """This thread's connection, for reading. Writes go through `write()`."""

    def write(self, *, messages: bool = False) -> AbstractContextManager[Database]:
        """One transaction: all of it is durable when the block ends, or nothing of it happened.
        `messages`: it is only about messages, which nobody caches.

        Raises StorageFailed when nothing can be written: read-only, full, locked, broken.
        """

    @property
    def edition(self) -> bytes:
        """Another value after each change of any process, messages apart: what was read before is
        still true while it stays."""

    @property
    def version(self) -> bytes:
        """Another value after each change of any process, messages included."""

    def exclusive(self, name: str, *, timeout_s: float) -> AbstractContextManager[None]:
        """One holder of `name` at a time, across threads and processes; a killed holder lets go.

        Raises ActivationRunning when another holds it for longer than `timeout_s`.
        """

    def change(self, sql: str, *params: object, messages: bool = False) -> int:
        """One statement in a transaction of its own; the number of rows that it changed."""
        with self.write(messages=messages) as db:
            return db.execute(sql, params).rowcount

    def meta(self, key: str) -> str | None:
        """One fact about the installation."""
        value: str | None = self.db.value("select value from meta where key = ?", key)
        return value

    def set_meta(self, key: str, value: str, *, replace: bool = True) -> None:
        """Stores one fact about the installation; without `replace` only where it has none."""
        with self.write() as db:
            db.put("meta", {"key": key, "value": value}, key="key", replace=replace)

    def beat(self, name: str) -> None:
        """A sign of life of a process of the service; never fails."""

    def beat_at(self, name: str) -> float:
        """When the last sign of life was given, in UTC seconds; 0 for never."""

    def move_beat(self, name: str, seconds: float) -> None:
        """This machine's clock was set by so many seconds since the last sign of life."""

    def close(self) -> None:
        """Closes every connection; the store may not be used afterwards."""
