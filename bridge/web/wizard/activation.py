"""The wizard's last page: runs the activation and says where a failure belongs."""

import contextlib
from dataclasses import asdict

from flask import Blueprint, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from bridge.activation import activate, checks, instances, validation
from bridge.activation.activate import ActivationResult, ActivationStep
from bridge.domain.errors import N_, BridgeError, InstanceExists, InvalidBody
from bridge.domain.models import Instance, Secret
from bridge.domain.options import OPTIONS
from bridge.web.forms import draw, rule_trouble
from bridge.web.pages import Trouble, operator, services
from bridge.web.wizard.draft import Draft
from bridge.web.wizard.steps import draft_for, require_module

blueprint = Blueprint("activation", __name__, url_prefix="/wizard")
blueprint.before_request(require_module)

#: The page whose answer is at fault, by the error's code; all others have a page with a retry.
STEP_AT_FAULT = {
    **dict.fromkeys(("chatwoot_not_found", "chatwoot_redirects", "not_chatwoot"), "address"),
    **dict.fromkeys(("chatwoot_too_old", "chatwoot_unreachable", "address_blocked"), "address"),
    **dict.fromkeys(("account_unknown", "account_suspended", "not_member"), "account"),
    **dict.fromkeys(("token_rejected", "not_administrator", "bot_token", "access_denied"), "token"),
    "chatwoot_rejects": "inbox",
}
_FIELD_STEP = {
    "chatwootBaseUrl": ("address", N_("The address")),
    "chatwootAccountId": ("account", N_("The account id")),
    "chatwootApiToken": ("token", N_("The token")),
    "inboxName": ("inbox", N_("The inbox name")),
    **{option.api: ("inbox", option.label) for option in OPTIONS},
}


@blueprint.route("/activate", methods=["GET"])
def activate_again() -> Response:
    """Reached by the back button or the language switch: nothing happens without the button."""
    return redirect(url_for("wizard.review"))


@blueprint.post("/activate")
def submit() -> Response:
    """Activates, then leads to the result or to the page whose answer is at fault."""
    draft = draft_for("review")
    try:
        activated = _activate(draft)
    except BridgeError as error:
        target = _failed(draft, error)
    else:
        name = draft.answers["instance"]["name"]
        warnings = [Trouble(warning).packed() for warning in activated.warnings]
        # The answers, the token among them, have served their purpose; that of a new instance is
        # still to be shown. The other click of two may be the one that has it.
        now = Draft.of_session(services()) or draft
        token = now.answers.get("instance_token")
        draft.replace(done=name, warnings=warnings, instance_token=token)
        target = url_for("dashboard.instance", name=name)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(location=target)
    return redirect(target, 303)


@blueprint.get("/progress")
def progress() -> Response:
    """Which steps have begun, for the page that waits."""
    draft = Draft.of_session(services())
    return jsonify(steps=services().drafts.progress(draft.id) if draft else [])


@blueprint.get("/trouble")
def trouble() -> Response:
    """A failure that no answer of the wizard can fix."""
    draft = draft_for("review")
    failure = draft.failure
    if failure is None or failure[0] != "trouble":
        return redirect(url_for("wizard.review"))
    return draw("wizard/trouble.html", trouble=failure[1])


def _activate(draft: Draft) -> ActivationResult:
    steps = list[str]()

    def note(step: ActivationStep) -> None:
        steps.append(step.value)
        # Progress is optional: a full disk must not change the error that is shown.
        with contextlib.suppress(BridgeError):
            services().drafts.note_progress(draft.id, steps)

    with contextlib.suppress(BridgeError):
        services().drafts.note_progress(draft.id, [])
    wish = validation.activation_request(draft.wish())
    return activate.activate(_instance(draft), wish, services(), by=operator(), on_step=note)


def _instance(draft: Draft) -> Instance:
    """The instance of the draft, made now if it is a new one."""
    name, gateway = draft.answers["instance"]["name"], draft.gateway
    known = services().instances.find(name)
    if known is not None:
        if gateway is not None and gateway != known.gateway:
            instances.set_gateway(known, gateway, services(), by=operator(), join=False)
        return instances.find(name, services())
    wish = validation.InstanceRequest(name, Secret(""), gateway)
    try:
        made, token = instances.create(wish, services(), by=operator())
    except InstanceExists:
        # The second click of two.
        return instances.find(name, services())
    draft.save(instance_token=token)
    return made


def _failed(draft: Draft, error: BridgeError) -> str:
    """Notes the failure in the draft; the path of the page that shows it."""
    other = Draft.of_session(services())
    if other is not None and "done" in other.answers:
        # The other click of two came first, and succeeded.
        return url_for("dashboard.instance", name=other.answers["done"])
    step, shown = STEP_AT_FAULT.get(error.code, "trouble"), Trouble.of(error)
    if isinstance(error, InvalidBody):
        field, problem = next(iter(error.problems.items()))
        step, subject = _FIELD_STEP[field]
        shown = rule_trouble(subject, problem)
    changes: dict[str, object] = {"failure": {"step": step, "trouble": shown.packed()}}
    if step == "account":
        changes["owner"] = _asked_again(draft)
    try:
        draft.save(**changes)
    except BridgeError:
        # The database is what fails: the first error says it best.
        raise error from None
    return url_for("activation.trouble" if step == "trouble" else f"wizard.{step}")


def _asked_again(draft: Draft) -> dict[str, object] | None:
    """What the token may administer now; it has changed since the page was answered."""
    try:
        owner = checks.probe_token(draft.text("base_url"), draft.token, services())
    except BridgeError:
        return None
    return asdict(owner) if owner.administered else None
