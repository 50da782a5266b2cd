"""How the instances stand, computed from the journal when somebody asks.

Counted nowhere else, so that it costs the way of a message nothing.
"""

from dataclasses import dataclass
from typing import Any

from bridge.store import Store
from bridge.store.journal import MESSAGES, MINOR, OPEN, Job, State

#: Entries of the recent past from which the delivery times are taken, per instance and job.
_TIMES = 5000
#: What the partial index of the journal is defined by, word for word.
UNDONE = "state not in ('done', 'discarded')"
_WAITS = {State.READY.value, State.SENDING.value}


@dataclass(frozen=True, slots=True)
class InstanceStats:
    """How an instance stands. Times are UTC seconds, 0 for never.

    `waiting` and `oldest_at` are about messages; receipts count only where they have died.
    """

    instance_id: int
    waiting: int = 0
    unconfirmed: int = 0
    dead: int = 0
    oldest_at: float = 0.0
    last_in_at: float = 0.0
    last_out_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Messages of one instance and job since the beginning. `finished`: arrived, or
    discarded by a person. `times_s` are the delivery times of the recent past, in seconds."""

    instance_id: int
    job: Job
    accepted: int
    finished: int
    times_s: tuple[float, ...]


class Stats:
    """Questions about all that is kept of an instance's messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[InstanceStats]:
        """Every instance, by name."""
        counted: dict[int, dict[str, Any]] = {}
        rows = self._store.db.execute(
            "select instance_id, job, state, count(*), min(received_at) from journal "
            # Left alone, SQLite would read all that is done for the sake of the grouping.
            f"indexed by journal_state where {UNDONE} and job not in {MINOR} "
            "group by instance_id, job, state"
        )
        for instance_id, job, state, count, oldest_at in rows:
            one = counted.setdefault(
                instance_id, {"waiting": 0, "unconfirmed": 0, "dead": 0, "oldest_at": 0.0}
            )
            if state == State.DEAD.value:
                one["dead"] += count
            elif job in {Job.MESSAGE.value, Job.REPLY.value}:
                one["waiting" if state in _WAITS else "unconfirmed"] += count
                one["oldest_at"] = min(one["oldest_at"] or oldest_at, oldest_at)
        ids = [row[0] for row in self._store.db.execute("select id from instance order by name")]
        return [
            InstanceStats(
                one,
                **counted.get(one, {}),
                last_in_at=self._last(one, Job.MESSAGE),
                last_out_at=self._last(one, Job.REPLY),
            )
            for one in ids
        ]

    def last_at(self, instance_id: int) -> float:
        """When the last message of an instance was accepted, in UTC seconds; 0 for never."""
        return max(self._last(instance_id, Job.MESSAGE), self._last(instance_id, Job.REPLY))

    def recent_conversations(
        self, integration_id: str, instance_id: int, *, since: float, limit: int
    ) -> list[int]:
        """The conversations where a reply is under way or something was written since then (UTC
        seconds), the latest first."""
        found = self._store.db.execute(
            "select t.conversation_id, max(found.at) from ("
            "select chat_id, ?1 as at from journal indexed by journal_open "
            f"where job = 'reply' and instance_id = ?2 and state in {OPEN} "
            "union all select chat_id, received_at from journal indexed by journal_recent "
            f"where instance_id = ?2 and job in {MESSAGES} and received_at >= ?1"
            ") found join thread t on t.chat_id = found.chat_id and t.integration_id = ?3 "
            "where t.conversation_id > 0 group by t.conversation_id order by 2 desc limit ?4",
            [since, instance_id, integration_id, limit],
        )
        return [row[0] for row in found]

    def _last(self, instance_id: int, job: Job) -> float:
        row = self._store.db.execute(
            "select max(received_at) from journal where instance_id = ? and job = ?",
            [instance_id, job.value],
        ).fetchone()
        return float(row[0] or 0.0)

    def per_minute(self, instance_id: int, *, now: float) -> dict[Job, list[int]]:
        """Messages accepted in each minute of the last hour, the oldest minute first."""
        found = {Job.MESSAGE: [0] * 60, Job.REPLY: [0] * 60}
        for job, counts in found.items():
            rows = self._store.db.execute(
                "select cast((? - received_at) / 60 as integer), count(*) from journal "
                "where instance_id = ? and job = ? and received_at > ? group by 1",
                [now, instance_id, job.value, now - 3600],
            )
            for minutes_ago, count in rows:
                # A clock that was set back leaves entries of the future: they count as just now.
                counts[59 - min(max(minutes_ago, 0), 59)] += count
        return found

    def totals(self, *, since: float) -> list[Totals]:
        """Every instance in both directions; delivery times of what was accepted after `since`."""
        accepted = {
            (row[0], Job(row[1])): row[2]
            for row in self._store.db.execute(
                # What was pruned since goes on counting: a counter must never fall.
                "select instance_id, job, sum(messages) from ("
                "select instance_id, job, count(*) as messages from journal "
                f"where job in {MESSAGES} group by instance_id, job "
                "union all select instance_id, job, messages from pruned "
                "where instance_id in (select id from instance)) group by instance_id, job"
            )
        }
        undone = {
            (row[0], Job(row[1])): row[2]
            for row in self._store.db.execute(
                f"select instance_id, job, count(*) from journal where {UNDONE} "
                "group by instance_id, job"
            )
        }
        return [
            Totals(*key, count, count - undone.get(key, 0), self._times(*key, since))
            for key, count in accepted.items()
        ]

    def _times(self, instance_id: int, job: Job, since: float) -> tuple[float, ...]:
        rows = self._store.db.execute(
            "select done_at - received_at from journal where instance_id = ? and job = ? "
            "and received_at >= ? and state = 'done' order by received_at desc limit ?",
            [instance_id, job.value, since, _TIMES],
        )
        return tuple(max(row[0], 0.0) for row in rows)
