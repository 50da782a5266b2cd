"""What a failed delivery means for the entry, its lane and its instance: the one table of it."""

import random
from dataclasses import dataclass

from bridge.chatwoot.diagnosis import is_passing
from bridge.chatwoot.refusals import ConversationFlooded
from bridge.errors import (
    AccessDenied,
    AccountUnknown,
    BridgeError,
    ChatwootFailing,
    ChatwootThrottles,
    ChatwootUnreachable,
    InboxGone,
    NotYet,
    TokenRejected,
)
from bridge.gateways.base import GatewayDenies, GatewayRefuses, GatewayUnavailable, GatewayUncertain

#: How long an entry is tried, in seconds, before it becomes a dead letter.
PATIENCE_S = 72 * 3600
_FIRST_S = 1.0
_MOST_S = 300.0
_SIDE_MOST_S = 20.0


def backoff(failures: int, *, most_s: float = _MOST_S) -> float:
    """Seconds until the next try: doubling, with jitter so that lanes do not march in step."""
    return min(_FIRST_S * 2.0 ** min(failures, 20), most_s) * random.uniform(0.8, 1.2)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Verdict:
    """`dead`: never again. `hold`: the whole instance waits for its operator. Otherwise it is tried
    again after `after_s`; `side_down`: nothing else of that side need be tried until then, where
    it is `doubtful` only once a second lane says the same."""

    error: BridgeError
    dead: bool = False
    hold: BridgeError | None = None
    after_s: float = 0.0
    doubtful: bool = False
    side_down: bool = False
    unconfirmed: bool = False


def judge(error: BridgeError, attempts: int) -> Verdict:
    """The verdict on an error of either side."""
    match error:
        case TokenRejected() | AccessDenied() | AccountUnknown() | InboxGone() | GatewayDenies():
            return Verdict(error, hold=error)
        case NotYet():
            return Verdict(error, after_s=error.retry_after_s)
        case GatewayUncertain():
            return Verdict(error, unconfirmed=True)
        case ConversationFlooded():
            # One conversation has had enough for now; the others have not (section 5).
            return Verdict(error, after_s=error.retry_after_s)
        case ChatwootThrottles() | GatewayUnavailable():
            after_s = error.retry_after_s or backoff(attempts, most_s=_SIDE_MOST_S)
            return Verdict(error, after_s=after_s, side_down=True)
        case ChatwootFailing() if not is_passing(error):
            # One message that makes Chatwoot stumble must not stop all others.
            return Verdict(error, after_s=backoff(attempts), doubtful=True)
        case ChatwootUnreachable():
            after_s = backoff(attempts, most_s=_SIDE_MOST_S)
            return Verdict(error, after_s=after_s, doubtful=error.uncertain, side_down=True)
        case GatewayRefuses():
            return Verdict(error, dead=True)
    if error.retryable:
        return Verdict(error, after_s=backoff(attempts), doubtful=True)
    return Verdict(error, dead=True)
