"""Who may call, and which instance and chat a request is about (docs/contracts/ryzeapi.md)."""

import hmac
import re
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, request

from sandbox.gateways.ryzeapi import wire
from sandbox.gateways.ryzeapi.wire import Refusal
from sandbox.kit.body import Body
from sandbox.whatsapp.directory import Group, Person, plain
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.phone import ACCOUNT_TOKEN, the_phone

if TYPE_CHECKING:
    from sandbox.gateways.ryzeapi.dialect import RyzeApi

#: All routes of this gateway; the modules api_* add theirs.
routes = Blueprint("ryzeapi", __name__)
routes.register_error_handler(Refusal, Refusal.response)


@routes.errorhandler(ValueError)
def unusable(error: ValueError) -> Response:
    """A body that cannot be used."""
    return wire.reject_body(str(error)).response()


def gateway() -> "RyzeApi":
    """This gateway on the running phone."""
    return cast("RyzeApi", the_phone().dialects["ryzeapi"])


def body() -> Body:
    """The body of the current request."""
    return Body.parse(request.get_data())


def sent_token(*, in_query: bool = False) -> str:
    """The token of the request: header, then Bearer, then `?token=` where that is allowed."""
    token = request.headers.get("token", "")
    if not token:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = value.strip() if scheme.lower() == "bearer" else ""
    if not token and in_query:
        token = request.args.get("token", "")
    return token


def account() -> None:
    """Only TokenAccount may pass; anything else is 401, also a TokenInstance."""
    if not hmac.compare_digest(_required_token().encode(), ACCOUNT_TOKEN.encode()):
        raise Refusal(401, wire.INVALID_TOKEN)


def mine() -> list[Instance]:
    """The instances of this gateway."""
    return [each for each in the_phone().instances.all() if each.gateway == "ryzeapi"]


def _owner_of(token: str) -> Instance:
    for each in mine():
        if each.token == token:
            return each
    raise Refusal(401, wire.INVALID_TOKEN)


def account_or_owner() -> Instance | None:
    """None for the account, the instance for a TokenInstance."""
    token = _required_token()
    return None if token == ACCOUNT_TOKEN else _owner_of(token)


def instance(name: str, *, in_query: bool = False) -> Instance:
    """The instance in the path, for its own token or the account's."""
    token = _required_token(in_query=in_query)
    if token != ACCOUNT_TOKEN and _owner_of(token).name != name:
        raise Refusal(403, wire.WRONG_INSTANCE_TOKEN)
    for each in mine():
        if each.name == name:
            return each
    raise Refusal(404, wire.INSTANCE_NOT_FOUND)


def connected(found: Instance) -> Instance:
    """The instance, or 503 when it has no connection to WhatsApp."""
    if not found.connected:
        raise Refusal(503, wire.NOT_CONNECTED)
    return found


def _required_token(*, in_query: bool = False) -> str:
    token = sent_token(in_query=in_query)
    if not token:
        raise Refusal(401, wire.MISSING_TOKEN_ANYWHERE if in_query else wire.MISSING_TOKEN)
    return token


def recipient(number: str) -> Person | Group:
    """Whom a `number` names; refused with 400 when nobody."""
    address = plain(number)
    if not number:
        raise Refusal(400, "Number is required")
    if address.endswith("@newsletter"):
        raise Refusal(400, "Newsletters are not available in the sandbox")
    if not re.fullmatch(r"[\d-]+(@(s\.whatsapp\.net|lid|g\.us))?", address):
        raise Refusal(400, f"Invalid number: {number}")
    if chat := the_phone().directory.find(address):
        return chat
    raise Refusal(400, f"Number {number} is not on WhatsApp")
