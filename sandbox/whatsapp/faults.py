"""Faults a test can ask of the phone: what goes wrong, for which requests or events."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

from sandbox.kit.faults import Faults as KitFaults
from sandbox.kit.faults import Rule

REQUEST_KINDS = (
    *("status", "status_after", "slow_before", "slow_after"),
    *("drop_before", "drop_after", "no_echo"),
)
WEBHOOK_KINDS = ("webhook_double", "webhook_delay", "webhook_shuffle")


@dataclass(eq=False)
class Fault(Rule):
    """One fault; it applies once unless set otherwise.

    `status` answers instead of acting, `status_after` after it: as the gateway words an error, with
    `message` if given, or `raw` as it is, as something in front of the gateway would.

    `body` and `event` are patterns as well.  `seconds` is the wait of the slow kinds, the delay
    of a webhook, the gap before its double, or the shuffle window.
    """

    PATTERNS: ClassVar[tuple[str, ...]] = ("method", "path", "body", "event")

    times: int | None = 1
    body: str = ""
    event: str = ""
    status: int = 500
    message: str = ""
    raw: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class Faults(KitFaults[Fault]):
    """The faults in force."""

    def __init__(self) -> None:
        super().__init__(Fault, REQUEST_KINDS + WEBHOOK_KINDS)

    def for_request(self, method: str, path: str, body: bytes) -> list[Fault]:
        """The faults that apply to this API request; each of them has then been used once."""
        if not self.in_force():
            return []
        text = body.decode("utf-8", "replace")
        return self.take_all(
            *REQUEST_KINDS,
            fits=lambda fault: fault.fits(method, path) and re.search(fault.body, text) is not None,
        )

    def for_event(self, event: str, body: str) -> list[Fault]:
        """The faults that apply to the delivery of this event."""
        return self.take_all(
            *WEBHOOK_KINDS,
            fits=lambda fault: bool(re.search(fault.event, event) and re.search(fault.body, body)),
        )
