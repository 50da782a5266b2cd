"""Instances and the hashes of the tokens that open our own doors."""

import sqlite3
from typing import Any

from bridge.errors import InstanceExists, TokenTaken
from bridge.models import Gateway, Instance
from bridge.store import Store
from bridge.vault import Vault


class Instances:
    """The WhatsApp numbers that this bridge knows."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def add(
        self, name: str, *, token_hash: str, gateway: Gateway | None, created_at: float
    ) -> Instance:
        """A new instance. Raises InstanceExists or TokenTaken."""
        with self._store.write() as db:
            try:
                key = db.execute(
                    "insert into instance (name, created_at) values (?, ?) returning id",
                    [name, created_at],
                ).fetchone()[0]
            except sqlite3.IntegrityError:
                raise InstanceExists from None
            try:
                db.execute("insert into token values (?, ?, ?)", [token_hash, key, created_at])
            except sqlite3.IntegrityError:
                raise TokenTaken(field="token") from None
            if gateway is not None:
                sealed = self._vault.seal(gateway.token, where=_where(key))
                db.execute(
                    "update instance set gateway_kind = ?, gateway_url = ?, gateway_token = ? "
                    "where id = ?",
                    [gateway.kind, gateway.base_url, sealed, key],
                )
        return Instance(key, name, created_at, gateway)

    def find(self, name: str) -> Instance | None:
        """The instance of that name."""
        row = self._store.row("select * from instance where name = ?", name)
        return self._read(row) if row else None

    def of_token(self, token_hash: str) -> Instance | None:
        """The instance whose token has that hash."""
        row = self._store.row(
            "select instance.* from instance join token on token.instance_id = instance.id "
            "where token.hash = ?",
            token_hash,
        )
        return self._read(row) if row else None

    def all(self) -> list[Instance]:
        """Every instance, by name."""
        return [self._read(row) for row in self._store.rows("select * from instance order by name")]

    def remove(self, instance_id: int) -> None:
        """Forgets the instance with its token, attempts and integration."""
        with self._store.write() as db:
            db.execute("delete from instance where id = ?", [instance_id])

    def _read(self, row: dict[str, Any]) -> Instance:
        gateway = None
        if row["gateway_kind"]:
            token = self._vault.open(row["gateway_token"], where=_where(row["id"]))
            gateway = Gateway(row["gateway_kind"], row["gateway_url"], token)
        return Instance(row["id"], row["name"], row["created_at"], gateway)


def _where(instance_id: int) -> str:
    return f"instance/{instance_id}/gateway_token"
