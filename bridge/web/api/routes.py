"""The JSON API under /api: reads, calls one shared function, answers in the contract's shapes.

Rules: docs/contracts/ryzeapi.md, Tokens, Chatwoot module, Instances and Envelopes. Order of checks:
authentication, rate limit, module switched off, instance, body, then Chatwoot.
"""

from typing import Any

from flask import Blueprint, Response, g, request
from msgspec import structs

from bridge.activation import activate, checks, instances, validation
from bridge.domain.errors import BridgeError, InstanceMissing, InvalidBody, ModuleOff, RateLimited
from bridge.domain.models import Instance
from bridge.web.api import auth, bodies, body
from bridge.web.api.limits import Allowance
from bridge.web.api.openapi import document
from bridge.web.pages import rate_limits, services
from bridge.web.paths import is_api

api = Blueprint("api", __name__, url_prefix="/api")

#: Routes that anybody may read.
_OPEN = {"api.openapi"}
#: Routes of the operator's token alone.
_ACCOUNT_ONLY = {"api.new_instance", "api.delete_instance"}


def guard() -> None:
    """Authentication, then the rate limit; runs before every request."""
    if not is_api(request.path):
        return
    buckets = rate_limits()
    caller = auth.identify(request, services())
    if caller is None and auth.presented(request):
        # Guesses are counted apart: they use up no calls, and no right token is ever kept out.
        g.allowance = buckets.take(buckets.guesses, "guess", request.remote_addr or "")
        if not g.allowance.granted:
            raise RateLimited
    # Who presents no token of ours is counted by address, apart from the tokens.
    bucket = ("token", caller.key) if caller else ("address", request.remote_addr or "")
    is_new = request.endpoint == "api.new_instance" and caller is not None
    item = buckets.new_instances if is_new else buckets.general
    g.allowance = buckets.take(item, "new" if is_new else "api", *bucket)
    if request.endpoint in _ACCOUNT_ONLY:
        g.caller = auth.require_account(caller, request)
    elif request.endpoint is not None and request.endpoint not in _OPEN:
        g.caller = auth.require(caller, request)
    if not g.allowance.granted:
        raise RateLimited


def add_limit_headers(response: Response) -> Response:
    """Every API response tells what is left."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers.update(allowance.headers)
    return response


def _module() -> None:
    if not services().settings.chatwoot_enabled:
        raise ModuleOff


def _instance(name: str) -> Instance:
    return auth.instance_of(g.caller, name, services())


@api.post("/chatwoot/set/<instance>")
def set_chatwoot(instance: str) -> Response:
    """Activates, or changes, the integration of an instance."""
    _module()
    row = _instance(instance)
    wish = validation.activation_request(body.read_object(request))
    result = activate.activate(row, wish, services(), by=auth.actor(g.caller))
    return bodies.answer(bodies.activated(row, result), 201)


@api.get("/chatwoot/list/<instance>")
def list_chatwoot(instance: str) -> Response:
    """The integration of an instance, as live as can be had within ten seconds."""
    _module()
    row = _instance(instance)
    look = checks.look(row, services(), by=auth.actor(g.caller))
    return bodies.answer(bodies.integration(row, look.integration))


@api.delete("/chatwoot/delete/<instance>")
def delete_chatwoot(instance: str) -> Response:
    """Unlinks the inbox, which stays in Chatwoot."""
    _module()
    activate.deactivate(_instance(instance), services(), by=auth.actor(g.caller))
    return bodies.answer(bodies.Deactivated("chatwoot integration deactivated"))


@api.post("/instance/new")
def new_instance() -> Response:
    """A new instance, with the inline Chatwoot block where it is wanted."""
    given = body.read_object(request)
    wish = validation.new_instance(given)
    instance, token = instances.create(wish, services(), by=auth.actor(g.caller))
    created = bodies.created(instance.name, token)
    if wish.with_chatwoot:
        created.chatwoot = _inline(instance, given)
    return bodies.answer(created, 201)


@api.get("/instance/list")
def list_instances() -> Response:
    """The instances that the caller may see."""
    caller = g.caller
    rows = [caller.instance] if caller.instance else services().instances.all()
    wanted = [name for name in request.args.get("instanceName", "").split(",") if name]
    if wanted and caller.is_account:
        rows = [row for row in rows if row.name in wanted]
        if not rows and len(wanted) == 1:
            raise InstanceMissing
    integrations = services().integrations
    return bodies.answer(
        bodies.listed([bodies.summary(row, integrations.of(row.id)) for row in rows])
    )


@api.delete("/instance/delete/<instance>")
def delete_instance(instance: str) -> Response:
    row = instances.find(instance, services())
    instances.remove(row, services(), by=auth.actor(g.caller))
    return bodies.answer(
        bodies.InstanceDeleted(True, "Instance deleted", bodies.Deleted("deleted"))
    )


@api.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, for programs; /docs shows it to people."""
    return bodies.answer(document())


def _inline(
    instance: Instance, given: dict[str, Any]
) -> bodies.InlineActivated | bodies.InlineFailed:
    """A failure here never undoes the instance (docs/contracts/ryzeapi.md, Chatwoot module)."""
    try:
        _module()
        wish = validation.inline_request(given)
        result = activate.activate(instance, wish, services(), by=auth.actor(g.caller))
    except BridgeError as error:
        if isinstance(error, InvalidBody):
            error = error.renamed(validation.SET_TO_INLINE)
        return bodies.InlineFailed(False, "error", error.message)
    return bodies.InlineActivated(
        enabled=True, **structs.asdict(bodies.activated(instance, result))
    )
