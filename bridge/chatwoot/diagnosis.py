"""What an answer of Chatwoot means: the body is read, not only the status.

Sources: chatwoot.md section 1 (401 stands for four different troubles), ryzeapi.md section 2.1
(the sentences and which status each gets).
"""

import json
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

from bridge.chatwoot.address import origin
from bridge.errors import (
    AccessDenied,
    AccountSuspended,
    AccountUnknown,
    AddressBlocked,
    BotToken,
    BridgeError,
    ChatwootFailing,
    ChatwootNotFound,
    ChatwootRedirects,
    ChatwootRejects,
    ChatwootThrottles,
    ChatwootUnreachable,
    InboxLimit,
    NotAdministrator,
    NotChatwoot,
    NotMember,
    TokenNotReceived,
    TokenRejected,
)
from bridge.http import Answer, CallFailed
from bridge.logs import MASK, mask

_MAX_BODY = 300
_MINUTE_S = 60
#: What Chatwoot says with a 401 or 403, whatever the status claims (section 1).
REFUSALS: dict[str, type[BridgeError]] = {
    "Invalid Access Token": TokenRejected,
    "You are not authorized to access this account": NotMember,
    "Account is suspended": AccountSuspended,
    "You are not authorized to do this action": NotAdministrator,
    "Access to this endpoint is not authorized for bots": BotToken,
    "Bot is not authorized to access this account": BotToken,
}


class Diagnosis:
    """Turns answers and failures of one Chatwoot account into errors that a person can act on."""

    def __init__(self, base_url: str, account_id: int | None, token: str) -> None:
        self._values: dict[str, Any] = {"base_url": base_url, "account_id": account_id or "?"}
        self._base_url, self._token = base_url, token

    def no_answer(self, failure: CallFailed) -> BridgeError:
        """The error for a call that brought no answer (ryzeapi.md section 2.1, row 502)."""
        kind = AddressBlocked if failure.blocked else ChatwootUnreachable
        error = kind(detail=self._clean(failure.detail), **self._values)
        error.uncertain = failure.sent
        return error

    def refusal(self, answer: Answer) -> BridgeError:
        """The error for an answer that is not what was asked for."""
        kind = self._kind(answer)
        more: dict[str, Any] = {"location": self._location(answer), "http_status": answer.status}
        if answer.status == 429:
            more["retry_after_s"] = retry_after_s(answer)
        error = kind(detail=self.cause(answer), **self._values, **more)
        if isinstance(error, ChatwootUnreachable):
            error.uncertain = answer.status >= 500
        return error

    def not_now(self, answer: Answer, *, uncertain: bool) -> BridgeError:
        """The error for an answer that cannot be Chatwoot's, where Chatwoot has been before.

        A page of a proxy, or its own 404 while Chatwoot is being restarted: it will come back.
        """
        error = ChatwootFailing(
            detail=self.cause(answer), **self._values, http_status=answer.status
        )
        error.uncertain = uncertain
        return error

    def not_chatwoot(self, answer: Answer) -> BridgeError:
        """The error for a success that does not read like Chatwoot's."""
        return NotChatwoot(detail=self.cause(answer), **self._values)

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
        return NotAdministrator(detail=self._clean(cause), **self._values)

    def _kind(self, answer: Answer) -> type[BridgeError]:
        status = answer.status
        if 300 <= status < 400:
            foreign = origin(self._location(answer)) != origin(self._base_url)
            return ChatwootRedirects if foreign else ChatwootNotFound
        if status >= 500:
            return ChatwootFailing
        if status == 429:
            return ChatwootThrottles
        if answer.media_type == "text/html" and status not in {401, 403}:
            return NotChatwoot
        if status in {401, 403}:
            return self._denial(answer)
        if status == 402:
            return InboxLimit
        if status == 404:
            known = _said(answer).get("error") == "Resource could not be found"
            return AccountUnknown if known else ChatwootNotFound
        if 400 <= status < 500:
            return ChatwootRejects
        return NotChatwoot

    def _denial(self, answer: Answer) -> type[BridgeError]:
        said = _said(answer)
        if isinstance(said.get("errors"), list):
            return TokenNotReceived
        return REFUSALS.get(str(said.get("error", "")), AccessDenied)

    def _location(self, answer: Answer) -> str:
        target = urljoin(answer.url, answer.headers.get("location", ""))
        return target.partition("?")[0] if 300 <= answer.status < 400 else ""

    def _clean(self, text: str) -> str:
        """Without our token, and without other secrets that an odd answer may show by name."""
        return mask(text.replace(self._token, MASK) if self._token else text)


def is_passing(error: BridgeError) -> bool:
    """Whether the whole of Chatwoot fails, which passes; False when it may be this request."""
    return error.values.get("http_status") != 500


def retry_after_s(answer: Answer) -> float:
    """How long a 429 lasts, in seconds: until Chatwoot's next full minute (section 9).

    Chatwoot itself names no time; a proxy may.
    """
    named = answer.headers.get("retry-after", "")
    if named.isdecimal() and len(named) < 6:
        return float(named)
    try:
        now = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError, IndexError, TypeError):
        return float(_MINUTE_S)
    return float(_MINUTE_S - now.second)


def _said(answer: Answer) -> dict[str, object]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
