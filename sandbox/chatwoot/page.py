"""The agent page: a helpdesk without JavaScript, whose forms go to agent and control API."""

from flask import Blueprint, Response, render_template, request

from sandbox.chatwoot import conversation_actions
from sandbox.chatwoot.access import refuse_strangers, server
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.page_views import Views, clock_time
from sandbox.chatwoot.records import Conversation
from sandbox.chatwoot.seed import ACCOUNT_ID, ADMIN_TOKEN, AGENT_TOKEN
from sandbox.kit.responses import harden

routes = Blueprint("page", __name__)
routes.before_request(refuse_strangers)
routes.after_request(harden)
routes.add_app_template_filter(clock_time, "clock_time")

_STATUSES = ("open", "resolved", "all")
#: The faults that an administrator rehearses; all others are for the control API.
_REHEARSED = {
    "web-killed": "Chatwoot is down",
    "account-suspended": "The account is suspended",
    "jobs-stopped": "Webhooks wait",
    "rate-limited": "Too many requests",
}


@routes.get("/")
def home() -> str:
    """The list of conversations, and how to connect while there is none."""
    return _helpdesk(None)


@routes.get("/sandbox/conversations/<int:account_id>/<int:number>")
def conversation(account_id: int, number: int) -> str:
    """One conversation beside the list."""
    with server().state.lock:
        opened = server().state.conversations.first(account_id=account_id, display_id=number)
        if opened is None:
            raise Refusal(404, {"error": "no such conversation"})
        if server().shapes.unread_count(opened):
            conversation_actions.mark_seen(server(), opened)
    return _helpdesk(opened)


def _helpdesk(opened: Conversation | None) -> str:
    inbox_id = request.args.get("inbox", type=int)
    status = request.args.get("status", "all")
    status = status if status in _STATUSES else "all"
    views, state = Views(server()), server().state
    with state.lock:
        replied = state.messages.get(request.args.get("reply", 0, type=int))
        return render_template(
            "chatwoot_helpdesk.html",
            inboxes=views.inboxes(),
            conversations=views.conversations(inbox_id, status),
            thread=views.thread(opened) if opened else None,
            replied_id=replied.id if replied else None,
            replied_quote=views.quote(replied) if replied else "",
            inbox_id=inbox_id,
            status=status,
            # The filters of the list, which every link carries along.
            stay={name: request.args[name] for name in ("inbox", "status") if name in request.args},
            statuses=_STATUSES,
            base_url=server().base_url,
            account_id=ACCOUNT_ID,
            admin_token=ADMIN_TOKEN,
            agent_token=AGENT_TOKEN,
            phone_url=server().phone_url,
            version=state.options.version,
            pulse=state.changes,
            rehearsed=_REHEARSED,
            faults=len(server().faults.listed()),
        )


@routes.get("/sandbox/both")
def both() -> str:
    """The agent and the phone, side by side."""
    return render_template("chatwoot_both.html", phone_url=server().phone_url)


@routes.get("/sandbox/pulse")
def pulse() -> Response:
    """A number that grows with every change; the page's script asks for it every second."""
    return reply({"changes": server().state.changes})
