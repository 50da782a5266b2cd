"""Integrations, and the attempts that are written down before Chatwoot is called."""

import dataclasses
import logging
import secrets
import string
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from bridge.domain.errors import BridgeError, TokenUnreadable
from bridge.domain.models import ChatwootTime, Integration, Secret, Status
from bridge.domain.options import OPTIONS, InboxOptions
from bridge.store import Store
from bridge.store.columns import of_error, to_error
from bridge.store.journal import OPEN
from bridge.store.vault import SealBroken, Vault

_ID_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 9
_SEALED = ("api_token", "webhook_secret")

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
            fresh = "int_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
            db.execute(
                "insert into attempt values (?, ?, ?, ?, ?, ?) on conflict do nothing",
                [fresh, instance_id, base_url, account_id, secrets.token_urlsafe(24), started_at],
            )
            row = db.execute(
                "select id, webhook_key from attempt "
                "where instance_id = ? and base_url = ? and account_id = ?",
                [instance_id, base_url, account_id],
            ).fetchone()
        return Attempt(*row)


class Integrations:
    """The instances that are joined to an inbox."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def save(self, one: Integration) -> None:
        """Writes the integration in place of the one that the instance had. Where chats were there
        stays known: the instance may come back."""
        values = {
            "id": one.id,
            "instance_id": one.instance_id,
            "base_url": one.base_url,
            "account_id": one.account_id,
            "api_token": self._vault.seal(one.api_token, where=f"integration/{one.id}/api_token"),
            "inbox_id": one.inbox_id,
            "inbox_name": one.inbox_name,
            **dataclasses.asdict(one.options),
            "status": one.status.value,
            "last_error": of_error(one.last_error),
            "status_at": one.status_at,
            "chatwoot_version": one.chatwoot_version,
            "webhook_key": one.webhook_key,
            "webhook_secret": self._vault.seal(
                one.webhook_secret, where=f"integration/{one.id}/webhook_secret"
            ),
            "created_at": one.created_at,
            "began_at": one.began_at.seconds,
            "refused": " ".join(sorted(one.refused)),
        }
        with self._store.write() as db:
            _count_held(db, "instance_id", one.instance_id, now=one.status_at)
            db.execute(
                "delete from integration where instance_id = ? and id <> ?",
                [one.instance_id, one.id],
            )
            db.table("integration").upsert(values, pk="id")

    def of(self, instance_id: int) -> Integration | None:
        """The integration of an instance.

        One whose tokens no longer open is in status error and has empty ones: it can be listed, set
        anew and deleted, but not used.
        """
        row = self._store.row("select * from integration where instance_id = ?", instance_id)
        return self._read(row) if row else None

    def by_webhook_key(self, key: str) -> Integration | None:
        """The integration that a webhook path belongs to, if its tokens open.

        Without that an empty secret would stand for a Chatwoot that does not sign.
        """
        row = self._store.row("select * from integration where webhook_key = ?", key)
        found = self._read(row) if row else None
        return found if found and found.api_token else None

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
            same = db.execute(
                "select 1 from integration where id = ? and status = ? and iif(json_valid("
                "last_error), json_extract(last_error, '$.code'), '') = ?",
                [integration_id, status.value, error.code if error else ""],
            ).fetchone()
            if same is None:
                _count_held(db, "id", integration_id, now=now)
            db.execute(
                "update integration set status_at = iif(?, status_at, ?), status = ?, "
                "last_error = ?, inbox_name = coalesce(?, inbox_name) where id = ?",
                [
                    same is not None,
                    now,
                    status.value,
                    of_error(error),
                    inbox_name,
                    integration_id,
                ],
            )

    def note_inbox(self, one: Integration, *, name: str, secret: Secret) -> bool:
        """What the inbox is called and signs with now; whether that is another secret. An empty one
        is none that was told: only administrators are."""
        is_new = bool(secret) and secret != one.webhook_secret
        if not is_new and name == one.inbox_name:
            return False
        sealed = self._vault.seal(
            secret or one.webhook_secret, where=f"integration/{one.id}/webhook_secret"
        )
        with self._store.write() as db:
            db.execute(
                "update integration set inbox_name = ?, webhook_secret = ? where id = ?",
                [name or one.inbox_name, sealed, one.id],
            )
        return is_new

    def note_version(self, integration_id: str, version: str) -> None:
        """Which Chatwoot answers now; another one is asked anew for what the old one refused."""
        with self._store.write() as db:
            db.execute(
                "update integration set chatwoot_version = ?, refused = '' "
                "where id = ? and chatwoot_version <> ?",
                [version, integration_id, version],
            )

    def note_refused(self, integration_id: str, capability: str) -> None:
        """Its Chatwoot does not have a capability (`bridge.chatwoot.versions`) after all."""
        with self._store.write() as db:
            db.execute(
                "update integration set refused = trim(refused || ' ' || ?) "
                "where id = ? and instr(' ' || refused || ' ', ' ' || ? || ' ') = 0",
                [capability, integration_id, capability],
            )

    def forget_refused(self) -> None:
        """Every Chatwoot is asked anew for what it refused."""
        with self._store.write() as db:
            db.execute("update integration set refused = '' where refused <> ''")

    def note_seen_url(self, integration_id: str, url: str) -> None:
        """Where customers reach Chatwoot, as it shows itself."""
        with self._store.write() as db:
            db.execute("update integration set seen_url = ? where id = ?", [url, integration_id])

    def caught_up_at(self, integration_id: str) -> ChatwootTime:
        """Up to when all that was written in Chatwoot has been looked at; UNTOLD for never."""
        row = self._store.row("select caught_up_at from integration where id = ?", integration_id)
        return ChatwootTime(float(row["caught_up_at"]) if row else 0.0)

    def note_caught_up(self, integration_id: str, at: ChatwootTime) -> None:
        """Everything written before `at` has been looked at."""
        with self._store.write() as db:
            db.execute(
                "update integration set caught_up_at = ? where id = ?", [at.seconds, integration_id]
            )

    def of_account(self, one: Integration) -> list[int]:
        """The instances that are joined to the same Chatwoot account, this one among them."""
        rows = self._store.rows(
            "select instance_id from integration where base_url = ? and account_id = ?",
            one.base_url,
            one.account_id,
        )
        return [int(row["instance_id"]) for row in rows]

    def all(self) -> list[Integration]:
        """Every integration."""
        return [self._read(row) for row in self._store.rows("select * from integration")]

    def remove(self, one: Integration) -> None:
        """Forgets the integration with its attempt, so that the next one makes a new inbox, and
        where its chats were."""
        with self._store.write() as db:
            db.execute("delete from thread where integration_id = ?", [one.id])
            db.execute("delete from integration where id = ?", [one.id])
            db.execute("delete from attempt where id = ?", [one.id])

    def _read(self, row: dict[str, Any]) -> Integration:
        facts = dict(row)
        options = InboxOptions(**{one.name: one.kind(facts.pop(one.name)) for one in OPTIONS})
        del facts["caught_up_at"]
        facts["began_at"] = ChatwootTime(facts["began_at"])
        # Until Chatwoot's clock is known, ours stands in for it.
        restored_at = facts.pop("restored_at")
        facts["unproven_until"] = ChatwootTime(restored_at or facts["unproven_until"])
        facts["status"] = Status(facts["status"])
        facts["refused"] = frozenset(facts["refused"].split())
        facts["last_error"] = to_error(facts["last_error"])
        try:
            for name in _SEALED:
                facts[name] = self._vault.open(facts[name], where=f"integration/{row['id']}/{name}")
        except SealBroken as error:
            log.error("%s", error)
            facts |= dict.fromkeys(_SEALED, Secret(""))
            facts |= {"status": Status.ERROR, "last_error": TokenUnreadable()}
        return Integration(options=options, **facts)


def _count_held(db: Database, which: str, value: object, *, now: float) -> None:
    """What waits for an operator does not grow older meanwhile: when a status other than active
    ends, or another cause takes its place, its time is added to `held_s` of what is open."""
    db.execute(
        "update journal set held_s = held_s + max(0, ?1 - max(received_at, held.status_at)) "
        f"from integration held where held.{which} = ?2 and held.status <> 'active' "
        "and held.status_at > 0 and journal.instance_id = held.instance_id "
        f"and journal.state in {OPEN}",
        [now, value],
    )
