"""The Flask application: the gateways' APIs, the control API and the phone's page on one port."""

import time
from pathlib import Path
from typing import cast

from flask import Flask, Response, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from bridge.config.assets import folder
from sandbox.kit.body import Json
from sandbox.kit.loopback import stranger
from sandbox.kit.responses import NoAnswer, harden
from sandbox.kit.server import serve, url_of
from sandbox.whatsapp import control, page
from sandbox.whatsapp.dialect import Dialect
from sandbox.whatsapp.phone import EXTENSION, Phone, the_phone
from sandbox.whatsapp.registry import DIALECTS, Dialects

MAX_REQUEST = 150 * 1024 * 1024
_LONGEST_BODY = 4096


def create_sandbox_phone(database: Path | None, dialects: Dialects = DIALECTS) -> Flask:
    """The pretend gateways with their phone, its state in `database` (None: in memory)."""
    app = Flask(
        "sandbox.whatsapp",
        template_folder=str(folder("templates")),
        static_folder=str(folder("static")),
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_REQUEST
    app.json = json = DefaultJSONProvider(app)
    json.sort_keys, json.ensure_ascii, json.compact = False, False, True
    phone = app.extensions[EXTENSION] = Phone(database, dialects)
    for dialect in phone.dialects.values():
        app.register_blueprint(dialect.routes)
    for routes in (control.routes, control.files, page.routes):
        app.register_blueprint(routes)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(HTTPException, _unroutable)
    return app


def _begin() -> Response | tuple[Json, int] | None:
    """Refuse strangers, count the request, and apply the faults that come before acting."""
    g.began, g.faults = time.perf_counter(), []
    phone = the_phone()
    dialect = g.dialect = phone.dialect_at(request.path)
    if sentence := stranger():
        return {"error": sentence}, 403
    phone.base_url = request.host_url.rstrip("/")
    if dialect is None:
        return None
    g.faults = phone.faults.for_request(request.method, request.path, request.get_data())
    if refused := dialect.begin():
        return refused
    for fault in g.faults:
        if fault.kind == "slow_before":
            time.sleep(fault.seconds)
        elif fault.kind == "drop_before":
            g.dropped = True
            return Response()
        elif fault.kind == "no_echo":
            g.lost = True
        elif fault.kind == "status":
            return dialect.fault(fault)
    return None


def _finish(answer: Response) -> Response:
    """Headers for everybody, the faults that come after acting, and the request log."""
    dialect: Dialect | None = g.dialect
    if dialect is None:
        return harden(answer)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer = dialect.finish(answer)
    for fault in g.faults:
        if fault.kind == "slow_after":
            time.sleep(fault.seconds)
        elif fault.kind == "drop_after":
            g.dropped = True
        elif fault.kind == "status_after":
            error = dialect.fault(fault)
            answer.status_code, answer.data = error.status_code, error.data
            answer.content_type = error.content_type
    body = request.get_data()
    the_phone().requests.add(
        {
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "route": "/".join(request.path.split("/")[:4]),  # without the instance
            "query": request.args.to_dict() if request.query_string else {},
            "body": body if len(body) <= _LONGEST_BODY else body[:200] + b"...",
            "status": 0 if g.get("dropped") else answer.status_code,
            "ms": round((time.perf_counter() - g.began) * 1000, 2),
        }
    )
    return NoAnswer() if g.get("dropped") else answer


def _unroutable(error: HTTPException) -> Response | tuple[Json, int]:
    """Unknown routes, wrong methods, bodies too large: answered as every other error is."""
    if g.dialect is None:
        return {"error": error.name}, error.code or 500
    dialect: Dialect = g.dialect
    return dialect.refusal(error.code or 500, error.name)


def serve_sandbox_phone(host: str, port: int, database: Path) -> None:
    """Serve until terminated.  ValueError for a host that others could reach: this is a toy."""

    def phone_of(app: Flask) -> Phone:
        return cast(Phone, app.extensions[EXTENSION])

    def build() -> Flask:
        app = create_sandbox_phone(database)
        phone_of(app).base_url = url_of(host, port)
        phone_of(app).deliveries.start()
        return app

    # Running requests get a moment, not the length of an open page.
    serve("sandbox phone", host, port, build, lambda app: phone_of(app).sockets.hang_up(), 0.5)
