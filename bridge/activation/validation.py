"""The bodies that the JSON API takes, and how they become facts; wizard and command line send the
same. A field states its type, its bounds and its description, all of which the OpenAPI document
shows, and the rule by which it is read.

Rules: docs/contracts/ryzeapi.md, Chatwoot module and Instances; where those leave a rule open,
docs/decisions.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeAlias, get_type_hints

from msgspec import Meta, Struct, defstruct, field, structs

from bridge.activation import reader
from bridge.activation.reader import Reader
from bridge.chatwoot import address
from bridge.domain.models import DEFAULT_INBOX_NAME, ActivationRequest, GatewayConfig, Secret
from bridge.domain.options import OPTIONS, InboxOptions, Option

_URL = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://"
Address: TypeAlias = Annotated[str, Meta(pattern=_URL, max_length=address.MAX_LENGTH)]
#: As the address, or empty, which is as good as left out.
OptionalAddress: TypeAlias = Annotated[
    str, Meta(pattern=rf"{_URL}|^$", max_length=address.MAX_LENGTH)
]
Token: TypeAlias = Annotated[str, Meta(min_length=1, max_length=reader.MAX_TOKEN)]
OwnToken: TypeAlias = Annotated[str, Meta(max_length=reader.MAX_TOKEN)]
AccountId: TypeAlias = Annotated[int, Meta(ge=1, le=reader.MAX_ACCOUNT_ID)]
InboxName: TypeAlias = Annotated[str, Meta(max_length=reader.MAX_INBOX_NAME)]
InstanceName: TypeAlias = Annotated[
    str, Meta(pattern=r"^\s*[A-Za-z0-9_-]{1,100}\s*$", max_length=2048)
]


def about(description: str, *examples: object, **bounds: Any) -> Meta:
    """What the OpenAPI document says about a field."""
    return Meta(description=description, examples=list(examples) or None, **bounds)


class _Facts(Struct, kw_only=True):
    base_url: Annotated[
        Address,
        about(
            "Address of the Chatwoot installation, http or https, without user name, "
            "query or fragment. A trailing slash is removed. A link copied from the dashboard is "
            "answered with the value to send.",
            "https://chatwoot.example.com",
        ),
        partial(Reader.base_url, account_field="chatwootAccountId"),
    ] = field(name="chatwootBaseUrl")
    account_id: Annotated[
        AccountId,
        about("The number after /accounts/ in Chatwoot's address.", 5),
        Reader.account_id,
    ] = field(name="chatwootAccountId")
    api_token: Annotated[
        Token,
        about(
            "Access token of an administrator of that account (Profile Settings, "
            "Access Token): visible ASCII characters. It is stored encrypted and is not part of "
            "this response.",
            "kU7bYQvJ2mXo9nRfT4wEzGaH",
        ),
        Reader.token,
    ] = field(name="chatwootApiToken")
    inbox_name: Annotated[
        InboxName | None,
        about(
            "Name of the inbox. Before Chatwoot 4.3.0 some characters are not allowed; "
            "the answer names the one that offends.",
            "WhatsApp - Orion",
        ),
        Reader.inbox_name,
    ] = field(name="inboxName", default=DEFAULT_INBOX_NAME)


def _of_option(option: Option) -> tuple[str, Any, Any]:
    rule = Reader.truth if option.is_switch else partial(Reader.base_url, required=False)
    kind = bool if option.is_switch else OptionalAddress
    default = getattr(InboxOptions(), option.name)
    return (
        option.name,
        Annotated[kind | None, about(option.meaning), rule],
        field(name=option.api, default=default),
    )


#: The body of `set`.
Activation = defstruct(
    "Activation", [_of_option(option) for option in OPTIONS], bases=(_Facts,), kw_only=True
)
#: How each fact is called in it.
SET_FIELDS = {fact.name: fact.encode_name for fact in structs.fields(Activation)}
#: How the inline block of `instance/new` calls the fields of `set`.
SET_TO_INLINE = {
    name: name if name.startswith("chatwoot") else "chatwoot" + name[0].upper() + name[1:]
    for name in SET_FIELDS.values()
}


class GatewayFields(Struct):
    """Where the WhatsApp side of an instance lives. The token is stored encrypted and never shown
    again."""

    kind: Annotated[
        str,
        about("What the gateway is.", extra_json_schema={"enum": list(reader.GATEWAY_KINDS)}),
        Reader.gateway_kind,
    ]
    base_url: Annotated[Address, about("Address of the gateway."), Reader.base_url] = field(
        name="baseUrl"
    )
    token: Annotated[Token, about("Token of the instance at the gateway."), Reader.token]


def _gateway(read: Reader, name: str) -> GatewayConfig | None:
    inner = read.inner(name)
    if inner is None:
        return None
    values = _read(GatewayFields, inner)
    read.problems |= {f"{name}.{field}": rule for field, rule in inner.problems.items()}
    return GatewayConfig(**values)


class _Instance(Struct, kw_only=True):
    name: Annotated[
        InstanceName,
        about(
            "1 to 100 letters, digits, hyphens or underscores; unique on this bridge.", "suporte"
        ),
        Reader.instance_name,
    ]
    token: Annotated[
        OwnToken | None,
        about(
            f"Token of the instance, {reader.MIN_OWN_TOKEN} characters or more of "
            "visible ASCII; one is made when it is left out."
        ),
        Reader.own_token,
    ] = None
    gateway: Annotated[
        GatewayFields | None,
        about("Where the WhatsApp side of the instance lives."),
        _gateway,
    ] = None
    with_chatwoot: Annotated[
        bool | None,
        about(
            "Activates Chatwoot as well, with the fields below. A failure never undoes "
            "the instance: chatwoot.error says what it was."
        ),
        Reader.truth,
    ] = field(name="chatwootEnabled", default=False)


def _inline(name: str) -> tuple[str, Any, Any]:
    """No type on purpose: a wrong value never refuses the instance, it comes back as an error."""
    other = "" if SET_TO_INLINE[name] == name else " Mind the other name."
    text = f"As {name} of the activation route.{other}"
    return SET_TO_INLINE[name], Annotated[Any, about(text)], field(default=None)


#: The body of `instance/new`.
NewInstance = defstruct(
    "NewInstance", [_inline(name) for name in SET_TO_INLINE], bases=(_Instance,), kw_only=True
)


def _read(kind: type[Struct], read: Reader) -> dict[str, Any]:
    """Every field that has a rule, read by it."""
    hints, values = get_type_hints(kind, include_extras=True), dict[str, Any]()
    for fact in structs.fields(kind):
        rule = hints[fact.name].__metadata__[-1]
        if callable(rule):
            values[fact.name] = rule(read, fact.encode_name)
    return values


def _checked(kind: type[Struct], body: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a whole body. Raises InvalidBody that names each wrong field with its rule."""
    read = Reader(body)
    values = _read(kind, read)
    read.done()
    return values


def activation_request(body: Mapping[str, Any]) -> ActivationRequest:
    """The wish to activate. Raises InvalidBody."""
    values = _checked(Activation, body)
    options = {option.name: values.pop(option.name) for option in OPTIONS}
    return ActivationRequest(**values, options=InboxOptions(**options))


def inline_request(body: Mapping[str, Any]) -> ActivationRequest:
    """The same from the inline block; InvalidBody has the names of `set` here too."""
    return activation_request({name: body.get(inline) for name, inline in SET_TO_INLINE.items()})


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """The wish for an instance; `token` empty means that one is to be made."""

    name: str
    token: Secret
    gateway: GatewayConfig | None
    with_chatwoot: bool = False


def new_instance(body: Mapping[str, Any]) -> InstanceRequest:
    """The wish for an instance. Raises InvalidBody. The inline Chatwoot block is read later."""
    return InstanceRequest(**_checked(NewInstance, body))
