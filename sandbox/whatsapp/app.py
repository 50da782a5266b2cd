"""The Flask application: the gateway's API, the control API and the phone's page on one port."""

import time
from pathlib import Path

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from bridge.config.assets import folder
from sandbox.gateways.ryzeapi import access, api_chats, api_instances, api_messages
from sandbox.gateways.ryzeapi.wire import Json, Refusal, dumps, failure
from sandbox.kit.loopback import stranger
from sandbox.kit.noanswer import NoAnswer
from sandbox.whatsapp import control, page
from sandbox.whatsapp.faults import Fault
from sandbox.whatsapp.phone import Phone
from sandbox.whatsapp.watch import keep, route_of

MAX_REQUEST = 150 * 1024 * 1024
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " media-src 'self'; connect-src 'self' ws:; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)


def create_sandbox_phone(database: Path | None) -> Flask:
    """The pretend gateway with its phone, its state in `database` (None: in memory).

    Starts nothing: webhook threads begin with the first event, or with `Phone.courier.start`.
    """
    app = Flask(
        "sandbox.whatsapp",
        template_folder=str(folder("templates")),
        static_folder=str(folder("static")),
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_REQUEST
    app.json = _Json(app)
    app.extensions[access.EXTENSION] = Phone(database)
    for module in (api_instances, api_messages, api_chats, control, page):
        app.register_blueprint(module.routes)
    app.register_blueprint(control.files)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _unroutable)
    return app


class _Json(DefaultJSONProvider):
    """Answers in the order they were written, with real letters."""

    sort_keys = False
    ensure_ascii = False
    compact = True


def _begin() -> Response | tuple[Json, int] | None:
    """Refuse strangers, count the request, and let the faults strike that come before it."""
    g.began = time.perf_counter()
    g.faults = []
    phone = access.the_phone()
    if sentence := stranger():
        return failure(sentence), 403
    phone.base_url = request.host_url.rstrip("/")
    if not _is_api():
        return None
    body = request.get_data()
    g.faults = phone.faults.for_request(request.method, request.path, body)
    access.count_request(phone, creating=request.path == "/api/instance/new")
    for fault in g.faults:
        if fault.kind == "slow_before":
            time.sleep(fault.seconds)
        elif fault.kind == "drop_before":
            g.dropped = True
            return Response()
        elif fault.kind == "no_echo":
            g.lost = True
        elif fault.kind == "status":
            return _failed(fault)
    return None


def _is_api() -> bool:
    return request.path.startswith(("/api/", "/ws/"))


def _failed(fault: Fault) -> Response:
    """The answer of a `status` or `status_after` fault; a 429 says when to come back, unless told
    otherwise."""
    texts = {
        429: "Rate limit exceeded. Try again later.",
        503: "Instance is not connected to WhatsApp",
    }
    message = fault.message or texts.get(fault.status, "Internal server error")
    answer = _json(failure(message), fault.status)
    if fault.raw:
        is_json = fault.raw.startswith("{")
        kind = "application/json" if is_json else "text/html; charset=utf-8"
        answer = Response(fault.raw, fault.status, content_type=kind)
    if fault.status == 429:
        limit, _, reset = g.rate
        seconds = int(fault.seconds)
        g.rate = (limit, 0, int(time.time()) + seconds if seconds else reset)
    answer.headers.update(fault.headers)
    return answer


def _finish(answer: Response) -> Response:
    """Headers for everybody, the faults that come after the deed, and the journal."""
    phone = access.the_phone()
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if not _is_api():
        answer.headers["Content-Security-Policy"] = CSP
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
    limit, remaining, reset = g.get("rate", (phone.switches.rate_limit, 0, 0))
    answer.headers.setdefault("X-RateLimit-Limit", str(limit))
    answer.headers.setdefault("X-RateLimit-Remaining", str(remaining))
    answer.headers.setdefault("X-RateLimit-Reset", str(reset))
    for fault in g.faults:
        if fault.kind == "slow_after":
            time.sleep(fault.seconds)
        elif fault.kind == "drop_after":
            g.dropped = True
        elif fault.kind == "status_after":
            told = _failed(fault)
            answer.status_code, answer.data = told.status_code, told.data
            answer.content_type = told.content_type
    phone.journal.add(
        {
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "route": route_of(request.path),
            "query": request.args.to_dict() if request.query_string else {},
            "body": keep(request.get_data()),
            "status": 0 if g.get("dropped") else answer.status_code,
            "ms": round((time.perf_counter() - g.began) * 1000, 2),
        }
    )
    if g.get("dropped"):
        return NoAnswer()
    return answer


def _refused(error: Refusal) -> Response:
    answer = _json(failure(error.message), error.status)
    answer.headers.update(error.headers)
    return answer


def _unroutable(error: HTTPException) -> Response:
    """Unknown routes, wrong methods, bodies too large: the same envelope as everything else."""
    return _json(failure(error.name), error.code or 500)


def _json(body: Json, status: int) -> Response:
    return Response(dumps(body), status, mimetype="application/json")
