"""Selectable faults: which exist, which are set, and which one applies now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.chatwoot.fault_table import FAULT_TABLE, Outcome
from sandbox.chatwoot.progress import Progress
from sandbox.chatwoot.records import User
from sandbox.chatwoot.request_kinds import RequestFacts, expanded
from sandbox.kit.faults import Faults as KitFaults
from sandbox.kit.faults import Rule

#: Single answers, webhooks and frames that go wrong; docs/sandbox.md says how.
KINDS = (
    *("refuse", "slow", "slow_after", "html", "drop", "drop_after", "redirect", "drip"),
    *("inbox_limit", "suspended", "attachment_delay", "attachment_late"),
    *("webhook_shuffle", "webhook_double", "webhook_delay", "webhook_lost"),
    *("cable_silent", "cable_lost"),
)

_DEFAULT_SECONDS = {"slow": 5.0, "slow_after": 5.0, "drip": 1.0, "webhook_shuffle": 0.5}


@dataclass(eq=False)
class Fault(Rule):
    """One fault: a kind of KINDS, or a word of the fault table.

    For webhooks, frames and jobs `path` is matched with the event's name. What only a word heeds:
    `requests` are the kinds of requests it may affect, `conversation` the number of the only
    conversation, `containing` a text that the request must contain; `delay` is the longest that
    any of its waits takes, in seconds; `agents` says that it affects the agent too.
    """

    seconds: float = 0.0
    status: int = 500
    location: str = "https://elsewhere.example"
    account_id: int = 1
    body: str | None = None
    retry_after: int | None = None
    requests: list[str] = field(default_factory=list)
    conversation: int | None = None
    containing: str = ""
    delay: float | None = None
    after: float = 20.0
    agents: bool = False
    user_id: int = 1
    inbox_id: int = 0
    contact_id: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._may_affect = expanded(self.requests or ["all"])

    def outcome(self, facts: RequestFacts) -> Outcome | None:
        """What becomes of this request by it; None when it is not affected."""
        outcome = FAULT_TABLE[self.kind].outcome(facts.kind) if self.kind in FAULT_TABLE else None
        if outcome is None or facts.kind not in self._may_affect:
            return None
        if facts.by_page and not self.agents:
            return None
        if self.conversation not in (None, facts.conversation):
            return None
        if outcome.at is Progress.TOLD and not facts.incoming:
            return None  # only a customer's message writes the contact
        fits = self.fits(facts.method, facts.path) and self.containing in facts.content
        return outcome if fits else None

    def shortened(self, seconds: float) -> float:
        """A wait of the table, as long as it takes here."""
        return seconds if self.delay is None else min(seconds, self.delay)


class Faults(KitFaults[Fault]):
    """The faults that are set."""

    def __init__(self) -> None:
        super().__init__(Fault, [*KINDS, *FAULT_TABLE])

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault, by `kind` or `fault`; the `seconds` of a word are how long it lasts."""
        given = dict(wanted)
        if "fault" in given:
            given["kind"] = given.pop("fault")
        known = FAULT_TABLE.get(str(given.get("kind")))
        if known is None:
            seconds = _DEFAULT_SECONDS.get(str(given.get("kind")), 0.0)
            return super().add({"seconds": seconds, **given})
        return super().add({"lasts_s": given.pop("seconds", known.lasts_s), **given})

    def use(self, *kinds: str, method: str = "", path: str = "") -> Fault | None:
        """The first set fault of these kinds that concerns this request; counts it as used."""
        return self.take(*kinds, fits=lambda fault: fault.fits(method, path))

    def affecting(self, facts: RequestFacts) -> Fault | None:
        """The first set fault, by its word, that affects a request; counts it as used."""
        return self.take(*FAULT_TABLE, fits=lambda fault: fault.outcome(facts) is not None)

    def failing(self) -> set[str]:
        """What GET /api calls failing: data, queue."""
        found = {FAULT_TABLE[fault.kind].failing for fault in self.in_force(*FAULT_TABLE)}
        return found - {""}

    def account_suspended(self, account_id: int) -> bool:
        """Whether a fault suspends this account."""
        found = self.in_force("suspended", "account-suspended")
        return any(fault.account_id == account_id for fault in found)

    def demoted(self, user: User) -> bool:
        """Whether a fault makes the user an agent who is no member of any inbox."""
        return any(fault.user_id == user.id for fault in self.in_force("user-demoted"))

    def removed(self, user: User) -> bool:
        """Whether a fault keeps the user out of every account."""
        return any(fault.user_id == user.id for fault in self.in_force("user-removed"))

    def longest(self, kind: str) -> float:
        """The greatest `seconds` among faults of a kind, 0 when none is set."""
        return max((fault.seconds for fault in self.in_force(kind)), default=0.0)
