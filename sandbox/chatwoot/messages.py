"""Message routes (docs/contracts/chatwoot.md, Messages)."""

import json

from flask import Blueprint, Response, request

from sandbox.chatwoot import message_actions as actions
from sandbox.chatwoot.access import (
    Caller,
    as_bool,
    as_id,
    as_text,
    conversation_route,
    params,
    server,
)
from sandbox.chatwoot.answers import Refusal, crash, not_found, reply, unprocessable
from sandbox.chatwoot.records import ACTIVITY, Conversation, Json, Message

routes = Blueprint("messages", __name__)


@conversation_route(routes, "/messages", "POST")
def create_message(who: Caller, conversation: Conversation) -> Response:
    """Add a message; JSON, or multipart with `attachments[]`. No source_id is ever unique."""
    given = params()
    if isinstance(given.get("echo_id"), dict):
        raise unprocessable("unable to convert unpermitted parameters to hash")
    draft = draft_of(given)
    author = who.actor
    if given.get("sender_type") == "AgentBot":
        author = server().state.bots.get(as_id(given.get("sender_id")), author)
    message = actions.create(server(), conversation, draft, author=author)
    return reply(server().shapes.message(message, draft.echo_id))


def draft_of(given: Json) -> actions.Draft:
    message_type = given.get("message_type")
    files = [file for file in request.files.getlist("attachments[]") if file.filename]
    blob_ids = given.get("attachments") or []
    if request.files.get("attachments") or not isinstance(blob_ids, list):
        kind = "String" if blob_ids else "ActionDispatch::Http::UploadedFile"
        raise unprocessable(f"undefined method `each' for an instance of {kind}")
    return actions.Draft(
        content=as_text(given.get("content")),
        message_type="outgoing" if message_type is None else message_type,
        private=as_bool(given.get("private")),
        content_type=given.get("content_type") or "text",
        content_attributes=_attributes(given),
        source_id=as_text(given.get("source_id")),
        echo_id=given.get("echo_id"),
        files=files,
        blob_ids=[str(row) for row in blob_ids],
    )


def _attributes(given: Json) -> Json:
    """content_attributes, an object or its JSON text, with `external_created_at`."""
    attributes = given.get("content_attributes")
    if isinstance(attributes, str):
        try:
            attributes = json.loads(attributes)
        except ValueError:
            attributes = {}
        if isinstance(attributes, list):
            raise unprocessable("no implicit conversion of Symbol into Integer")
    attributes = attributes if isinstance(attributes, dict) else {}
    if external := given.get("external_created_at"):
        attributes = attributes | {"external_created_at": external}
    return attributes


@conversation_route(routes, "/messages", "GET", bots=False)
def list_messages(who: Caller, conversation: Conversation) -> Response:
    """Oldest first: the newest 20; 20 before an id; up to 100 after one; up to 1000 between."""
    state, shapes = server().state, server().shapes
    thread = state.thread(conversation)
    if as_bool(request.args.get("filter_internal_messages")):
        thread = [row for row in thread if not row.private and row.message_type != ACTIVITY]
    before, after = _bound("before"), _bound("after")
    if before is not None and after is not None:
        part = [row for row in thread if after <= row.id < before][:1000]
    elif after is not None:
        part = [row for row in thread if row.id > after][:100]
    elif before is not None:
        part = [row for row in thread if row.id < before][-20:]
    else:
        part = thread[-20:]
    meta: Json = {
        "labels": conversation.labels,
        "additional_attributes": conversation.additional_attributes,
        "contact": shapes.contact_push(state.contact_of(conversation)),
    }
    if assignee := state.users.get(conversation.assignee_id or 0):
        meta["assignee"] = shapes.user_push(assignee)
    meta["agent_last_seen_at"] = conversation.agent_last_seen_at
    meta["assignee_last_seen_at"] = conversation.assignee_last_seen_at
    return reply({"meta": meta, "payload": [shapes.message(message) for message in part]})


def _bound(name: str) -> int | None:
    """A message id of the query; what no database column holds is an error of Rails'."""
    number = as_id(request.args[name]) if request.args.get(name) else None
    if number is not None and number >= 1 << 63:
        raise crash()
    return number


def _message(conversation: Conversation, message_id: int) -> Message:
    message = server().state.messages.get(message_id)
    if message is None or message.conversation_id != conversation.id:
        raise not_found()
    return message


@conversation_route(routes, "/messages/<int:message_id>", "PATCH", "PUT", bots=False)
def update_message(who: Caller, conversation: Conversation, message_id: int) -> Response:
    """Set the status (API inboxes only); `content` is ignored."""
    message = _message(conversation, message_id)
    if server().state.inboxes[message.inbox_id].channel_type != "Channel::Api":
        sentence = "Message status update is only allowed for API inboxes"
        raise Refusal(403, {"error": sentence})
    given = params()
    error = given.get("external_error")
    error = None if isinstance(error, dict | list) else error
    actions.set_message_status(server(), message, given.get("status"), error)
    return reply(server().shapes.message(message))


@conversation_route(routes, "/messages/<int:message_id>", "DELETE", bots=False)
def delete_message(who: Caller, conversation: Conversation, message_id: int) -> Response:
    message = _message(conversation, message_id)
    actions.delete(server(), message)
    return reply(server().shapes.message(message))


@conversation_route(routes, "/messages/<int:message_id>/retry", "POST", bots=False)
def retry_message(who: Caller, conversation: Conversation, message_id: int) -> Response:
    """The agent's Retry. A missing id gives 422 here, not 404."""
    message = server().state.messages.get(message_id)
    if message is None or message.conversation_id != conversation.id:
        raise unprocessable(
            f"Couldn't find Message with 'id'=\"{message_id}\" "
            '[WHERE "messages"."conversation_id" = $1]'
        )
    try:
        actions.retry(server(), message)
    except Refusal as refusal:
        raise unprocessable(f"Validation failed: {refusal.body['message']}") from None
    return reply(server().shapes.message(message))
