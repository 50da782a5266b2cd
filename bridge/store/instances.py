"""Instances, what their gateways last said, and the hashes of the tokens that name them to us."""

import logging
import secrets
from dataclasses import dataclass

from bridge.domain.errors import InstanceExists, TokenTaken
from bridge.domain.models import GatewayConfig, Instance, Secret
from bridge.store import Database, Store
from bridge.store.columns import Row, read
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
            if db.has("select 1 from instance where name = ?", name):
                raise InstanceExists
            if db.has("select 1 from token where hash = ?", token_hash):
                raise TokenTaken(field="token")
            instance_id = db.value(
                "insert into instance (name, created_at) values (?, ?) returning id",
                *(name, created_at),
            )
            _write_token(db, instance_id, token_hash, created_at)
            if gateway is not None:
                self._write_gateway(db, instance_id, gateway)
        return Instance(instance_id, name, created_at, gateway)

    def set_gateway(self, instance_id: int, gateway: GatewayConfig) -> None:
        """The WhatsApp side lives there from now on; what was heard of the one before is void."""
        with self._store.write() as db:
            self._write_gateway(db, instance_id, gateway)
            db.execute(
                "update instance set connected = null, connection = '', callback_url = '', "
                "callback_since = 0, called_at = 0, deaf_until = 0, own_phone = '', own_lid = '' "
                "where id = ?",
                [instance_id],
            )

    def _write_gateway(self, db: Database, instance_id: int, gateway: GatewayConfig) -> None:
        sealed = self._vault.seal(gateway.token, where=_where(instance_id, "gateway_token"))
        db.execute(
            "update instance set gateway_kind = ?, gateway_url = ?, gateway_token = ? where id = ?",
            [gateway.kind, gateway.base_url, sealed, instance_id],
        )

    def find(self, name: str) -> Instance | None:
        return self._first("where name = ?", name)

    def get(self, instance_id: int) -> Instance | None:
        return self._first("where id = ?", instance_id)

    def hook(self, instance_id: int) -> Hook:
        """Where and with which secret the gateway calls us; made at the first use."""
        where = _where(instance_id, "hook_secret")
        with self._store.write() as db:
            [row] = db.rows("select hook_key, hook_secret from instance where id = ?", instance_id)
            if row["hook_key"] is not None:
                return Hook(row["hook_key"], self._vault.open(row["hook_secret"], where=where))
            hook = Hook(secrets.token_urlsafe(24), Secret(secrets.token_urlsafe(32)))
            db.execute(
                "update instance set hook_key = ?, hook_secret = ? where id = ?",
                [hook.key, self._vault.seal(hook.secret, where=where), instance_id],
            )
        return hook

    def by_hook_key(self, key: str) -> tuple[Instance, Secret] | None:
        """The instance that a gateway's call is for, and the secret that the call must carry."""
        instance = self._first("where hook_key = ?", key)
        if instance is None:
            return None
        sealed = self._store.db.value("select hook_secret from instance where id = ?", instance.id)
        return instance, self._vault.open(sealed, where=_where(instance.id, "hook_secret"))

    def note_connection(self, instance_id: int, connected: bool, word: str) -> None:
        """What the gateway answered when it was asked for its link to WhatsApp."""
        with self._store.write() as db:
            note_connection(db, instance_id, connected, word)

    def own_phone(self, instance_id: int) -> str:
        """Our own number, as the form that it is stored under; empty where it is not known."""
        return own_phone(self._store.db, instance_id)

    def note_own(self, instance_id: int, phone: str) -> None:
        """The gateway was asked for our own number, and this is its word."""
        with self._store.write() as db:
            note_own(db, instance_id, phone)

    def heard_at(self, instance_id: int) -> float:
        """When the gateway's last event for the instance came, in UTC seconds; 0 for never."""
        sql = "select heard_at from instance where id = ?"
        return float(self._store.db.value(sql, instance_id, default=0.0))

    def callback(self, instance_id: int) -> Callback:
        callback = self._store.db.first(
            Callback,
            "select callback_url as url, callback_since as since, called_at from instance "
            "where id = ?",
            instance_id,
        )
        return callback or Callback()

    def note_callback(self, instance_id: int, url: str, *, since: float) -> None:
        """The gateway was told to call there; `since` 0: it is not to do so any more."""
        self._store.change(
            "update instance set callback_url = ?, callback_since = ?, called_at = 0 where id = ?",
            *(url, since, instance_id),
        )

    def deaf(self, instance_id: int) -> tuple[float, float]:
        """From when until when the gateway was last not heard, in UTC seconds; 0 for never."""
        sql = "select deaf_from, deaf_until from instance where id = ?"
        row = self._store.db.row(sql, instance_id)
        return (row["deaf_from"], row["deaf_until"]) if row else (0.0, 0.0)

    def note_deaf(self, instance_id: int, since: float, until: float) -> None:
        """The gateway was not heard in that time, and does not say again what it said."""
        sql = "update instance set deaf_from = ?, deaf_until = ? where id = ?"
        self._store.change(sql, since, until, instance_id)

    def of_token(self, token_hash: str) -> Instance | None:
        """The instance whose token has that hash."""
        return self._first("where id = (select instance_id from token where hash = ?)", token_hash)

    def replace_token(self, instance_id: int, token_hash: str, *, at: float) -> None:
        """The instance has this token instead of the one before."""
        with self._store.write() as db:
            db.execute("delete from token where instance_id = ?", [instance_id])
            _write_token(db, instance_id, token_hash, at)

    def all(self) -> list[Instance]:
        return self._all("order by name")

    def remove(self, instance_id: int) -> None:
        """Forgets the instance with its token, attempts and integration."""
        self._store.change("delete from instance where id = ?", instance_id)

    def _first(self, which: str, *params: object) -> Instance | None:
        return next(iter(self._all(which, *params)), None)

    def _all(self, which: str, *params: object) -> list[Instance]:
        columns = (
            "id, name, created_at, gateway_kind, gateway_url, gateway_token, connected, connection"
        )
        rows = self._store.db.rows(f"select {columns} from instance {which}", *params)
        return [read(Instance, row | {"gateway": self._gateway(row)}) for row in rows]

    def _gateway(self, row: Row) -> GatewayConfig | None:
        """The token is empty when it no longer opens: the gateway refuses that, all else works."""
        if not row["gateway_kind"]:
            return None
        try:
            token = self._vault.open(row["gateway_token"], where=_where(row["id"], "gateway_token"))
        except SealBroken as error:
            log.error("%s", error)
            token = Secret("")
        return GatewayConfig(row["gateway_kind"], row["gateway_url"], token)


def _write_token(db: Database, instance_id: int, token_hash: str, at: float) -> None:
    db.execute(
        "insert into token (hash, instance_id, created_at) values (?, ?, ?)",
        [token_hash, instance_id, at],
    )


def note_heard(db: Database, instance_id: int, at: float, *, called: bool) -> None:
    """An event of the instance came, at UTC seconds `at`, and perhaps the gateway called to tell
    it; of many in a row the first is noted."""
    columns = ["heard_at", "called_at"] if called else ["heard_at"]
    changes = ", ".join(f"{column} = ?" for column in columns)
    db.execute(
        f"update instance set {changes} where id = ? and {columns[-1]} not between ? and ?",
        [*[at] * len(columns), instance_id, at - _ONE_MOMENT_S, at],
    )


def note_connection(db: Database, instance_id: int, connected: bool, word: str) -> None:
    """Whether the gateway has a link to WhatsApp, and its own word for that."""
    sql = "update instance set connected = ?, connection = ? where id = ?"
    db.execute(sql, [connected, word, instance_id])


def note_own(db: Database, instance_id: int, phone: str, lid: str = "") -> None:
    """Our own number in WhatsApp, as the form that it is stored under, and its LID where the
    gateway tells it; of another number the LID is not known."""
    known = db.row("select own_phone, own_lid from instance where id = ?", instance_id)
    if phone and known:
        lid = lid or (known["own_lid"] if known["own_phone"] == phone else "")
        if known != {"own_phone": phone, "own_lid": lid}:
            sql = "update instance set own_phone = ?, own_lid = ? where id = ?"
            db.execute(sql, [phone, lid, instance_id])


def own_phone(db: Database, instance_id: int) -> str:
    """Our own number, empty where it is not known."""
    return str(db.value("select own_phone from instance where id = ?", instance_id, default=""))


def _where(instance_id: int, column: str) -> str:
    return f"instance/{instance_id}/{column}"
