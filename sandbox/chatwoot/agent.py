"""Acting as the agent: the account API in an administrator's name, without a token.

A write to `/sandbox/api/agent/<path>` is one to `/api/v1/accounts/<account_id>/<path>`, with
`?account_id=` or 1; `messages/<id>` will do for a message. Forms name another method than POST in
`?_method=` and get the page again. Such requests are not logged, and faults meet them only when
they want `agents`.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from flask import Blueprint, Response, redirect, request

from sandbox.chatwoot.access import (
    IS_AGENT,
    by_agent,
    params,
    read_params,
    refuse_strangers,
    server,
)
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

routes = Blueprint("agent", __name__, url_prefix="/sandbox/api/agent")
_PREFIX = "/sandbox/api/agent/"
_MESSAGE = re.compile(r"messages/(\d+)")


def as_agent(inner: "WSGIApplication", state: State) -> "WSGIApplication":
    """Send the agent's writes to the account API."""

    def path_of(below: str, account_id: str) -> str:
        if (found := _MESSAGE.match(below)) and (message := state.messages.get(int(found[1]))):
            conversation = state.conversations[message.conversation_id]
            account_id = str(conversation.account_id)
            below = f"conversations/{conversation.display_id}/{below}"
        return f"/api/v1/accounts/{account_id}/{below}"

    def served(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "GET" and path.startswith("/sandbox/api/"):
            query = parse_qs(environ.get("QUERY_STRING", ""))
            method = query.get("_method", [environ["REQUEST_METHOD"]])[-1]
            environ = environ | {"REQUEST_METHOD": method}
            if path.startswith(_PREFIX):
                account_id = query.get("account_id", ["1"])[-1]
                path = path_of(path.removeprefix(_PREFIX), account_id)
                environ |= {"PATH_INFO": path, IS_AGENT: True}
        return inner(environ, start_response)

    return served


def before_write() -> None:
    """Read what the agent writes, with the line ends of a form. Refuses an empty message."""
    refuse_strangers()
    read_params()
    given = params()
    content = str(given.get("content") or "")
    if "content" in given:
        given["content"] = content.replace("\r\n", "\n")
    is_message = request.method == "POST" and request.path.endswith("/messages")
    if is_message and not content.strip() and not any(f.filename for f in request.files.values()):
        raise Refusal(422, {"error": "Write a message, or attach a file"})


def after_form(response: Response) -> Response:
    """What a form did is seen on the page it was sent from."""
    is_form = request.headers.get("Accept", "").startswith("text/html")
    is_write = request.method != "GET" and (by_agent() or request.path.startswith("/sandbox/api/"))
    if not is_form or not is_write or response.status_code >= 400:
        return response
    return redirect(request.referrer or "/", 303)  # type: ignore[return-value]


@routes.before_request
def _only_from_here() -> None:
    refuse_strangers()


@routes.get("/conversations")
def list_conversations() -> Response:
    """Every conversation of every account, with source_id, last activity first."""
    state, shapes = server().state, server().shapes
    with state.lock:
        found = sorted(state.whole_conversations(), key=lambda row: -row.last_activity_at)
        return reply(
            [
                shapes.conversation(row)
                | {"source_id": state.contact_inboxes[row.contact_inbox_id].source_id}
                for row in found
            ]
        )


@routes.get("/conversations/<int:display_id>/messages")
def list_messages(display_id: int) -> Response:
    """All messages of a conversation, oldest first."""
    state = server().state
    account_id = request.args.get("account_id", 1, type=int)
    with state.lock:
        conversation = state.conversations.first(account_id=account_id, display_id=display_id)
        if conversation is None:
            raise Refusal(404, {"error": "no such conversation"})
        return reply([server().shapes.message(message) for message in state.thread(conversation)])
