"""The JSON API under /api: reads, calls one shared function, answers in the contract's shapes.

Rules: docs/contracts/ryzeapi.md, Tokens, Chatwoot module, Instances and Envelopes. Order of checks:
authentication, rate limit, module switched off, instance, body, then Chatwoot.
"""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

from bridge.activation import activate, checks, instances, validation
from bridge.domain.errors import BridgeError, InstanceMissing, InvalidBody, ModuleOff, RateLimited
from bridge.domain.models import Instance, Integration
from bridge.domain.options import OPTIONS
from bridge.services import Services
from bridge.web.api import auth, body
from bridge.web.api.limits import Allowance, Limits
from bridge.web.api.openapi import document
from bridge.web.problems import is_api

api = Blueprint("api", __name__, url_prefix="/api")

#: Routes that anybody may read.
_OPEN = {"api.openapi"}


def _services() -> Services:
    services: Services = current_app.extensions["services"]
    return services


def guard() -> None:
    """Authentication, then the rate limit; runs before every request."""
    if not is_api():
        return
    limits: Limits = current_app.extensions["limits"]
    caller = auth.identify(request, _services())
    if caller is None and auth.presented(request):
        # Guesses are counted apart: they use up no calls, and no right token is ever kept out.
        g.allowance = limits.take(limits.guesses, "guess", request.remote_addr or "")
        if not g.allowance.granted:
            raise RateLimited
    # Who presents no token of ours is counted by address, apart from the tokens.
    bucket = ("token", caller.key) if caller else ("address", request.remote_addr or "")
    is_new = request.endpoint == "api.new_instance" and caller is not None
    item = limits.new_instances if is_new else limits.general
    g.allowance = limits.take(item, "new" if is_new else "api", *bucket)
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
    if not _services().settings.chatwoot_enabled:
        raise ModuleOff


def _instance(name: str) -> Instance:
    return auth.instance_of(g.caller, name, _services())


@api.post("/chatwoot/set/<instance>")
def set_chatwoot(instance: str) -> tuple[Response, int]:
    """Activates, or changes, the integration of an instance."""
    _module()
    found = _instance(instance)
    wish = validation.activation_request(body.read_object(request))
    activated = activate.activate(found, wish, _services(), by=auth.actor(g.caller))
    return jsonify(_activated(found, activated)), 201


@api.get("/chatwoot/list/<instance>")
def list_chatwoot(instance: str) -> Response:
    """The integration of an instance, as live as can be had within ten seconds."""
    _module()
    found = _instance(instance)
    look = checks.look(found, _services(), by=auth.actor(g.caller))
    return jsonify(_listed(found, look.integration))


@api.delete("/chatwoot/delete/<instance>")
def delete_chatwoot(instance: str) -> Response:
    """Unlinks the inbox, which stays in Chatwoot."""
    _module()
    activate.deactivate(_instance(instance), _services(), by=auth.actor(g.caller))
    return jsonify(message="chatwoot integration deactivated")


@api.post("/instance/new")
def new_instance() -> tuple[Response, int]:
    """A new instance, with the inline Chatwoot block where it is wanted."""
    services, given = _services(), body.read_object(request)
    wish = validation.new_instance(given)
    instance, token = instances.create(wish, services, by=auth.actor(g.caller))
    answer: dict[str, Any] = {
        "success": True,
        "message": "Instance created successfully",
        "instance": {"name": instance.name, "token": token, "status": "disconnected"},
        # The token stands in both places that clients read (docs/contracts/ryzeapi.md, Instances).
        "data": {"token": token},
    }
    if wish.with_chatwoot:
        answer["chatwoot"] = _inline(instance, given)
    return jsonify(answer), 201


@api.get("/instance/list")
def list_instances() -> Response:
    """The instances that the caller may see."""
    services, caller = _services(), g.caller
    found = [caller.instance] if caller.instance else services.instances.all()
    wanted = [name for name in request.args.get("instanceName", "").split(",") if name]
    if wanted and caller.is_account:
        found = [one for one in found if one.name in wanted]
        if not found and len(wanted) == 1:
            raise InstanceMissing
    count = "1 Instance" if len(found) == 1 else f"{len(found)} Instances"
    return jsonify(
        success=True, message=f"{count} found", instances=[_summary(one) for one in found]
    )


@api.delete("/instance/delete/<instance>")
def delete_instance(instance: str) -> Response:
    """Removes an instance with its integration."""
    services = _services()
    instances.remove(instances.find(instance, services), services, by=auth.actor(g.caller))
    return jsonify(success=True, message="Instance deleted", instance={"status": "deleted"})


@api.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, for programs; /docs shows it to people."""
    return jsonify(document())


_ACCOUNT_ONLY = {"api.new_instance", "api.delete_instance"}


def _inline(instance: Instance, given: dict[str, Any]) -> dict[str, Any]:
    """A failure here never undoes the instance (docs/contracts/ryzeapi.md, Chatwoot module)."""
    try:
        _module()
        wish = validation.activation_request(given, validation.INLINE_FIELDS)
        activated = activate.activate(instance, wish, _services(), by=auth.actor(g.caller))
    except BridgeError as error:
        if isinstance(error, InvalidBody):
            error = error.renamed(validation.SET_TO_INLINE)
        return {"enabled": False, "status": "error", "error": error.message}
    return {"enabled": True, **_activated(instance, activated)}


def _activated(instance: Instance, activated: activate.Activated) -> dict[str, Any]:
    said: dict[str, Any] = {
        "instance": instance.name,
        "status": activated.integration.status,
        "bridge_integration_id": activated.integration.id,
        "message": "chatwoot integration activated",
    }
    if activated.warnings:
        said["warnings"] = [str(one) for one in activated.warnings]
    return said


def _listed(instance: Instance, one: Integration) -> dict[str, Any]:
    return {
        "instance_name": instance.name,
        "status": one.status,
        "bridge_integration_id": one.id,
        "chatwoot_base_url": one.base_url,
        "chatwoot_account_id": one.account_id,
        "chatwoot_api_token": one.api_token,
        "chatwoot_inbox_id": one.inbox_id,
        "chatwoot_inbox_name": one.inbox_name,
        "last_error": _words(one.last_error),
        "created_at": _rfc3339(one.created_at),
        **{option.shown: getattr(one.options, option.name) for option in OPTIONS},
    }


def _summary(instance: Instance) -> dict[str, Any]:
    """One item of `instance/list`; its token is not kept, so it cannot be shown."""
    integration = _services().integrations.of(instance.id)
    chatwoot: dict[str, Any] = {"enabled": integration is not None}
    if integration is not None:
        chatwoot |= {
            "status": integration.status,
            "bridge_integration_id": integration.id,
            "base_url": integration.base_url,
            "account_id": integration.account_id,
            "inbox_id": integration.inbox_id,
            "inbox_name": integration.inbox_name,
            "last_error": _words(integration.last_error),
        }
    gateway = instance.gateway
    return {
        "name": instance.name,
        "status": "disconnected",
        "connection": {"state": "disconnected", "numberJid": None},
        "gateway": {"kind": gateway.kind, "baseUrl": gateway.base_url} if gateway else None,
        "chatwoot": chatwoot,
        "created_at": _rfc3339(instance.created_at),
    }


def _words(error: BridgeError | None) -> str:
    return error.message if error else ""


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
