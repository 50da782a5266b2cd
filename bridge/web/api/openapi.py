"""The description of the JSON API (OpenAPI 3.1), served at /api/openapi.json and shown at /docs.

The bodies come from the types that are read and encoded (`bridge.activation.validation`,
`bridge.web.api.bodies`), the sentences of the errors from the errors themselves.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from bridge import __version__
from bridge.activation.validation import Activation, NewInstance
from bridge.domain import errors
from bridge.domain.errors import BridgeError
from bridge.web.api import bodies, body

Part = dict[str, Any]

#: The Chatwoot of the examples.
BASE_URL = "https://chatwoot.example.com"
_REF = "#/components/schemas/"

_INFO = (
    "Joins a WhatsApp instance to a Chatwoot account: one call makes the inbox, stores the "
    "token encrypted and reports the integration active, or says what is wrong and what to do.\n\n"
    "Every error has the same shape. Besides the errors listed with each route, a route that does "
    "not exist answers 404, and a method that a route does not have answers 405 with an Allow "
    "header. Bodies are JSON objects in UTF-8 of at most 64 KiB; a key that stands twice, NaN, "
    "Infinity and nesting deeper than 16 levels are refused, fields that are not described are "
    "ignored, and null is the same as leaving an optional field out.\n\n"
    "Every response, errors included, tells in its headers what is left of the rate limit. "
    "Calls are counted per token: 100 a minute, new instances 20 a minute, unless the operator "
    "has set something else."
)
_TOKENS = {
    "account": "The operator's token, for every instance. It is made at the first start and stored "
    "in the file account-token of the instance folder, unless BRIDGE_ACCOUNT_TOKEN sets it.",
    "instance": "The token that was answered when the instance was made, for this instance alone.",
}
_SCHEMES: dict[str, Part] = {
    "Header": {"type": "apiKey", "in": "header", "name": "token"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_LIMITS = {
    "Limit": "Calls that the token may make in a window.",
    "Remaining": "Calls that are left in this window.",
    "Reset": "When the window ends, in Unix seconds.",
}
_EITHER: list[Part] = [{f"{who}{how}": []} for who in _TOKENS for how in _SCHEMES]
_ACCOUNT: list[Part] = [{f"account{how}": []} for how in _SCHEMES]
_CALL = f"{BASE_URL}/api/v1/accounts/5/inboxes"


@cache
def document() -> Part:
    """The whole description. The same object each time: it is not to be changed."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chatwoot Bridge API",
            "version": __version__,
            "summary": "Activate, look at and remove Chatwoot integrations.",
            "description": _INFO,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This bridge"}],
        "tags": [
            {"name": "chatwoot", "description": "The Chatwoot integration of an instance."},
            {"name": "instance", "description": "Instances: one WhatsApp number each."},
            {"name": "openapi", "description": "This description."},
        ],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "headers": {
                f"X-RateLimit-{name}": {
                    "description": meaning,
                    "required": True,
                    "schema": {"type": "integer", "minimum": 0},
                }
                for name, meaning in _LIMITS.items()
            },
            "parameters": {
                "instance": {
                    "name": "instance",
                    "in": "path",
                    "required": True,
                    "description": "Name of the instance.",
                    "schema": {"type": "string", "minLength": 1},
                    "example": "suporte",
                }
            },
            "securitySchemes": {
                f"{who}{how}": {**scheme, "description": meaning}
                for who, meaning in _TOKENS.items()
                for how, scheme in _SCHEMES.items()
            },
        },
    }


def _paths() -> Part:
    paths: Part = {}
    for method, path, call in _calls():
        if "{instance}" in path:
            paths.setdefault(path, {"parameters": [{"$ref": "#/components/parameters/instance"}]})
        paths.setdefault(path, {})[method] = call
    return paths


def _calls() -> Iterator[tuple[str, str, Part]]:
    yield _call(
        "post /api/chatwoot/set/{instance}",
        "activate",
        "Activate or change the integration of an instance",
        "Checks address, token and account, makes the inbox, stores the integration; under 60 "
        "seconds in all. A second call with the same base URL and account keeps the inbox and "
        "bridge_integration_id and changes name, webhook and options; another base URL or account "
        "gets a new inbox. An inbox that was deleted in Chatwoot is made again. Two calls at once, "
        "a lost answer or a crash never leave two inboxes.",
        _EITHER,
        (201, "The integration is active.", "Activated"),
        [*_INPUT, *_CALLER, *_SET],
        takes="Activation",
    )
    yield _call(
        "get /api/chatwoot/list/{instance}",
        "look",
        "Show the integration of an instance",
        "Asks Chatwoot how the integration fares, for 10 seconds at most; when Chatwoot cannot be "
        "reached, the stored state is answered.",
        _EITHER,
        (200, "The integration.", "Integration"),
        [*_CALLER, errors.IntegrationMissing(), errors.ModuleOff()],
    )
    yield _call(
        "delete /api/chatwoot/delete/{instance}",
        "deactivate",
        "Deactivate the integration of an instance",
        "Unlinks the inbox and forgets the integration, also when Chatwoot cannot be reached. The "
        "inbox with its conversations stays in Chatwoot; the next activation makes a new one.",
        _EITHER,
        (200, "The integration is gone.", "Deactivated"),
        [*_CALLER, errors.NothingToDelete(), errors.ModuleOff(), errors.ActivationRunning()],
    )
    yield _call(
        "post /api/instance/new",
        "createInstance",
        "Make an instance, with its Chatwoot integration if wanted",
        "Limited to 20 a minute. The token in the answer is shown this once. With chatwootEnabled "
        "the integration is activated as well; a failure of that does not undo the instance.",
        _ACCOUNT,
        (201, "The instance is there.", "InstanceCreated"),
        [*_INPUT, *_OPERATOR, errors.InstanceExists(), errors.TokenTaken()],
        takes="NewInstance",
    )
    yield _call(
        "get /api/instance/list",
        "listInstances",
        "List instances",
        "With the token of an instance: this instance alone, whatever the filter says.",
        _EITHER,
        (200, "The instances by name.", "InstanceList"),
        [*_OPERATOR, errors.InstanceMissing()],
        parameters=[
            {
                "name": "instanceName",
                "in": "query",
                "description": "Names, separated by commas. Unknown names are passed over, except "
                "that a single unknown name answers 404.",
                "schema": {"type": "string"},
                "example": "suporte",
            }
        ],
    )
    yield _call(
        "delete /api/instance/delete/{instance}",
        "deleteInstance",
        "Delete an instance with its integration",
        "The inbox with its conversations stays in Chatwoot.",
        _ACCOUNT,
        (200, "The instance is gone.", "InstanceDeleted"),
        [*_OPERATOR, errors.InstanceMissing(), errors.ActivationRunning()],
    )
    yield _call(
        "get /api/openapi.json",
        "describe",
        "This description",
        "For programs; /docs shows it to people.",
        [],
        (200, "OpenAPI 3.1.", "Description"),
        [],
    )


def _call(
    route: str,
    name: str,
    summary: str,
    description: str,
    security: list[Part],
    success: tuple[int, str, str],
    refusals: list[BridgeError],
    *,
    takes: str = "",
    **more: object,
) -> tuple[str, str, Part]:
    """A route (method and path) with its request body, its answer and its errors."""
    method, path = route.split()
    status, meaning, answers = success
    if takes:
        more["requestBody"] = {"required": True, "content": _content(takes)}
    refusals = [*refusals, errors.RateLimited()]
    if security:
        refusals.append(errors.StorageFailed(cause="database or disk is full"))
    call = {
        "operationId": name,
        "tags": [path.split("/")[2].partition(".")[0]],
        "summary": summary,
        "description": description,
        "security": security,
        **more,
        "responses": {str(status): _answer(meaning, _content(answers)), **_refusals(refusals)},
    }
    return method, path, call


# -- the errors ------------------------------------------------------------------------------------

_HERE: Part = {"base_url": BASE_URL, "account_id": 5}
_OPERATOR: list[BridgeError] = [errors.MissingToken(), errors.InvalidToken()]
_CALLER = [*_OPERATOR, errors.ForeignInstance(), errors.InstanceUnknown()]
_INPUT: list[BridgeError] = [
    errors.InvalidBody({"name": errors.Problem("is required")}),
    body.BodyTooLarge(limit=body.MAX_BYTES),
    body.NotJson(),
]
_NOT_FOUND = f'{_CALL} HTTP 404: {{"error":"Resource could not be found"}}'
_INVALID = f'{_CALL} HTTP 422: {{"message":"Name can\'t be blank","attributes":["name"]}}'
_REJECTED = f'{_CALL} HTTP 401: {{"error":"Invalid Access Token"}}'
_DENIED = f'{_CALL} HTTP 401: {{"error":"You are not authorized to access this account"}}'
_REFUSED = f'Get "{BASE_URL}/api": dial tcp 192.0.2.7:443: connect: connection refused'
_SET: list[BridgeError] = [
    errors.ChatwootNotFound(detail=_NOT_FOUND, **_HERE),
    errors.ChatwootRejects(detail=_INVALID),
    errors.TokenRejected(detail=_REJECTED),
    errors.AccessDenied(detail=_DENIED, **_HERE),
    errors.PersistFailed(cause="attempt to write a readonly database"),
    errors.ChatwootUnreachable(detail=_REFUSED, **_HERE),
    errors.ModuleOff(),
    errors.ActivationRunning(),
]
_MEANINGS = {
    400: "The body breaks a rule, or Chatwoot refuses what it says.",
    401: "Our token or, for the activation, Chatwoot's token is missing or wrong.",
    403: "Not allowed: another instance's token, or a Chatwoot user without the right.",
    404: "There is no such instance, or no integration.",
    409: "It exists already, or another change is running.",
    413: "The body is too large.",
    415: "The body is not announced as JSON.",
    429: "Too many calls.",
    500: "This bridge could not do its own part.",
    502: "Chatwoot cannot be reached, or fails.",
    503: "The Chatwoot module is switched off.",
}


def _refusals(refusals: list[BridgeError]) -> Part:
    """The responses for these errors, one for each status, with each error as an example."""
    by_status: dict[int, list[BridgeError]] = {}
    for error in refusals:
        by_status.setdefault(error.status, []).append(error)
    return {
        str(status): _answer(
            _MEANINGS[status],
            {
                "application/json": {
                    "schema": {"$ref": f"{_REF}Error"},
                    "examples": {
                        error.code: {
                            "value": {"success": False, "error": {"message": error.message}},
                            "summary": str(error.summary),
                        }
                        for error in same
                    },
                }
            },
        )
        for status, same in sorted(by_status.items())
    }


# -- the bodies ------------------------------------------------------------------------------------


@cache
def _schemas() -> Part:
    types = [
        Activation,
        NewInstance,
        bodies.Error,
        bodies.Activated,
        bodies.InlineActivated,
        bodies.InlineFailed,
        bodies.Integration,
        bodies.Deactivated,
        bodies.InstanceCreated,
        bodies.InstanceList,
        bodies.InstanceDeleted,
        bodies.Description,
    ]
    return msgspec.json.schema_components(types, ref_template=f"{_REF}{{name}}")[1]


@cache
def _example(name: str) -> Any:
    """A body in full: each field as its own example shows it."""
    return _shown(_schemas()[name])


def _shown(schema: Part) -> Any:
    match schema:
        case {"examples": [example, *_]} | {"const": example} | {"enum": [example, *_]}:
            return example
        case {"$ref": str(ref)}:
            return _example(ref.removeprefix(_REF))
        case {"anyOf": _}:
            return None
        case {"items": items}:
            return [_shown(items)]
        case {"properties": properties}:
            required = schema["required"]
            # Of what may be left out, what a request shows by an example.
            wanted = [
                name
                for name, part in properties.items()
                if name in required or {"examples", "default"} <= part.keys()
            ]
            return {name: _shown(properties[name]) for name in wanted}
    return {"boolean": False, "integer": 5}.get(schema.get("type", ""), "")


# -- small parts -----------------------------------------------------------------------------------


def _answer(meaning: str, content: Part) -> Part:
    names = [f"X-RateLimit-{name}" for name in _LIMITS]
    return {
        "description": meaning,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": content,
    }


def _content(schema: str) -> Part:
    media = {"schema": {"$ref": f"{_REF}{schema}"}, "example": _example(schema)}
    return {"application/json": media}
