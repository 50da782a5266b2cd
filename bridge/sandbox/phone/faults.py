"""Faults a test can ask for: what goes wrong, for which requests or events, and how often.

Kept in memory on purpose: a restarted gateway is a healthy one.
"""

import itertools
import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

REQUEST_KINDS = ("status", "slow_before", "slow_after", "drop_before", "drop_after", "no_echo")
WEBHOOK_KINDS = ("webhook_double", "webhook_delay", "webhook_shuffle")


@dataclass
class Fault:
    """One rule.  The patterns are regular expressions that must be found; empty matches all.

    `times` counts down to its removal; None lasts until it is deleted.  `seconds` is the wait of
    the slow kinds, the delay of a webhook, the gap before its double, or the shuffle window.
    """

    id: int
    kind: str
    method: str = ""
    path: str = ""
    body: str = ""
    event: str = ""
    times: int | None = 1
    status: int = 500
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    hits: int = 0


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Put a rule in force; ValueError says what is wrong with it."""
        kind = wanted.get("kind")
        if kind not in REQUEST_KINDS + WEBHOOK_KINDS:
            raise ValueError(f"kind must be one of {', '.join(REQUEST_KINDS + WEBHOOK_KINDS)}")
        try:
            rule = Fault(id=next(self._ids), **wanted)
            for pattern in (rule.method, rule.path, rule.body, rule.event):
                re.compile(pattern)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error
        with self._lock:
            self._rules.append(rule)
        return rule

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._rules = [rule for rule in self._rules if fault_id not in (None, rule.id)]

    def for_request(self, method: str, path: str, body: bytes) -> list[Fault]:
        """The faults that strike this API request; each of them has then been used once."""
        if not self._rules:
            return []
        text = body.decode("utf-8", "replace")
        return self._take(
            REQUEST_KINDS,
            lambda rule: (
                re.search(rule.method, method, re.I) is not None
                and re.search(rule.path, path) is not None
                and re.search(rule.body, text) is not None
            ),
        )

    def for_event(self, event: str, body: str) -> list[Fault]:
        """The faults that strike the delivery of this event."""
        if not self._rules:
            return []
        return self._take(
            WEBHOOK_KINDS,
            lambda rule: (
                re.search(rule.event, event) is not None and re.search(rule.body, body) is not None
            ),
        )

    def _take(self, kinds: tuple[str, ...], strikes: Any) -> list[Fault]:
        with self._lock:
            taken = [rule for rule in self._rules if rule.kind in kinds and strikes(rule)]
            for rule in taken:
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
            self._rules = [rule for rule in self._rules if rule.times is None or rule.times > 0]
            return taken
