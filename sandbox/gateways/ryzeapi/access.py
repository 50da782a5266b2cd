"""Who may call: tokens, rate limits, and the instance a request is about.

Rules: docs/contracts/ryzeapi.md, Tokens, Not found and Envelopes.
"""

import hmac

from flask import current_app, g, request

from sandbox.gateways.ryzeapi import wire
from sandbox.gateways.ryzeapi.wire import Refusal
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.phone import ACCOUNT_TOKEN, Phone

EXTENSION = "sandbox_phone"


def the_phone() -> Phone:
    """The phone of the running application."""
    found: Phone = current_app.extensions[EXTENSION]
    return found


def sent_token(*, in_query: bool = False) -> str:
    """The token of the request: header, then Bearer, then `?token=` where that is allowed."""
    token = request.headers.get("token", "")
    if not token:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = value.strip() if scheme.lower() == "bearer" else ""
    if not token and in_query:
        token = request.args.get("token", "")
    return token


def count_request(phone: Phone, *, creating: bool) -> None:
    """Count this request against its token; refused with 429 when it is one too many."""
    limit = phone.switches.rate_limit_new if creating else phone.switches.rate_limit
    remaining, reset = phone.limits.count(f"{'new' if creating else 'all'}/{sent_token()}", limit)
    g.rate = (limit, max(remaining, 0), reset)
    if remaining < 0:
        raise Refusal(429, wire.RATE_LIMITED)


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
