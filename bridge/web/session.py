"""Signing in with the account token. The cookie holds the key of a session, which lives in the
database and ends there, and the id of a draft."""

import contextlib
import secrets
from datetime import timedelta
from urllib.parse import urlencode

from flask import Blueprint, Flask, abort, flash, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from bridge.domain.errors import N_, Problem, StorageFailed
from bridge.domain.models import Actor
from bridge.store.sessions import LIFETIME_S, Session
from bridge.store.vault import same, token_hash
from bridge.web.api import limits
from bridge.web.forms import Form, SignInForm, draw
from bridge.web.i18n import gettext
from bridge.web.pages import Trouble, caller_address, operator, rate_limits, services
from bridge.web.paths import local_path

blueprint = Blueprint("session", __name__)
_WRONG = Trouble(
    Problem(N_("This is not the account token of this bridge")),
    Problem(
        N_(
            "Copy it again: it is in the file account-token of the instance folder, "
            "or in BRIDGE_ACCOUNT_TOKEN if that is set."
        )
    ),
)
_TOO_OFTEN = Trouble(
    Problem(N_("Too many attempts from your address")),
    Problem(N_("Wait a minute, then try again.")),
)


def register(app: Flask) -> None:
    """Adds the sign-in page. A visit renews the cookie, for a draft may be younger than the session
    that it was begun in; the session is not renewed by it."""
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=LIFETIME_S)
    app.context_processor(
        lambda: {"signed_in": is_signed_in(), "action_form": Form}  # for the button on top
    )
    app.register_blueprint(blueprint)


def is_signed_in() -> bool:
    """Whether the operator sits in front; a changed account token ends every session."""
    return current() is not None


def current() -> Session | None:
    if "session" not in g:
        sessions, now, key = services().sessions, services().clock(), session.get("key", "")
        row = None
        if isinstance(key, str) and key:
            row = sessions.find(token_hash(key), proof=_fingerprint(), now=now)
        if row is not None:
            sessions.note_seen(row, address=caller_address(), now=now)
        g.session = row
    current_row: Session | None = g.session
    return current_row


def signed_in_now() -> list[Session]:
    """All sessions that last."""
    return services().sessions.all(proof=_fingerprint(), now=services().clock())


def require() -> None:
    """Before every page of the operator: others are sent to sign in, and come back afterwards."""
    if is_signed_in():
        return
    if request.method != "GET":
        abort(redirect(url_for("session.sign_in")))
    back = request.full_path if request.query_string else request.path
    target = url_for("session.sign_in")
    abort(redirect(target if back == "/" else f"{target}?{urlencode({'next': back})}"))


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    target = local_path(request.args.get("next"))
    if is_signed_in():
        return redirect(target)
    form = SignInForm()
    if request.method != "POST" or not form.validate():
        return draw("sign_in.html", form)
    # Counted before the token is looked at: a guess beyond the limit learns nothing.
    bucket = ("signin", caller_address())
    allowance = rate_limits().take(limits.SIGN_IN, *bucket)
    if allowance.granted and same(token_hash(form.token.data), services().account_token_hash):
        rate_limits().forget(limits.SIGN_IN, *bucket)
        session.clear()
        session.permanent = True
        _begin()
        _note(operator(), N_("signed in"))
        return redirect(target)
    if allowance.granted:
        _note_refusal()
    form.token.errors = [_WRONG if allowance.granted else _TOO_OFTEN]
    answer = draw("sign_in.html", form)
    answer.status_code = 422 if allowance.granted else 429
    return answer


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Ends the session; an unfinished draft goes with it, for a token may be in it."""
    draft_id = session.get("draft")
    if draft_id:
        services().drafts.remove(draft_id)
    row = current()
    if row is not None:
        services().sessions.end(row.hash)
    session.clear()
    return redirect(url_for("session.sign_in"))


@blueprint.post("/sessions/end-others")
def end_others() -> Response:
    """Signs out every other browser."""
    row = current()
    if row is not None:
        services().sessions.end_others(row.hash)
        _note(operator(), N_("ended the other sessions"))
        flash(gettext("All other sessions have ended."))
    return redirect(url_for("console.audit"), 303)


def _begin() -> None:
    key, now = secrets.token_urlsafe(32), services().clock()
    row = Session(
        token_hash(key), operator().who, _fingerprint(), caller_address(), began_at=now, seen_at=now
    )
    services().sessions.begin(row)
    session["key"], g.session = key, row


def _note(by: Actor, action: str) -> None:
    """Whoever has the right token is let in, also while the disk is full."""
    with contextlib.suppress(StorageFailed):
        services().audit.note(by, action, "console", at=services().clock())


def _note_refusal() -> None:
    """One line for many guesses: the trail is not for strangers to fill."""
    if rate_limits().take(limits.REFUSAL, "refusal", caller_address()).granted:
        _note(Actor("unknown", caller_address()), N_("was refused at the sign-in"))


def _fingerprint() -> str:
    return services().vault.derive(f"sign-in {services().account_token_hash}").hex()[:32]
