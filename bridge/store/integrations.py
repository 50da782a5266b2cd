"""Integrations, and the attempts that are written down before Chatwoot is called."""

import logging
import secrets
import string
from dataclasses import dataclass

from bridge.domain.errors import BridgeError, TokenUnreadable
from bridge.domain.models import ChatwootTime, Integration, Secret, Status
from bridge.domain.options import InboxOptions
from bridge.store import Database, Store
from bridge.store.columns import Row, names, of_error, read, write
from bridge.store.journal import OPEN
from bridge.store.vault import SealBroken, Vault

_ID_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 9
_SEALED = ("api_token", "webhook_secret")
#: What is stored as it is, under the name of its field.
_PLAIN = [
    name
    for name in names(Integration).split(", ")
    if name not in {*_SEALED, "options", "refused", "unproven_until"}
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The identity that an integration has before it exists (docs/contracts/ryzeapi.md, Chatwoot
    module: `int_...`)."""

    id: str
    webhook_key: str


class Attempts:
    """One row for each Chatwoot account that an instance was ever to be joined to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, instance_id: int, base_url: str, account_id: int, *, started_at: float
    ) -> Attempt:
        """The attempt for this account: the one already written down, or a new one on the disk."""
        with self._store.write() as db:
            row = {
                "id": "int_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH)),
                "instance_id": instance_id,
                "base_url": base_url,
                "account_id": account_id,
                "webhook_key": secrets.token_urlsafe(24),
                "started_at": started_at,
            }
            db.put("attempt", row, key="instance_id, base_url, account_id", replace=False)
            [attempt] = db.all(
                Attempt,
                "select id, webhook_key from attempt "
                "where instance_id = ? and base_url = ? and account_id = ?",
                *(instance_id, base_url, account_id),
            )
        return attempt


class Integrations:
    """The instances that are joined to an inbox."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def save(self, integration: Integration) -> None:
        """Writes the integration in place of the one that the instance had. Where chats were there
        stays known: the instance may come back."""
        sealed = {
            name: self._vault.seal(getattr(integration, name), where=_where(integration.id, name))
            for name in _SEALED
        }
        row = {name: value for name, value in write(integration).items() if name in _PLAIN}
        del row["seen_url"]  # noted by what Chatwoot shows, not by who saves
        row |= (
            sealed | write(integration.options) | {"refused": " ".join(sorted(integration.refused))}
        )
        with self._store.write() as db:
            _count_held(db, "instance_id", integration.instance_id, now=integration.status_at)
            db.execute(
                "delete from integration where instance_id = ? and id <> ?",
                [integration.instance_id, integration.id],
            )
            db.put("integration", row, key="id")

    def of(self, instance_id: int) -> Integration | None:
        """The integration of an instance.

        One whose tokens no longer open is in status error and has empty ones: it can be listed, set
        anew and deleted, but not used.
        """
        return next(iter(self._all("where instance_id = ?", instance_id)), None)

    def by_webhook_key(self, key: str) -> Integration | None:
        """The integration that a webhook path belongs to, if its tokens open.

        Without that an empty secret would stand for a Chatwoot that does not sign.
        """
        found = self._all("where webhook_key = ?", key)
        return found[0] if found and found[0].api_token else None

    def judge(
        self,
        integration_id: str,
        status: Status,
        error: BridgeError | None,
        *,
        now: float,
        inbox_name: str | None = None,
    ) -> None:
        """Notes how the integration fares. `status_at` stays while status and code are the same."""
        with self._store.write() as db:
            is_same = db.has(
                "select 1 from integration where id = ? and status = ? and iif(json_valid("
                "last_error), json_extract(last_error, '$.code'), '') = ?",
                *(integration_id, status.value, error.code if error else ""),
            )
            if not is_same:
                _count_held(db, "id", integration_id, now=now)
            since = None if is_same else now
            db.execute(
                "update integration set status_at = coalesce(?, status_at), status = ?, "
                "last_error = ?, inbox_name = coalesce(?, inbox_name) where id = ?",
                [since, status.value, of_error(error), inbox_name, integration_id],
            )

    def note_inbox(self, integration: Integration, *, name: str, secret: Secret) -> bool:
        """What the inbox is called and signs with now; whether that is another secret. An empty one
        is none that was told: only administrators are."""
        is_new = bool(secret) and secret != integration.webhook_secret
        if not is_new and name == integration.inbox_name:
            return False
        where = _where(integration.id, "webhook_secret")
        sealed = self._vault.seal(secret or integration.webhook_secret, where=where)
        sql = "update integration set inbox_name = ?, webhook_secret = ? where id = ?"
        self._store.change(sql, name or integration.inbox_name, sealed, integration.id)
        return is_new

    def note_version(self, integration_id: str, version: str) -> None:
        """Which Chatwoot answers now; another one is asked anew for what the old one refused."""
        self._store.change(
            "update integration set chatwoot_version = ?, refused = '' "
            "where id = ? and chatwoot_version <> ?",
            *(version, integration_id, version),
        )

    def note_refused(self, integration_id: str, capability: str) -> None:
        """Its Chatwoot does not have a capability (`bridge.chatwoot.versions`) after all."""
        self._store.change(
            "update integration set refused = trim(refused || ' ' || ?) "
            "where id = ? and instr(' ' || refused || ' ', ' ' || ? || ' ') = 0",
            *(capability, integration_id, capability),
        )

    def forget_refused(self) -> None:
        """Every Chatwoot is asked anew for what it refused."""
        self._store.change("update integration set refused = '' where refused <> ''")

    def note_seen_url(self, integration_id: str, url: str) -> None:
        """Where customers reach Chatwoot, as it shows itself."""
        sql = "update integration set seen_url = ? where id = ?"
        self._store.change(sql, url, integration_id)

    def caught_up_at(self, integration_id: str) -> ChatwootTime:
        """Up to when all that was written in Chatwoot has been looked at; UNTOLD for never."""
        sql = "select caught_up_at from integration where id = ?"
        return ChatwootTime(self._store.db.value(sql, integration_id, default=0.0))

    def note_caught_up(self, integration_id: str, at: ChatwootTime) -> None:
        """Everything written before `at` has been looked at."""
        sql = "update integration set caught_up_at = ? where id = ?"
        self._store.change(sql, at.seconds, integration_id)

    def of_account(self, integration: Integration) -> list[int]:
        """The instances that are joined to the same Chatwoot account, this one among them."""
        return self._store.db.values(
            "select instance_id from integration where base_url = ? and account_id = ?",
            *(integration.base_url, integration.account_id),
        )

    def all(self) -> list[Integration]:
        return self._all("")

    def active(self) -> list[Integration]:
        """Those that messages are routed for."""
        return [each for each in self.all() if each.status is Status.ACTIVE]

    def remove(self, integration: Integration) -> None:
        """Forgets the integration with its attempt, so that the next one makes a new inbox, and
        where its chats were."""
        with self._store.write() as db:
            db.execute("delete from thread where integration_id = ?", [integration.id])
            db.execute("delete from integration where id = ?", [integration.id])
            db.execute("delete from attempt where id = ?", [integration.id])

    def _all(self, which: str, *params: object) -> list[Integration]:
        # Until Chatwoot's clock is known, ours stands in for it.
        unproven = "coalesce(nullif(restored_at, 0), unproven_until) as unproven_until"
        columns = ", ".join([*_PLAIN, *_SEALED, names(InboxOptions), "refused", unproven])
        rows = self._store.db.rows(f"select {columns} from integration {which}", *params)
        return [self._read(row) for row in rows]

    def _read(self, row: Row) -> Integration:
        row["options"] = read(InboxOptions, row)
        row["refused"] = frozenset(row["refused"].split())
        try:
            for name in _SEALED:
                row[name] = self._vault.open(row[name], where=_where(row["id"], name))
        except SealBroken as error:
            log.error("%s", error)
            row |= dict.fromkeys(_SEALED, Secret(""))
            row |= {"status": Status.ERROR, "last_error": of_error(TokenUnreadable())}
        return read(Integration, row)


def _where(integration_id: str, name: str) -> str:
    return f"integration/{integration_id}/{name}"


def _count_held(db: Database, which: str, value: object, *, now: float) -> None:
    """What waits for an operator does not grow older meanwhile: when a status other than active
    ends, or another cause takes its place, its time is added to `held_s` of what is open."""
    db.execute(
        "update journal set held_s = held_s + max(0, ? - max(received_at, held.status_at)) "
        f"from integration held where held.{which} = ? and held.status <> 'active' "
        "and held.status_at > 0 and journal.instance_id = held.instance_id "
        f"and journal.state in {OPEN}",
        [now, value],
    )
