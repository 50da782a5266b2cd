"""Tells open pages whether anything has changed since they were drawn; they then reload.

A page asks every few seconds. The answer compares two numbers in memory: no query runs and no
connection is held.
"""

import time

from flask import Blueprint, Flask, Response, g, request

from bridge.web.pages import services

#: Seconds after which a page is out of date although nobody has written: it shows times.
_TIMES_GO_BY_S = 20.0

blueprint = Blueprint("live", __name__)


def register(app: Flask) -> None:
    """Adds the address that is asked, and gives templates the edition of what they show."""
    app.before_request(_note)
    app.context_processor(lambda: {"edition": g.get("edition", "")})
    app.register_blueprint(blueprint)


@blueprint.get("/live")
def live() -> Response:
    """304 while everything is as `If-None-Match` says, else 200; the ETag says how it is now."""
    answer = Response(mimetype="text/plain")
    answer.set_etag(_edition())
    # Only the page that asks stores it, and compares by itself.
    answer.headers["Cache-Control"] = "no-store"
    answer.make_conditional(request)
    return answer


def _note() -> None:
    """Before a page reads anything: a change while it is drawn makes it out of date."""
    if request.endpoint != "static":
        g.edition = _edition()


def _edition() -> str:
    router = "up" if services().router_alive else "down"
    version = services().store.version.hex()
    return f"{version}-{int(time.monotonic() // _TIMES_GO_BY_S)}-{router}"
