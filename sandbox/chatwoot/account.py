"""Routes about the installation, the token's owner, the account, its webhooks and bots."""

import time
from urllib.parse import urlsplit

from flask import Blueprint, Response

from sandbox.chatwoot.access import Caller, account_route, actor, as_id, is_blank, params, server
from sandbox.chatwoot.answers import empty, invalid, not_found, reply, unauthorized
from sandbox.chatwoot.records import Account, AccountWebhook, AgentBot, Json, User
from sandbox.chatwoot.shapes import bot_row, picked
from sandbox.chatwoot.state import base58_token

routes = Blueprint("account", __name__)

_EVENTS = [
    *("conversation_status_changed", "conversation_updated", "conversation_created"),
    *("contact_created", "contact_updated", "message_created", "message_updated"),
    *("webwidget_triggered", "conversation_typing_on", "conversation_typing_off"),
]


@routes.get("/api")
def version() -> Response:
    """The version, without a token."""
    failing, options = server().faults.failing(), server().state.options
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
    return reply({"status": "woot"})


@routes.get("/api/v1/profile")
def profile() -> Response:
    """Whose token it is. No account is involved, so a suspended one does not matter."""
    return profile_of(actor(bots=False))


def profile_of(who: User | AgentBot) -> Response:
    """The profile of a token's owner, token included."""
    if not isinstance(who, User):
        raise unauthorized("Access to this endpoint is not authorized for bots")
    roles = {} if server().faults.removed(who) else who.roles
    accounts = [account_of(who, server().state.accounts[int(number)]) for number in roles]
    active = accounts[0] if accounts else {"id": None, "role": None}
    return reply(
        picked(who, "email id name pubsub_token")
        | dict.fromkeys(("display_name", "message_signature", "inviter_id", "type"))
        | {
            "access_token": who.access_token if accounts else "",
            "account_id": active["id"],
            "available_name": who.name,
            "avatar_url": "",
            "confirmed": True,
            "provider": "email",
            "role": active["role"],
            "ui_settings": {},
            "uid": who.email,
            "accounts": accounts,
        }
    )


def account_of(user: User, account: Account) -> Json:
    """A membership as `accounts[]` of the profile shows it."""
    role = user.roles[str(account.id)]
    suspended = account.status == "suspended" or server().faults.account_suspended(account.id)
    return dict.fromkeys(("onboarding_step", "active_at", "custom_role", "custom_role_id")) | {
        "id": account.id,
        "name": account.name,
        "status": "suspended" if suspended else "active",
        "api_and_webhooks": True,
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
    state = server().state
    with state.lock:
        if isinstance(who, User):
            state.set_token(who, base58_token())
    return profile_of(who)


@routes.get("/api/v1/accounts/<int:account_id>")
def show_account(account_id: int) -> Response:
    """An account among the user's own, suspended or not: a stranger gets 404, not 401."""
    who = actor(bots=False)
    account = server().state.accounts.get(account_id)
    if account is None or not isinstance(who, User) or str(account_id) not in who.roles:
        raise not_found()
    return reply(
        picked(account, "id name locale status")
        | dict.fromkeys(("domain", "support_email", "latest_chatwoot_version"))
        | {
            "created_at": "2026-06-17T12:00:00.000Z",
            "cache_keys": dict.fromkeys(("label", "inbox", "team"), "0000000000"),
            "features": {"api_and_webhooks": True},
            "subscribed_features": [],
            "settings": {},
        }
    )


@account_route(routes, "/agents", "GET")
def list_agents(who: Caller) -> Response:
    members = [u for u in server().state.users.values() if str(who.account.id) in u.roles]
    return reply([agent(user, who.account.id) for user in members])


@account_route(routes, "/labels", "GET")
def list_labels(who: Caller) -> Response:
    """The labels of the account; those of conversations need none of these."""
    return reply({"payload": []})


def agent(user: User, account_id: int) -> Json:
    return picked(user, "id email name") | {
        "account_id": account_id,
        "availability_status": "online",
        "auto_offline": True,
        "confirmed": True,
        "available_name": user.name,
        "custom_role_id": None,
        "provider": "email",
        "role": user.roles[str(account_id)],
        "thumbnail": "",
    }


@account_route(routes, "/webhooks", "GET")
def list_webhooks(who: Caller) -> Response:
    who.need_admin()
    mine = [w for w in server().state.webhooks.values() if w.account_id == who.account.id]
    return reply({"payload": {"webhooks": [_webhook(webhook) for webhook in mine]}})


@account_route(routes, "/webhooks", "POST")
def create_webhook(who: Caller) -> Response:
    """A new one; the body may be nested under `webhook` or not."""
    who.need_admin()
    given = params()
    given = given["webhook"] if isinstance(given.get("webhook"), dict) else given
    url = str(given.get("url") or "")
    state = server().state
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise invalid(("url", "Url is invalid"))
    if any(w.url == url and w.account_id == who.account.id for w in state.webhooks.values()):
        raise invalid(("url", "Url has already been taken"))
    webhook = AccountWebhook(
        id=state.next_id(AccountWebhook),
        account_id=who.account.id,
        url=url,
        name=str(given.get("name") or ""),
        subscriptions=[str(row) for row in given.get("subscriptions") or _EVENTS],
        secret=base58_token(),
    )
    if not set(webhook.subscriptions) <= set(_EVENTS):
        raise invalid(("subscriptions", "Subscriptions Invalid events"))
    state.add(webhook)
    return reply({"payload": {"webhook": _webhook(webhook)}})


@account_route(routes, "/webhooks/<int:webhook_id>", "DELETE")
def delete_webhook(who: Caller, webhook_id: int) -> Response:
    """Remove it; an empty 200."""
    who.need_admin()
    webhook = server().state.webhooks.get(webhook_id)
    if webhook is None or webhook.account_id != who.account.id:
        raise not_found()
    server().state.remove(webhook)
    return empty()


def _webhook(webhook: AccountWebhook) -> Json:
    return picked(webhook, "id name url account_id subscriptions secret")


@account_route(routes, "/agent_bots", "POST")
def create_bot(who: Caller) -> Response:
    who.need_admin()
    given, state = params(), server().state
    bot = AgentBot(
        id=state.next_id(AgentBot),
        name=str(given.get("name") or ""),
        access_token=base58_token(),
        account_id=who.account.id,
        outgoing_url=str(given.get("outgoing_url") or ""),
        secret=base58_token(),
    )
    return reply(_bot(state.add(bot)))


@account_route(routes, "/inboxes/<int:inbox_id>/agent_bot", "GET")
def show_bot(who: Caller, inbox_id: int) -> Response:
    bot = server().state.bots.get(who.inbox(inbox_id).agent_bot_id or 0)
    return reply({"agent_bot": _bot(bot)} if bot else {})


@account_route(routes, "/inboxes/<int:inbox_id>/set_agent_bot", "POST")
def set_bot(who: Caller, inbox_id: int) -> Response:
    """Give an inbox to a bot, or take it back."""
    inbox = who.inbox(inbox_id)
    who.need_admin()
    wanted, bots = params().get("agent_bot"), server().state.bots
    bot = None if is_blank(wanted) else bots.get(as_id(wanted))
    if bot is None and not is_blank(wanted):
        raise not_found()
    inbox.agent_bot_id = bot.id if bot else None
    server().state.save(inbox)
    return empty()


def _bot(bot: AgentBot) -> Json:
    columns = picked(bot, "account_id access_token secret")
    return bot_row(bot) | columns | {"bot_config": {}, "system_bot": False}
