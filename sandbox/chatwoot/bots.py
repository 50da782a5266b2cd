"""Agent bots: bots of an account, and the one that answers an inbox
(docs/contracts/chatwoot.md, Inboxes and Conversations)."""

from flask import Blueprint, Response

from sandbox.chatwoot.access import Caller, account_route, as_id, is_blank, params, world
from sandbox.chatwoot.answers import empty, not_found, reply
from sandbox.chatwoot.records import AgentBot, Json
from sandbox.chatwoot.shapes import bot_row
from sandbox.chatwoot.state import base58_token

routes = Blueprint("bots", __name__)


@account_route(routes, "/agent_bots", "POST")
def create_bot(who: Caller) -> Response:
    """A new bot with a token of its own."""
    who.need_admin()
    given, state = params(), world().state
    bot = AgentBot(
        id=state.next_id(AgentBot),
        name=str(given.get("name") or ""),
        access_token=base58_token(),
        account_id=who.account.id,
        outgoing_url=str(given.get("outgoing_url") or ""),
        secret=base58_token(),
    )
    return reply(_shown(state.add(bot)))


@account_route(routes, "/inboxes/<int:inbox_id>/agent_bot", "GET")
def show_bot(who: Caller, inbox_id: int) -> Response:
    """The bot of an inbox, if it has one."""
    bot = world().state.bots.get(who.inbox(inbox_id).agent_bot_id or 0)
    return reply({"agent_bot": _shown(bot)} if bot else {})


@account_route(routes, "/inboxes/<int:inbox_id>/set_agent_bot", "POST")
def set_bot(who: Caller, inbox_id: int) -> Response:
    """Give an inbox to a bot, or take it back."""
    inbox = who.inbox(inbox_id)
    who.need_admin()
    wanted, bots = params().get("agent_bot"), world().state.bots
    bot = None if is_blank(wanted) else bots.get(as_id(wanted))
    if bot is None and not is_blank(wanted):
        raise not_found()
    inbox.agent_bot_id = bot.id if bot else None
    world().state.save(inbox)
    return empty()


def _shown(bot: AgentBot) -> Json:
    """A bot for administrators."""
    return bot_row(bot) | {
        "bot_config": {},
        "account_id": bot.account_id,
        "access_token": bot.access_token,
        "secret": bot.secret,
        "system_bot": False,
    }
