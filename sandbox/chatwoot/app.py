"""Puts the sandbox Chatwoot together as a Flask app."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter
from werkzeug.routing.exceptions import WebsocketMismatch

from bridge.config.assets import folder
from sandbox.chatwoot import (
    account,
    account_webhooks,
    agent,
    bots,
    cable,
    contact_search,
    contacts,
    control,
    conversations,
    inboxes,
    messages,
    page,
    page_settings,
    uploads,
)
from sandbox.chatwoot.access import as_id
from sandbox.chatwoot.answers import Refusal, crash, no_route, reply
from sandbox.chatwoot.message_actions import webhook_failed
from sandbox.chatwoot.tamper import DASHBOARD, watch
from sandbox.chatwoot.world import World
from sandbox.kit.responses import harden

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
    account_webhooks,
    bots,
    cable,
    control,
    agent,
    page,
    page_settings,
)


def create_sandbox_chatwoot(
    database: Path | None, *, base_url: str = "http://127.0.0.1:8090"
) -> Flask:
    """The sandbox over a state file, or in memory when `database` is None.

    `base_url` is what the addresses of attachments start with.
    """
    app = Flask(
        "sandbox_chatwoot",
        template_folder=str(folder("templates") / "sandbox"),
        static_folder=str(folder("static")),
        static_url_path="/sandbox/static",
    )
    world = World(database, base_url)
    world.events.mark_failed = partial(webhook_failed, world)
    app.extensions["sandbox_chatwoot"] = world
    watch(app)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters["int"] = _Id
    app.wsgi_app = _plain_paths(app.wsgi_app)  # type: ignore[method-assign, assignment]
    for room in _ROOMS:
        app.register_blueprint(room.routes)
    app.add_url_rule("/app", "dashboard", _dashboard)
    app.add_url_rule("/app/<path:anything>", "dashboard", _dashboard)
    app.register_error_handler(Refusal, _refused)
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
    """Chatwoot's catch-all: every address under /app is the dashboard's HTML.

    A program gets what Chatwoot answers; a person is shown the way to the agent page.
    """
    if not request.headers.get("Accept", "").startswith("text/html"):
        return Response(DASHBOARD, content_type=_HTML)
    wanted, target = _CONVERSATION.match(anything), url_for("page.home")
    if wanted:
        target = url_for("page.conversation", account_id=wanted[1], number=wanted[2])
    return harden(
        Response(render_template("chatwoot_dashboard.html", target=target), content_type=_HTML)
    )


def _refused(refusal: Refusal) -> Response:
    return refusal.response()


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
