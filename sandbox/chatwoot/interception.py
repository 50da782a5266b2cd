"""Applies the faults around each request, and notes each request in the log."""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from sandbox.chatwoot import versions
from sandbox.chatwoot.access import by_agent, params, read_params, server
from sandbox.chatwoot.agent import after_form, before_write
from sandbox.chatwoot.answers import no_route, reply
from sandbox.chatwoot.fault_table import FAULT_TABLE, TOO_LONG, Outcome
from sandbox.chatwoot.faults import Fault
from sandbox.chatwoot.progress import Progress, fail_at
from sandbox.chatwoot.request_kinds import RequestFacts, kind_of
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.versions import Trait
from sandbox.kit.body import dumps
from sandbox.kit.responses import NoAnswer

DASHBOARD = (
    "<!DOCTYPE html>\n<html>\n  <head><title>Chatwoot</title></head>\n"
    '  <body class="text-slate-600"><div id="app"></div></body>\n</html>\n'
)
_LATE = "sandbox.late"
_REASONS = {
    403: "403 Forbidden",
    413: "413 Request Entity Too Large",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_PROXY_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def _is_for_chatwoot() -> bool:
    """Whether the request is one to Chatwoot, not to the agent page or the control API."""
    is_page = request.path in ("/", "/favicon.ico") or request.path.startswith("/sandbox")
    return not is_page and not by_agent()


def before() -> Response | None:
    """Read a request, and apply the faults that come before it. The agent's own is not logged."""
    g.at = time.time()
    if by_agent():
        before_write()
        return _begin()
    if not _is_for_chatwoot():
        return None
    options = server().state.options
    if options.throttle and request.path != "/health":
        per_minute = 3000 if options.has(Trait.MANY_REQUESTS) else 300
        if not server().limits.allow(f"address/{request.remote_addr}", per_minute):
            return _error(429)
    if server().faults.in_force("late-504"):
        request.get_data(cache=True)  # it is done again later
    read_params()
    if versions.lacks_route(options.version, request.method, request.path):
        return no_route().response()
    g.sent = g.params
    g.params = versions.read(options.version, request.path, g.params)
    faults = server().faults
    place = {"method": request.method, "path": request.path}
    if fault := faults.use("slow", **place):
        time.sleep(fault.seconds)
    fault = faults.use("refuse", "html", "drop", "redirect", **place)
    if fault is None:
        return _begin()
    match fault.kind:
        case "refuse":
            return _refusal(fault.status, fault.body, fault.retry_after)
        case "html":
            return Response(DASHBOARD, content_type="text/html; charset=utf-8")
        case "redirect":
            target = fault.location.rstrip("/") + request.full_path.rstrip("?")
            return Response("", 301, {"Location": target}, content_type="text/html")
    return NoAnswer(status=502)


def _refusal(status: int, body: str | None, retry_after: int | None) -> Response:
    if body is not None:
        is_json = body.startswith(("{", "["))
        answer = Response(body, status, mimetype="application/json" if is_json else "text/html")
    else:
        answer = _page(status) if status in (502, 503, 504) else _error(status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _error(status: int, text: str = "Refused by the sandbox") -> Response:
    """An error in the form that Chatwoot gives this status."""
    if status == 429:
        return Response("Retry later\n", status, content_type="text/plain")
    if status >= 500:
        return reply({"status": status, "error": "Internal Server Error"}, status)
    return reply({"error": text}, status)


def after(response: Response) -> Response:
    """Apply the faults that come after a request, and log it."""
    if not _is_for_chatwoot():
        return after_form(_end(response))
    _fit(response)
    response = _end(response)
    faults = server().faults
    if request.path != "/cable" or response.status_code != 200:
        note(None if isinstance(response, NoAnswer) else response.status_code)
    if not faults.in_force():
        return response
    place = {"method": request.method, "path": request.path}
    if fault := faults.use("slow_after", **place):
        time.sleep(fault.seconds)
    if faults.use("drop_after", **place):
        return NoAnswer(status=response.status_code)
    if fault := faults.use("drip", **place):
        response = _dripping(response, fault.seconds)
    return response


def _fit(response: Response) -> None:
    """Leave out what the reported version does not know."""
    version = server().state.options.version
    if versions.knows_all_fields(version):
        return
    if not response.is_json or response.is_streamed or not response.get_data():
        return
    response.set_data(dumps(versions.fitted(version, response.get_json())))


def _dripping(response: Response, seconds: float) -> Response:
    body = response.get_data()

    def drops() -> Iterator[bytes]:
        for position in range(len(body)):
            time.sleep(seconds)
            yield body[position : position + 1]

    headers = [(name, value) for name, value in response.headers if name != "Content-Length"]
    slow = Response(drops(), response.status_code, headers)
    slow.content_length = len(body)
    return slow


def note(status: int | None) -> None:
    """Write the current request into the log; a status of None means it got no answer."""
    body: Any = g.get("sent", g.get("params")) or None
    entry = {
        "at": g.at,
        "method": request.method,
        "path": request.path,
        "route": request.url_rule.rule if request.url_rule else "(none)",
        "query": request.args.to_dict(),
        "content_type": request.mimetype,
        "body": body,
        "status": status,
        "as": g.get("caller_name"),
    }
    if request.mimetype == "multipart/form-data":
        entry["fields"] = sorted(request.form)
        entry["files"] = [
            {"field": field, "name": file.filename, "type": file.mimetype}
            for field, file in request.files.items(multi=True)
        ]
    server().log.add(entry)


@dataclass(frozen=True)
class AppliedFault:
    """A fault that met the current request, which it lets come as far as the outcome says."""

    fault: Fault
    outcome: Outcome


def _page(status: int) -> Response:
    """What a proxy answers."""
    reason = _REASONS.get(status, str(status))
    return Response(_PROXY_PAGE.format(reason), status, content_type="text/html")


def _facts() -> RequestFacts:
    """The current request as faults see it."""
    given: Any = params()
    message = given.get("message")
    message = message if isinstance(message, dict) else given
    return RequestFacts(
        method=request.method,
        path=request.path,
        kind=kind_of(request.method, request.path, has_files=bool(request.files)),
        content=dumps(given),
        incoming=message.get("message_type") in ("incoming", 0),
        by_page=by_agent(),
    )


def _begin() -> Response | None:
    """Let a fault meet the current request: its answer when nothing is to be done, else None."""
    faults = server().faults
    if not faults.in_force() or request.environ.get(_LATE):
        return None
    this = _facts()
    fault = faults.affecting(this)
    outcome = fault.outcome(this) if fault else None
    if fault is None or outcome is None:
        return None
    wait_s = fault.shortened(outcome.wait_s)
    if outcome.lock and outcome.at is not Progress.BEFORE:
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
    if outcome.at is Progress.BEFORE:
        return _answer(AppliedFault(fault, outcome), this)
    _let_come(fault, outcome)
    return None


def _let_come(fault: Fault, outcome: Outcome) -> None:
    """Let the current request come as far as the outcome says."""
    g.applied = AppliedFault(fault, outcome)
    fail_at(outcome.at, loses_bytes=FAULT_TABLE[fault.kind].loses_bytes)


def _ends_within(fault: Fault, seconds: float) -> bool:
    left = fault.left_s
    return left is not None and left <= seconds


def _end(response: Response) -> Response:
    """The answer of a request that a fault let come so far."""
    applied = cast(AppliedFault | None, g.pop("applied", None))
    fail_at(None)
    if applied is None or response.status_code != 200:
        return response
    after_s = applied.outcome.wait_s if applied.outcome.lock else applied.outcome.after_s
    kills = server().faults.interruptions
    applied.fault.wait(applied.fault.shortened(after_s))
    if server().faults.interruptions != kills:
        return NoAnswer(status=502)
    if applied.outcome.form == "truncated":
        body = response.get_data()
        response.set_data(body[: len(body) // 2])
        return response
    return _answer(applied, _facts())


def _answer(applied: AppliedFault, this: RequestFacts) -> Response:
    outcome = applied.outcome
    if outcome.status == 0:
        return NoAnswer(status=502)
    match outcome.form:
        case "page" | "late":
            return _page(outcome.status)
        case "text":
            return Response(outcome.error, outcome.status, content_type="text/plain")
        case "empty":
            return Response(status=outcome.status)
        case "redirect":
            target = applied.fault.location.rstrip("/") + request.full_path.rstrip("?")
            return Response("", 302, {"Location": target}, content_type="text/html")
    text = _worded(applied, this) if outcome.status == 422 else outcome.error
    return _error(outcome.status, text)


def _worded(applied: AppliedFault, this: RequestFacts) -> str:
    """POST messages alone says in the account's language that a request took too long, and only
    once it is known whose it is."""
    is_message = this.kind in ("text", "file") and applied.fault.kind not in (
        "tokens-locked",
        "accounts-locked",
    )
    if applied.outcome.error != TOO_LONG:
        return applied.outcome.error
    state = server().state
    account = state.accounts.get(this.account_id or 0)
    locale = account.locale if is_message and account else state.options.default_locale
    return sentence(locale, "request too long")


def _do_later(seconds: float) -> None:
    """Do the current request some seconds from now, when nobody waits for its answer."""
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
    environ = {name: value for name, value in request.environ.items() if name.isupper()}
    environ |= {name: value for name, value in request.environ.items() if name.startswith("wsgi.")}
    body = io.BytesIO(request.get_data(cache=True))
    environ |= {"wsgi.input": body, _LATE: True}

    def do() -> None:
        with app.request_context(environ):
            app.full_dispatch_request()

    server().later(seconds, do)
