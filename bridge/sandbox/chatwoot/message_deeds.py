"""What can be done with a message; REST routes and the agent page call the same functions.

Sources: chatwoot.md sections 4 (reopening) and 5. All are called under the state's lock.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import FileStorage

from bridge.sandbox.chatwoot import uploads
from bridge.sandbox.chatwoot.answers import unprocessable
from bridge.sandbox.chatwoot.conversation_deeds import (
    LONGEST_SOURCE,
    change,
    notify,
    say_template,
    set_status,
)
from bridge.sandbox.chatwoot.liquid import render
from bridge.sandbox.chatwoot.records import (
    INCOMING,
    MESSAGE_STATUSES,
    MESSAGE_TYPES,
    OUTGOING,
    TEMPLATE,
    AgentBot,
    Contact,
    Conversation,
    Json,
    Message,
    User,
)
from bridge.sandbox.chatwoot.sentences import sentence
from bridge.sandbox.chatwoot.stages import Stage, stops_at
from bridge.sandbox.chatwoot.versions import Trait
from bridge.sandbox.chatwoot.world import World

_CONTENT_TYPES = ("text", "input_text", "input_textarea", "input_email", "input_select", "cards")
_OTHER_CONTENT_TYPES = ("form", "article", "incoming_email", "input_csat", "integrations")
_MOST_ATTACHMENTS = 15
_LONGEST_CONTENT = 150_000
_PER_MINUTE = 200


@dataclass
class Draft:
    """A message about to be created."""

    content: str | None
    message_type: str = "outgoing"
    private: bool = False
    content_type: str = "text"
    content_attributes: Json = field(default_factory=dict)
    source_id: str | None = None
    echo_id: object = None
    files: list[FileStorage] = field(default_factory=list)
    blob_ids: list[str] = field(default_factory=list)


def create(
    world: World, conversation: Conversation, draft: Draft, *, author: User | AgentBot
) -> Message:
    """Add a message. Every refusal is 422 {"error": text}."""
    state = world.state
    _check(world, conversation, draft)
    message_type = MESSAGE_TYPES.index(draft.message_type)
    contact = state.contacts.get(conversation.contact_id)
    sender: User | AgentBot | Contact | None = contact if message_type == INCOMING else author
    if message_type not in (INCOMING, OUTGOING):
        sender = None
    content = draft.content
    if (
        contact
        and content
        and message_type in (OUTGOING, TEMPLATE)
        and state.options.has(Trait.LIQUID)
    ):
        content = render(content, _drops(world, conversation, author))
    keys = [uploads.keep(state, file) for file in draft.files] + draft.blob_ids
    now = time.time()
    message = Message(
        id=state.next_id(Message),
        account_id=conversation.account_id,
        inbox_id=conversation.inbox_id,
        conversation_id=conversation.id,
        message_type=message_type,
        content=content,
        content_type=draft.content_type,
        status="sent",
        content_attributes=_with_reply(world, conversation, draft.content_attributes),
        private=draft.private,
        source_id=draft.source_id if state.options.has(Trait.SOURCE_ID_KEPT) else None,
        sender_type=type(sender).__name__ if sender else None,
        sender_id=sender.id if sender else None,
        created_at=now,
        updated_at=now,
    )
    for key in keys:
        attachment = uploads.attachment(
            state, key, message_id=message.id, account_id=message.account_id
        )
        message.attachment_ids.append(state.add(attachment).id)
    state.add(message)
    if contact is None:
        # It was deleted a moment ago: the row is kept, and telling of it is what fails.
        raise unprocessable("undefined method `source_id' for nil")
    _after_create(world, conversation, message, author, draft.echo_id)
    return message


def _check(world: World, conversation: Conversation, draft: Draft) -> None:
    if draft.message_type not in MESSAGE_TYPES:
        raise unprocessable(f"'{draft.message_type}' is not a valid message_type")
    if draft.content_type not in _CONTENT_TYPES + _OTHER_CONTENT_TYPES:
        raise unprocessable(f"'{draft.content_type}' is not a valid content_type")
    inbox = world.state.inboxes[conversation.inbox_id]
    if draft.message_type == "incoming" and inbox.channel_type != "Channel::Api":
        raise unprocessable("Incoming messages are only allowed in Api inboxes")
    problems = []
    if len(draft.content or "") > _LONGEST_CONTENT:
        problems.append(f"Content is too long (maximum is {_LONGEST_CONTENT} characters)")
    if len(draft.source_id or "") > LONGEST_SOURCE:
        problems.append(f"Source is too long (maximum is {LONGEST_SOURCE} characters)")
    if len(draft.files) + len(draft.blob_ids) > _MOST_ATTACHMENTS:
        problems.append("Attachments exceeded maximum allowed")
    if _flooded(world, conversation):
        problems.append("Too many messages")
    if problems:
        raise unprocessable(f"Validation failed: {', '.join(problems)}")


def _flooded(world: World, conversation: Conversation) -> bool:
    options = world.state.options
    thread = world.state.thread[conversation.id]
    if not options.flood_guard or not options.has(Trait.FLOOD_GUARD) or len(thread) < _PER_MINUTE:
        return False
    return thread[-_PER_MINUTE].created_at > time.time() - 60


def _with_reply(world: World, conversation: Conversation, given: Json) -> Json:
    """`in_reply_to` wins over `in_reply_to_external_id`; both are rewritten from what is found."""
    if not (given.get("in_reply_to") or given.get("in_reply_to_external_id")):
        return given
    found = None
    if number := given.get("in_reply_to"):
        message = world.state.messages.get(int(number)) if str(number).isdecimal() else None
        if message is not None and message.conversation_id == conversation.id:
            found = message
    else:
        wanted = given["in_reply_to_external_id"]
        thread = world.state.thread[conversation.id]
        found = next((one for one in thread if one.source_id == wanted), None)
    return given | {
        "in_reply_to": found.id if found else None,
        "in_reply_to_external_id": found.source_id if found else None,
    }


def _drops(world: World, conversation: Conversation, author: User | AgentBot) -> dict[str, Any]:
    contact = world.state.contacts[conversation.contact_id]
    return {
        "contact": _named(contact.name or "")
        | {
            "email": contact.email,
            "phone_number": contact.phone_number,
            "custom_attribute": contact.custom_attributes,
        },
        "agent": _named(author.name) | {"email": getattr(author, "email", None)},
        "conversation": {
            "display_id": conversation.display_id,
            "custom_attribute": conversation.custom_attributes,
        },
        "inbox": {"name": world.state.inboxes[conversation.inbox_id].name},
        "account": {"name": world.state.accounts[conversation.account_id].name},
    }


def _named(name: str) -> dict[str, Any]:
    words = [word.capitalize() for word in name.split()]
    return {
        "name": " ".join(words),
        "first_name": words[0] if words else "",
        "last_name": words[-1] if len(words) > 1 else "",
    }


def _after_create(
    world: World,
    conversation: Conversation,
    message: Message,
    author: User | AgentBot,
    echo_id: object,
) -> None:
    """What follows a new message, in Chatwoot's order: reopening before the message's event."""
    contact = world.state.contacts[conversation.contact_id]
    if stops_at(Stage.STORED):
        return
    incoming = message.message_type == INCOMING
    inbox = world.state.inboxes[conversation.inbox_id]
    # What the events of a reopening, or of a bot's inbox, show was read from this very row.
    labels_read = inbox.agent_bot_id is not None
    if incoming and not contact.blocked and conversation.status in ("resolved", "snoozed"):
        labels_read = True
        if conversation.status == "snoozed":
            set_status(world, conversation, "open", by=author)
        elif inbox.agent_bot_id:
            set_status(world, conversation, "pending", by=author)
        else:
            set_status(world, conversation, "open", by=None)
    conversation.last_activity_at = message.created_at
    conversation.updated_at = message.created_at
    world.state.save(conversation)
    if stops_at(Stage.MOVED):
        return
    world.events.message("message_created", message, echo_id=echo_id)
    if stops_at(Stage.TOLD):
        return
    if incoming:
        contact.last_activity_at = message.created_at
        world.state.save(contact)
        if conversation.waiting_since is None:
            change(world, conversation, labels_read=labels_read, waiting_since=message.created_at)
        _greet(world, conversation)
    elif message.message_type == OUTGOING and not message.private:
        if conversation.first_reply_created_at is None and message.sender_type == "User":
            changes: Json = {"first_reply_created_at": message.created_at, "waiting_since": None}
            change(world, conversation, labels_read=labels_read, **changes)
            world.events.conversation_told_agents("first.reply.created", conversation)
        elif conversation.waiting_since is not None:
            change(world, conversation, labels_read=labels_read, waiting_since=None)

    _notify(world, conversation, message)


def _notify(world: World, conversation: Conversation, message: Message) -> None:
    """A notification of a message for those who had the conversation, but for its author."""
    if message.message_type not in (INCOMING, OUTGOING):
        return
    if world.state.contacts[conversation.contact_id].blocked:
        return
    for user_id in conversation.participants:
        if (message.sender_type, message.sender_id) != ("User", user_id):
            notify(world, conversation, user_id)


def _greet(world: World, conversation: Conversation) -> None:
    settings = world.state.inboxes[conversation.inbox_id].settings
    if not settings["greeting_enabled"] or not settings["greeting_message"]:
        return
    thread = world.state.thread[conversation.id]
    if not any(one.message_type in (OUTGOING, TEMPLATE) for one in thread):
        say_template(world, conversation, settings["greeting_message"])


def _changed(world: World, message: Message, before: Json) -> None:
    """Tell about an update, unless nothing changed."""
    changes = {
        name: [value, getattr(message, name)]
        for name, value in before.items()
        if getattr(message, name) != value
    }
    if not changes and world.state.options.has(Trait.QUIET_SAVES):
        return
    message.updated_at = time.time()
    world.state.save(message)
    world.events.message("message_updated", message, changes=changes)


def set_message_status(
    world: World, message: Message, status: Any, external_error: Any = None
) -> None:
    """Chatwoot's rules: an unknown status, or delivered after read, changes nothing; an
    external_error is kept with `failed` only, and cleared otherwise."""
    if status not in MESSAGE_STATUSES or (message.status == "read" and status == "delivered"):
        return
    before = {"status": message.status, "content_attributes": message.content_attributes}
    error = external_error if status == "failed" else None
    if message.content_attributes.get("external_error") != error:
        message.content_attributes = message.content_attributes | {"external_error": error}
    message.status = status
    _changed(world, message, before)


def webhook_failed(world: World, message: Message, reason: str) -> None:
    """A webhook was not accepted: the message, even a customer's, is marked failed (7.4)."""
    with world.state.lock:
        if world.state.messages.get(message.id) is message:
            set_message_status(world, message, "failed", reason)


def delete(world: World, message: Message) -> None:
    """Soft: the text is replaced, the files are destroyed."""
    before = {"content": message.content, "content_attributes": message.content_attributes}
    locale = world.state.accounts[message.account_id].locale
    message.content = sentence(locale, "message deleted")
    message.content_attributes = {"deleted": True}
    message.content_type = "text"
    world.state.remove_attachments(message)
    _changed(world, message, before)


def retry(world: World, message: Message) -> None:
    """The agent's Retry: status sent, then attributes emptied; one or two updates, no creation."""
    set_message_status(world, message, "sent")
    before = {"content_attributes": message.content_attributes}
    message.content_attributes = {}
    if any(value is not None for value in before["content_attributes"].values()):
        _changed(world, message, before)
    else:
        world.state.save(message)
