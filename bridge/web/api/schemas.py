"""The parts of the API description: what goes in, what comes out, in JSON Schema 2020-12.

Sources: docs/contracts/ryzeapi.md, Chatwoot module, Instances and Envelopes; the rules of the
fields are those of `bridge.activation.validation`.
"""

from typing import Any

from bridge.activation import validation
from bridge.domain.models import DEFAULT_INBOX_NAME, Status
from bridge.domain.options import OPTIONS, Option

Schema = dict[str, Any]

#: The Chatwoot of the examples.
BASE_URL = "https://chatwoot.example.com"


def _text(said: str, **more: Any) -> Schema:
    return {"type": "string", "description": said, **more}


def _maybe(kind: str, said: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], "description": said, **more}


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_ADDRESS = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://"
#: As the address, or empty, which is as good as left out.
_ADDRESS_OR_NONE = rf"{_ADDRESS}|^$"
_INTEGRATION_ID = r"^int_[a-z0-9]{9}$"
_STATUS: Schema = {"type": "string", "enum": [one.value for one in Status]}


def _option(option: Option) -> Schema:
    if option.is_switch:
        return _maybe("boolean", option.meaning, default=False)
    return _maybe(
        "string",
        option.meaning,
        pattern=_ADDRESS_OR_NONE,
        maxLength=2048,
        examples=["https://chat.example.com"],
    )


_ACTIVATION = _object(
    ["chatwootBaseUrl", "chatwootAccountId", "chatwootApiToken"],
    chatwootBaseUrl=_text(
        "Address of the Chatwoot installation, http or https, without user name, query or "
        "fragment. A trailing slash is removed. A link copied from the dashboard is answered "
        "with the value to send.",
        pattern=_ADDRESS,
        maxLength=2048,
        examples=[BASE_URL],
    ),
    chatwootAccountId={
        "type": "integer",
        "minimum": 1,
        "maximum": validation.MAX_ACCOUNT_ID,
        "description": "The number after /accounts/ in Chatwoot's address.",
        "examples": [5],
    },
    chatwootApiToken=_text(
        "Access token of an administrator of that account (Profile Settings, Access Token): "
        "visible ASCII characters. It is stored encrypted and is not part of this response.",
        minLength=1,
        maxLength=validation.MAX_TOKEN,
        examples=["kU7bYQvJ2mXo9nRfT4wEzGaH"],
    ),
    inboxName=_maybe(
        "string",
        "Name of the inbox. Before Chatwoot 4.3.0 some characters are not allowed; the answer "
        "names the one that offends.",
        maxLength=validation.MAX_INBOX_NAME,
        default=DEFAULT_INBOX_NAME,
        examples=["WhatsApp - Orion"],
    ),
    **{option.api: _option(option) for option in OPTIONS},
)

_INTEGRATION = _object(
    ["instance", "status", "bridge_integration_id", "message"],
    instance=_text("Name of the instance."),
    status=_STATUS,
    bridge_integration_id=_text(
        "Stays the same as long as base URL and account stay the same.", pattern=_INTEGRATION_ID
    ),
    message=_text("What happened, in English."),
    warnings={
        "type": "array",
        "items": {"type": "string"},
        "description": "What may keep messages from flowing although the activation succeeded; "
        "absent when there is nothing to say.",
    },
)

_VIEW = _object(
    [
        "instance_name",
        "status",
        "bridge_integration_id",
        "chatwoot_base_url",
        "chatwoot_account_id",
        "chatwoot_api_token",
        "chatwoot_inbox_id",
        "chatwoot_inbox_name",
        "last_error",
        "created_at",
        *(option.shown for option in OPTIONS),
    ],
    instance_name=_text("Name of the instance."),
    status=_STATUS,
    bridge_integration_id=_text("As in the answer of the activation.", pattern=_INTEGRATION_ID),
    chatwoot_base_url=_text("Without a trailing slash."),
    chatwoot_account_id={"type": "integer"},
    chatwoot_api_token=_text("In plain text: this route is as secret as the token."),
    chatwoot_inbox_id={"type": "integer"},
    chatwoot_inbox_name=_text("As Chatwoot has it now, if it could be asked."),
    last_error=_text("Empty while all is well."),
    created_at=_text("RFC 3339, UTC.", format="date-time"),
    **{option.shown: {"type": "boolean" if option.is_switch else "string"} for option in OPTIONS},
)


def _inline(name: str, said: str) -> Schema:
    """No type on purpose: a wrong value never refuses the instance, it comes back as an error."""
    return {"description": f"As {name} of the activation route. {said}".strip()}


_NEW_INSTANCE = _object(
    ["name"],
    name=_text(
        "1 to 100 letters, digits, hyphens or underscores; unique on this bridge.",
        pattern=r"^\s*[A-Za-z0-9_-]{1,100}\s*$",
        maxLength=2048,
        examples=["suporte"],
    ),
    token=_maybe(
        "string",
        f"Token of the instance, {validation.MIN_OWN_TOKEN} characters or more of visible ASCII; "
        "one is made when it is left out.",
        maxLength=validation.MAX_TOKEN,
    ),
    gateway={
        "description": "Where the WhatsApp side of the instance lives. The token is stored "
        "encrypted and never shown again.",
        "type": ["object", "null"],
        "required": ["kind", "baseUrl", "token"],
        "properties": {
            "kind": {"type": "string", "enum": list(validation.GATEWAY_KINDS)},
            "baseUrl": _text("Address of the gateway.", pattern=_ADDRESS, maxLength=2048),
            "token": _text(
                "Token of the instance at the gateway.", minLength=1, maxLength=validation.MAX_TOKEN
            ),
        },
    },
    chatwootEnabled=_maybe(
        "boolean",
        "Activates Chatwoot as well, with the fields below. A failure never undoes the instance: "
        "it is told in chatwoot.error.",
        default=False,
    ),
    chatwootBaseUrl=_inline("chatwootBaseUrl", ""),
    chatwootAccountId=_inline("chatwootAccountId", ""),
    chatwootApiToken=_inline("chatwootApiToken", ""),
    chatwootInboxName=_inline("inboxName", "Mind the other name."),
    **{validation.SET_TO_INLINE[option.api]: _inline(option.api, "") for option in OPTIONS},
)

_CREATED = _object(
    ["success", "message", "instance", "data"],
    success={"const": True},
    message=_text("What happened, in English."),
    instance=_object(
        ["name", "token", "status"],
        name=_text("Name of the instance."),
        token=_text("Token of the instance: shown this once, kept as a hash only."),
        status=_text("A new instance is not connected yet.", examples=["disconnected"]),
    ),
    data=_object(["token"], token=_text("The same token, where other clients look for it.")),
    chatwoot={
        "description": "Only with chatwootEnabled.",
        "oneOf": [
            {
                "allOf": [_ref("Activated")],
                "type": "object",
                "required": ["enabled"],
                "properties": {"enabled": {"const": True}},
            },
            _object(
                ["enabled", "status", "error"],
                enabled={"const": False},
                status={"const": "error"},
                error=_text("The same sentence as the activation route's."),
            ),
        ],
    },
)

_SUMMARY = _object(
    ["name", "status", "connection", "gateway", "chatwoot", "created_at"],
    name=_text("Name of the instance."),
    status=_text("State of the WhatsApp side."),
    connection=_object(
        ["state", "numberJid"],
        state=_text("As status."),
        numberJid={"type": ["string", "null"], "description": "The connected number."},
    ),
    gateway={
        "type": ["object", "null"],
        "required": ["kind", "baseUrl"],
        "properties": {"kind": {"type": "string"}, "baseUrl": {"type": "string"}},
    },
    chatwoot=_object(
        ["enabled"],
        enabled={"type": "boolean"},
        status=_STATUS,
        bridge_integration_id=_text("Present when enabled.", pattern=_INTEGRATION_ID),
        base_url={"type": "string"},
        account_id={"type": "integer"},
        inbox_id={"type": "integer"},
        inbox_name={"type": "string"},
        last_error={"type": "string"},
    ),
    created_at=_text("RFC 3339, UTC.", format="date-time"),
)

#: Every schema of the description by its name.
SCHEMAS: dict[str, Schema] = {
    "Error": _object(
        ["success", "error"],
        success={"const": False},
        error={
            **_object(["message"], message=_text("What went wrong, where, and what to verify.")),
            "additionalProperties": False,
        },
    )
    | {"additionalProperties": False},
    "Activation": _ACTIVATION,
    "Activated": _INTEGRATION,
    "Integration": _VIEW,
    "Deactivated": _object(["message"], message={"const": "chatwoot integration deactivated"}),
    "NewInstance": _NEW_INSTANCE,
    "InstanceCreated": _CREATED,
    "InstanceSummary": _SUMMARY,
    "InstanceList": _object(
        ["success", "message", "instances"],
        success={"const": True},
        message=_text("How many there are.", examples=["1 Instance found"]),
        instances={"type": "array", "items": _ref("InstanceSummary")},
    ),
    "InstanceDeleted": _object(
        ["success", "message", "instance"],
        success={"const": True},
        message={"const": "Instance deleted"},
        instance=_object(["status"], status={"const": "deleted"}),
    ),
}

#: An example for each schema that is a body of its own.
EXAMPLES: dict[str, Schema] = {
    "Activation": {
        "chatwootBaseUrl": BASE_URL,
        "chatwootAccountId": 5,
        "chatwootApiToken": "kU7bYQvJ2mXo9nRfT4wEzGaH",
        "inboxName": "WhatsApp - Orion",
        "signMessages": True,
        "reopenResolved": True,
    },
    "Activated": {
        "instance": "suporte",
        "status": "active",
        "bridge_integration_id": "int_xyz789abc",
        "message": "chatwoot integration activated",
    },
    "Integration": {
        "instance_name": "suporte",
        "status": "active",
        "bridge_integration_id": "int_xyz789abc",
        "chatwoot_base_url": BASE_URL,
        "chatwoot_account_id": 5,
        "chatwoot_api_token": "kU7bYQvJ2mXo9nRfT4wEzGaH",
        "chatwoot_inbox_id": 42,
        "chatwoot_inbox_name": "WhatsApp - Orion",
        "last_error": "",
        "created_at": "2026-04-20T10:15:30Z",
        **{option.shown: False if option.is_switch else "" for option in OPTIONS},
        "sign_messages": True,
        "reopen_resolved": True,
    },
    "InstanceCreated": {
        "success": True,
        "message": "Instance created successfully",
        "instance": {"name": "suporte", "token": "Zx1...", "status": "disconnected"},
        "data": {"token": "Zx1..."},
    },
    "InstanceList": {
        "success": True,
        "message": "1 Instance found",
        "instances": [
            {
                "name": "suporte",
                "status": "disconnected",
                "connection": {"state": "disconnected", "numberJid": None},
                "gateway": None,
                "chatwoot": {"enabled": False},
                "created_at": "2026-04-20T10:15:30Z",
            }
        ],
    },
    "NewInstance": {"name": "suporte"},
    "Deactivated": {"message": "chatwoot integration deactivated"},
    "InstanceDeleted": {
        "success": True,
        "message": "Instance deleted",
        "instance": {"status": "deleted"},
    },
}
