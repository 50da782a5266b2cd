"""Who may ask for what: every page is the operator's, unless it is listed here as open."""

from flask import Flask, abort, request

from bridge.web import session
from bridge.web.paths import is_api

#: The open routes, each with its reason. What is not listed here asks for a session; what lies
#: under /api asks for a token (`bridge.web.api.routes.guard`).
OPEN = {
    "static": "style and script of the sign-in page",
    "session.sign_in": "how one comes in",
    "session.sign_out": "ends what there is, and goes to the sign-in",
    "i18n.choose": "the language of the sign-in page",
    "docs.page": "the description of the API, the same for everybody",
    "ops.health": "says only that the process lives",
    "ops.ready": "says only whether it can work",
    "ops.numbers": "guards itself: a token, or this machine alone",
}
#: What browsers send forms as; nothing else is read as one.
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data", ""}


def register(app: Flask) -> None:
    app.before_request(_guard)


def forms_only() -> None:
    """Before anything reads a body: what is posted to a page is a form. Raises HTTPExceptions."""
    if request.method == "POST" and not is_api(request.path) and request.mimetype not in _FORMS:
        abort(415)


def _guard() -> None:
    if not is_api(request.path) and request.endpoint is not None and request.endpoint not in OPEN:
        session.require()
