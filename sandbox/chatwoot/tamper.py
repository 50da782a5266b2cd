"""Carries the faults out around each request, and notes each request in the log."""

import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, g, request

from sandbox.chatwoot import strikes, versions
from sandbox.chatwoot.access import read_params, world
from sandbox.chatwoot.answers import as_text, no_route, reply
from sandbox.chatwoot.requestkinds import is_agents
from sandbox.chatwoot.versions import Trait
from sandbox.kit.responses import NoAnswer

DASHBOARD = (
    "<!DOCTYPE html>\n<html>\n  <head><title>Chatwoot</title></head>\n"
    '  <body class="text-slate-600"><div id="app"></div></body>\n</html>\n'
)


def concerns_chatwoot(path: str) -> bool:
    """Whether the path is Chatwoot's own, not the agent page or the control API."""
    return path != "/" and path != "/favicon.ico" and not path.startswith("/sandbox")


def watch(app: Flask) -> None:
    """Hang faults and log around every request of the app."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    g.at = time.time()
    if not concerns_chatwoot(request.path):
        return _meet_agent()
    options = world().state.options
    if options.throttle and request.path != "/health":
        per_minute = 3000 if options.has(Trait.MANY_REQUESTS) else 300
        if not world().limits.allow(f"address/{request.remote_addr}", per_minute):
            return Response("Retry later\n", 429, content_type="text/plain")
    strikes.keep_body()
    read_params()
    if versions.lacks_route(options.version, request.method, request.path):
        return no_route().response()
    g.sent = g.params
    g.params = versions.read(options.version, request.path, g.params)
    faults = world().faults
    place = {"method": request.method, "path": request.path}
    if fault := faults.strike("slow", **place):
        time.sleep(fault.seconds)
    fault = faults.strike("refuse", "html", "drop", "redirect", **place)
    if fault is None:
        return strikes.begin()
    match fault.kind:
        case "refuse":
            return _refusal(fault.status, fault.body, fault.retry_after)
        case "html":
            return Response(DASHBOARD, content_type="text/html; charset=utf-8")
        case "redirect":
            target = fault.location.rstrip("/") + request.full_path.rstrip("?")
            return Response("", 301, {"Location": target}, content_type="text/html")
    return NoAnswer(status=502)


def _meet_agent() -> Response | None:
    """The agent page's own replies are met by faults that want it."""
    if not is_agents(request.path):
        return None
    read_params()
    return strikes.begin()


def _refusal(status: int, body: str | None, retry_after: int | None) -> Response:
    if body is not None:
        is_json = body.startswith(("{", "["))
        answer = Response(body, status, mimetype="application/json" if is_json else "text/html")
    elif status == 429:
        answer = Response("Retry later\n", status, content_type="text/plain")
    elif status in (502, 503, 504):
        answer = strikes.page(status)
    elif status >= 500:
        answer = reply({"status": status, "error": "Internal Server Error"}, status)
    else:
        answer = reply({"error": "Refused by the sandbox"}, status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _after(response: Response) -> Response:
    if not concerns_chatwoot(request.path):
        return strikes.end(response)
    _fit(response)
    response = strikes.end(response)
    faults = world().faults
    if request.path != "/cable" or response.status_code != 200:
        note(None if isinstance(response, NoAnswer) else response.status_code)
    if not faults.in_force():
        return response
    place = {"method": request.method, "path": request.path}
    if fault := faults.strike("slow_after", **place):
        time.sleep(fault.seconds)
    if faults.strike("drop_after", **place):
        return NoAnswer(status=response.status_code)
    if fault := faults.strike("drip", **place):
        response = _dripping(response, fault.seconds)
    return response


def _fit(response: Response) -> None:
    """Leave out what the reported version does not know."""
    version = world().state.options.version
    if versions.knows_all_fields(version):
        return
    if not response.is_json or response.is_streamed or not response.get_data():
        return
    response.set_data(as_text(versions.fitted(version, response.get_json())))


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
    world().log.add(entry)
