"""Webhooks of a whole account (docs/contracts/chatwoot.md, Webhooks)."""

from urllib.parse import urlsplit

from flask import Blueprint, Response

from sandbox.chatwoot.access import Caller, account_route, params, world
from sandbox.chatwoot.answers import empty, invalid, not_found, reply
from sandbox.chatwoot.records import AccountWebhook, Json
from sandbox.chatwoot.state import base58_token

routes = Blueprint("account_webhooks", __name__)

_EVENTS = [
    "conversation_status_changed",
    "conversation_updated",
    "conversation_created",
    "contact_created",
    "contact_updated",
    "message_created",
    "message_updated",
    "webwidget_triggered",
    "conversation_typing_on",
    "conversation_typing_off",
]


@account_route(routes, "/webhooks", "GET")
def list_webhooks(who: Caller) -> Response:
    """All webhooks of the account."""
    who.need_admin()
    mine = [w for w in world().state.webhooks.values() if w.account_id == who.account.id]
    return reply({"payload": {"webhooks": [_shown(webhook) for webhook in mine]}})


@account_route(routes, "/webhooks", "POST")
def create_webhook(who: Caller) -> Response:
    """A new one; the body may be nested under `webhook` or not."""
    who.need_admin()
    given = params()
    given = given["webhook"] if isinstance(given.get("webhook"), dict) else given
    url = str(given.get("url") or "")
    state = world().state
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise invalid(("url", "Url is invalid"))
    if any(w.url == url and w.account_id == who.account.id for w in state.webhooks.values()):
        raise invalid(("url", "Url has already been taken"))
    webhook = AccountWebhook(
        id=state.next_id(AccountWebhook),
        account_id=who.account.id,
        url=url,
        name=str(given.get("name") or ""),
        subscriptions=[str(one) for one in given.get("subscriptions") or _EVENTS],
        secret=base58_token(),
    )
    if not set(webhook.subscriptions) <= set(_EVENTS):
        raise invalid(("subscriptions", "Subscriptions Invalid events"))
    state.add(webhook)
    return reply({"payload": {"webhook": _shown(webhook)}})


@account_route(routes, "/webhooks/<int:webhook_id>", "DELETE")
def delete_webhook(who: Caller, webhook_id: int) -> Response:
    """Remove it; an empty 200."""
    who.need_admin()
    webhook = world().state.webhooks.get(webhook_id)
    if webhook is None or webhook.account_id != who.account.id:
        raise not_found()
    world().state.remove_webhook(webhook)
    return empty()


def _shown(webhook: AccountWebhook) -> Json:
    return {
        "id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "account_id": webhook.account_id,
        "subscriptions": webhook.subscriptions,
        "secret": webhook.secret,
    }
