"""The faults of a real Chatwoot, one word each: whom they affect, what is answered, stored, sent.

docs/sandbox.md says of each word what happens.

Source: Chatwoot 4.16.2 while its database, Redis, jobs, storage and web server failed inside it.
Chatwoot stores a message, commits, and then does more: it moves the conversation, tells, writes
the contact. Whatever fails there is answered with an error although the message is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from sandbox.chatwoot.progress import Progress
from sandbox.chatwoot.request_kinds import expanded


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
    at: Progress = Progress.BEFORE
    wait_s: float = 0.0
    after_s: float = 0.0
    lock: bool = False
    form: str = "json"


@dataclass(frozen=True)
class TableFault:
    """A fault by its word. `affects` maps kinds of requests, in words, to what becomes of them.

    `failing` is what GET /api calls so. `deafens`: the websocket is deaf from then on;
    `cuts`: sockets and requests that wait are cut at once. `loses_bytes`: uploads are rows
    without bytes. `lasts_s` is how long it is in force unless set otherwise. `at_once`: it is
    done, not in force.
    """

    affects: Mapping[str, Outcome] = field(default_factory=dict)
    failing: str = ""
    deafens: bool = False
    cuts: bool = False
    loses_bytes: bool = False
    lasts_s: float | None = None
    at_once: bool = False

    def outcome(self, kind: str) -> Outcome | None:
        """What becomes of a request of this kind; the first words that name it count."""
        for words, outcome in self.affects.items():
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
        "message": Outcome(422, error, Progress.TOLD),
        "conv": Outcome(500, at=Progress.TOLD),
        "contact contact_change": _CRASH,
    }


def _redis_refuses(error: str) -> dict[str, Outcome]:
    """Redis takes no jobs."""
    return {
        "message": Outcome(422, error, Progress.MOVED),
        "conv": _CRASH,
        "contact contact_change patch delete toggle": Outcome(500, at=Progress.MOVED),
    }


def _page(status: int, *, at: Progress = Progress.BEFORE, wait_s: float = 0.0) -> Outcome:
    return Outcome(status, at=at, wait_s=wait_s, form="page")


def _at(stage: Progress, outcome: Outcome) -> Outcome:
    return replace(outcome, at=stage)


FAULT_TABLE: dict[str, TableFault] = {
    # The database: locks longer than 14 s, before the commit and after it.
    "messages-locked": TableFault({f"{_MESSAGES_WRITTEN} patch delete": _LOCKED}),
    "messages-unreadable": TableFault(
        {
            f"{_MESSAGES_WRITTEN} patch delete messages": _LOCKED,
            "convs conversation contact_convs": _VIEW_LOCKED,
        }
    ),
    "contacts-locked": TableFault(
        {
            "contact contact_change filter search place": _LOCKED,
            "message conv": _at(Progress.TOLD, _LOCKED),
        }
    ),
    "conversations-locked": TableFault(
        {"message": _at(Progress.STORED, _LOCKED), "conv conv_change toggle seen assign": _LOCKED}
    ),
    "conversations-unreadable": TableFault(
        {
            "message conv conv_change toggle seen assign messages patch delete": _LOCKED,
            "convs conversation contact_convs": _VIEW_LOCKED,
        }
    ),
    "attachments-locked": TableFault({"file": _LOCKED}),
    "attachments-unreadable": TableFault(
        {"file messages": _LOCKED, "text": _at(Progress.DONE, _LOCKED)}
    ),
    "tokens-locked": TableFault({"token": _LOCKED}),
    "accounts-locked": TableFault({"profile": _VIEW_LOCKED, "token": _LOCKED}),
    "conversation-row-locked": TableFault(
        {"message": _at(Progress.STORED, _LOCKED), "toggle conv_change seen assign": _LOCKED}
    ),
    "contact-row-locked": TableFault(
        {"message conv": _at(Progress.TOLD, _LOCKED), "contact_change": _LOCKED}
    ),
    "two-waits": TableFault(
        {"message conv": Outcome(500, at=Progress.DONE, wait_s=8.0, after_s=_RACK_S - 8.0)}
    ),
    "pool-exhausted": TableFault({"token": Outcome(500, wait_s=_POOL_S, lock=True)}),
    # The database: errors.
    "deadlock-messages": TableFault(_written(_DEADLOCK)),
    "deadlock-contacts": TableFault(_contact_written(_DEADLOCK)),
    "deadlock-conversations": TableFault(
        {"message": Outcome(422, _DEADLOCK, Progress.STORED), "conv conv_change toggle": _CRASH}
    ),
    "disk-full-messages": TableFault(_written(_DISK_FULL)),
    "disk-full-contacts": TableFault(_contact_written(_DISK_FULL)),
    "out-of-memory-messages": TableFault(_written(_NO_MEMORY)),
    "pg-read-only": TableFault(
        {"message retry": Outcome(422, _READ_ONLY), f"conv contact {_CHANGES}": _CRASH}
    ),
    "pg-down": TableFault({"token": _CRASH}, failing="data"),
    "just-booted": TableFault(failing="data"),
    "ids-jump": TableFault(at_once=True),
    "pg-stopped": TableFault({"message conv": Outcome(500, wait_s=1.5)}),
    # Redis.
    "redis-down": TableFault({"token": _CRASH}, failing="queue", deafens=True),
    "redis-goes": TableFault(
        {
            "message": Outcome(422, _REFUSED, Progress.MOVED),
            "conv": Outcome(500, at=Progress.MOVED),
        },
        deafens=True,
    ),
    "redis-full": TableFault(_redis_refuses(_OOM)),
    "redis-read-only": TableFault(_redis_refuses(_REPLICA)),
    "redis-hangs": TableFault({"token api": Outcome(500, wait_s=_REDIS_S, lock=True)}),
    "redis-restarted": TableFault(deafens=True, at_once=True),
    "redis-emptied": TableFault(deafens=True, at_once=True),
    "cable-deaf": TableFault(deafens=True, at_once=True),
    # Background jobs: webhooks and frames. `path` is matched with the event's name.
    "jobs-stopped": TableFault(),
    "jobs-killed": TableFault(),
    "jobs-late": TableFault(),
    "jobs-shuffled": TableFault(),
    "jobs-doubled": TableFault(),
    # The storage.
    "storage-full": TableFault(
        {"file": Outcome(422, _STORAGE_FULL, Progress.DONE), "upload": Outcome(500)},
        loses_bytes=True,
    ),
    "storage-read-only": TableFault(
        {"file": Outcome(422, _STORAGE_READ_ONLY, Progress.DONE), "upload": Outcome(500)},
        loses_bytes=True,
    ),
    "bytes-missing": TableFault({"bytes": Outcome(404, form="empty")}),
    # The web server.
    "web-killed": TableFault({"all": Outcome(0)}, cuts=True),
    "web-restarted": TableFault(cuts=True, at_once=True),
    "web-hangs": TableFault({"all": Outcome(wait_s=float("inf"), lock=True)}, lasts_s=20.0),
    "request-waits": TableFault({"write": Outcome(wait_s=22.0)}),
    "answer-lost": TableFault({"write": Outcome(0, at=Progress.DONE)}),
    # Rights and endings.
    "account-suspended": TableFault(),
    "api-disabled": TableFault({"profile": Outcome(), "token": Outcome(403, _NO_API)}),
    "user-demoted": TableFault(),
    "user-removed": TableFault(),
    "token-reset": TableFault(at_once=True),
    "inbox-deleted": TableFault(at_once=True),
    "contact-deleted": TableFault(at_once=True),
    "conversation-deleted": TableFault(at_once=True),
    # Limits, and what stands in front.
    "rate-limited": TableFault({"all": Outcome(429)}),
    "search-limited": TableFault({"search": Outcome(429)}),
    "proxy-502": TableFault({"all": _page(502)}),
    "proxy-503": TableFault({"all": _page(503)}),
    "proxy-504": TableFault({"all": _page(504, wait_s=60.0)}),
    "proxy-502-done": TableFault({"write": _page(502, at=Progress.DONE)}),
    "late-504": TableFault({"write": Outcome(504, form="late")}),
    "firewall-403": TableFault({"all": _page(403)}),
    "redirected": TableFault({"all": Outcome(302, form="redirect")}),
    "truncated": TableFault({"token": Outcome(200, at=Progress.DONE, form="truncated")}),
    "plain-text": TableFault(
        {
            "all": Outcome(
                503, "upstream connect error or disconnect/reset before headers", form="text"
            )
        }
    ),
    "too-large": TableFault({"file": _page(413)}),
}
