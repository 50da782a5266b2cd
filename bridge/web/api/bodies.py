"""What the JSON API answers: each body as it is encoded and as the OpenAPI document shows it.

Sources: docs/contracts/ryzeapi.md, Chatwoot module, Instances and Envelopes.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from flask import Response
from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, field

from bridge.activation import activate
from bridge.activation.validation import about
from bridge.domain import models
from bridge.domain.models import Status
from bridge.domain.options import OPTIONS

Name: TypeAlias = Annotated[str, about("Name of the instance.", "suporte")]
Time: TypeAlias = Annotated[
    str,
    about("RFC 3339, UTC.", "2026-04-20T10:15:30Z", extra_json_schema={"format": "date-time"}),
]
IntegrationId: TypeAlias = Annotated[
    str,
    about(
        "Stays the same as long as base URL and account stay the same.",
        "int_xyz789abc",
        pattern=r"^int_[a-z0-9]{9}$",
    ),
]
Yes: TypeAlias = Annotated[bool, Meta(extra_json_schema={"const": True})]
No: TypeAlias = Annotated[bool, Meta(extra_json_schema={"const": False})]


class Cause(Struct, forbid_unknown_fields=True):
    message: Annotated[str, about("What went wrong, where, and what to verify.")]


class Error(Struct, forbid_unknown_fields=True):
    success: No
    error: Cause


class Activated(Struct):
    instance: Name
    status: Status
    bridge_integration_id: IntegrationId
    message: Literal["chatwoot integration activated"]
    warnings: (
        Annotated[
            list[str],
            about(
                "What may keep messages from flowing although the activation "
                "succeeded; absent when there is nothing to say."
            ),
        ]
        | UnsetType
    ) = UNSET


class InlineActivated(Activated, kw_only=True):
    enabled: Yes


class InlineFailed(Struct):
    enabled: No
    status: Literal["error"]
    error: Annotated[str, about("The same sentence as the activation route's.")]


class Deactivated(Struct):
    message: Literal["chatwoot integration deactivated"]


class _Facts(Struct):
    instance_name: Name
    status: Status
    bridge_integration_id: IntegrationId
    chatwoot_base_url: Annotated[
        str,
        about("Without a trailing slash.", "https://chatwoot.example.com"),
    ]
    chatwoot_account_id: int
    chatwoot_api_token: Annotated[
        str,
        about("In plain text: this route is as secret as the token.", "kU7bYQvJ2mXo9nRfT4wEzGaH"),
    ]
    chatwoot_inbox_id: int
    chatwoot_inbox_name: Annotated[
        str,
        about("As Chatwoot has it now, if it could be asked.", "WhatsApp - Orion"),
    ]
    last_error: Annotated[str, about("Empty while all is well.")]
    created_at: Time


#: With every option of the integration.
Integration = defstruct(
    "Integration", [(option.shown, option.kind) for option in OPTIONS], bases=(_Facts,)
)


class MadeInstance(Struct):
    name: Name
    token: Annotated[
        str,
        about("Token of the instance: shown this once, stored as a hash only.", "Zx1..."),
    ]
    status: Annotated[str, about("A new instance is not connected yet.", "disconnected")]


class TokenAgain(Struct):
    token: Annotated[
        str,
        about("The same token, where other clients look for it.", "Zx1..."),
    ]


class InstanceCreated(Struct):
    success: Yes
    message: Literal["Instance created successfully"]
    instance: MadeInstance
    data: TokenAgain
    chatwoot: (
        Annotated[
            Any,
            about(
                "Only with chatwootEnabled.",
                extra_json_schema={
                    "oneOf": [
                        {"$ref": "#/components/schemas/InlineActivated"},
                        {"$ref": "#/components/schemas/InlineFailed"},
                    ]
                },
            ),
        ]
        | UnsetType
    ) = UNSET


class Connection(Struct):
    state: Annotated[str, about("As status.", "disconnected")]
    number_jid: Annotated[str | None, about("The connected number.")] = field(name="numberJid")


class GatewaySummary(Struct):
    kind: str
    base_url: str = field(name="baseUrl")


class ChatwootSummary(Struct):
    enabled: Annotated[bool, about("The other fields are present when it is true.")]
    status: Status | UnsetType = UNSET
    bridge_integration_id: IntegrationId | UnsetType = UNSET
    base_url: str | UnsetType = UNSET
    account_id: int | UnsetType = UNSET
    inbox_id: int | UnsetType = UNSET
    inbox_name: str | UnsetType = UNSET
    last_error: str | UnsetType = UNSET


class InstanceSummary(Struct):
    name: Name
    status: Annotated[str, about("State of the WhatsApp side.", "disconnected")]
    connection: Connection
    gateway: GatewaySummary | None
    chatwoot: ChatwootSummary
    created_at: Time


class InstanceList(Struct):
    success: Yes
    message: Annotated[str, about("How many there are.", "1 Instance found")]
    instances: list[InstanceSummary]


class Deleted(Struct):
    status: Literal["deleted"]


class InstanceDeleted(Struct):
    success: Yes
    message: Literal["Instance deleted"]
    instance: Deleted


class Description(Struct):
    openapi: Annotated[str, about("The version of OpenAPI.", "3.1.0")]
    paths: Annotated[dict[str, Any], about("The routes.", {})]


#: Tokens are texts that hide themselves everywhere else.
_encoder = msgspec.json.Encoder(enc_hook=str)


def answer(body: object, status: int = 200) -> Response:
    """A body as the response that carries it."""
    return Response(_encoder.encode(body), status, content_type="application/json")


def error(status: int, message: str) -> Response:
    """An error in the contract's shape."""
    return answer(Error(False, Cause(message)), status)


# -- from what is stored ---------------------------------------------------------------------------


def activated(instance: models.Instance, result: activate.ActivationResult) -> Activated:
    """What `set` answers."""
    return Activated(
        instance.name,
        result.integration.status,
        result.integration.id,
        "chatwoot integration activated",
        [str(warning) for warning in result.warnings] or UNSET,
    )


def integration(instance: models.Instance, row: models.Integration) -> Struct:
    """What `list` answers."""
    return Integration(
        instance.name,
        row.status,
        row.id,
        row.base_url,
        row.account_id,
        row.api_token,
        row.inbox_id,
        row.inbox_name,
        row.last_error.message if row.last_error else "",
        _rfc3339(row.created_at),
        *(getattr(row.options, option.name) for option in OPTIONS),
    )


def created(name: str, token: models.Secret) -> InstanceCreated:
    """What `instance/new` answers; the token stands in both places that clients read
    (docs/contracts/ryzeapi.md, Instances)."""
    made = MadeInstance(name, token, "disconnected")
    return InstanceCreated(True, "Instance created successfully", made, TokenAgain(token))


def summary(instance: models.Instance, row: models.Integration | None) -> InstanceSummary:
    """One item of `instance/list`; its token is not stored, so it cannot be shown."""
    chatwoot = ChatwootSummary(enabled=False)
    if row is not None:
        chatwoot = ChatwootSummary(
            True,
            row.status,
            row.id,
            row.base_url,
            row.account_id,
            row.inbox_id,
            row.inbox_name,
            row.last_error.message if row.last_error else "",
        )
    gateway = instance.gateway
    return InstanceSummary(
        instance.name,
        "disconnected",
        Connection("disconnected", None),
        GatewaySummary(gateway.kind, gateway.base_url) if gateway else None,
        chatwoot,
        _rfc3339(instance.created_at),
    )


def listed(summaries: list[InstanceSummary]) -> InstanceList:
    """What `instance/list` answers."""
    count = "1 Instance" if len(summaries) == 1 else f"{len(summaries)} Instances"
    return InstanceList(True, f"{count} found", summaries)


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
