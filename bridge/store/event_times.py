"""When things happened, as the events of a gateway tell it.

Most of these times are those of WhatsApp's servers, and neither our clock nor that of the gateway's
machine. They are held against each other, and against ours only by what the echo of a send shows:
it was made between our call and the echo's arrival.
"""

from dataclasses import dataclass

from bridge.store import Database

#: How much more the clock of the events may seem to be ahead with each echo, in seconds. A slow
#: call makes it seem so; a greater step shows that a clock was set.
_STEP_S = 1.0
_SET_S = 60.0
#: Times are told in whole seconds.
_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class EventTimes:
    """What the events of an instance have told. `told_at` is the newest time, `called_at` the
    newest one in a webhook call, both by the clock of the events in UTC seconds, 0 for none.
    `ahead_s` is how many seconds that clock is ahead of ours at most, 0 until an echo shows it."""

    told_at: float = 0.0
    called_at: float = 0.0
    ahead_s: float = 0.0


def of(db: Database, instance_id: int) -> EventTimes:
    sql = (
        "select told_at, called_at, coalesce(ahead_s, 0) as ahead_s from event_time "
        "where instance_id = ?"
    )
    return db.first(EventTimes, sql, instance_id) or EventTimes()


def note(db: Database, instance_id: int, at: float, *, called: bool, now: float) -> None:
    """An event bore the time `at`, and a webhook call may have brought it. `now` is our time, in
    UTC seconds: nothing is newer than what the clock of the events shows then."""
    db.put("event_time", {"instance_id": instance_id}, key="instance_id", replace=False)
    db.execute(
        "update event_time set told_at = min(max(told_at, ?), ? + coalesce(ahead_s, 0)), "
        "called_at = iif(?, min(max(called_at, ?), ? + coalesce(ahead_s, 0)), called_at) "
        "where instance_id = ? and (told_at < ? or (? and called_at < ?))",
        [at, now, called, at, now, instance_id, at, called, at],
    )


def note_echo(db: Database, instance_id: int, at: float, *, sent_at: float) -> None:
    """The echo of a send that was begun at `sent_at` by our clock bore the time `at`, both in UTC
    seconds."""
    ahead_s = at + _SECOND - sent_at
    db.execute(
        "update event_time set ahead_s = "
        "iif(ahead_s is null or ? - ahead_s > ?, ?, min(?, ahead_s + ?)) where instance_id = ?",
        [ahead_s, _SET_S, ahead_s, ahead_s, _STEP_S, instance_id],
    )
