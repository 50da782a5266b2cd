"""The description of the JSON API (OpenAPI 3.1), served at /api/openapi.json and shown at /docs.

The sentences of the errors come from the errors themselves, so that they cannot differ.
"""

from functools import cache
from typing import Any

from bridge import __version__
from bridge.domain import errors
from bridge.domain.errors import BridgeError
from bridge.web.api import body
from bridge.web.api.schemas import BASE_URL, EXAMPLES, SCHEMAS

Part = dict[str, Any]

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
_EITHER: list[Part] = [
    {"accountHeader": []},
    {"accountBearer": []},
    {"instanceHeader": []},
    {"instanceBearer": []},
]
_ACCOUNT: list[Part] = [{"accountHeader": []}, {"accountBearer": []}]
_ACCOUNT_SAID = (
    "The operator's token, for every instance. It is made at the first start and kept in the file "
    "account-token of the instance folder, unless BRIDGE_ACCOUNT_TOKEN sets it."
)
_INSTANCE_SAID = "The token that was answered when the instance was made, for this instance alone."
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
            {"name": "description", "description": "This description."},
        ],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "headers": _headers(),
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
                "accountHeader": _header_token(_ACCOUNT_SAID),
                "accountBearer": _bearer(_ACCOUNT_SAID),
                "instanceHeader": _header_token(_INSTANCE_SAID),
                "instanceBearer": _bearer(_INSTANCE_SAID),
            },
        },
    }


def _paths() -> Part:
    here = [{"$ref": "#/components/parameters/instance"}]
    return {
        "/api/chatwoot/set/{instance}": {
            "parameters": here,
            "post": {
                "operationId": "activate",
                "tags": ["chatwoot"],
                "summary": "Activate or change the integration of an instance",
                "description": "Checks address, token and account, makes the inbox, stores the "
                "integration; under 60 seconds in all. A second call with the same base URL and "
                "account keeps the inbox and bridge_integration_id and changes name, webhook and "
                "options; another base URL or account gets a new inbox. An inbox that was deleted "
                "in Chatwoot is made again. Two calls at once, a lost answer or a crash never "
                "leave two inboxes.",
                "security": _EITHER,
                "requestBody": _body("Activation"),
                "responses": {
                    "201": _success("The integration is active.", "Activated"),
                    **_refusals(_INPUT, _CALLER, _SET, _ALWAYS),
                },
            },
        },
        "/api/chatwoot/list/{instance}": {
            "parameters": here,
            "get": {
                "operationId": "look",
                "tags": ["chatwoot"],
                "summary": "Show the integration of an instance",
                "description": "Asks Chatwoot how the integration fares, for 10 seconds at most; "
                "when Chatwoot cannot be reached, the stored state is answered.",
                "security": _EITHER,
                "responses": {
                    "200": _success("The integration.", "Integration"),
                    **_refusals(_CALLER, _NO_INTEGRATION, _MODULE, _ALWAYS),
                },
            },
        },
        "/api/chatwoot/delete/{instance}": {
            "parameters": here,
            "delete": {
                "operationId": "deactivate",
                "tags": ["chatwoot"],
                "summary": "Deactivate the integration of an instance",
                "description": "Unlinks the inbox and forgets the integration, also when Chatwoot "
                "cannot be reached. The inbox with its conversations stays in Chatwoot; the next "
                "activation makes a new one.",
                "security": _EITHER,
                "responses": {
                    "200": _success("The integration is gone.", "Deactivated"),
                    **_refusals(_CALLER, _NOTHING, _MODULE, _RUNNING, _ALWAYS),
                },
            },
        },
        "/api/instance/new": {
            "post": {
                "operationId": "createInstance",
                "tags": ["instance"],
                "summary": "Make an instance, with its Chatwoot integration if wanted",
                "description": "Limited to 20 a minute. The token in the answer is shown this "
                "once. With chatwootEnabled the integration is activated as well; a failure of "
                "that does not undo the instance.",
                "security": _ACCOUNT,
                "requestBody": _body("NewInstance"),
                "responses": {
                    "201": _success("The instance is there.", "InstanceCreated"),
                    **_refusals(_INPUT, _OPERATOR, _TAKEN, _ALWAYS),
                },
            }
        },
        "/api/instance/list": {
            "get": {
                "operationId": "listInstances",
                "tags": ["instance"],
                "summary": "List instances",
                "description": "With the token of an instance: this instance alone, whatever the "
                "filter says.",
                "security": _EITHER,
                "parameters": [
                    {
                        "name": "instanceName",
                        "in": "query",
                        "description": "Names, separated by commas. Unknown names are passed over, "
                        "except that a single unknown name answers 404.",
                        "schema": {"type": "string"},
                        "example": "suporte",
                    }
                ],
                "responses": {
                    "200": _success("The instances by name.", "InstanceList"),
                    **_refusals(_OPERATOR, _NO_SUCH, _ALWAYS),
                },
            }
        },
        "/api/instance/delete/{instance}": {
            "parameters": here,
            "delete": {
                "operationId": "deleteInstance",
                "tags": ["instance"],
                "summary": "Delete an instance with its integration",
                "description": "The inbox with its conversations stays in Chatwoot.",
                "security": _ACCOUNT,
                "responses": {
                    "200": _success("The instance is gone.", "InstanceDeleted"),
                    **_refusals(_OPERATOR, _NO_SUCH, _RUNNING, _ALWAYS),
                },
            },
        },
        "/api/openapi.json": {
            "get": {
                "operationId": "describe",
                "tags": ["description"],
                "summary": "This description",
                "security": [],
                "responses": {
                    "200": _answer(
                        "OpenAPI 3.1.",
                        {"schema": {"type": "object", "required": ["openapi", "paths"]}},
                    ),
                    **_refusals([errors.RateLimited()]),
                },
            }
        },
    }


# -- the errors of each route ----------------------------------------------------------------------

_HERE: Part = {"base_url": BASE_URL, "account_id": 5}
_CALLER: list[BridgeError] = [
    errors.MissingToken(),
    errors.InvalidToken(),
    errors.ForeignInstance(),
    errors.InstanceUnknown(),
]
_OPERATOR: list[BridgeError] = [errors.MissingToken(), errors.InvalidToken()]
_ALWAYS: list[BridgeError] = [
    errors.RateLimited(),
    errors.StorageFailed(cause="database or disk is full"),
]
_INPUT: list[BridgeError] = [
    errors.InvalidBody({"name": errors.Problem("is required")}),
    body.BodyTooLarge(limit=body.MAX_BYTES),
    body.NotJson(),
]
_MODULE: list[BridgeError] = [errors.ModuleOff()]
_RUNNING: list[BridgeError] = [errors.ActivationRunning()]
_NO_INTEGRATION: list[BridgeError] = [errors.IntegrationMissing()]
_NOTHING: list[BridgeError] = [errors.NothingToDelete()]
_NO_SUCH: list[BridgeError] = [errors.InstanceMissing()]
_TAKEN: list[BridgeError] = [errors.InstanceExists(), errors.TokenTaken()]
_SET: list[BridgeError] = [
    errors.ChatwootNotFound(
        detail=f'{_CALL} HTTP 404: {{"error":"Resource could not be found"}}', **_HERE
    ),
    errors.ChatwootRejects(
        detail=f'{_CALL} HTTP 422: {{"message":"Name can\'t be blank","attributes":["name"]}}'
    ),
    errors.TokenRejected(detail=f'{_CALL} HTTP 401: {{"error":"Invalid Access Token"}}'),
    errors.AccessDenied(
        detail=f'{_CALL} HTTP 401: {{"error":"You are not authorized to access this account"}}',
        **_HERE,
    ),
    errors.PersistFailed(cause="attempt to write a readonly database"),
    errors.ChatwootUnreachable(
        detail=f'Get "{BASE_URL}/api": dial tcp 192.0.2.7:443: connect: connection refused',
        **_HERE,
    ),
    *_MODULE,
    *_RUNNING,
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


def _refusals(*groups: list[BridgeError]) -> Part:
    """The responses for these errors, one for each status, with each error as an example."""
    by_status: dict[int, list[BridgeError]] = {}
    for error in (one for group in groups for one in group):
        by_status.setdefault(error.status, []).append(error)
    return {
        str(status): _answer(
            _MEANINGS[status],
            {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {
                    error.code: {
                        "value": {"success": False, "error": {"message": error.message}},
                        "summary": str(error.said),
                    }
                    for error in found
                },
            },
        )
        for status, found in sorted(by_status.items())
    }


# -- small parts -----------------------------------------------------------------------------------


def _success(said: str, schema: str) -> Part:
    return _answer(said, _media(schema))


def _answer(said: str, media: Part) -> Part:
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return {
        "description": said,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {"application/json": media},
    }


def _body(schema: str) -> Part:
    return {"required": True, "content": {"application/json": _media(schema)}}


def _media(schema: str) -> Part:
    return {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": EXAMPLES[schema]}


def _headers() -> Part:
    return {
        f"X-RateLimit-{name}": {
            "description": said,
            "required": True,
            "schema": {"type": "integer", "minimum": 0},
        }
        for name, said in {
            "Limit": "Calls that the token may make in a window.",
            "Remaining": "Calls that are left in this window.",
            "Reset": "When the window ends, in Unix seconds.",
        }.items()
    }


def _header_token(said: str) -> Part:
    return {"type": "apiKey", "in": "header", "name": "token", "description": said}


def _bearer(said: str) -> Part:
    return {"type": "http", "scheme": "bearer", "description": said}
