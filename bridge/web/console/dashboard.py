"""The overview of all instances, the page of one, and what can be done with it."""

import contextlib
from dataclasses import asdict

from flask import Blueprint, flash, redirect, request, session, url_for
from werkzeug.wrappers import Response

from bridge.activation import activate, checks, connect, instances
from bridge.domain.errors import BridgeError, IntegrationMissing, NothingToDelete
from bridge.domain.models import Instance, Integration
from bridge.domain.options import OPTIONS
from bridge.net.deadline import Deadline
from bridge.routing import capabilities
from bridge.web import i18n
from bridge.web.console import cards
from bridge.web.forms import GatewayForm, draw
from bridge.web.i18n import gettext
from bridge.web.pages import Trouble, operator, services
from bridge.web.wizard.draft import Draft, answers_of

#: Seconds for proving both directions when somebody asks for it.
CHECK_S = 20.0

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/")
def overview() -> Response:
    """All instances, as they are stored; this page calls nobody."""
    return draw("dashboard/overview.html", cards=cards.of(services().instances.all(), services()))


@blueprint.get("/instances/<name>")
def instance(name: str) -> Response:
    """One instance, with what Chatwoot says about it now; asked within ten seconds."""
    row = instances.find(name, services())
    integration, error, missing = None, None, []
    with contextlib.suppress(IntegrationMissing):
        look = checks.look(row, services(), by=operator())
        integration, error = look.integration, look.error
        lacking = capabilities.missing(integration, services(), look.inbox)
        missing = [capability.problem for capability in lacking]
        row = instances.find(name, services())
    draft = Draft.of_session(services())
    is_fresh = draft is not None and draft.answers.get("done") == name
    packed = draft.answers.get("warnings", []) if draft and is_fresh else []
    lasting = set(map(str, missing))
    token = draft.take_instance_token() if draft and is_fresh else ""
    settings, gateway = services().settings, row.gateway
    is_sandbox = settings.sandbox and gateway and gateway.base_url == settings.sandbox_phone_url
    return draw(
        "dashboard/instance.html",
        instance=row,
        integration=integration,
        trouble=Trouble.of(error) if error else None,
        is_fresh=is_fresh and integration is not None,
        token=token,
        card=cards.of([row], services())[0],
        warnings=[
            warning
            for warning in map(Trouble.unpacked, packed)
            if str(warning.sentence) not in lasting
        ],
        missing=missing,
        sandbox_phone=settings.sandbox_phone_url if is_sandbox else "",
        options=OPTIONS,
    )


@blueprint.post("/instances/<name>/check")
def check(name: str) -> Response:
    """Checks both sides again; an integration that works again becomes active."""
    row = instances.find(name, services())
    if checks.look(row, services(), by=operator()).error is None:
        for problem in connect.wire(row, services(), Deadline(CHECK_S)):
            flash(i18n.translated(problem), "unsure")
    return redirect(url_for("dashboard.instance", name=name), 303)


@blueprint.post("/instances/<name>/webhooks")
def webhooks(name: str) -> Response:
    """Has Chatwoot call the bridge again."""
    row = instances.find(name, services())
    try:
        called = activate.try_webhooks(row, services(), by=operator())
    except BridgeError as error:
        flash(i18n.translated(Trouble.of(error).sentence), "unsure")
    else:
        late = gettext("Chatwoot has not called yet. The address stays until that fails.")
        flash(
            gettext("Chatwoot calls the bridge.") if called else late,
            "success" if called else "unsure",
        )
    return redirect(url_for("dashboard.instance", name=name), 303)


@blueprint.route("/instances/<name>/gateway", methods=["GET", "POST"])
def gateway(name: str) -> Response:
    """Where the WhatsApp side of an instance lives; the token is kept unless a new one is typed."""
    row = instances.find(name, services())
    place = row.gateway
    form = GatewayForm(data={"kind": place.kind, "gateway_url": place.base_url} if place else None)
    if request.method == "POST":
        wanted = form.gateway(name, stored=place)
        if wanted is not None:
            problems = instances.set_gateway(row, wanted, services(), by=operator())
            flash(gettext("The gateway of {name} was saved.").format(name=name))
            for problem in problems:
                flash(i18n.translated(problem), "unsure")
            return redirect(url_for("dashboard.instance", name=name), 303)
    return draw("dashboard/gateway.html", form, instance=row)


@blueprint.post("/instances/<name>/edit")
def edit(name: str) -> Response:
    """The wizard with the integration's values in it; the token is kept unless a new one comes."""
    row = instances.find(name, services())
    integration = services().integrations.of(row.id)
    if integration is None:
        raise IntegrationMissing
    answers = answers_of(name, integration)
    # What cannot be found out here, the pages ask for.
    with contextlib.suppress(BridgeError):
        owner = checks.probe_token(integration.base_url, integration.api_token, services())
        if owner.administered:
            answers["owner"] = asdict(owner)
    draft = Draft.begin(services(), **answers)
    return redirect(url_for(f"wizard.{draft.next_step()}"), 303)


@blueprint.route("/instances/<name>/deactivate", methods=["GET", "POST"])
def deactivate(name: str) -> Response:
    """Unlinks the inbox, after a confirmation."""
    row = instances.find(name, services())
    integration = services().integrations.of(row.id)
    if integration is None:
        raise NothingToDelete
    if request.method == "POST":
        activate.deactivate(row, services(), by=operator())
        _forget(name)
        flash(gettext("The integration of {name} was deactivated.").format(name=name))
        return redirect(url_for("dashboard.overview"), 303)
    return _ask("deactivate", row, integration)


@blueprint.route("/instances/<name>/delete", methods=["GET", "POST"])
def delete(name: str) -> Response:
    """Removes the instance with its integration, after a confirmation."""
    row = instances.find(name, services())
    if request.method == "POST":
        instances.remove(row, services(), by=operator())
        _forget(name)
        flash(gettext("The instance {name} was deleted.").format(name=name))
        return redirect(url_for("dashboard.overview"), 303)
    return _ask("delete", row, services().integrations.of(row.id))


def _ask(action: str, row: Instance, integration: Integration | None) -> Response:
    """The confirmation, with what becomes of messages that are not delivered yet."""
    return draw(
        f"dashboard/{action}.html",
        instance=row,
        integration=integration,
        undelivered=cards.of([row], services())[0].stats.undelivered,
    )


def _forget(name: str) -> None:
    """The result of an activation that is undone is no result any more."""
    draft = Draft.of_session(services())
    if draft is not None and draft.answers.get("done") == name:
        services().drafts.remove(draft.id)
        session.pop("draft", None)
