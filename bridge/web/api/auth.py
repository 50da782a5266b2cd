"""Who calls the JSON API: the account's token or the token of one instance.

Rules: docs/contracts/ryzeapi.md, Tokens.
"""

from dataclasses import dataclass

from flask import Request, request

from bridge.domain.errors import ForeignInstance, InstanceUnknown, InvalidToken, MissingToken
from bridge.domain.models import Actor, Instance
from bridge.services import Services
from bridge.store.vault import same, token_hash


@dataclass(frozen=True, slots=True)
class Caller:
    """`instance` is None for the account, which may use all of them. `key` names the bucket."""

    key: str
    instance: Instance | None = None

    @property
    def is_account(self) -> bool:
        return self.instance is None


def actor(caller: Caller) -> Actor:
    """Who asks, for the audit trail."""
    # With a prefix, for an instance may be called `account` or `cli`.
    who = f"instance:{caller.instance.name}" if caller.instance else "account"
    return Actor(who, request.remote_addr or "")


def presented(request: Request) -> str:
    """The token of a request: header `token`, then `Authorization: Bearer`."""
    plain = request.headers.get("token", "").strip()
    if plain:
        return plain
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def identify(request: Request, services: Services) -> Caller | None:
    """Who presents a token of ours, None for anybody else."""
    token = presented(request)
    if not token:
        return None
    hashed = token_hash(token)
    if same(hashed, services.account_token_hash):
        return Caller(hashed)
    instance = services.instances.of_token(hashed)
    return Caller(hashed, instance) if instance else None


def require(caller: Caller | None, request: Request) -> Caller:
    """The caller. Raises MissingToken or InvalidToken."""
    if caller is None:
        raise InvalidToken if presented(request) else MissingToken
    return caller


def require_account(caller: Caller | None, request: Request) -> Caller:
    """The operator: an instance's token is no valid token here."""
    caller = require(caller, request)
    if not caller.is_account:
        raise InvalidToken
    return caller


def instance_of(caller: Caller, name: str, services: Services) -> Instance:
    """The instance of that name, if the caller may use it.

    Raises ForeignInstance, for unknown names too so that nothing is given away, or InstanceUnknown.
    """
    if caller.instance is not None:
        if caller.instance.name != name:
            raise ForeignInstance
        return caller.instance
    instance = services.instances.find(name)
    if instance is None:
        raise InstanceUnknown
    return instance
