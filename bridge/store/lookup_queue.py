"""Conversations that Chatwoot is to be asked about, because what was told of them cannot be
trusted, was not stored, or did not say enough.

They wait in memory until the disk takes them: a full disk must not make them forgotten.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.store import Database, Store
from bridge.store.committer import Committer

log = logging.getLogger(__name__)

#: Stand in the place of a message id: the conversation itself, and all that was written in it since
#: it was last looked at.
CONVERSATION, SINCE_LAST_LOOK = 0, -1
#: Messages of one conversation that are asked about one by one; with more, it is looked at whole.
_MOST_MESSAGES = 20
#: Conversations of one integration that wait at most; the regular look finds what is left out.
_MOST_CONVERSATIONS = 500
_MOST_IN_MEMORY = 10_000
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """One thing to ask about, not before `due_at` (UTC seconds). `message_id` may be CONVERSATION
    or SINCE_LAST_LOOK.

    `trusted`: Chatwoot itself named it, so that it need not be asked sparingly.
    """

    integration_id: str
    conversation_id: int
    message_id: int
    due_at: float = 0.0
    trusted: bool = True


@dataclass(slots=True)
class Lookup:
    """All that is to be asked about one conversation by now. `times` says how often each message
    was asked for, in ascending order of their ids: what is asked for meanwhile is asked again."""

    integration_id: str
    conversation_id: int
    times: dict[int, int] = field(default_factory=dict)
    trusted: bool = False


@dataclass(slots=True)
class LookupQueue:
    """`wake` is called when there is something new to ask."""

    store: Store
    committer: Committer
    wake: Callable[[], None]
    _unwritten: dict[tuple[str, int, int], LookupRequest] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_trying: bool = False

    def ask(self, asked: LookupRequest) -> None:
        """Has Chatwoot asked about it; never fails, and waits for no disk that is full."""
        key = (asked.integration_id, asked.conversation_id, asked.message_id)
        with self._lock:
            if len(self._unwritten) < _MOST_IN_MEMORY:
                self._unwritten.setdefault(key, asked)
        try:
            self._write()
        except Exception as error:
            log.error("a lookup could not be stored and stays in memory: %s", error)
            self._try_on()

    def due(self, now: float) -> list[Lookup]:
        """What is to be asked about by now, what has waited longest first."""
        due: dict[tuple[str, int], Lookup] = {}
        for row in self.store.db.rows(
            "select integration_id, conversation_id, message_id, times, trusted, min(due_at) over "
            "(partition by integration_id, conversation_id) as waits_since from lookup "
            "where due_at <= ? order by waits_since, message_id",
            now,
        ):
            place = (row["integration_id"], row["conversation_id"])
            lookup = due.setdefault(place, Lookup(*place))
            lookup.times[row["message_id"]] = row["times"]
            lookup.trusted |= bool(row["trusted"])
        return list(due.values())

    def done(self, lookup: Lookup) -> None:
        """It has been asked. Raises StorageFailed."""
        self._change(lookup, "delete from lookup", [], "and times = ?")

    def postpone(self, lookup: Lookup, due_at: float) -> None:
        """It is asked again, not before then (UTC seconds). Raises StorageFailed."""
        self._change(lookup, "update lookup set due_at = ?", [due_at], "and times >= ?")

    def _change(self, lookup: Lookup, sql: str, params: list[object], those: str) -> None:
        where = f"where integration_id = ? and conversation_id = ? and message_id = ? {those}"
        place = [lookup.integration_id, lookup.conversation_id]

        def work(db: Database) -> None:
            for message_id, times in lookup.times.items():
                db.execute(f"{sql} {where}", [*params, *place, message_id, times])

        self.committer.run(work)

    def _write(self) -> None:
        with self._lock:
            waiting = dict(self._unwritten)

        def work(db: Database) -> int:
            return sum([insert(db, request) for request in waiting.values()])

        fresh = self.committer.run(work) if waiting else 0
        if fresh:
            self.wake()
        with self._lock:
            for key in waiting:
                self._unwritten.pop(key, None)

    def _try_on(self) -> None:
        with self._lock:
            if self._is_trying:
                return
            self._is_trying = True
        threading.Thread(target=self._until_written, name="lookups", daemon=True).start()

    def _until_written(self) -> None:
        while True:
            time.sleep(_AGAIN_S)
            try:
                self._write()
            except Exception as error:
                log.debug("lookups stay in memory: %s", error)
                continue
            with self._lock:
                if not self._unwritten:
                    self._is_trying = False
                    return


def insert(db: Database, asked: LookupRequest) -> bool:
    """The write of `ask`, for callers that have a transaction; whether it is new."""
    place = [asked.integration_id, asked.conversation_id]
    if not db.has("select 1 from integration where id = ?", asked.integration_id):
        return False
    messages = db.value(
        "select count(*) from lookup where integration_id = ? and conversation_id = ?", *place
    )
    if not messages and not asked.trusted:
        sql = "select count(distinct conversation_id) from lookup where integration_id = ?"
        if db.value(sql, asked.integration_id) >= _MOST_CONVERSATIONS:
            return False
    message_id = asked.message_id if messages < _MOST_MESSAGES else SINCE_LAST_LOOK
    again = db.execute(
        "update lookup set times = times + 1, trusted = max(trusted, ?), due_at = min(due_at, ?) "
        "where integration_id = ? and conversation_id = ? and message_id = ?",
        [int(asked.trusted), asked.due_at, *place, message_id],
    )
    if again.rowcount:
        return False
    db.execute(
        "insert into lookup (integration_id, conversation_id, message_id, due_at, trusted, times) "
        "values (?, ?, ?, ?, ?, 1)",
        [*place, message_id, asked.due_at, int(asked.trusted)],
    )
    return True
