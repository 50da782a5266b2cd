"""Selectable troubles: which exist, which are set, and which one strikes now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.sandbox.kit.faults import Faults as KitFaults
from bridge.sandbox.kit.faults import Rule

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


@dataclass(eq=False)
class Fault(Rule):
    """One trouble. For webhook and cable kinds `path` is matched with the event's name."""

    seconds: float = 0.0
    status: int = 500
    location: str = "https://elsewhere.example"
    account_id: int = 1
    body: str | None = None
    retry_after: int | None = None


class Faults(KitFaults[Fault]):
    """The faults that are set."""

    def __init__(self) -> None:
        super().__init__(Fault, KINDS)

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault. Raises ValueError with a sentence when something about it is wrong."""
        seconds = _DEFAULT_SECONDS.get(str(wanted.get("kind")), 0.0)
        return super().add({"seconds": seconds, **wanted})

    def strike(self, *kinds: str, method: str = "", path: str = "") -> Fault | None:
        """The first set fault of these kinds that concerns this request; counts it as used."""
        return self.take(*kinds, fits=lambda fault: fault.fits(method, path))

    def account_suspended(self, account_id: int) -> bool:
        """Whether a fault suspends this account."""
        return any(one.account_id == account_id for one in self.in_force("suspended"))

    def longest(self, kind: str) -> float:
        """The greatest `seconds` among faults of a kind, 0 when none is set."""
        return max((one.seconds for one in self.in_force(kind)), default=0.0)
