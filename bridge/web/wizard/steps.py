"""The wizard: one question a page. Pages ask and check; `activation` activates.

Every page is POST, then redirect, then GET; without JavaScript it is whole.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import Field

from bridge.activation import checks
from bridge.domain.errors import N_, BridgeError, ModuleOff, NotAdministrator, Problem, RateLimited
from bridge.domain.models import DEFAULT_INBOX_NAME, GatewayConfig, Instance, Secret, TokenOwner
from bridge.domain.options import OPTIONS
from bridge.web import forms
from bridge.web.api import limits
from bridge.web.forms import NEW, Form, draw
from bridge.web.i18n import gettext
from bridge.web.pages import Trouble, caller_address, rate_limits, services
from bridge.web.wizard import trial
from bridge.web.wizard.draft import STEPS, Draft

blueprint = Blueprint("wizard", __name__, url_prefix="/wizard")

T = TypeVar("T")


def require_module() -> None:
    """Before every page: without the module there is nothing to activate."""
    if not services().settings.chatwoot_enabled:
        raise ModuleOff


blueprint.before_request(require_module)


# -- the steps -------------------------------------------------------------------------------------


def draft_for(step: str) -> Draft:
    """The draft, if this page's turn has come; else the reader is sent where it goes on."""
    draft = Draft.of_session(services())
    if draft is None:
        abort(redirect(url_for("wizard.start")))
    if "done" in draft.answers:
        abort(redirect(url_for("dashboard.instance", name=draft.answers["done"])))
    if not draft.may_visit(step):
        abort(redirect(url_for(f"wizard.{draft.next_step()}")))
    return draft


def onward(draft: Draft, step: str) -> Response:
    """After an answer: the same page to see what was found, or the next one that needs a visit."""
    stay = "check" in request.form
    return redirect(url_for(f"wizard.{step if stay else draft.next_step()}"), 303)


def page(step: str, draft: Draft, form: Form | None = None, **more: Any) -> Response:
    """The page of a step. A failure of the activation stands at its first field."""
    number, failure = STEPS.index(step) + 1, draft.failure
    is_failure = bool(failure and failure[0] == step and request.method == "GET")
    if failure and form and is_failure:
        field = next(each for each in form if each.type not in {"CSRFTokenField", "BooleanField"})
        field.errors = [failure[1]]
    answer = draw(
        f"wizard/{step}.html",
        form,
        draft=draft,
        number=number,
        total=len(STEPS),
        back=url_for(f"wizard.{STEPS[number - 2]}") if number > 1 else url_for("wizard.start"),
        **more,
    )
    if is_failure:
        answer.status_code = 200
    return answer


def _is_live() -> bool:
    """Whether the script asks in passing: it wants only the line below the field."""
    return "X-Live-Check" in request.headers


def _live(field: Field, **chatwoot: Any) -> Response:
    troubles = [error for error in field.errors if isinstance(error, Trouble)]
    return draw("wizard/_found.html", troubles=troubles, **chatwoot)


def _asked(field: Field, ask: Callable[[], T]) -> T | None:
    """What Chatwoot answers, or None with the reason at the field; throttled."""
    try:
        if not rate_limits().take(limits.PROBE, "probe", caller_address()).granted:
            raise RateLimited
        return ask()
    except BridgeError as error:
        field.errors = [Trouble.of(error)]
        return None


# -- start -----------------------------------------------------------------------------------------


@blueprint.get("")
def start(trouble: Trouble | None = None) -> Response:
    """What is needed at hand; `trouble` says why the sandbox cannot be used."""
    draft = Draft.of_session(services())
    answer = draw(
        "wizard/start.html",
        draft=None if draft and "done" in draft.answers else draft,
        trouble=trouble,
        sandbox=services().settings.sandbox,
        total=len(STEPS),
    )
    answer.status_code = 502 if trouble else 200
    return answer


@blueprint.post("")
def begin() -> Response:
    """A new draft: empty, or for an instance, or filled with the sandbox's values."""
    answers: dict[str, Any] = {}
    known = services().instances.find(request.form.get("instance", ""))
    if known is not None:
        answers["instance"] = {"name": known.name}
    if "sandbox" in request.form and services().settings.sandbox:
        try:
            answers |= trial.answers(services())
        except BridgeError as error:
            return start(Trouble.of(error))
    draft = Draft.begin(services(), **answers)
    return redirect(url_for(f"wizard.{draft.next_step()}"), 303)


# -- the questions ---------------------------------------------------------------------------------


@blueprint.route("/instance", methods=["GET", "POST"])
def instance() -> Response:
    """Which WhatsApp number: one that is there, or a new one."""
    draft = draft_for("instance")
    existing = services().instances.all()
    chosen = draft.answers.get("instance") or draft.answers.get("suggested") or {}
    gateway = draft.gateway
    by_name = {row.name: row for row in existing}
    is_known = chosen.get("name") in by_name
    form = forms.InstanceForm(
        data={
            "choice": chosen["name"] if is_known else NEW if chosen or not existing else None,
            "name": "" if is_known else chosen.get("name", ""),
            "kind": gateway.kind if gateway else None,
            "gateway_url": gateway.base_url if gateway else "",
        }
    )
    if request.method == "POST":
        answer = _chosen_instance(form, by_name, gateway)
        if answer is not None:
            draft.save(instance=answer)
            return onward(draft, "instance")
    saved = gateway.token if gateway else Secret("")
    return page("instance", draft, form, existing=existing, new=NEW, saved=saved)


def _chosen_instance(
    form: forms.InstanceForm, existing: dict[str, Instance], answered: GatewayConfig | None
) -> dict[str, Any] | None:
    choice = form.choice.data
    if existing and choice not in existing and choice != NEW:
        form.choice.errors = [Trouble(Problem(N_("Choose an instance, or make a new one")))]
        return None
    if choice in existing:
        if not form.has_gateway:
            return {"name": choice}
        gateway = form.gateway(choice, stored=answered or existing[choice].gateway)
        return None if gateway is None else {"name": choice, "gateway": asdict(gateway)}
    wish = form.wish(stored=answered)
    if wish is None:
        return None
    if wish.name in existing:
        form.name.errors = [
            Trouble(
                Problem(N_("An instance with this name already exists")),
                Problem(N_("Choose it above, or use another name.")),
            )
        ]
        return None
    return {"name": wish.name} | ({"gateway": asdict(wish.gateway)} if wish.gateway else {})


@blueprint.route("/address", methods=["GET", "POST"])
def address() -> Response:
    """Where Chatwoot is; a link pasted from its dashboard names the account as well."""
    draft = draft_for("address")
    form = forms.AddressForm(data={"address": draft.text("base_url")})
    if request.method == "POST":
        chatwoot = None
        if form.validate():
            url = form.address.data
            chatwoot = _asked(form.address, lambda: checks.probe_address(url, services()))
        if _is_live():
            return _live(form.address, chatwoot=chatwoot)
        if chatwoot is not None:
            changes: dict[str, Any] = {"base_url": chatwoot.base_url, "version": chatwoot.version}
            if chatwoot.base_url != draft.answers.get("base_url"):
                # A token is never shown to another address than the one it was typed for.
                changes |= {"token": None, "owner": None}
            if chatwoot.account_id is not None:
                changes |= {"account_id": chatwoot.account_id, "account_later": None}
            draft.save(**changes)
            return onward(draft, "address")
    return page("address", draft, form)


@blueprint.route("/account", methods=["GET", "POST"])
def account() -> Response:
    """Which account: a number, or a choice once it is known what the token may administer."""
    draft = draft_for("account")
    owner = draft.owner
    if owner is not None:
        return _account_choice(draft, owner)
    form = forms.AccountForm(data={"account_id": draft.text("account_id")})
    if request.method == "POST" and form.validate():
        number = int(form.account_id.data) if form.account_id.data else None
        draft.save(account_id=number, account_later=None if number else True)
        return onward(draft, "account")
    return page("account", draft, form, owner=None)


def _account_choice(draft: Draft, owner: TokenOwner) -> Response:
    form = forms.AccountChoiceForm(data={"account_id": draft.text("account_id")})
    form.offer(owner.administered)
    if request.method == "POST" and form.validate():
        draft.save(account_id=int(form.account_id.data))
        return onward(draft, "account")
    return page("account", draft, form, owner=owner)


@blueprint.route("/token", methods=["GET", "POST"])
def token() -> Response:
    """Whose access token it is, and whether that person may administer the account."""
    draft = draft_for("token")
    form = forms.TokenForm(saved=draft.token)
    if request.method == "POST":
        owner = None
        if form.validate():
            owner = _asked(form.token, lambda: _owner(draft, form.token.data))
        if _is_live():
            return _live(form.token, owner=owner, account_id=draft.account_id)
        if owner is not None:
            _note_token(draft, form.token.data, owner)
            return onward(draft, "token")
    return page("token", draft, form)


def _owner(draft: Draft, typed: Secret) -> TokenOwner:
    """The token's owner, who administers one account at least."""
    base_url = draft.text("base_url")
    owner = checks.probe_token(base_url, typed, services())
    if not owner.administered:
        number = draft.account_id or next((account.id for account in owner.accounts), 0)
        checks.probe_account(base_url, number, typed, services())
        raise NotAdministrator(account_id=number, base_url=base_url)
    return owner


def _note_token(draft: Draft, typed: Secret, owner: TokenOwner) -> None:
    """A wrong account is no dead end: those that may be administered are offered."""
    offered = [account.id for account in owner.administered]
    changes: dict[str, Any] = {"token": typed, "owner": asdict(owner)}
    number = draft.account_id
    if number is None and len(offered) == 1:
        changes["account_id"] = offered[0]
    elif number is not None and number not in offered:
        try:
            checks.probe_account(draft.text("base_url"), number, typed, services())
        except BridgeError as error:
            failure = {"step": "account", "trouble": Trouble.of(error).packed()}
            changes["failure"] = failure
    draft.save(**changes)


@blueprint.route("/inbox", methods=["GET", "POST"])
def inbox() -> Response:
    """How the inbox is called and what happens to conversations."""
    draft = draft_for("inbox")
    answered = {option.name: draft.answers.get(option.name) for option in OPTIONS}
    name = draft.text("inbox_name") or DEFAULT_INBOX_NAME
    form = forms.InboxForm(data={"inbox_name": name, **answered}, version=draft.text("version"))
    if request.method == "POST" and form.validate():
        names = ("inbox_name", *answered)
        draft.save(**{name: form[name].data for name in names})
        return onward(draft, "inbox")
    return page("inbox", draft, form, options=OPTIONS)


@blueprint.get("/review")
def review() -> Response:
    """All answers, each with a way to change it."""
    draft = draft_for("review")
    known = services().instances.find(draft.answers["instance"]["name"])
    before = services().integrations.of(known.id) if known else None
    gateway = draft.gateway or (known.gateway if known else None)
    return page("review", draft, before=before, gateway=gateway, options=OPTIONS)


@blueprint.post("/discard")
def discard() -> Response:
    draft = Draft.of_session(services())
    if draft is not None:
        services().drafts.remove(draft.id)
    flash(gettext("Your answers were discarded."))
    return redirect(url_for("dashboard.overview"), 303)
