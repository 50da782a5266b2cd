"""The web process as `serve` starts it, with one path more that does nothing.

`python -m bench.web PORT` serves the installation in BRIDGE_INSTANCE_DIR, without a router.
"""

import socket
import sys
from unittest import mock

from flask import Flask, Response, request

from bridge.config import settings
from bridge.services import Services
from bridge.web import app as web
from bridge.web import guard
from bridge.web.server import serve

#: The measure of all others: a view of the same application that reads the body and answers.
NOTHING = "/nothing"


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    with mock.patch.object(serve, "create_app", _with_nothing):
        serve.serve_web(settings.load(), listener.fileno())


def _with_nothing(
    given: settings.Settings | None = None, services: Services | None = None
) -> Flask:
    app = web.create_app(given, services)
    app.add_url_rule(NOTHING, view_func=_nothing, methods=["POST"])
    app.extensions["csrf"].exempt(_nothing)
    guard.OPEN[_nothing.__name__] = "the measure of all others"
    return app


def _nothing() -> Response:
    request.get_data(cache=False)
    return Response("ok\n", 200, mimetype="text/plain")


if __name__ == "__main__":
    main()
