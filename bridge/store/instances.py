"""Instances and the hashes of the tokens that open our own doors."""

import logging
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from bridge.domain.errors import InstanceExists, TokenTaken
from bridge.domain.models import GatewayConfig, Instance, Secret
from bridge.store import Store
from bridge.store.vault import SealBroken, Vault

log = logging.getLogger(__name__)

#: Within so many seconds a second event of an instance is no news of its being heard.
_ONE_MOMENT_S = 0.2


@dataclass(frozen=True, slots=True)
class Hook:
    """The unguessable end of the path that a gateway calls, and the secret it must present."""

    key: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Callback:
    """The base URL that the gateway was told, since when (0: it has been given up), and when it
    last called, in UTC seconds."""

    url: str = ""
    since: float = 0.0
    called_at: float = 0.0

    @property
    def has_called(self) -> bool:
        """Whether it works."""
        return self.called_at > self.since > 0


class Instances:
    """The WhatsApp numbers that this bridge knows."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def add(
        self, name: str, *, token_hash: str, gateway: GatewayConfig | None, created_at: float
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
                self._write_gateway(db, key, gateway)
        return Instance(key, name, created_at, gateway)

    def set_gateway(self, instance_id: int, gateway: GatewayConfig) -> None:
        """The WhatsApp side lives there from now on; what was heard of the one before is void."""
        with self._store.write() as db:
            self._write_gateway(db, instance_id, gateway)
            note_connection(db, instance_id, None, "")
            _note_callback(db, instance_id, "", 0.0)
            db.execute(
                "update instance set deaf_until = 0, own_phone = '', own_lid = '' where id = ?",
                [instance_id],
            )

    def _write_gateway(self, db: Database, instance_id: int, gateway: GatewayConfig) -> None:
        sealed = self._vault.seal(gateway.token, where=_where(instance_id))
        db.execute(
            "update instance set gateway_kind = ?, gateway_url = ?, gateway_token = ? where id = ?",
            [gateway.kind, gateway.base_url, sealed, instance_id],
        )

    def find(self, name: str) -> Instance | None:
        """The instance of that name."""
        row = self._store.row("select * from instance where name = ?", name)
        return self._read(row) if row else None

    def get(self, instance_id: int) -> Instance | None:
        """The instance with that id."""
        row = self._store.row("select * from instance where id = ?", instance_id)
        return self._read(row) if row else None

    def hook(self, instance_id: int) -> Hook:
        """Where and with which secret the gateway calls us; made at the first use."""
        with self._store.write() as db:
            key, sealed = db.execute(
                "select hook_key, hook_secret from instance where id = ?", [instance_id]
            ).fetchone()
            if key is None:
                key, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
                sealed = self._vault.seal(secret, where=_hook_where(instance_id))
                db.execute(
                    "update instance set hook_key = ?, hook_secret = ? where id = ?",
                    [key, sealed, instance_id],
                )
        return Hook(key, self._vault.open(sealed, where=_hook_where(instance_id)))

    def by_hook_key(self, key: str) -> tuple[Instance, Secret] | None:
        """The instance that a gateway's call is for, and the secret that the call must carry."""
        row = self._store.row("select * from instance where hook_key = ?", key)
        if row is None:
            return None
        secret = self._vault.open(row["hook_secret"], where=_hook_where(row["id"]))
        return self._read(row), secret

    def note_connection(self, instance_id: int, connected: bool, word: str) -> None:
        """What the gateway answered when it was asked for its link to WhatsApp."""
        with self._store.write() as db:
            note_connection(db, instance_id, connected, word)

    def own_phone(self, instance_id: int) -> str:
        """Our own number, as the form that it is kept under; empty where it is not known."""
        return own_phone(self._store.db, instance_id)

    def note_own(self, instance_id: int, phone: str) -> None:
        """The gateway was asked for our own number, and this is its word."""
        with self._store.write() as db:
            note_own(db, instance_id, phone)

    def heard_at(self, instance_id: int) -> float:
        """When the gateway's last event for the instance came, in UTC seconds; 0 for never."""
        row = self._store.row("select heard_at from instance where id = ?", instance_id)
        return float(row["heard_at"]) if row else 0.0

    def callback(self, instance_id: int) -> Callback:
        """Where the gateway calls us."""
        row = self._store.row(
            "select callback_url, callback_since, called_at from instance where id = ?", instance_id
        )
        return Callback(*row.values()) if row else Callback()

    def note_callback(self, instance_id: int, url: str, *, since: float) -> None:
        """The gateway was told to call there; `since` 0: it is not to do so any more."""
        with self._store.write() as db:
            _note_callback(db, instance_id, url, since)

    def deaf(self, instance_id: int) -> tuple[float, float]:
        """From when until when the gateway was last not heard, in UTC seconds; 0 for never."""
        sql = "select deaf_from, deaf_until from instance where id = ?"
        row = self._store.row(sql, instance_id)
        return (float(row["deaf_from"]), float(row["deaf_until"])) if row else (0.0, 0.0)

    def note_deaf(self, instance_id: int, since: float, until: float) -> None:
        """The gateway was not heard in that time, and does not say again what it said."""
        with self._store.write() as db:
            db.execute(
                "update instance set deaf_from = ?, deaf_until = ? where id = ?",
                [since, until, instance_id],
            )

    def of_token(self, token_hash: str) -> Instance | None:
        """The instance whose token has that hash."""
        row = self._store.row(
            "select instance.* from instance join token on token.instance_id = instance.id "
            "where token.hash = ?",
            token_hash,
        )
        return self._read(row) if row else None

    def replace_token(self, instance_id: int, token_hash: str, *, at: float) -> None:
        """The instance has this token instead of the one before."""
        with self._store.write() as db:
            db.execute("delete from token where instance_id = ?", [instance_id])
            db.execute("insert into token values (?, ?, ?)", [token_hash, instance_id, at])

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
            gateway = GatewayConfig(
                row["gateway_kind"], row["gateway_url"], self._gateway_token(row)
            )
        connected = None if row["connected"] is None else bool(row["connected"])
        return Instance(
            row["id"], row["name"], row["created_at"], gateway, connected, row["connection"]
        )

    def _gateway_token(self, row: dict[str, Any]) -> Secret:
        """Empty when it no longer opens: the gateway refuses that, everything else works on."""
        try:
            return self._vault.open(row["gateway_token"], where=_where(row["id"]))
        except SealBroken as error:
            log.error("%s", error)
            return Secret("")


def note_heard(db: Database, instance_id: int, at: float, *, called: bool) -> None:
    """An event of the instance came, at UTC seconds `at`, and perhaps the gateway called to tell
    it; of many in a row the first is noted."""
    noted = "called_at" if called else "heard_at"
    db.execute(
        "update instance set heard_at = ?1, called_at = iif(?4, ?1, called_at) "
        f"where id = ?2 and {noted} not between ?1 - ?3 and ?1",
        [at, instance_id, _ONE_MOMENT_S, called],
    )


def _note_callback(db: Database, instance_id: int, url: str, since: float) -> None:
    db.execute(
        "update instance set callback_url = ?, callback_since = ?, called_at = 0 where id = ?",
        [url, since, instance_id],
    )


def note_connection(db: Database, instance_id: int, connected: bool | None, word: str) -> None:
    """Whether the gateway has a link to WhatsApp, None for not known, and its own word for that."""
    db.execute(
        "update instance set connected = ?, connection = ? where id = ?",
        [connected, word, instance_id],
    )


def note_own(db: Database, instance_id: int, phone: str, lid: str = "") -> None:
    """Our own number in WhatsApp, as the form that it is kept under, and its LID where it is told;
    of another number the LID is not known."""
    if phone:
        db.execute(
            "update instance set own_lid = iif(own_phone = ?1 and ?2 = '', own_lid, ?2), "
            "own_phone = ?1 where id = ?3 and (own_phone <> ?1 or own_lid <> ?2)",
            [phone, lid, instance_id],
        )


def own_phone(db: Database, instance_id: int) -> str:
    """Our own number, empty where it is not known."""
    row = db.execute("select own_phone from instance where id = ?", [instance_id]).fetchone()
    return str(row[0]) if row else ""


def _where(instance_id: int) -> str:
    return f"instance/{instance_id}/gateway_token"


def _hook_where(instance_id: int) -> str:
    return f"instance/{instance_id}/hook_secret"
