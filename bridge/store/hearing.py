"""How Chatwoot is heard: which way tells, which one does not, and where a look is wanted.

A way that stands proves nothing: a socket may answer pings and tell nothing for ever, and webhooks
get lost (docs/contracts/chatwoot.md, Hearing). So each is held against what the other one told and
against what a look found. Kept on the disk, since several processes hear, look and show it.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from bridge.store import Store
from bridge.store.committer import Committer

#: How long a way may be behind, in seconds, before it counts as one that does not tell: Chatwoot's
#: jobs are up to ten seconds late when it is busy.
LATE_S = 15.0


class Way(StrEnum):
    """How Chatwoot tells of what is new."""

    CABLE = "cable"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Heard:
    """One way of one integration. Times are UTC seconds, 0 for never.

    `stands_since`: from then on it was to tell everything; `told_at` and `told_id`: when it last
    told of an agent's message, and the newest id of all that it told; `missed_at`: when the
    first message was written that it has not told, 0 once it tells again, and `missed` how many
    there were since; `passed_over` webhooks
    did not bear Chatwoot's signature, the last one at `passed_over_at`.
    """

    way: Way
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


class Hearing:
    """The ways of hearing of every integration; one that is not used has no row."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def of(self, integration_id: str) -> dict[Way, Heard]:
        """The ways that are used."""
        rows = self._store.db.execute(
            "select way, stands_since, told_at, told_id, missed_at, passed_over, passed_over_at, "
            "missed from hearing where integration_id = ? order by way",
            [integration_id],
        )
        return {Way(row[0]): Heard(Way(row[0]), *row[1:]) for row in rows}

    def is_suspect(self, integration_id: str, way: Way, *, now: float) -> bool:
        """Whether a way that is used does not tell what it should."""
        found = self.of(integration_id).get(way)
        return found is not None and found.is_suspect(now)

    def is_deaf(self, integration_id: str, *, now: float) -> bool:
        """Whether no way that is used is known to tell."""
        found = self.of(integration_id).values()
        return bool(found) and all(one.is_suspect(now) for one in found)

    def stands(self, integration_id: str, way: Way, *, now: float) -> None:
        """A way was opened: what is written from now on is told by it. Raises StorageFailed."""
        with self._store.write(messages=True) as db:
            db.execute(
                "insert into hearing (integration_id, way, stands_since) "
                "select id, ?, ? from integration where id = ? "
                "on conflict do update set stands_since = excluded.stands_since",
                [way.value, now, integration_id],
            )

    def falls(self, integration_id: str, way: Way) -> None:
        """A way is not used any more. Raises StorageFailed."""
        if way not in self.of(integration_id):
            return
        with self._store.write(messages=True) as db:
            db.execute(
                "delete from hearing where integration_id = ? and way = ?",
                [integration_id, way.value],
            )

    def note_passed_over(self, integration_id: str, *, now: float) -> None:
        """A webhook came that did not bear Chatwoot's signature. Raises StorageFailed."""
        self._committer.run(
            lambda db: db.execute(
                "update hearing set passed_over = passed_over + 1, passed_over_at = ? "
                "where integration_id = ? and way = 'webhook'",
                [now, integration_id],
            )
        )

    def want_look(self, integration_id: str, conversation_id: int, *, now: float) -> None:
        """Something in a conversation may not have been heard; 0: anywhere in the inbox. It is
        looked at until that succeeded. Raises StorageFailed."""
        self._committer.run(lambda db: want_look(db, integration_id, conversation_id, now=now))

    def wanted_looks(self, integration_id: str) -> list[tuple[int, float]]:
        """The conversations that are to be looked at, and since when, oldest wish first."""
        found = self._store.db.execute(
            "select conversation_id, wanted_at from wanted_look where integration_id = ? "
            "order by wanted_at",
            [integration_id],
        )
        return [(row[0], row[1]) for row in found]

    def looked(self, integration_id: str, conversation_id: int, *, until: float) -> None:
        """What was wanted before `until` (UTC seconds) has been looked at, or is gone."""
        self._committer.run(
            lambda db: db.execute(
                "delete from wanted_look where integration_id = ? and conversation_id = ? "
                "and wanted_at <= ?",
                [integration_id, conversation_id, until],
            )
        )


def note_told(db: Database, integration_id: str, way: Way, message_id: int, *, now: float) -> None:
    """A way told of an agent's message, in a transaction that the caller has: it tells again, and
    the other one is late with that message until it tells of it, or of a newer one."""
    db.execute(
        "update hearing set told_at = ?, told_id = max(told_id, ?), missed_at = 0, missed = 0 "
        "where integration_id = ? and way = ?",
        [now, message_id, integration_id, way.value],
    )
    db.execute(
        "update hearing set missed_at = iif(missed_at = 0, ?, missed_at), missed = missed + 1 "
        "where integration_id = ? and way <> ? and told_id < ?",
        [now, integration_id, way.value, message_id],
    )


def note_found(
    db: Database, integration_id: str, message_id: int, *, written_at: float, now: float
) -> None:
    """A look found an agent's message that no way had told: each is late with it, but for what was
    written before it stood, and where it told of something since."""
    at = min(written_at, now) or now
    db.execute(
        "update hearing set missed_at = iif(missed_at = 0, ?1, missed_at), missed = missed + 1 "
        "where integration_id = ?2 and told_id < ?3 and stands_since < ?1 and told_at < ?1",
        [at, integration_id, message_id],
    )


def want_look(db: Database, integration_id: str, conversation_id: int, *, now: float) -> None:
    """As `Hearing.want_look`, in a transaction that the caller has."""
    db.execute(
        "insert into wanted_look select id, ?, ? from integration where id = ? "
        "on conflict do update set wanted_at = excluded.wanted_at",
        [conversation_id, now, integration_id],
    )
