"""Closing a connection without a word."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class NoAnswer(Response):
    """Closes the connection without a byte.

    gunicorn's threaded worker takes StopIteration for "nothing more to say on this connection".
    """

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        raise StopIteration
