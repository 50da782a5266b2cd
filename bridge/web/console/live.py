"""Tells open pages whether anything has changed since they were drawn; they then ask for themselves
anew.

A page asks every few seconds, and the answer is a comparison of two numbers in memory: no query
runs, no connection is held, and the way of a message does not notice.
"""

import time

from flask import Blueprint, Flask, Response, g, request

from bridge.web.pages import services

#: After so many seconds a page counts as old although nobody has written: times go by.
_TIMES_GO_BY_S = 20.0

blueprint = Blueprint("live", __name__)


def register(app: Flask) -> None:
    """Adds the address that is asked, and tells templates how things stand now."""
    app.before_request(_note)
    app.context_processor(lambda: {"edition": g.get("edition", "")})
    app.register_blueprint(blueprint)


@blueprint.get("/live")
def live() -> Response:
    """304 while everything is as `If-None-Match` says, else 200; the ETag says how it is now."""
    answer = Response(mimetype="text/plain")
    answer.set_etag(_edition())
    # Kept by nobody but the page that asks, which compares by itself.
    answer.headers["Cache-Control"] = "no-store"
    answer.make_conditional(request)
    return answer


def _note() -> None:
    """Before a page reads anything: what changes while it is drawn is news to it."""
    if request.endpoint != "static":
        g.edition = _edition()


def _edition() -> str:
    tray = services()
    beats = "up" if tray.router_alive else "down"
    return f"{tray.store.version.hex()}-{int(time.monotonic() // _TIMES_GO_BY_S)}-{beats}"
