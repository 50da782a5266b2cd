"""The page of faults, settings and the last requests."""

from dataclasses import fields

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chatwoot.access import world
from sandbox.chatwoot.answers import Refusal
from sandbox.chatwoot.fault_acts import set_fault
from sandbox.chatwoot.faults import KINDS, WORDS
from sandbox.chatwoot.options import Options
from sandbox.chatwoot.page import guard
from sandbox.chatwoot.records import Json
from sandbox.kit.responses import harden

routes = Blueprint("page_settings", __name__)
routes.before_request(guard)
routes.after_request(harden)

_SHOWN_REQUESTS = 50
_NUMBERS: dict[str, type[int] | type[float]] = {
    "times": int,
    "status": int,
    "seconds": float,
    "delay": float,
    "inbox_id": int,
    "contact_id": int,
    "conversation": int,
}
_OPTION_LABELS = {
    "version": "Reported version",
    "allow_private_network": "Allow webhooks to private addresses",
    "flood_guard": "Flood guard: 200 messages per conversation and minute",
    "throttle": "Request limits: 3000 per minute, contact search 100",
    "default_locale": "Language of the installation: en, pt_BR, es",
    "crm_v2": "Hide contacts without phone and e-mail from filter (crm_v2)",
    "clock_offset": "Clock ahead of this machine's, seconds",
    "webhook_timeout_s": "Webhook timeout, seconds",
    "deletion_s": "Deletion job waits, seconds",
}


@routes.get("/sandbox/faults")
def faults() -> str:
    """Faults, settings and requests."""
    return _page()


def _page(error: str = "", given: Json | None = None) -> str:
    state = world().state
    recent = world().log.since()["requests"][: -_SHOWN_REQUESTS - 1 : -1]
    with state.lock:
        return render_template(
            "chatwoot_faults.html",
            kinds=KINDS,
            words=WORDS,
            faults=world().faults.listed(),
            options=state.options.as_json(),
            option_labels=_OPTION_LABELS,
            accounts=list(state.accounts.values()),
            requests=recent,
            error=error,
            given=given or {},
            version=state.options.version,
            pulse=state.changes,
        )


@routes.post("/sandbox/faults")
def post_fault() -> AnyResponse | tuple[str, int]:
    """Set a fault from the form; empty fields are left out."""
    form = {name: value.strip() for name, value in request.form.items() if value.strip()}
    wanted: Json = dict(form)
    try:
        for name in form:
            if kind := _NUMBERS.get(name):
                try:
                    wanted[name] = kind(form[name])
                except ValueError:
                    raise ValueError(f"{name} must be a number") from None
        set_fault(world(), wanted)
    except ValueError as error:
        return _page(f"{str(error)[:1].upper()}{str(error)[1:]}", form), 422
    except Refusal as refusal:
        return _page(f"There is {refusal.body['error']}", form), 422
    return redirect(url_for("page_settings.faults"), 303)


@routes.post("/sandbox/faults/clear")
def post_clear() -> AnyResponse:
    """Remove one fault, or all."""
    world().faults.clear(request.form.get("id", type=int))
    return redirect(url_for("page_settings.faults"), 303)


@routes.post("/sandbox/options")
def post_options() -> AnyResponse | tuple[str, int]:
    """Change the installation's settings and suspended accounts."""
    state = world().state
    changes: Json = {}
    try:
        for one in fields(Options):
            text = request.form.get(one.name, "")
            current = getattr(state.options, one.name)
            if isinstance(current, bool):
                changes[one.name] = bool(text)
            elif text:
                changes[one.name] = float(text) if isinstance(current, float) else text
        with state.lock:
            state.options.change(changes)
            state.save_options()
            for account in state.accounts.values():
                suspended = f"suspended_{account.id}" in request.form
                account.status = "suspended" if suspended else "active"
                state.save(account)
    except ValueError as error:
        return _page(f"{str(error)[:1].upper()}{str(error)[1:]}"), 422
    return redirect(url_for("page_settings.faults"), 303)


@routes.post("/sandbox/reset")
def post_reset() -> AnyResponse:
    """Wipe everything."""
    world().reset()
    return redirect(url_for("page.home"), 303)
