"""Who may call: tokens, rate limits, and the instance a request is about.

Rules: docs/contracts/ryzeapi.md, Tokens, Not found and Envelopes.
"""

import hmac
import re
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, request

from sandbox.gateways.ryzeapi import wire
from sandbox.gateways.ryzeapi.wire import Refusal
from sandbox.kit.body import Body
from sandbox.whatsapp.directory import GROUP_SUFFIX, LID_SUFFIX, Group, Person, plain
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.phone import ACCOUNT_TOKEN, the_phone

if TYPE_CHECKING:
    from sandbox.gateways.ryzeapi.dialect import RyzeApi

#: All routes of this gateway; the modules api_* add theirs.
routes = Blueprint("ryzeapi", __name__)


@routes.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    return error.response()


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


def account_or_owner() -> Instance | None:
    """None for the account, the instance for a TokenInstance."""
    token = _required_token()
    if token == ACCOUNT_TOKEN:
        return None
    owner = the_phone().instances.by_token(token)
    if owner is None:
        raise Refusal(401, wire.INVALID_TOKEN)
    return owner


def instance(name: str, *, in_query: bool = False) -> Instance:
    """The instance in the path, for its own token or the account's."""
    token = _required_token(in_query=in_query)
    instances = the_phone().instances
    if token != ACCOUNT_TOKEN:
        owner = instances.by_token(token)
        if owner is None:
            raise Refusal(401, wire.INVALID_TOKEN)
        if owner.name != name:
            raise Refusal(403, wire.WRONG_INSTANCE_TOKEN)
        return owner
    found = instances.get(name)
    if found is None:
        raise Refusal(404, wire.INSTANCE_NOT_FOUND)
    return found


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


def recipient(number: str, *, accept_unknown: bool = False) -> Person | Group:
    """Whom a `number` names; refused with 400 when nobody."""
    address, directory = plain(number), the_phone().directory
    if not number:
        raise Refusal(400, "Number is required")
    if address.endswith("@newsletter"):
        raise Refusal(400, "Newsletters are not available in the sandbox")
    if not re.fullmatch(r"[\d-]+(@(s\.whatsapp\.net|lid|g\.us))?", address):
        raise Refusal(400, f"Invalid number: {number}")
    if chat := directory.find(address):
        return chat
    if accept_unknown and not address.endswith((LID_SUFFIX, GROUP_SUFFIX)):
        return directory.meet(address)
    raise Refusal(400, f"Number {number} is not on WhatsApp")
