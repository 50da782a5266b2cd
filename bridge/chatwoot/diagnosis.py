"""What an answer of Chatwoot means: the body is read, not only the status.

Sources: docs/contracts/chatwoot.md, Answers (401 stands for several troubles),
docs/contracts/ryzeapi.md, Chatwoot module (the sentences and which status each gets).
"""

from typing import Any, TypeVar
from urllib.parse import urljoin

from bridge.domain import errors
from bridge.domain.errors import UNKNOWN, BridgeError, ChatwootFailing, SomethingInFront
from bridge.domain.urls import origin_of
from bridge.net.http import Answer, CallFailed
from bridge.runtime.logs import MASK, mask

E = TypeVar("E", bound=BridgeError)

_MAX_BODY = 300
_MINUTE_S = 60.0
#: What Chatwoot says with a 401 or 403, whatever the status claims (docs/contracts/chatwoot.md,
#: Answers).
REFUSALS: dict[str, type[BridgeError]] = {
    "Invalid Access Token": errors.TokenRejected,
    "You are not authorized to access this account": errors.NotMember,
    "Account is suspended": errors.AccountSuspended,
    "You are not authorized to do this action": errors.NotAdministrator,
    "Access to this endpoint is not authorized for bots": errors.BotToken,
    "Bot is not authorized to access this account": errors.BotToken,
    "API access is not enabled for this account": errors.ApiNotEnabled,
}
#: A proxy says so when the server behind it did not answer in time, or broke off: it may go on.
_CUT_SHORT = {502, 504}


class Diagnosis:
    """Turns answers and failures of one Chatwoot account into errors that a person can act on."""

    def __init__(self, base_url: str, account_id: int | None, token: str) -> None:
        self._values: dict[str, Any] = {"base_url": base_url, "account_id": account_id or UNKNOWN}
        self._base_url, self._token = base_url, token

    def no_answer(self, failure: CallFailed, *, began: float = 0.0) -> BridgeError:
        """The error for a call that brought no answer (docs/contracts/ryzeapi.md, Chatwoot module,
        row 502); `began` in seconds of the monotonic clock."""
        kind = errors.AddressBlocked if failure.blocked else errors.ChatwootUnreachable
        error = kind(detail=self._clean(failure.detail), **self._values)
        error.uncertain, error.runs_on_since = failure.sent, began if failure.sent else 0.0
        return error

    def refusal(self, answer: Answer) -> BridgeError:
        """The error for an answer that is not what was asked for, while an integration is made."""
        return self._error(self._kind(answer), answer)

    def failing(
        self, answer: Answer, kind: type[ChatwootFailing] = ChatwootFailing, **more: Any
    ) -> ChatwootFailing:
        """Chatwoot says that it failed: no verdict on what was asked, which may be done or not."""
        error = self._error(kind, answer, **more)
        error.uncertain = answer.changes
        return error

    def in_front(self, answer: Answer) -> SomethingInFront:
        """The error for what cannot be Chatwoot's answer, where Chatwoot has been before: it will
        come back."""
        error = self._error(SomethingInFront, answer)
        error.uncertain = answer.changes
        if answer.changes and answer.status in _CUT_SHORT:
            error.runs_on_since = answer.began
        return error

    def not_chatwoot(self, answer: Answer) -> BridgeError:
        """The error for a success that does not read like Chatwoot's."""
        return errors.NotChatwoot(detail=self.cause(answer), **self._values)

    def cause(self, answer: Answer) -> str:
        """`<full URL> HTTP <code>: <body>`, bounded and without the token."""
        # Before anything is cut: half a token would not be recognised.
        raw = answer.body.replace(self._token.encode() or b"\0", MASK.encode())
        body = raw[: 4 * _MAX_BODY].decode("utf-8", "replace")
        body = " ".join("".join(c if c.isprintable() else " " for c in body).split())
        if 300 <= answer.status < 400:
            body = f"redirects to {self._location(answer)}"
        return self._clean(f"{answer.url} HTTP {answer.status}: {body}")[: _MAX_BODY + 150]

    def not_administrator(self, url: str, role: str) -> BridgeError:
        """The owner of the token is a member of the account, without the right to make inboxes."""
        cause = f'{url} HTTP 200: {{"role":"{role[:40]}"}}'
        return errors.NotAdministrator(detail=self._clean(cause), **self._values)

    def _error(self, kind: type[E], answer: Answer, **more: Any) -> E:
        known: dict[str, Any] = {"location": self._location(answer), "http_status": answer.status}
        if answer.status == 429:
            known["retry_after_s"] = retry_after_s(answer)
        return kind(detail=self.cause(answer), **self._values, **known, **more)

    def _kind(self, answer: Answer) -> type[BridgeError]:
        status = answer.status
        if 300 <= status < 400:
            foreign = origin_of(self._location(answer)) != origin_of(self._base_url)
            return errors.ChatwootRedirects if foreign else errors.ChatwootNotFound
        if status >= 500:
            return ChatwootFailing if own_words(answer) else errors.FrontFails
        if status == 429:
            return errors.ChatwootThrottles
        if status in {401, 403}:
            return self._denial(answer)
        if answer.media_type == "text/html":
            return errors.FrontAnswers
        if status == 402:
            return errors.InboxLimit
        if status == 404:
            return errors.AccountUnknown if is_missing_record(answer) else errors.ChatwootNotFound
        if status == 422 and not answer.changes and own_words(answer):
            return ChatwootFailing  # whoever only asks sends nothing that could be invalid
        if 400 <= status < 500:
            return errors.ChatwootRejects
        return errors.NotChatwoot

    def _denial(self, answer: Answer) -> type[BridgeError]:
        words = own_words(answer)
        if not words:
            return errors.FrontDenies
        if "errors" in words:
            return errors.TokenNotReceived
        return REFUSALS.get(str(words.get("error")), errors.AccessDenied)

    def _location(self, answer: Answer) -> str:
        target = urljoin(answer.url, answer.headers.get("location", ""))
        return target.partition("?")[0] if 300 <= answer.status < 400 else ""

    def _clean(self, text: str) -> str:
        """Without our token, and without other secrets that an odd answer may show by name."""
        return mask(text.replace(self._token, MASK) if self._token else text)


def own_words(answer: Answer) -> dict[str, Any]:
    """What Chatwoot itself says in a refusal; empty for what is none of its few shapes, which is
    then somebody else's (docs/contracts/chatwoot.md, Answers)."""
    if answer.media_type != "application/json":
        return {}
    body = answer.object
    match body:
        case {"error": str(), **others} if others.keys() <= {"status", "attributes"}:
            return body
        case {"message": str(), "attributes": list(), **others} if not others:
            return body
        case {"errors": list(), **others} if not others:
            return body
    return {}


def is_missing_record(answer: Answer) -> bool:
    """Chatwoot's own 404, not one of its router or of a proxy."""
    return answer.status == 404 and own_words(answer).get("error") == "Resource could not be found"


def retry_after_s(answer: Answer) -> float:
    """How long a 429 lasts, in seconds: until Chatwoot's next full minute
    (docs/contracts/chatwoot.md, Limits).

    Chatwoot itself names no time; a proxy may.
    """
    if answer.retry_after_s is not None:
        return answer.retry_after_s
    return _MINUTE_S - (answer.date or 0.0) % _MINUTE_S
