"""What waits, failed and arrived of each instance, computed from the journal when it is asked for.

Counted nowhere else, so that it costs no message anything.
"""

from dataclasses import dataclass

from bridge.store import Store
from bridge.store.columns import Row
from bridge.store.journal import MESSAGES, MINOR, OPEN, Job, State

#: Entries of the recent past from which the delivery times are taken, per instance and job.
_TIMES = 5000
#: What the partial index of the journal is defined by, word for word.
UNDONE = "state not in ('done', 'discarded')"
_WAITS = {State.READY, State.SENDING}


@dataclass(frozen=True, slots=True)
class InstanceStats:
    """One instance. Times are UTC seconds, 0 for never.

    `waiting` and `oldest_at` are about messages; receipts count only where they have died.
    """

    instance_id: int
    waiting: int = 0
    unconfirmed: int = 0
    dead: int = 0
    oldest_at: float = 0.0
    last_in_at: float = 0.0
    last_out_at: float = 0.0

    @property
    def undelivered(self) -> int:
        """What goes with the instance when it is deleted."""
        return self.waiting + self.unconfirmed + self.dead


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
    """Questions about all messages of the instances."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[InstanceStats]:
        """Every instance, by name."""
        counted: dict[int, Row] = {}
        for row in self._store.db.rows(
            "select instance_id, job, state, count(*) as count, "
            "min(received_at) as oldest_at "
            # Left alone, SQLite would read all that is done for the sake of the grouping.
            f"from journal indexed by journal_state where {UNDONE} and job not in {MINOR} "
            "group by instance_id, job, state"
        ):
            totals = counted.setdefault(
                row["instance_id"], {"waiting": 0, "unconfirmed": 0, "dead": 0, "oldest_at": 0.0}
            )
            if row["state"] == State.DEAD:
                totals["dead"] += row["count"]
            elif row["job"] in {Job.MESSAGE, Job.REPLY}:
                totals["waiting" if row["state"] in _WAITS else "unconfirmed"] += row["count"]
                oldest_at = totals["oldest_at"] or row["oldest_at"]
                totals["oldest_at"] = min(oldest_at, row["oldest_at"])
        return [
            InstanceStats(
                instance_id,
                **counted.get(instance_id, {}),
                last_in_at=self._last(instance_id, Job.MESSAGE),
                last_out_at=self._last(instance_id, Job.REPLY),
            )
            for instance_id in self._store.db.values("select id from instance order by name")
        ]

    def last_at(self, instance_id: int) -> float:
        """When the last message of an instance was accepted, in UTC seconds; 0 for never."""
        return max(self._last(instance_id, Job.MESSAGE), self._last(instance_id, Job.REPLY))

    def recent_conversations(
        self, integration_id: str, instance_id: int, *, since: float, limit: int
    ) -> list[int]:
        """The conversations where a reply is under way or something was written since then (UTC
        seconds), the latest first."""
        return self._store.db.values(
            "select t.conversation_id from ("
            "select chat_id, ? as at from journal indexed by journal_open "
            f"where job = 'reply' and instance_id = ? and state in {OPEN} "
            "union all select chat_id, received_at from journal indexed by journal_recent "
            f"where instance_id = ? and job in {MESSAGES} and received_at >= ?"
            ") recent join thread t on t.chat_id = recent.chat_id and t.integration_id = ? "
            "where t.conversation_id > 0 group by t.conversation_id "
            "order by max(recent.at) desc limit ?",
            *(since, instance_id, instance_id, since, integration_id, limit),
        )

    def _last(self, instance_id: int, job: Job) -> float:
        sql = "select max(received_at) from journal where instance_id = ? and job = ?"
        return float(self._store.db.value(sql, instance_id, job.value, default=0.0))

    def per_minute(self, instance_id: int, *, now: float) -> dict[Job, list[int]]:
        """Messages accepted in each minute of the last hour, oldest minute first."""
        counts = {Job.MESSAGE: [0] * 60, Job.REPLY: [0] * 60}
        for job, minutes in counts.items():
            for row in self._store.db.rows(
                "select cast((? - received_at) / 60 as integer) as ago, count(*) as count "
                "from journal where instance_id = ? and job = ? and received_at > ? "
                "group by 1",
                *(now, instance_id, job.value, now - 3600),
            ):
                # A clock that was set back leaves entries of the future: they count as just now.
                minutes[59 - min(max(row["ago"], 0), 59)] += row["count"]
        return counts

    def totals(self, *, since: float) -> list[Totals]:
        """Every instance in both jobs; delivery times of what was accepted after `since`."""
        accepted = self._counts(
            # What was pruned since goes on counting: a counter must never fall.
            "select instance_id, job, sum(messages) as count from ("
            "select instance_id, job, count(*) as messages from journal "
            f"where job in {MESSAGES} group by instance_id, job "
            "union all select instance_id, job, messages from pruned "
            "where instance_id in (select id from instance)) group by instance_id, job"
        )
        undone = self._counts(
            f"select instance_id, job, count(*) as count from journal where {UNDONE} "
            "group by instance_id, job"
        )
        return [
            Totals(*key, count, count - undone.get(key, 0), self._times(*key, since))
            for key, count in accepted.items()
        ]

    def _counts(self, sql: str) -> dict[tuple[int, Job], int]:
        return {
            (row["instance_id"], Job(row["job"])): row["count"] for row in self._store.db.rows(sql)
        }

    def _times(self, instance_id: int, job: Job, since: float) -> tuple[float, ...]:
        times = self._store.db.values(
            "select done_at - received_at from journal where instance_id = ? and job = ? "
            "and received_at >= ? and state = 'done' order by received_at desc limit ?",
            *(instance_id, job.value, since, _TIMES),
        )
        return tuple(max(seconds, 0.0) for seconds in times)
