"""What a failed delivery means for the entry, its lane and its instance: the one table of it.

A status says nothing about whether something was stored, and only the other side's own words are
final (docs/contracts/chatwoot.md, Answers; docs/contracts/ryzeapi.md, Uncertain sends).
"""

import random
import time
from dataclasses import dataclass
from enum import StrEnum

from bridge.chatwoot.refusals import ConversationFlooded, RecordGoing
from bridge.domain.errors import BridgeError, ChatwootUnreachable, NotYet
from bridge.gateways.base import GatewayUnavailable, GatewayUncertain

#: How long an entry is tried, in seconds, before it becomes a dead letter.
PATIENCE_S = 72 * 3600
_FIRST_S = 1.0
#: The longest pause of a message that is to blame itself, and of one whose side may be down.
MOST_S = 300.0
SIDE_MOST_S = 20.0


class Side(StrEnum):
    CHATWOOT = "chatwoot"
    GATEWAY = "gateway"


def backoff(failures: int, *, most_s: float = MOST_S) -> float:
    """Seconds until the next try: doubling, with jitter so that lanes do not march in step."""
    return min(_FIRST_S * 2.0 ** min(failures, 20), most_s) * random.uniform(0.8, 1.2)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Verdict:
    """`dead`: never again. `holds`: the whole instance waits. `waits`: it is no failure.

    Otherwise the entry is tried again after `after_s`, or sooner once its side is well again, but
    not before `at_least_s`. `doubtful`: it may have arrived all the same. `failed` is the side that
    made the error, None where it is about this one message.
    """

    dead: bool = False
    holds: bool = False
    waits: bool = False
    unconfirmed: bool = False
    doubtful: bool = False
    after_s: float = 0.0
    at_least_s: float = 0.0
    failed: Side | None = None


def judge(error: BridgeError, attempts: int, *, most_s: float, runs_on_s: float) -> Verdict:
    """The verdict on an error of either side; a pause is at most `most_s`, and a request of which
    nothing was heard may be acted upon for `runs_on_s` after it began."""
    pause_s = backoff(attempts, most_s=most_s)
    wanted_s = error.retry_after_s
    match error:
        case NotYet():
            return Verdict(waits=True, after_s=wanted_s)
        case GatewayUncertain():
            return Verdict(unconfirmed=True, failed=Side.GATEWAY)
        case ConversationFlooded():
            # One conversation has had enough for now; the others have not.
            return Verdict(after_s=wanted_s, at_least_s=wanted_s)
        case RecordGoing():
            return Verdict(doubtful=error.uncertain, after_s=max(wanted_s, pause_s))
        case ChatwootUnreachable():
            left_s = error.runs_on_since + runs_on_s - time.monotonic()
            at_least_s = max(wanted_s, left_s if error.runs_on_since else 0.0)
            return Verdict(
                doubtful=error.uncertain,
                after_s=max(at_least_s, pause_s if not wanted_s else 0.0),
                at_least_s=at_least_s,
                failed=Side.CHATWOOT,
            )
        case GatewayUnavailable():
            after_s = wanted_s or pause_s
            return Verdict(after_s=after_s, at_least_s=wanted_s, failed=Side.GATEWAY)
    if error.holds:
        return Verdict(holds=True)
    if error.final:
        return Verdict(dead=True)
    return Verdict(doubtful=True, after_s=pause_s)
