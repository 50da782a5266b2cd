"""The only place that turns errors into responses: the contract's envelope, or a page.

Rules: docs/contracts/ryzeapi.md, Envelopes (`{"success":false,"error":{"message":...}}`, only these
two fields).
"""

import logging
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from bridge.domain.errors import BridgeError
from bridge.web.api import bodies
from bridge.web.paths import is_api

log = logging.getLogger(__name__)

#: Draws an error page for people: status, error.
PageOfError = Callable[[int, BridgeError | None], Response]

_ROUTING = {
    400: "bad request",
    404: "route not found - the API is described at /docs",
    405: "method not allowed for this route",
    413: "request body is too large",
    414: "request address is too long",
}


def register(app: Flask, page: PageOfError) -> None:
    """Makes every error of `app` leave in the right shape."""

    @app.errorhandler(BridgeError)
    def bridge_error(error: BridgeError) -> Response:
        if error.status >= 500:
            log.warning("%s %s: %s", request.method, request.path, error.message)
        return (
            bodies.error(error.status, error.message)
            if is_api(request.path)
            else page(error.status, error)
        )

    @app.errorhandler(HTTPException)
    def routing(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if status < 400:
            return error  # a redirect of the routing
        message = _ROUTING.get(status, error.name.lower())
        response = bodies.error(status, message) if is_api(request.path) else page(status, None)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Response:
        log.exception("%s %s failed", request.method, request.path)
        message = "internal error - the log of the bridge has the details"
        return bodies.error(500, message) if is_api(request.path) else page(500, None)
