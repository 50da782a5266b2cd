"""How Chatwoot is heard: which way tells, and which one does not.

A way that stands proves nothing: a socket may answer pings and tell nothing for ever, and webhooks
get lost (docs/contracts/chatwoot.md, Hearing). So each is held against what the other one told and
against what a look found. Kept on the disk, since several processes hear, look and show it.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.store import Database, Store
from bridge.store.columns import names
from bridge.store.committer import Committer

#: How long a way may be behind, in seconds, before it counts as one that does not tell: Chatwoot's
#: jobs are up to ten seconds late when it is busy.
LATE_S = 15.0


class Feed(StrEnum):
    """How Chatwoot tells of what is new."""

    CABLE = "cable"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """One way of one integration. Times are UTC seconds, 0 for never.

    `stands_since`: from then on it was to tell everything; `told_at` and `told_id`: when it last
    told of an agent's message, and the newest id of all that it told; `missed_at`: when the
    first message was written that it has not told, 0 once it tells again, and `missed` how many
    there were since; `passed_over` webhooks
    did not bear Chatwoot's signature, the last one at `passed_over_at`.
    """

    way: Feed
    stands_since: float
    told_at: float
    told_id: int
    missed_at: float
    passed_over: int
    passed_over_at: float
    missed: int

    def is_suspect(self, now: float) -> bool:
        """Whether it has not told of what it should have told of."""
        return 0 < self.missed_at <= now - LATE_S


class Feeds:
    """The ways of hearing of every integration; one that is not used has no row."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def of(self, integration_id: str) -> dict[Feed, FeedHealth]:
        """The ways that are used."""
        sql = f"select {names(FeedHealth)} from hearing where integration_id = ? order by way"
        return {
            health.way: health for health in self._store.db.all(FeedHealth, sql, integration_id)
        }

    def is_suspect(self, integration_id: str, way: Feed, *, now: float) -> bool:
        """Whether a way that is used does not tell what it should."""
        health = self.of(integration_id).get(way)
        return health is not None and health.is_suspect(now)

    def is_deaf(self, integration_id: str, *, now: float) -> bool:
        """Whether no way that is used is known to tell."""
        feeds = self.of(integration_id).values()
        return bool(feeds) and all(health.is_suspect(now) for health in feeds)

    def stands(self, integration_id: str, way: Feed, *, now: float) -> None:
        """A way was opened: what is written from now on is told by it. Raises StorageFailed."""
        self._store.change(
            "insert into hearing (integration_id, way, stands_since) "
            "select id, ?, ? from integration where id = ? "
            "on conflict (integration_id, way) do update "
            "set stands_since = excluded.stands_since, missed_at = 0, missed = 0",
            *(way.value, now, integration_id),
            messages=True,
        )

    def falls(self, integration_id: str, way: Feed) -> None:
        """A way is not used any more. Raises StorageFailed."""
        if way in self.of(integration_id):
            sql = "delete from hearing where integration_id = ? and way = ?"
            self._store.change(sql, integration_id, way.value, messages=True)

    def note_passed_over(self, integration_id: str, *, now: float) -> None:
        """A webhook came that did not bear Chatwoot's signature. Raises StorageFailed."""
        self._committer.change(
            "update hearing set passed_over = passed_over + 1, passed_over_at = ? "
            "where integration_id = ? and way = 'webhook'",
            *(now, integration_id),
        )

    def tells_unsigned(self, integration_id: str, *, now: float) -> None:
        """A webhook came from a Chatwoot that does not sign: it tells, whatever it says."""
        self._committer.along(lambda db: note_told(db, integration_id, Feed.WEBHOOK, now=now))

    def passed_over(self) -> dict[str, float]:
        """When a webhook of each integration was last passed over, in UTC seconds."""
        sql = "select integration_id, passed_over_at from hearing where passed_over_at > 0"
        rows = self._store.db.rows(sql)
        return {row["integration_id"]: row["passed_over_at"] for row in rows}


def note_told(
    db: Database, integration_id: str, way: Feed, message_id: int = 0, *, now: float
) -> None:
    """A way told of an agent's message, in a transaction that the caller has: it tells again, and
    one that has not told of anything for a while is late with that message. Without an id, of one
    that is not known to be Chatwoot's."""
    db.execute(
        "update hearing set told_at = ?, told_id = max(told_id, ?), missed_at = 0, missed = 0 "
        "where integration_id = ? and way = ?",
        [now, message_id, integration_id, way.value],
    )
    db.execute(
        "update hearing set missed_at = iif(missed_at = 0, ?, missed_at), missed = missed + 1 "
        "where integration_id = ? and way <> ? and told_id < ? "
        # One that never tells an id, as no signature proves any, may have told of this one.
        "and (told_id > 0 or told_at < ?)",
        [now, integration_id, way.value, message_id, now - LATE_S],
    )


def note_found(db: Database, integration_id: str, message_id: int, *, at: float) -> None:
    """A look found an agent's message that no way had told: each is late with it, but for what was
    written (`at`, UTC seconds by our clock) before it stood, and where it told of something since.
    """
    db.execute(
        "update hearing set missed_at = iif(missed_at = 0, ?1, missed_at), missed = missed + 1 "
        "where integration_id = ?2 and told_id < ?3 and stands_since < ?1 and told_at < ?1",
        [at, integration_id, message_id],
    )
