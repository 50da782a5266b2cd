"""Selectable troubles: which exist, which are set, and which one strikes now."""

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

KINDS: dict[str, str] = {
    "refuse": "Answer `status` (default 500) without acting. 429 is plain text, 502-504 HTML.",
    "slow": "Wait `seconds` before acting.",
    "slow_after": "Act, then wait `seconds` before answering.",
    "html": "Answer 200 text/html without acting, as the dashboard does.",
    "drop": "Close the connection without acting and without an answer.",
    "drop_after": "Act, then close the connection without an answer.",
    "redirect": "Answer 301 to `location` plus the path.",
    "drip": "Act, then send the answer's body one byte every `seconds` (default 1).",
    "inbox_limit": "POST inboxes answers 402.",
    "suspended": "Account `account_id` (default 1) is suspended.",
    "webhook_shuffle": "Hold webhooks back by a random time up to `seconds` (default 0.5).",
    "webhook_double": "Deliver webhooks twice.",
    "webhook_delay": "Deliver webhooks `seconds` late.",
    "webhook_lost": "Do not deliver webhooks at all.",
    "attachment_delay": "The file behind a data_url answers 404 until it is `seconds` old.",
    "attachment_late": "message_created goes without attachments; message_updated brings them "
    "after `seconds`.",
    "cable_silent": "The websocket never confirms a subscription.",
    "cable_lost": "Websocket broadcasts do not arrive.",
}

_DEFAULT_SECONDS = {"slow": 5.0, "slow_after": 5.0, "drip": 1.0, "webhook_shuffle": 0.5}


@dataclass
class Fault:
    """One trouble. `method` and `path` are regular expressions the request must match whole and
    in part respectively (for webhook kinds `path` is matched with the event's name); `times` is
    how often it still strikes, None for ever."""

    id: int
    kind: str
    method: str = ""
    path: str = ""
    times: int | None = None
    seconds: float = 0.0
    status: int = 500
    location: str = "https://elsewhere.example"
    account_id: int = 1
    body: str | None = None
    retry_after: int | None = None

    def matches(self, method: str, path: str) -> bool:
        """Whether it is about such a request."""
        if self.method and not re.fullmatch(self.method, method, re.IGNORECASE):
            return False
        return not self.path or re.search(self.path, path) is not None


class Faults:
    """The faults that are set, in the order they were set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[Fault] = []
        self._last_id = 0

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Set a fault. Raises ValueError with a sentence when something about it is wrong."""
        kind = wanted.get("kind")
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
        known: dict[str, Any] = {
            "seconds": (int, float),
            "status": int,
            "location": str,
            "account_id": int,
        }
        known |= {"method": str, "path": str, "times": int, "body": str, "retry_after": int}
        for name, value in wanted.items():
            if name != "kind" and name not in known:
                raise ValueError(f"unknown field {name!r}; known: kind, {', '.join(known)}")
            if name != "kind" and value is not None and not isinstance(value, known[name]):
                raise ValueError(f"field {name!r} has a wrong type")
        given = {name: value for name, value in wanted.items() if value is not None}
        for name in ("method", "path"):
            try:
                re.compile(given.get(name, ""))
            except re.error as error:
                raise ValueError(f"field {name!r} is no regular expression: {error}") from None
        given.setdefault("seconds", _DEFAULT_SECONDS.get(str(kind), 0.0))
        with self._lock:
            self._last_id += 1
            fault = Fault(id=self._last_id, **given)
            self._set = [*self._set, fault]
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Remove one fault, or all."""
        with self._lock:
            self._set = [one for one in self._set if fault_id is not None and one.id != fault_id]

    def as_json(self) -> list[dict[str, Any]]:
        """All that are set."""
        return [asdict(fault) for fault in self._set]

    def take(self, *kinds: str, method: str = "", path: str = "") -> Fault | None:
        """The first set fault of these kinds that concerns this request; counts it as used."""
        if not self._set:
            return None
        with self._lock:
            for fault in self._set:
                if fault.kind in kinds and fault.matches(method, path):
                    self._use(fault)
                    return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._set = [one for one in self._set if one is not fault]

    def account_suspended(self, account_id: int) -> bool:
        """Whether a fault suspends this account."""
        return any(one.kind == "suspended" and one.account_id == account_id for one in self._set)

    def longest(self, kind: str) -> float:
        """The greatest `seconds` among faults of a kind, 0 when none is set."""
        return max((one.seconds for one in self._set if one.kind == kind), default=0.0)
