"""What a finding is, and the small words that every check uses."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.errors import BridgeError
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, CallFailed
from bridge.services import Services

CALL_S = 10.0
#: How far two clocks may differ before it is said, in seconds.
SKEW_S = 60.0


class Level(StrEnum):
    """How bad a finding is; only `wrong` makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where nothing is to be done."""

    check: str
    subject: str
    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Makes the findings of one check of one subject; an empty subject is the installation."""

    name: str
    subject: str = ""

    def ok(self, what: str) -> Finding:
        """Nothing is to be done."""
        return Finding(self.name, self.subject, Level.OK, what)

    def warning(self, what: str, remedy: str) -> Finding:
        """It works, but somebody should look."""
        return Finding(self.name, self.subject, Level.WARNING, what, remedy)

    def wrong(self, what: str, remedy: str) -> Finding:
        """It does not work."""
        return Finding(self.name, self.subject, Level.WRONG, what, remedy)

    def failed(self, error: BridgeError) -> Finding:
        """It does not work, for that cause."""
        return self.wrong(error.message, str(error.next_step))


def call(services: Services, url: str) -> Answer | str:
    """The answer, or why there is none."""
    try:
        return services.http.call("GET", url, deadline=Deadline(CALL_S))
    except CallFailed as error:
        return error.detail


def is_ours(answer: Answer, services: Services) -> bool:
    """Whether this very installation answered, by its /healthz."""
    return answer.status == 200 and services.installation_id.encode() in answer.body


def clock(url: str, answer: Answer, services: Services) -> Iterator[Finding]:
    """A finding where the clock of that server, which serves us, and ours differ."""
    if answer.date is None:
        return
    skew = services.clock() - answer.date
    if abs(skew) > SKEW_S:
        yield Check("clock", url).wrong(
            f"our clock differs from theirs by {abs(skew):.0f} s",
            "Set the clock of this machine: timedatectl set-ntp true.",
        )
