"""What can be done with a message, under the state's lock (docs/contracts/chatwoot.md)."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from werkzeug.datastructures import FileStorage

from sandbox.chatwoot import contact_actions, uploads
from sandbox.chatwoot.answers import Refusal, invalid, unprocessable
from sandbox.chatwoot.conversation_actions import LONGEST_SOURCE, change, notify, set_status
from sandbox.chatwoot.liquid import render
from sandbox.chatwoot.progress import Progress, stops_at
from sandbox.chatwoot.records import (
    INCOMING,
    MESSAGE_STATUSES,
    MESSAGE_TYPES,
    OUTGOING,
    TEMPLATE,
    AgentBot,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.server import Server
from sandbox.chatwoot.shapes import iso
from sandbox.chatwoot.templates import answer_incoming, drops, flooded, new_message
from sandbox.chatwoot.versions import Trait

_CONTENT_TYPES = (
    *("text", "input_text", "input_textarea", "input_email", "input_select", "cards", "form"),
    *("article", "incoming_email", "input_csat", "integrations", "sticker", "voice_call"),
)
#: What the items of interactive messages may have.
_ITEM_KEYS = {
    "input_select": {"title", "value"},
    "cards": {"title", "description", "media_url", "actions"},
    "article": {"title", "description", "link"},
    "form": {
        *("type", "placeholder", "label", "name", "options", "default", "required", "pattern"),
        *("title", "pattern_error"),
    },
}
_ACTION_KEYS = {"text", "type", "payload", "uri"}
_LONGEST_CONTENT = 150_000
#: How long a job waits until it looks at the files of a message, in seconds.
_ANALYSIS_S = 0.1
_FLOOD = "Too many messages"


@dataclass
class Draft:
    """A message about to be created. Types are given by name or number."""

    content: str | None
    message_type: object = "outgoing"
    private: bool = False
    content_type: object = "text"
    content_attributes: Json = field(default_factory=dict)
    source_id: str | None = None
    echo_id: object = None
    files: list[FileStorage] = field(default_factory=list)
    blob_ids: list[str] = field(default_factory=list)


def create(
    server: Server, conversation: Conversation, draft: Draft, *, author: User | AgentBot
) -> Message:
    """Add a message. Every refusal is 422 {"error": text}."""
    state = server.state
    message_type = _number(draft.message_type, MESSAGE_TYPES, "message_type")
    content_type = _CONTENT_TYPES[_number(draft.content_type, _CONTENT_TYPES, "content_type")]
    wrong = problems(state.inboxes[conversation.inbox_id], draft)
    if flooded(server, conversation):
        wrong.append(("base", _FLOOD))
    if wrong:
        sentences = ", ".join(sentence for _, sentence in wrong)
        raise unprocessable(f"Validation failed: {sentences}")
    contact = state.contacts.get(conversation.contact_id)
    sender = author if draft.message_type == "outgoing" else contact
    content = draft.content
    is_ours = contact and message_type in (OUTGOING, TEMPLATE)
    if content and is_ours and state.options.has(Trait.LIQUID):
        content = render(content, drops(server, conversation, author))
    files: list[tuple[str, str | None]] = [(key, None) for key in draft.blob_ids]
    files += [(uploads.store(state, file), file.content_type or "") for file in draft.files]
    message = new_message(
        server,
        conversation,
        message_type=message_type,
        content=content,
        content_type=content_type,
        content_attributes=_with_reply(server, conversation, draft.content_attributes),
        private=draft.private,
        source_id=draft.source_id if state.options.has(Trait.SOURCE_ID_KEPT) else None,
        sender_type=type(sender).__name__ if sender else None,
        sender_id=sender.id if sender else None,
    )
    for key, declared in files:
        attachment = uploads.attachment(
            state, key, declared, message_id=message.id, account_id=message.account_id
        )
        message.attachment_ids.append(state.add(attachment).id)
    state.add(message)
    if contact is None:
        # It was deleted a moment ago: the row is stored, and its event fails.
        raise unprocessable("undefined method `source_id' for nil")
    _after_create(server, conversation, message, author, draft.echo_id)
    if len(files) > 1:
        server.later(_ANALYSIS_S, partial(_analyse, server, message))
    return message


def _analyse(server: Server, message: Message) -> None:
    """Files come back in changing order: a picture moves to the end once its size is known."""
    if server.state.messages.get(message.id) is not message:
        return
    rows = server.state.attachments
    message.attachment_ids.sort(key=lambda row: rows[row].file_type == "image")
    server.state.save(message)


def _number(given: object, names: tuple[str, ...], column: str) -> int:
    """An enumerated column's value; Rails takes its name or its number."""
    if given == "":
        raise unprocessable(
            f'PG::NotNullViolation: ERROR:  null value in column "{column}" of relation "messages" '
            "violates not-null constraint\n"
        )
    if type(given) is int and 0 <= given < len(names):
        return given
    if given not in names:
        raise unprocessable(f"'{given}' is not a valid {column}")
    return names.index(str(given))


def problems(inbox: Inbox, draft: Draft) -> list[tuple[str, str]]:
    """The (attribute, sentence) of each failed validation. Refuses what is wrong before any."""
    _number(draft.message_type, MESSAGE_TYPES, "message_type")
    kind = _CONTENT_TYPES[_number(draft.content_type, _CONTENT_TYPES, "content_type")]
    if draft.message_type == "incoming" and inbox.channel_type != "Channel::Api":
        raise unprocessable("Incoming messages are only allowed in Api inboxes")
    if "\0" in f"{draft.content}{draft.source_id}":
        raise unprocessable("string contains null byte")
    found = []
    for attribute, text, title, longest in (
        ("content", draft.content, "Content", _LONGEST_CONTENT),
        ("source_id", draft.source_id, "Source", LONGEST_SOURCE),
    ):
        if len(text or "") > longest:
            found.append((attribute, f"{title} is too long (maximum is {longest} characters)"))
    items = _item_problems(kind, draft.content_attributes)
    return found + [("content_attributes", problem) for problem in items]


def _item_problems(content_type: str, attributes: Json) -> list[str]:
    """The sentences of the refusal; refuses at once where Ruby itself fails."""
    if content_type not in _ITEM_KEYS:
        return []
    items = attributes.get("items")
    if items is None:
        raise unprocessable("undefined method `reject' for nil")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return ["Content attributes Items should be a hash."]
    found = [] if items else ["Content attributes At least one item is required."]
    found += _unknown("items : ", items, _ITEM_KEYS[content_type])
    if content_type == "cards":
        if not all(item.get("actions") for item in items):
            return [*found, "Content attributes contains items missing actions"]
        actions = [action for item in items for action in item["actions"]]
        found += _unknown("actions:  ", actions, _ACTION_KEYS)
    return found


def _unknown(where: str, items: list[Json], known: set[str]) -> list[str]:
    unknown = [f":{key}" for item in items for key in item if key not in known]
    keys = ", ".join(unknown)
    return [f"Content attributes contains invalid keys for {where}[{keys}]"] if unknown else []


def _with_reply(server: Server, conversation: Conversation, given: Json) -> Json:
    """`in_reply_to` wins over `in_reply_to_external_id`; both are rewritten from what is found."""
    if not (given.get("in_reply_to") or given.get("in_reply_to_external_id")):
        return given
    found = None
    if number := given.get("in_reply_to"):
        message = server.state.messages.get(int(number)) if str(number).isdecimal() else None
        if message is not None and message.conversation_id == conversation.id:
            found = message
    else:
        wanted = given["in_reply_to_external_id"]
        thread = server.state.thread(conversation)
        found = next((row for row in thread if row.source_id == wanted), None)
    return given | {
        "in_reply_to": found.id if found else None,
        "in_reply_to_external_id": found.source_id if found else None,
    }


def _after_create(
    server: Server,
    conversation: Conversation,
    message: Message,
    author: User | AgentBot,
    echo_id: object,
) -> None:
    """What follows a new message, in Chatwoot's order: reopening before the message's event."""
    contact = server.state.contacts[conversation.contact_id]
    if stops_at(Progress.STORED):
        return
    incoming = message.message_type == INCOMING
    inbox = server.state.inboxes[conversation.inbox_id]
    # What the events of a reopening, or of a bot's inbox, show was read from this very row.
    labels_read = inbox.agent_bot_id is not None
    if incoming and not contact.blocked and conversation.status in ("resolved", "snoozed"):
        labels_read = True
        if conversation.status == "snoozed":
            set_status(server, conversation, "open", by=author)
        elif inbox.agent_bot_id:
            set_status(server, conversation, "pending", by=author)
        else:
            set_status(server, conversation, "open", by=None)
    conversation.last_activity_at = message.created_at
    conversation.updated_at = message.created_at
    server.state.save(conversation)
    if stops_at(Progress.MOVED):
        return
    server.events.message("message_created", message, echo_id=echo_id)
    if message.attachment_ids and not server.state.options.has(Trait.QUIET_SAVES):
        server.events.message("message_updated", message)
    if stops_at(Progress.TOLD):
        return
    if incoming:
        contact_actions.change(server, contact, last_activity_at=message.created_at)
        if conversation.waiting_since is None:
            change(server, conversation, labels_read=labels_read, waiting_since=message.created_at)
        answer_incoming(server, conversation)
    elif message.message_type == OUTGOING and not message.private:
        if conversation.first_reply_created_at is None and message.sender_type == "User":
            changes: Json = {"first_reply_created_at": message.created_at, "waiting_since": None}
            change(server, conversation, labels_read=labels_read, **changes)
            server.events.first_reply(message, echo_id=echo_id)
        elif conversation.waiting_since is not None:
            change(server, conversation, labels_read=labels_read, waiting_since=None)

    _notify(server, conversation, message)


def _notify(server: Server, conversation: Conversation, message: Message) -> None:
    """A notification of a message for those who had the conversation, but for its author."""
    if message.message_type not in (INCOMING, OUTGOING):
        return
    if server.state.contacts[conversation.contact_id].blocked:
        return
    for user_id in conversation.participants:
        if (message.sender_type, message.sender_id) != ("User", user_id):
            notify(server, conversation, user_id)


def _change(server: Server, message: Message, **values: Any) -> None:
    """Set columns and tell about those that changed. Refuses under the flood guard."""
    _refuse_flood(server, message)
    changes: Json = {}
    for name, value in values.items():
        before = getattr(message, name)
        if before != value:
            changes[name] = [before, value]
            setattr(message, name, value)
    if not changes and server.state.options.has(Trait.QUIET_SAVES):
        return
    if "content" in changes:
        changes["processed_message_content"] = changes["content"]
    before, message.updated_at = message.updated_at, server.state.options.now()
    changes["updated_at"] = [iso(before), iso(message.updated_at)]
    server.state.save(message)
    server.events.message("message_updated", message, changes=changes)


def _refuse_flood(server: Server, message: Message) -> None:
    if flooded(server, server.state.conversations[message.conversation_id]):
        raise invalid(("base", _FLOOD))


def set_message_status(
    server: Server, message: Message, status: Any, external_error: Any = None
) -> None:
    """Chatwoot's rules: an unknown status, or delivered after read, changes nothing; an
    external_error is stored with `failed` only, and cleared otherwise."""
    if status not in MESSAGE_STATUSES or (message.status == "read" and status == "delivered"):
        return
    attributes = message.content_attributes
    error = external_error if status == "failed" else None
    if attributes.get("external_error") != error:
        attributes = attributes | {"external_error": error}
    _change(server, message, status=status, content_attributes=attributes)


def webhook_failed(server: Server, message: Message, reason: str) -> None:
    """Mark the message of a refused webhook as failed, unless the flood guard refuses the mark."""
    with server.state.lock, suppress(Refusal):
        if server.state.messages.get(message.id) is message:
            set_message_status(server, message, "failed", reason)


def delete(server: Server, message: Message) -> None:
    """Soft: the text is replaced, the files are destroyed."""
    _refuse_flood(server, message)
    locale = server.state.accounts[message.account_id].locale
    server.state.remove_attachments(message)
    _change(
        server,
        message,
        content=sentence(locale, "message deleted"),
        content_attributes={"deleted": True},
        content_type="text",
    )


def retry(server: Server, message: Message) -> None:
    """The agent's Retry: status sent, then attributes emptied; up to two updates, no creation."""
    set_message_status(server, message, "sent")
    _change(server, message, content_attributes={})
