"""Responses that both pretend servers give: none at all, and pages that load nothing foreign."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_HERE = "'self' http://127.0.0.1:* http://localhost:*"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self' ws:; form-action 'self'; base-uri 'none'; "
    f"frame-src {_HERE}; frame-ancestors {_HERE}"
)


class NoAnswer(Response):
    """Closes the connection without a byte.

    gunicorn's threaded worker takes StopIteration for "nothing more to say on this connection".
    """

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        raise StopIteration


def harden(response: Response) -> Response:
    """A page with no inline code, no foreign content and no caching."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
