"""Routes about the installation, the token's owner and the account.

Source: docs/contracts/chatwoot.md, Access.
"""

import time
from typing import Any

from flask import Blueprint, Response

from sandbox.chatwoot.access import Caller, account_route, actor, world
from sandbox.chatwoot.answers import not_found, reply, unauthorized
from sandbox.chatwoot.records import Account, AgentBot, User
from sandbox.chatwoot.state import base58_token

routes = Blueprint("account", __name__)


@routes.get("/api")
def version() -> Response:
    """The version, without a token."""
    failing, options = world().faults.failing(), world().state.options
    return reply(
        {
            "version": options.version,
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(options.now())),
            "queue_services": "failing" if "queue" in failing else "ok",
            "data_services": "failing" if "data" in failing else "ok",
        }
    )


@routes.get("/health")
def health() -> Response:
    """Alive."""
    return reply({"status": "woot"})


@routes.get("/api/v1/profile")
def profile() -> Response:
    """Whose token it is. No account is involved, so a suspended one does not matter."""
    return profile_of(actor(bots=False))


def profile_of(who: User | AgentBot) -> Response:
    """The profile of a token's owner, token included."""
    if not isinstance(who, User):
        raise unauthorized("Access to this endpoint is not authorized for bots")
    accounts = [account_of(who, account) for account in accounts_of(who)]
    active = accounts[0] if accounts else {"id": None, "role": None}
    return reply(
        {
            "access_token": who.access_token if accounts else "",
            "account_id": active["id"],
            "available_name": who.name,
            "avatar_url": "",
            "confirmed": True,
            "display_name": None,
            "message_signature": None,
            "email": who.email,
            "id": who.id,
            "inviter_id": None,
            "name": who.name,
            "provider": "email",
            "pubsub_token": who.pubsub_token,
            "role": active["role"],
            "ui_settings": {},
            "uid": who.email,
            "type": None,
            "accounts": accounts,
        }
    )


def accounts_of(user: User) -> list[Account]:
    """The accounts a user belongs to."""
    if world().faults.removed(user):
        return []
    return [world().state.accounts[int(number)] for number in user.roles]


def account_of(user: User, account: Account) -> dict[str, Any]:
    """A membership as `accounts[]` of the profile shows it."""
    role = user.roles[str(account.id)]
    suspended = account.status == "suspended" or world().faults.account_suspended(account.id)
    return {
        "id": account.id,
        "name": account.name,
        "status": "suspended" if suspended else "active",
        "onboarding_step": None,
        "active_at": None,
        "api_and_webhooks": True,
        "custom_role": None,
        "custom_role_id": None,
        "role": role,
        "permissions": [role],
        "availability": "online",
        "availability_status": "online",
        "auto_offline": True,
    }


@routes.post("/api/v1/profile/reset_access_token")
def reset_access_token() -> Response:
    """A new token for its owner; the old one is void at once."""
    who = actor(bots=False)
    state = world().state
    with state.lock:
        if isinstance(who, User):
            state.set_token(who, base58_token())
    return profile_of(who)


@routes.get("/api/v1/accounts/<int:account_id>")
def show_account(account_id: int) -> Response:
    """An account among the user's own, suspended or not: a stranger gets 404, not 401."""
    who = actor(bots=False)
    account = world().state.accounts.get(account_id)
    if account is None or not isinstance(who, User) or str(account_id) not in who.roles:
        raise not_found()
    return reply(
        {
            "id": account.id,
            "name": account.name,
            "locale": account.locale,
            "domain": None,
            "support_email": None,
            "status": account.status,
            "created_at": "2026-06-17T12:00:00.000Z",
            "cache_keys": dict.fromkeys(("label", "inbox", "team"), "0000000000"),
            "features": {"api_and_webhooks": True},
            "latest_chatwoot_version": None,
            "subscribed_features": [],
            "settings": {},
        }
    )


@account_route(routes, "/agents", "GET")
def list_agents(who: Caller) -> Response:
    """Everybody in the account."""
    members = [u for u in world().state.users.values() if str(who.account.id) in u.roles]
    return reply([agent(user, who.account.id) for user in members])


@account_route(routes, "/labels", "GET")
def list_labels(who: Caller) -> Response:
    """The labels of the account; those of conversations need none of these."""
    return reply({"payload": []})


def agent(user: User, account_id: int) -> dict[str, Any]:
    """A user as seen by colleagues."""
    return {
        "id": user.id,
        "account_id": account_id,
        "availability_status": "online",
        "auto_offline": True,
        "confirmed": True,
        "email": user.email,
        "available_name": user.name,
        "custom_role_id": None,
        "name": user.name,
        "provider": "email",
        "role": user.roles[str(account_id)],
        "thumbnail": "",
    }
