"""The faults of a real Chatwoot, one word each: whom they meet, what is answered, stored, told.

Source: Chatwoot 4.16.2 while its database, Redis, jobs, storage and web server failed inside it.
Chatwoot stores a message, commits, and then does more: it moves the conversation, tells, writes
the contact. Whatever fails there is answered with an error although the message is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from sandbox.chatwoot.requestkinds import expanded
from sandbox.chatwoot.stages import Stage


@cache
def _kinds(words: str) -> frozenset[str]:
    return expanded(words.split())


@dataclass(frozen=True)
class Outcome:
    """What becomes of one request.

    `status` 0 is no answer at all, 200 the action's own. `error` is the text of the JSON; of a
    page or text when `form` says so. Seconds: `wait_s` before anything else (a `lock` waits for
    the fault's end, at most so long, and goes on when it ended); `after_s` before the answer.
    """

    status: int = 200
    error: str = ""
    at: Stage = Stage.BEFORE
    wait_s: float = 0.0
    after_s: float = 0.0
    lock: bool = False
    form: str = "json"


@dataclass(frozen=True)
class Trouble:
    """A fault by its word. `meets` maps kinds of requests, in words, to what becomes of them.

    `failing` is what GET /api calls so. `deafens`: the websocket is deaf from then on;
    `cuts`: sockets and requests that wait are cut at once. `loses_bytes`: uploads are rows
    without bytes. `lasts_s` is how long it is in force unless told otherwise. `at_once`: it is
    done, not in force.
    """

    what: str
    meets: Mapping[str, Outcome] = field(default_factory=dict)
    failing: str = ""
    deafens: bool = False
    cuts: bool = False
    loses_bytes: bool = False
    lasts_s: float | None = None
    at_once: bool = False

    def outcome(self, kind: str) -> Outcome | None:
        """What becomes of a request of this kind; the first words that name it count."""
        for words, outcome in self.meets.items():
            if kind in _kinds(words):
                return outcome
        return None


TOO_LONG = "The request took too long to complete. Please try again."
_STATEMENT_S, _RACK_S, _POOL_S, _REDIS_S = 14.0, 15.0, 5.0, 3.0
_DEADLOCK = (
    "PG::TRDeadlockDetected: ERROR:  deadlock detected\nDETAIL:  Process 1 waits for ShareLock on "
    "transaction 2; blocked by process 3.\nCONTEXT:  while updating tuple (0,1) in relation\n"
)
_DISK_FULL = (
    'PG::DiskFull: ERROR:  could not extend file "base/16384/16873": No space left on device\n'
    "HINT:  Check free disk space.\n"
)
_NO_MEMORY = "PG::OutOfMemory: ERROR:  out of memory\n"
_READ_ONLY = (
    "PG::ReadOnlySqlTransaction: ERROR:  cannot execute INSERT in a read-only transaction\n"
)
_REDIS = "(redis://127.0.0.1:6379)"
_REFUSED = f"Connection refused - connect(2) for 127.0.0.1:6379 {_REDIS}"
_OOM = f"OOM command not allowed when used memory > 'maxmemory'. {_REDIS}"
_REPLICA = f"READONLY You can't write against a read only replica. {_REDIS}"
_STORAGE_FULL = "No space left on device - sendfile"
_STORAGE_READ_ONLY = "Read-only file system @ dir_s_mkdir - /app/storage/20"

_NO_API = "API access is not enabled for this account"

_CRASH = Outcome(500)
_LOCKED = Outcome(422, TOO_LONG, wait_s=_STATEMENT_S, lock=True)
_VIEW_LOCKED = Outcome(500, wait_s=_STATEMENT_S, lock=True)
_CHANGES = "conv_change contact_change patch delete toggle seen assign place inbox_change"
_MESSAGES_WRITTEN = "message conv retry"


def _written(error: str) -> dict[str, Outcome]:
    """The database refuses to write messages."""
    return {"message retry": Outcome(422, error), "conv patch delete": _CRASH}


def _contact_written(error: str) -> dict[str, Outcome]:
    """The database refuses to write contacts: last of all for a customer's message."""
    return {
        "message": Outcome(422, error, Stage.TOLD),
        "conv": Outcome(500, at=Stage.TOLD),
        "contact contact_change": _CRASH,
    }


def _redis_refuses(error: str) -> dict[str, Outcome]:
    """Redis takes no jobs."""
    return {
        "message": Outcome(422, error, Stage.MOVED),
        "conv": _CRASH,
        "contact contact_change patch delete toggle": Outcome(500, at=Stage.MOVED),
    }


def _page(status: int, *, at: Stage = Stage.BEFORE, wait_s: float = 0.0) -> Outcome:
    return Outcome(status, at=at, wait_s=wait_s, form="page")


def _at(stage: Stage, outcome: Outcome) -> Outcome:
    return replace(outcome, at=stage)


TROUBLES: dict[str, Trouble] = {
    # The database: locks longer than 14 s, before the commit and after it.
    "messages-locked": Trouble(
        "Table messages is locked for writing: 422 after 14 s, not stored.",
        {f"{_MESSAGES_WRITTEN} patch delete": _LOCKED},
    ),
    "messages-unreadable": Trouble(
        "Table messages is locked for reading too: GET messages 422, lists 500, after 14 s.",
        {
            f"{_MESSAGES_WRITTEN} patch delete messages": _LOCKED,
            "convs conversation contact_convs": _VIEW_LOCKED,
        },
    ),
    "contacts-locked": Trouble(
        "Table contacts is locked: 422 after 14 s; a customer's message is stored and told.",
        {
            "contact contact_change filter search place": _LOCKED,
            "message conv": _at(Stage.TOLD, _LOCKED),
        },
    ),
    "conversations-locked": Trouble(
        "Table conversations is locked for writing: a message is stored and never told.",
        {"message": _at(Stage.STORED, _LOCKED), "conv conv_change toggle seen assign": _LOCKED},
    ),
    "conversations-unreadable": Trouble(
        "Table conversations is locked for reading too: nothing is stored.",
        {
            "message conv conv_change toggle seen assign messages patch delete": _LOCKED,
            "convs conversation contact_convs": _VIEW_LOCKED,
        },
    ),
    "attachments-locked": Trouble(
        "Table attachments is locked for writing: a file is not stored.", {"file": _LOCKED}
    ),
    "attachments-unreadable": Trouble(
        "Table attachments is locked for reading too: a text is stored and told.",
        {"file messages": _LOCKED, "text": _at(Stage.DONE, _LOCKED)},
    ),
    "tokens-locked": Trouble(
        "Table access_tokens is locked: 422 after 14 s, before anybody is known.",
        {"token": _LOCKED},
    ),
    "accounts-locked": Trouble(
        "Table accounts is locked: 422 after 14 s; the profile 500.",
        {"profile": _VIEW_LOCKED, "token": _LOCKED},
    ),
    "conversation-row-locked": Trouble(
        "The conversation's row is locked: stored, never told, last_activity_at unmoved.",
        {"message": _at(Stage.STORED, _LOCKED), "toggle conv_change seen assign": _LOCKED},
    ),
    "contact-row-locked": Trouble(
        "The contact's row is locked: a customer's message is stored and told, answered 422.",
        {"message conv": _at(Stage.TOLD, _LOCKED), "contact_change": _LOCKED},
    ),
    "two-waits": Trouble(
        "Two waits of 8 s, before and after the commit: 500 at 15 s, stored and told.",
        {"message conv": Outcome(500, at=Stage.DONE, wait_s=8.0, after_s=_RACK_S - 8.0)},
    ),
    "pool-exhausted": Trouble(
        "All database connections are busy: 500 after 5 s, nothing is done.",
        {"token": Outcome(500, wait_s=_POOL_S, lock=True)},
    ),
    # The database: errors.
    "deadlock-messages": Trouble(
        "A deadlock writing messages: 422 PG::TRDeadlockDetected, not stored; conv, patch 500.",
        _written(_DEADLOCK),
    ),
    "deadlock-contacts": Trouble(
        "A deadlock writing contacts: a customer's message is stored and told, answered 422.",
        _contact_written(_DEADLOCK),
    ),
    "deadlock-conversations": Trouble(
        "A deadlock writing conversations: a message is stored and never told.",
        {"message": Outcome(422, _DEADLOCK, Stage.STORED), "conv conv_change toggle": _CRASH},
    ),
    "disk-full-messages": Trouble(
        "The disk is full at messages: 422 PG::DiskFull, not stored; conv, patch 500.",
        _written(_DISK_FULL),
    ),
    "disk-full-contacts": Trouble(
        "The disk is full at contacts: a customer's message is stored and told, answered 422.",
        _contact_written(_DISK_FULL),
    ),
    "out-of-memory-messages": Trouble(
        "PostgreSQL is out of memory: 422 PG::OutOfMemory, not stored.", _written(_NO_MEMORY)
    ),
    "pg-read-only": Trouble(
        "PostgreSQL is read-only: a message 422 PG::ReadOnlySqlTransaction, other writes 500.",
        {"message retry": Outcome(422, _READ_ONLY), f"conv contact {_CHANGES}": _CRASH},
    ),
    "pg-down": Trouble(
        "PostgreSQL is down: 500; GET /api says data_services failing.",
        {"token": _CRASH},
        failing="data",
    ),
    "just-booted": Trouble(
        "GET /api calls data_services failing although all is well.", failing="data"
    ),
    "ids-jump": Trouble("PostgreSQL crashed: the next message id is 33 higher.", at_once=True),
    "pg-stopped": Trouble(
        "PostgreSQL stops during the request: 500 after 1.5 s, not stored.",
        {"message conv": Outcome(500, wait_s=1.5)}
    ),
    # Redis.
    "redis-down": Trouble(
        "Redis is down: 500 before the action. The websocket is deaf from then on.",
        {"token": _CRASH},
        failing="queue",
        deafens=True,
    ),
    "redis-goes": Trouble(
        "Redis goes between commit and enqueueing: stored, never told.",
        {
            "message": Outcome(422, _REFUSED, Stage.MOVED),
            "conv": Outcome(500, at=Stage.MOVED),
        },
        deafens=True,
    ),
    "redis-full": Trouble(
        "Redis is out of memory: stored, never told; a message 422 OOM, conv 500 not stored.",
        _redis_refuses(_OOM),
    ),
    "redis-read-only": Trouble(
        "Redis is a read-only replica: as redis-full, 422 READONLY.", _redis_refuses(_REPLICA)
    ),
    "redis-hangs": Trouble(
        "Redis hangs: 500 after 3 s, GET /api as well.",
        {"token api": Outcome(500, wait_s=_REDIS_S, lock=True)},
    ),
    "redis-restarted": Trouble(
        "Redis was away for a moment: the websocket is deaf until web-restarted.",
        deafens=True,
        at_once=True,
    ),
    "redis-emptied": Trouble(
        "Redis was restarted empty: jobs that wait are gone, the websocket is deaf.",
        deafens=True,
        at_once=True,
    ),
    "cable-deaf": Trouble(
        "The websocket pings and confirms, and tells nothing until web-restarted.",
        deafens=True,
        at_once=True,
    ),
    # Background jobs: webhooks and frames. `path` is matched with the event's name.
    "jobs-stopped": Trouble("Webhooks and frames wait until it ends; some come out of order."),
    "jobs-killed": Trouble("Webhooks and frames are lost."),
    "jobs-late": Trouble("Webhooks and frames come `delay` (9) seconds late."),
    "jobs-shuffled": Trouble("Webhooks and frames come up to `delay` (0.5) seconds late."),
    "jobs-doubled": Trouble("Webhooks and frames come twice."),
    # The storage.
    "storage-full": Trouble(
        "The storage is full: rows yes, bytes no; told, answered 422.",
        {"file": Outcome(422, _STORAGE_FULL, Stage.DONE), "upload": Outcome(500)},
        loses_bytes=True,
    ),
    "storage-read-only": Trouble(
        "The storage is read-only: as storage-full.",
        {"file": Outcome(422, _STORAGE_READ_ONLY, Stage.DONE), "upload": Outcome(500)},
        loses_bytes=True,
    ),
    "bytes-missing": Trouble(
        "A file's address redirects, and there is nothing.", {"bytes": Outcome(404, form="empty")}
    ),
    # The web server.
    "web-killed": Trouble(
        "The web server is killed: requests that wait, and new ones, are closed undone.",
        {"all": Outcome(0)},
        cuts=True,
    ),
    "web-restarted": Trouble(
        "The web server starts anew: sockets are cut, the websocket hears.",
        cuts=True,
        at_once=True,
    ),
    "web-hangs": Trouble(
        "Everything waits until it ends, and is then done.",
        {"all": Outcome(wait_s=float("inf"), lock=True)},
        lasts_s=20.0,
    ),
    "request-waits": Trouble(
        "A write waits 22 s and is then done; looks overtake it.", {"write": Outcome(wait_s=22.0)}
    ),
    "answer-lost": Trouble(
        "Done, and the connection closes without an answer.", {"write": Outcome(0, at=Stage.DONE)}
    ),
    # Rights and endings.
    "account-suspended": Trouble("Account `account_id` (1) is suspended."),
    "api-disabled": Trouble(
        "The plan of the account has no API: 403 in Chatwoot's own words.",
        {"profile": Outcome(), "token": Outcome(403, _NO_API)},
    ),
    "user-demoted": Trouble("User `user_id` (1) is an agent and no member of any inbox."),
    "user-removed": Trouble("User `user_id` (1) belongs to no account."),
    "token-reset": Trouble("User `user_id` (1) gets another token.", at_once=True),
    "inbox-deleted": Trouble(
        "Inbox `inbox_id` is deleted after `delay`: 200, 401 for a moment, then 404.",
        at_once=True,
    ),
    "contact-deleted": Trouble("Contact `contact_id` is deleted, in stages.", at_once=True),
    "conversation-deleted": Trouble(
        "Conversation `conversation` is deleted after `delay`.", at_once=True
    ),
    # Limits, and what stands in front.
    "rate-limited": Trouble("429 for everything.", {"all": Outcome(429)}),
    "search-limited": Trouble("429 for the contact search.", {"search": Outcome(429)}),
    "proxy-502": Trouble("A proxy's page, nothing is done.", {"all": _page(502)}),
    "proxy-503": Trouble("A proxy's page, nothing is done.", {"all": _page(503)}),
    "proxy-504": Trouble("The same after 60 s.", {"all": _page(504, wait_s=60.0)}),
    "proxy-502-done": Trouble(
        "A proxy's page, and it is done.", {"write": _page(502, at=Stage.DONE)}
    ),
    "late-504": Trouble(
        "A proxy's page; it is done `after` (20) seconds later.",
        {"write": Outcome(504, form="late")},
    ),
    "firewall-403": Trouble("A firewall's challenge.", {"all": _page(403)}),
    "redirected": Trouble("302 to `location`.", {"all": Outcome(302, form="redirect")}),
    "truncated": Trouble(
        "Done; the JSON is cut in the middle.",
        {"token": Outcome(200, at=Stage.DONE, form="truncated")},
    ),
    "plain-text": Trouble(
        "A proxy's plain text, nothing is done.",
        {
            "all": Outcome(
                503, "upstream connect error or disconnect/reset before headers", form="text"
            )
        },
    ),
    "too-large": Trouble("A proxy's 413 for a file.", {"file": _page(413)}),
}  # fmt: skip
