"""Selectable faults: which exist, which are set, and which one strikes now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.chatwoot.fault_table import TROUBLES, Outcome
from sandbox.chatwoot.records import User
from sandbox.chatwoot.requestkinds import Asked, expanded
from sandbox.chatwoot.stages import Stage
from sandbox.kit.faults import Faults as KitFaults
from sandbox.kit.faults import Rule

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

#: The faults of the table, by their word.
WORDS: dict[str, str] = {word: trouble.what for word, trouble in TROUBLES.items()}

_DEFAULT_SECONDS = {"slow": 5.0, "slow_after": 5.0, "drip": 1.0, "webhook_shuffle": 0.5}


@dataclass(eq=False)
class Fault(Rule):
    """One fault: a kind of KINDS, or a word of the fault table.

    For webhooks, frames and jobs `path` is matched with the event's name. What only a word heeds:
    `requests` are the kinds of requests it may meet, `conversation` the number of the only
    conversation, `containing` a text that the request must contain; `delay` is the longest that
    any of its waits takes, in seconds; `agents` says that it meets the agent page as well.
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
        self._may_meet = expanded(self.requests or ["all"])

    def outcome(self, asked: Asked) -> Outcome | None:
        """What becomes of this request by it; None when it is not met."""
        outcome = TROUBLES[self.kind].outcome(asked.kind) if self.kind in TROUBLES else None
        if outcome is None or asked.kind not in self._may_meet:
            return None
        if asked.by_page and not self.agents:
            return None
        if self.conversation not in (None, asked.conversation):
            return None
        if outcome.at is Stage.TOLD and not asked.incoming:
            return None  # only a customer's message writes the contact
        fits = self.fits(asked.method, asked.path) and self.containing in asked.content
        return outcome if fits else None

    def shortened(self, seconds: float) -> float:
        """A wait of the table, as long as it takes here."""
        return seconds if self.delay is None else min(seconds, self.delay)


class Faults(KitFaults[Fault]):
    """The faults that are set."""

    def __init__(self) -> None:
        super().__init__(Fault, [*KINDS, *TROUBLES])

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault. Raises ValueError with a sentence when something about it is wrong.

        A word may be given as `fault` instead of `kind`; its `seconds` are how long it lasts.
        """
        given = dict(wanted)
        if "fault" in given:
            given["kind"] = given.pop("fault")
        trouble = TROUBLES.get(str(given.get("kind")))
        if trouble is None:
            seconds = _DEFAULT_SECONDS.get(str(given.get("kind")), 0.0)
            return super().add({"seconds": seconds, **given})
        return super().add({"lasts_s": given.pop("seconds", trouble.lasts_s), **given})

    def strike(self, *kinds: str, method: str = "", path: str = "") -> Fault | None:
        """The first set fault of these kinds that concerns this request; counts it as used."""
        return self.take(*kinds, fits=lambda fault: fault.fits(method, path))

    def meet(self, asked: Asked) -> Fault | None:
        """The first set fault, by its word, that meets a request; counts it as used."""
        return self.take(*TROUBLES, fits=lambda fault: fault.outcome(asked) is not None)

    def failing(self) -> set[str]:
        """What GET /api calls failing: data, queue."""
        found = {TROUBLES[one.kind].failing for one in self.in_force(*TROUBLES)}
        return found - {""}

    def account_suspended(self, account_id: int) -> bool:
        """Whether a fault suspends this account."""
        found = self.in_force("suspended", "account-suspended")
        return any(one.account_id == account_id for one in found)

    def demoted(self, user: User) -> bool:
        """Whether a fault makes the user an agent who is no member of any inbox."""
        return any(one.user_id == user.id for one in self.in_force("user-demoted"))

    def removed(self, user: User) -> bool:
        """Whether a fault keeps the user out of every account."""
        return any(one.user_id == user.id for one in self.in_force("user-removed"))

    def longest(self, kind: str) -> float:
        """The greatest `seconds` among faults of a kind, 0 when none is set."""
        return max((one.seconds for one in self.in_force(kind)), default=0.0)
