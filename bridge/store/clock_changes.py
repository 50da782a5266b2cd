"""What is written down by this machine's clock, when that clock is set while we run.

The time that passed is the same as before: all that is compared with the present moves along.
"""

from bridge.store import Database
from bridge.store.committer import Committer
from bridge.store.journal import OPEN

#: Tables, the columns that move along, and which rows; a 0 stands for never.
_MOVED = (
    # When a feed was opened, last told of something, and first missed something.
    ("hearing", ("stands_since", "told_at", "missed_at"), "true"),
    ("lookup", ("due_at",), "true"),
    # When it was activated, and since when it is in its status.
    ("integration", ("created_at", "status_at"), "true"),
    # When a gateway was heard, called, and told where to call.
    ("instance", ("heard_at", "called_at", "callback_since"), "true"),
    # Until when a claim is good, and when a send came into doubt.
    ("journal indexed by journal_open", ("claimed_until",), f"state in {OPEN}"),
    (
        "journal indexed by journal_open",
        ("due_at",),
        f"state in {OPEN} and state = 'unconfirmed'",
    ),
)


def shift(committer: Committer, seconds: float) -> None:
    """This machine's clock was set by so many seconds, and nobody waits longer or gives up for
    that: so much more of the age of what is open does not count. Raises StorageFailed."""

    def work(db: Database) -> None:
        db.execute("update event_time set ahead_s = coalesce(ahead_s, 0) - ?", [seconds])
        for table, columns, those in _MOVED:
            for name in columns:
                db.execute(
                    f"update {table} set {name} = {name} + ? where {those} and {name} > 0",
                    [seconds],
                )
        db.execute(
            "update journal indexed by journal_open set held_s = held_s + ?, "
            # A gap of a socket that is noted by the new clock must not look older than the send.
            f"sent_at = sent_at + ? where state in {OPEN}",
            [seconds, min(seconds, 0.0)],
        )

    committer.run(work)
