"""Puts the sandbox Chatwoot together as a Flask app, and serves it."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, current_app, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter
from werkzeug.routing.exceptions import WebsocketMismatch

from bridge.config.assets import folder
from sandbox.chatwoot import (
    account,
    agent,
    cable,
    contact_search,
    contacts,
    control,
    conversations,
    inboxes,
    messages,
    page,
    uploads,
)
from sandbox.chatwoot.access import as_id
from sandbox.chatwoot.answers import Refusal, crash, no_route, reply
from sandbox.chatwoot.interception import DASHBOARD, after, before
from sandbox.chatwoot.message_actions import webhook_failed
from sandbox.chatwoot.server import Server
from sandbox.kit.responses import harden
from sandbox.kit.server import serve, url_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NOT_FOUND_PAGE = (
    "<!DOCTYPE html>\n<html>\n<head><title>The page you were looking for doesn't exist (404)"
    "</title></head>\n<body><h1>The page you were looking for doesn't exist.</h1></body>\n"
    "</html>\n"
)
_HTML = "text/html; charset=utf-8"
_CONVERSATION = re.compile(r"accounts/(\d+)/conversations/(\d+)")
_ROOMS = (
    account,
    inboxes,
    contacts,
    contact_search,
    conversations,
    messages,
    uploads,
    cable,
    control,
    agent,
    page,
)


def create_sandbox_chatwoot(database: Path | None, base_url: str, phone_url: str) -> Flask:
    """The sandbox over a state file, or in memory; `base_url` is Chatwoot's FRONTEND_URL."""
    app = Flask(
        "sandbox_chatwoot",
        template_folder=str(folder("templates") / "sandbox"),
        static_folder=str(folder("static")),
        static_url_path="/sandbox/static",
    )
    server = Server(database, base_url, phone_url)
    server.events.mark_failed = partial(webhook_failed, server)
    app.extensions["sandbox_chatwoot"] = server
    app.before_request(before)
    app.after_request(after)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters["int"] = _Id
    app.wsgi_app = agent.as_agent(_plain_paths(app.wsgi_app), server.state)  # type: ignore[method-assign, assignment]
    for room in _ROOMS:
        app.register_blueprint(room.routes)
    app.add_url_rule("/app", "dashboard", _dashboard)
    app.add_url_rule("/app/<path:anything>", "dashboard", _dashboard)
    app.register_error_handler(Refusal, Refusal.response)
    app.register_error_handler(HTTPException, _no_such_page)
    app.register_error_handler(Exception, _crashed)
    return app


class _Id(BaseConverter):
    """An id in a path; what is no number finds nothing, which is not "no such path"."""

    def to_python(self, value: str) -> int:
        return as_id(value)


def _plain_paths(inner: "WSGIApplication") -> "WSGIApplication":
    """Rails' routes know no double slashes, no slash at the end and no `.json`."""

    def served(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(("/api", "//")):
            path = re.sub("/{2,}", "/", path).rstrip("/").removesuffix(".json")
            environ = environ | {"PATH_INFO": path}
        return inner(environ, start_response)

    return served


def _dashboard(anything: str = "") -> Response:
    """What Chatwoot answers below /app; a browser is shown the way to the agent page."""
    if not request.headers.get("Accept", "").startswith("text/html"):
        return Response(DASHBOARD, content_type=_HTML)
    wanted, target = _CONVERSATION.match(anything), url_for("page.home")
    if wanted:
        target = url_for("page.conversation", account_id=wanted[1], number=wanted[2])
    return harden(
        Response(render_template("chatwoot_dashboard.html", target=target), content_type=_HTML)
    )


def _no_such_page(error: HTTPException) -> Response:
    if isinstance(error, WebsocketMismatch):
        return Response("Page not found", 404, content_type="text/plain; charset=utf-8")
    if error.code not in (404, 405):
        return reply({"status": error.code, "error": error.name}, error.code or 500)
    accept = request.headers.get("Accept", "")
    # Rails ignores an Accept header that looks like a browser's.
    if accept.startswith("application/json") and "*/*" not in accept:
        return no_route().response()
    return Response(_NOT_FOUND_PAGE, 404, content_type=_HTML)


def _crashed(error: Exception) -> Response:
    current_app.logger.exception("the sandbox itself failed")
    return crash().response()


def serve_sandbox_chatwoot(
    host: str,
    port: int,
    database: Path | None,
    phone_url: str = "",
    *,
    drop_underscores: bool = False,
) -> None:
    """Serve until stopped. Raises ValueError when `host` is not this machine only.

    `phone_url` is where a pretend WhatsApp is; `drop_underscores` behaves as a proxy that drops
    header names with underscores (docs/contracts/chatwoot.md, Access).
    """

    def server(app: Flask) -> Server:
        return cast(Server, app.extensions["sandbox_chatwoot"])

    serve(
        *("sandbox chatwoot", host, port),
        lambda: create_sandbox_chatwoot(database, url_of(host, port), phone_url),
        lambda app: server(app).subscribers.cut_all(),
        grace_s=2.0,
        clock=lambda app: server(app).state.options.now(),
        header_map="drop" if drop_underscores else "dangerous",
    )
