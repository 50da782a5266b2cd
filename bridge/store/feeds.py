"""The two feeds of Chatwoot's events, and whether each still delivers.

An open feed proves nothing: a socket may answer pings and tell nothing for ever, and webhooks get
lost (docs/contracts/chatwoot.md, Hearing). So each is compared with what the other one and a poll
have brought. On the disk, because several processes listen, poll and show it.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.store import Database, Store
from bridge.store.committer import Committer

#: How late a feed may be, in seconds, before it counts as silent: Chatwoot's jobs are up to ten
#: seconds late when it is busy.
LATE_S = 15.0
_MISSED = "missed_at = coalesce(nullif(missed_at, 0), ?), missed = missed + 1"


class Feed(StrEnum):
    """How Chatwoot's events reach us."""

    CABLE = "cable"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """One feed of one integration. Times are UTC seconds, 0 for never.

    `missed_at` is when the first message was written that it has not told of, 0 once it tells
    again, `missed` the number of them. Of the webhooks, `rejected` did not bear Chatwoot's
    signature, the last one at `rejected_at`.
    """

    feed: Feed
    missed_at: float
    missed: int
    rejected: int
    rejected_at: float

    def is_suspect(self, now: float) -> bool:
        """Whether it is late with a message."""
        return 0 < self.missed_at <= now - LATE_S


class Feeds:
    """The feeds of every integration; one that is not used has no row."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def of(self, integration_id: str) -> dict[Feed, FeedHealth]:
        """The feeds that are used."""
        found = self._store.db.all(
            FeedHealth,
            "select way as feed, missed_at, missed, passed_over as rejected, "
            "passed_over_at as rejected_at "
            "from hearing where integration_id = ? order by way",
            integration_id,
        )
        return {health.feed: health for health in found}

    def is_suspect(self, integration_id: str, feed: Feed, *, now: float) -> bool:
        """Whether a feed that is used is late with a message."""
        health = self.of(integration_id).get(feed)
        return health is not None and health.is_suspect(now)

    def are_silent(self, integration_id: str, *, now: float) -> bool:
        """Whether feeds are used, and all are late with a message."""
        feeds = self.of(integration_id).values()
        return bool(feeds) and all(health.is_suspect(now) for health in feeds)

    def note_open(self, integration_id: str, feed: Feed, *, now: float) -> None:
        """It was opened, and tells of what is written from now on. Raises StorageFailed."""
        self._store.change(
            "insert into hearing (integration_id, way, stands_since) "
            "select id, ?, ? from integration where id = ? "
            "on conflict (integration_id, way) do update "
            "set stands_since = excluded.stands_since, missed_at = 0, missed = 0",
            *(feed.value, now, integration_id),
            messages=True,
        )

    def note_closed(self, integration_id: str, feed: Feed) -> None:
        """It is not used any more. Raises StorageFailed."""
        if feed in self.of(integration_id):
            sql = "delete from hearing where integration_id = ? and way = ?"
            self._store.change(sql, integration_id, feed.value, messages=True)

    def note_rejected(self, integration_id: str, *, now: float) -> None:
        """A webhook came that did not bear Chatwoot's signature. Raises StorageFailed."""
        self._committer.change(
            "update hearing set passed_over = passed_over + 1, passed_over_at = ? "
            "where integration_id = ? and way = 'webhook'",
            *(now, integration_id),
        )

    def note_unsigned(self, integration_id: str, *, now: float) -> None:
        """A webhook came from a Chatwoot that does not sign: the feed delivers."""
        self._committer.along(lambda db: note_told(db, integration_id, Feed.WEBHOOK, now=now))

    def rejected(self) -> dict[str, float]:
        """When a webhook of each integration was last rejected, in UTC seconds."""
        sql = "select integration_id, passed_over_at from hearing where passed_over_at > 0"
        rows = self._store.db.rows(sql)
        return {row["integration_id"]: row["passed_over_at"] for row in rows}


def note_told(
    db: Database, integration_id: str, feed: Feed, message_id: int = 0, *, now: float
) -> None:
    """A feed told of an agent's message, in the caller's transaction: it delivers, and one that has
    told of nothing for a while is late. Without an id the message is not known to be Chatwoot's."""
    db.execute(
        "update hearing set told_at = ?, told_id = max(told_id, ?), missed_at = 0, missed = 0 "
        "where integration_id = ? and way = ?",
        [now, message_id, integration_id, feed.value],
    )
    db.execute(
        f"update hearing set {_MISSED} where integration_id = ? and way <> ? and told_id < ? "
        # A feed that never tells an id, as no signature proves any, may have told of this one.
        "and (told_id > 0 or told_at < ?)",
        [now, integration_id, feed.value, message_id, now - LATE_S],
    )


def note_found(db: Database, integration_id: str, message_id: int, *, at: float) -> None:
    """A poll found an agent's message, written `at` (UTC seconds by our clock), that no feed had
    told of: each is late that was open by then and has told of nothing since."""
    db.execute(
        f"update hearing set {_MISSED} "
        "where integration_id = ? and told_id < ? and stands_since < ? and told_at < ?",
        [at, integration_id, message_id, at, at],
    )
