"""What all pages share: the services, who asks, and the page for an error."""

from dataclasses import dataclass, fields
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError

from bridge import __version__
from bridge.domain.errors import N_, BridgeError, Problem
from bridge.domain.errors.stored import pack, unpack
from bridge.domain.models import Actor
from bridge.services import Services
from bridge.web.api.limits import Limits

_STATUS = {
    400: N_("The browser sent something that cannot be read"),
    404: N_("There is no such page"),
    405: N_("This page does not accept this kind of request"),
    413: N_("The form is too large"),
    429: N_("Too many requests in a short time"),
    500: N_("Something went wrong on our side"),
}
_NEXT = {
    404: N_("Check the address, or continue from the overview."),
    429: N_("Wait a minute, then try again."),
    500: N_("Try again; if it happens again, look at the log of the bridge."),
}
_FORGED = N_("This form could not be matched with your session")
_FORGED_NEXT = N_("Go back, reload the page and send it again. Cookies must be allowed.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a page says about a failure: the sentence, the next step, the raw cause."""

    sentence: Problem
    remedy: Problem | None = None
    detail: str = ""

    @classmethod
    def of(cls, error: BridgeError) -> "Trouble":
        """The same sentence as the JSON API gives, and its remedy."""
        return cls(error.summary, error.next_step, error.detail)

    def packed(self) -> dict[str, Any]:
        """As a draft stores it."""
        return {field.name: pack(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> "Trouble":
        """As it was before `packed`."""
        return cls(**{name: unpack(value) for name, value in packed.items()})


def services() -> Services:
    extension: Services = current_app.extensions["services"]
    return extension


def rate_limits() -> Limits:
    extension: Limits = current_app.extensions["limits"]
    return extension


def caller_address() -> str:
    """The address that a request comes from, as the name of a bucket."""
    return request.remote_addr or "unknown"


def operator() -> Actor:
    """Who sits in front of the signed-in pages, for the audit trail."""
    return Actor("account", caller_address())


def register(app: Flask) -> None:
    """Pages know the version, and have a page for a form that is not theirs."""
    app.context_processor(lambda: {"version": __version__})

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        return _page(400, Trouble(Problem(_FORGED), Problem(_FORGED_NEXT)))


def problem_page(status: int, error: BridgeError | None) -> Response:
    """The page for an error that belongs to no field."""
    if error is not None:
        return _page(status, Trouble.of(error))
    remedy = _NEXT.get(status)
    sentence = _STATUS.get(status, _STATUS[500] if status >= 500 else _STATUS[400])
    return _page(status, Trouble(Problem(sentence), Problem(remedy) if remedy else None))


def _page(status: int, trouble: Trouble) -> Response:
    return make_response(render_template("problem.html", trouble=trouble), status)
