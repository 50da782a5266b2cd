"""One connection to the database: SQL in, rows by the names of their columns out."""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from bridge.store.columns import Row, marks, read

T = TypeVar("T")


class Database:
    """What queries and writes are made with. Only `execute` is an engine's own."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def execute(self, sql: str, params: Sequence[object] = ()) -> sqlite3.Cursor:
        return self.conn.execute(sql, params)

    def put(self, table: str, row: Row, *, key: str, replace: bool = True) -> bool:
        """Writes a row in place of the one with its `key` (columns, with commas between them), or
        without `replace` only where there is none; whether it was written."""
        others = ", ".join(
            f"{name} = excluded.{name}" for name in row if name not in key.split(", ")
        )
        conflict = f"do update set {others}" if replace and others else "do nothing"
        sql = f"insert into {table} ({', '.join(row)}) values ({marks(row)}) on conflict ({key}) "
        return self.execute(sql + conflict, list(row.values())).rowcount > 0

    def rows(self, sql: str, *params: object) -> list[Row]:
        cursor = self.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, *params: object) -> Row | None:
        """The first row of a query, None without one."""
        return next(iter(self.rows(sql, *params)), None)

    def all(self, kind: type[T], sql: str, *params: object) -> list[T]:
        """The rows of a query as objects; the columns are named as the fields of `kind`."""
        return [read(kind, row) for row in self.rows(sql, *params)]

    def first(self, kind: type[T], sql: str, *params: object) -> T | None:
        """The first row of a query as an object, None without one."""
        return next(iter(self.all(kind, sql, *params)), None)

    def values(self, sql: str, *params: object) -> list[Any]:
        """The only column of a query."""
        return [value for (value,) in self.execute(sql, params)]

    def value(self, sql: str, *params: object, default: Any = None) -> Any:
        """The only column of the first row of a query; `default` without a row or for null."""
        value = next(iter(self.values(sql, *params)), None)
        return default if value is None else value

    def has(self, sql: str, *params: object) -> bool:
        """Whether a query has a row."""
        return self.execute(sql, params).fetchone() is not None
