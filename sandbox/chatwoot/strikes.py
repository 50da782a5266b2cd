"""Carries out the faults of the table: waits, failures before and after the commit, answers."""

import io
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from sandbox.chatwoot.access import params, world
from sandbox.chatwoot.answers import as_text, crash, reply, unprocessable
from sandbox.chatwoot.fault_table import TOO_LONG, TROUBLES, Outcome
from sandbox.chatwoot.faults import Fault
from sandbox.chatwoot.requestkinds import Asked, is_agents, kind_of
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.stages import Stage, fail_at
from sandbox.kit.responses import NoAnswer

_LATE = "sandbox.late"
_REASONS = {
    403: "403 Forbidden",
    413: "413 Request Entity Too Large",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(frozen=True)
class Strike:
    """A fault that met the current request, which it lets come as far as the outcome says."""

    fault: Fault
    outcome: Outcome


def page(status: int) -> Response:
    """What a proxy answers."""
    reason = _REASONS.get(status, str(status))
    return Response(_PAGE.format(reason), status, content_type="text/html")


def asked() -> Asked:
    """The current request as faults see it."""
    given: Any = params()
    message = given.get("message")
    message = message if isinstance(message, dict) else given
    return Asked(
        method=request.method,
        path=request.path,
        kind=kind_of(request.method, request.path, has_files=bool(request.files)),
        content=as_text(given),
        incoming=message.get("message_type") in ("incoming", 0),
        by_page=is_agents(request.path),
    )


def keep_body() -> None:
    """Keep the bytes of a request that may be done again later."""
    if world().faults.in_force("late-504"):
        request.get_data(cache=True)


def begin() -> Response | None:
    """Let a fault meet the current request: its answer when nothing is to be done, else None."""
    faults = world().faults
    if not faults.in_force() or request.environ.get(_LATE):
        return None
    this = asked()
    fault = faults.meet(this)
    outcome = fault.outcome(this) if fault else None
    if fault is None or outcome is None:
        return None
    wait_s = fault.shortened(outcome.wait_s)
    if outcome.lock and outcome.at is not Stage.BEFORE:
        if _ends_within(fault, wait_s):
            fault.wait(wait_s)
        else:
            _let_come(fault, outcome)
        return None
    kills = faults.interruptions
    ended = fault.wait(None if wait_s == float("inf") else wait_s)
    if faults.interruptions != kills:
        return NoAnswer(status=502)  # the web server was killed meanwhile
    if (outcome.lock and ended) or outcome == Outcome(wait_s=outcome.wait_s):
        return None
    if outcome.form == "late":
        _do_later(fault.after)
    if outcome.at is Stage.BEFORE:
        return _answer(Strike(fault, outcome), this)
    _let_come(fault, outcome)
    return None


def _let_come(fault: Fault, outcome: Outcome) -> None:
    """Let the current request come as far as the outcome says."""
    g.strike = Strike(fault, outcome)
    fail_at(outcome.at, loses_bytes=TROUBLES[fault.kind].loses_bytes)


def _ends_within(fault: Fault, seconds: float) -> bool:
    left = fault.left_s
    return left is not None and left <= seconds


def end(response: Response) -> Response:
    """The answer of a request that a fault let come so far."""
    strike = cast(Strike | None, g.pop("strike", None))
    fail_at(None)
    if strike is None or response.status_code != 200:
        return response
    after_s = strike.outcome.wait_s if strike.outcome.lock else strike.outcome.after_s
    kills = world().faults.interruptions
    strike.fault.wait(strike.fault.shortened(after_s))
    if world().faults.interruptions != kills:
        return NoAnswer(status=502)
    if strike.outcome.form == "truncated":
        body = response.get_data()
        response.set_data(body[: len(body) // 2])
        return response
    return _answer(strike, asked())


def _answer(strike: Strike, this: Asked) -> Response:
    outcome = strike.outcome
    if outcome.status == 0:
        return NoAnswer(status=502)
    match outcome.form:
        case "page" | "late":
            return page(outcome.status)
        case "text":
            return Response(outcome.error, outcome.status, content_type="text/plain")
        case "empty":
            return Response(status=outcome.status)
        case "redirect":
            target = strike.fault.location.rstrip("/") + request.full_path.rstrip("?")
            return Response("", 302, {"Location": target}, content_type="text/html")
    if outcome.status == 429:
        return Response("Retry later\n", 429, content_type="text/plain")
    if outcome.status == 500:
        return crash().response()
    if outcome.status == 422:
        return unprocessable(_worded(strike, this)).response()
    return reply({"error": outcome.error}, outcome.status)


def _worded(strike: Strike, this: Asked) -> str:
    """POST messages alone says in the account's language that a request took too long, and only
    once it is known whose it is."""
    is_message = this.kind in ("text", "file") and strike.fault.kind not in (
        "tokens-locked",
        "accounts-locked",
    )
    if strike.outcome.error != TOO_LONG:
        return strike.outcome.error
    state = world().state
    account = state.accounts.get(this.account_id or 0)
    locale = account.locale if is_message and account else state.options.default_locale
    return sentence(locale, "request too long")


def _do_later(seconds: float) -> None:
    """Do the current request some seconds from now, when nobody waits for its answer."""
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    base = {name: value for name, value in request.environ.items() if name.isupper()}
    base |= {name: value for name, value in request.environ.items() if name.startswith("wsgi.")}
    body = io.BytesIO(request.get_data(cache=True))
    environ = base | {"wsgi.input": body, _LATE: True}

    def do() -> None:
        with app.request_context(environ):
            app.full_dispatch_request()

    world().later(seconds, do)
