"""Acting as the agent: what the page's buttons do, for the page and for the control API.

Every action is done in the name of Ana Admin, or of Olga Other in the second account.
"""

from typing import cast

from flask import Blueprint, Response, g, request
from werkzeug.datastructures import FileStorage

from sandbox.chatwoot import contact_actions, conversation_actions, message_actions
from sandbox.chatwoot.access import as_bool, params, read_params, refuse_strangers, world
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.records import CONVERSATION_STATUSES, Conversation, Message, User

routes = Blueprint("agent", __name__, url_prefix="/sandbox/api/agent")


@routes.before_request
def _only_from_here() -> None:
    refuse_strangers()
    read_params()


def acting(account_id: int) -> User:
    """The administrator in whose name the page acts."""
    users = world().state.users.values()
    g.actor = next(one for one in users if one.roles.get(str(account_id)) == "administrator")
    return cast(User, g.actor)


def conversation_with(display_id: int, account_id: int = 1) -> Conversation:
    """A conversation by its number. Refuses with 404."""
    found = world().state.by_display_id.get((account_id, display_id))
    if found is None:
        raise Refusal(404, {"error": "no such conversation"})
    return found


def message_with(message_id: int) -> Message:
    """A message by its id. Refuses with 404."""
    found = world().state.messages.get(message_id)
    if found is None:
        raise Refusal(404, {"error": "no such message"})
    return found


def say(
    conversation: Conversation,
    content: str,
    *,
    private: bool = False,
    files: list[FileStorage] | None = None,
    in_reply_to: object = None,
) -> Message:
    """Reply, or write a private note; reading the conversation comes with it."""
    draft = message_actions.Draft(
        content=content,
        private=private,
        files=files or [],
        content_attributes={"in_reply_to": in_reply_to} if in_reply_to else {},
    )
    author = acting(conversation.account_id)
    conversation_actions.mark_seen(world(), conversation)
    return message_actions.create(world(), conversation, draft, author=author)


def set_status(conversation: Conversation, status: str) -> None:
    """Resolve, reopen and so on."""
    if status not in CONVERSATION_STATUSES:
        raise Refusal(400, {"error": f"status must be one of {', '.join(CONVERSATION_STATUSES)}"})
    by = acting(conversation.account_id)
    conversation_actions.set_status(world(), conversation, status, by=by)


@routes.get("/conversations")
def list_conversations() -> Response:
    """Every conversation of every account, with source_id, last activity first."""
    state, shapes = world().state, world().shapes
    with state.lock:
        found = sorted(state.whole_conversations(), key=lambda one: -one.last_activity_at)
        return reply(
            [
                shapes.conversation(one)
                | {"source_id": state.contact_inboxes[one.contact_inbox_id].source_id}
                for one in found
                if one.contact_id in state.contacts
            ]
        )


@routes.get("/conversations/<int:display_id>/messages")
def list_messages(display_id: int) -> Response:
    """All messages of a conversation, oldest first."""
    state = world().state
    with state.lock:
        conversation = conversation_with(display_id, request.args.get("account_id", 1, type=int))
        thread = state.thread[conversation.id]
        return reply([world().shapes.message(message) for message in thread])


@routes.post("/conversations/<int:display_id>/reply")
def post_reply(display_id: int) -> Response:
    """{"content", "private"?, "in_reply_to"?, "account_id"?}, or multipart with `attachments[]`."""
    given = params()
    with world().state.lock:
        conversation = conversation_with(display_id, int(given.get("account_id", 1)))
        message = say(
            conversation,
            str(given.get("content") or ""),
            private=as_bool(given.get("private")),
            files=request.files.getlist("attachments[]"),
            in_reply_to=given.get("in_reply_to"),
        )
        return reply(world().shapes.message(message))


@routes.post("/conversations/<int:display_id>/status")
def post_status(display_id: int) -> Response:
    """{"status": "resolved", "account_id"?}."""
    given = params()
    with world().state.lock:
        conversation = conversation_with(display_id, int(given.get("account_id", 1)))
        set_status(conversation, str(given.get("status")))
        return reply(world().shapes.conversation(conversation))


@routes.post("/conversations/<int:display_id>/typing")
def post_typing(display_id: int) -> Response:
    """{"on": true, "private"?, "account_id"?}."""
    given = params()
    with world().state.lock:
        conversation = conversation_with(display_id, int(given.get("account_id", 1)))
        world().events.typing(
            conversation,
            acting(conversation.account_id),
            on=as_bool(given.get("on", True)),
            private=as_bool(given.get("private")),
        )
        return reply({"done": True})


@routes.post("/messages/<int:message_id>/retry")
def post_retry(message_id: int) -> Response:
    """Retry a failed message."""
    with world().state.lock:
        message = message_with(message_id)
        message_actions.retry(world(), message)
        return reply(world().shapes.message(message))


@routes.delete("/messages/<int:message_id>")
def delete_message(message_id: int) -> Response:
    """Delete a message, softly."""
    with world().state.lock:
        message = message_with(message_id)
        message_actions.delete(world(), message)
        return reply(world().shapes.message(message))


@routes.patch("/contacts/<int:contact_id>")
def change_contact(contact_id: int) -> Response:
    """Rename or block a contact: {"name"?, "blocked"?, ...}."""
    with world().state.lock:
        contact = world().state.contacts.get(contact_id)
        if contact is None:
            raise Refusal(404, {"error": "no such contact"})
        contact_actions.update(world(), contact, params())
        return reply(world().shapes.contact(contact))
