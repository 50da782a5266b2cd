"""The agent page: a small helpdesk to see and answer with, usable without JavaScript.

Reading it marks a conversation read, as Chatwoot's dashboard does. Faults and settings have a
page of their own, see page_settings.
"""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.chatwoot import contact_actions, conversation_actions, message_actions
from sandbox.chatwoot.access import refuse_strangers, world
from sandbox.chatwoot.agent import acting, conversation_with, message_with, say, set_status
from sandbox.chatwoot.answers import reply
from sandbox.chatwoot.page_views import Views, clock_time
from sandbox.chatwoot.records import Conversation
from sandbox.chatwoot.seed import ACCOUNT_ID, ADMIN_TOKEN, AGENT_TOKEN
from sandbox.kit.responses import harden

routes = Blueprint("page", __name__)

_STATUSES = ("open", "resolved", "all")
_ONE = "/sandbox/conversations/<int:account_id>/<int:number>"


def guard() -> None:
    """Pages are for this machine only."""
    refuse_strangers()


routes.before_request(guard)
routes.after_request(harden)
routes.add_app_template_filter(clock_time, "clock_time")


@routes.get("/")
def home() -> str:
    """The list of conversations, and how to connect while there is none."""
    return _helpdesk(None)


@routes.get(_ONE)
def conversation(account_id: int, number: int) -> str:
    """One conversation beside the list."""
    with world().state.lock:
        opened = conversation_with(number, account_id)
        if world().shapes.unread_count(opened):
            conversation_actions.mark_seen(world(), opened)
    return _helpdesk(opened)


def _helpdesk(opened: Conversation | None) -> str:
    inbox_id = request.args.get("inbox", type=int)
    status = request.args.get("status", "all")
    status = status if status in _STATUSES else "all"
    views = Views(world())
    with world().state.lock:
        replied = world().state.messages.get(request.args.get("reply", 0, type=int))
        return render_template(
            "chatwoot_helpdesk.html",
            inboxes=views.inboxes(),
            conversations=views.conversations(inbox_id, status),
            thread=views.thread(opened) if opened else None,
            replied_id=replied.id if replied else None,
            replied_quote=views.quote(replied) if replied else "",
            inbox_id=inbox_id,
            status=status,
            stay=_view(),
            statuses=_STATUSES,
            base_url=world().base_url,
            account_id=ACCOUNT_ID,
            admin_token=ADMIN_TOKEN,
            agent_token=AGENT_TOKEN,
            version=world().state.options.version,
            pulse=world().state.changes,
            faults=len(world().faults.listed()),
        )


@routes.get("/sandbox/pulse")
def pulse() -> Response:
    """A number that grows with every change; the page's script asks for it every second."""
    return reply({"changes": world().state.changes})


def _view() -> dict[str, str]:
    """The filters of the list, which every link and form carries along."""
    return {name: request.args[name] for name in ("inbox", "status") if request.args.get(name)}


def _back_to(opened: Conversation) -> AnyResponse:
    target = url_for(
        "page.conversation",
        account_id=opened.account_id,
        number=opened.display_id,
        inbox=request.args.get("inbox"),
        status=request.args.get("status"),
    )
    return redirect(target, 303)


@routes.post(f"{_ONE}/reply")
def post_reply(account_id: int, number: int) -> AnyResponse:
    """Send the reply box."""
    files = [file for file in request.files.getlist("attachments") if file.filename]
    content = request.form.get("content", "").replace("\r\n", "\n")
    with world().state.lock:
        opened = conversation_with(number, account_id)
        if content.strip() or files:
            private = "private" in request.form
            quoted = request.form.get("in_reply_to", type=int)
            say(opened, content, private=private, files=files, in_reply_to=quoted)
    return _back_to(opened)


@routes.post(f"{_ONE}/status")
def post_status(account_id: int, number: int) -> AnyResponse:
    """Resolve, reopen, snooze."""
    with world().state.lock:
        opened = conversation_with(number, account_id)
        set_status(opened, request.form.get("status", ""))
    return _back_to(opened)


@routes.post(f"{_ONE}/contact")
def post_contact(account_id: int, number: int) -> AnyResponse:
    """Rename or block the contact."""
    with world().state.lock:
        opened = conversation_with(number, account_id)
        contact = world().state.contacts[opened.contact_id]
        wanted = {"name": request.form.get("name", ""), "blocked": "blocked" in request.form}
        contact_actions.update(world(), contact, wanted)
    return _back_to(opened)


@routes.post(f"{_ONE}/typing")
def post_typing(account_id: int, number: int) -> Response:
    """The agent types, or stopped."""
    with world().state.lock:
        opened = conversation_with(number, account_id)
        on = request.form.get("on") == "true"
        private = request.form.get("private") == "true"
        world().events.typing(opened, acting(account_id), on=on, private=private)
    return Response(status=204)


@routes.post("/sandbox/messages/<int:message_id>/<any(retry, delete):action>")
def post_message(message_id: int, action: str) -> AnyResponse:
    """Retry a failed message, or delete one."""
    with world().state.lock:
        message = message_with(message_id)
        if action == "retry":
            message_actions.retry(world(), message)
        else:
            message_actions.delete(world(), message)
        return _back_to(world().state.conversations[message.conversation_id])
