"""Webhooks and socket frames of Chatwoot, read into one typed form.

Reading is total: no JSON makes it raise, and what means nothing to us is None. Each field is read
by itself, since one event writes the same thing in several ways.
Sources: docs/contracts/chatwoot.md, Messages, Webhooks and Socket.
"""

import hashlib
import hmac
import mimetypes
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from bridge.chatwoot import menus
from bridge.chatwoot.values import as_dict, at, number, rows, text, time
from bridge.domain.models import UNTOLD, ChatwootTime

_TYPES = ("incoming", "outgoing", "activity", "template")
_STATUS_EVENTS = {
    "conversation.created",
    "conversation.updated",
    "conversation.status_changed",
    "conversation.contact_changed",
}


class Attachment(Struct, frozen=True, omit_defaults=True):
    """A file of a message. `file_type` is Chatwoot's word: image, video, audio, file, location ...

    `id` orders the files of a message, 0 where it is not known. `mime_type` is guessed from the
    name where Chatwoot does not say (before 4.13). `size` in bytes.
    """

    url: str
    file_type: str = ""
    mime_type: str = ""
    file_name: str = ""
    size: int = 0
    id: int = 0


class AgentMessage(Struct, frozen=True, omit_defaults=True):
    """A message in Chatwoot, whoever wrote it.

    `conversation_id` is the one the API counts by; `source_id` the contact's in the inbox, empty
    in answers to our own calls; `own_source_id` the message's, which only we
    set. `conversation_status` is known in webhooks only. `type` is
    incoming, outgoing, activity or template; `sender_type` user, agent_bot,
    captain_assistant, contact, or empty for templates. `status` is empty where it is not
    known: a webhook only shows it while the message is its conversation's last. `updated`: it came
    as a change, as the agent's Retry does. `menu` is what a bot offers below its text, in lines.
    """

    id: int
    conversation_id: int
    inbox_id: int = 0
    account_id: int = 0
    source_id: str = ""
    conversation_status: str = ""
    contact_id: int = 0
    contact_phone: str = ""
    contact_name: str = ""
    contact_identifier: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    in_reply_to_id: int = 0
    in_reply_to_external_id: str = ""
    sender_name: str = ""
    sender_type: str = ""
    private: bool = False
    type: str = ""
    content_type: str = ""
    menu: tuple[str, ...] = ()
    own_source_id: str = ""
    deleted: bool = False
    external_error: str = ""
    status: str = ""
    updated: bool = False
    created_at: ChatwootTime = UNTOLD

    @property
    def has_words(self) -> bool:
        """Whether there is anything to be read in it."""
        return bool(self.text.strip() or self.menu)

    @property
    def is_marked(self) -> bool:
        """Whether its agent sees it as failed."""
        return self.status == "failed" or bool(self.external_error)


class ConversationChanged(Struct, frozen=True, omit_defaults=True):
    """A conversation is new or something about it changed; `status` is the one it has now."""

    id: int
    status: str
    inbox_id: int = 0
    account_id: int = 0
    source_id: str = ""
    contact_id: int = 0


class Typing(Struct, frozen=True, omit_defaults=True):
    """An agent or bot writes (`on`), or stopped; `private`: a note."""

    conversation_id: int
    on: bool
    private: bool = False
    inbox_id: int = 0
    account_id: int = 0


class ContactRemoved(Struct, frozen=True, omit_defaults=True):
    """There is no contact with that id any more.

    It was deleted with its conversations, or merged into another contact, with which they live on:
    Chatwoot tells both in the same words (docs/contracts/chatwoot.md, Socket).
    """

    id: int
    account_id: int = 0


ChatwootEvent = AgentMessage | ConversationChanged | Typing | ContactRemoved


def parse_webhook(body: object) -> ChatwootEvent | None:
    """The event in a webhook's body; None when it means nothing to us."""
    event = text(body, "event")
    if event.startswith(("message_", "conversation_", "contact_")):
        return _event(event.replace("_", ".", 1), body)
    return None


def parse_frame(frame: object) -> ChatwootEvent | None:
    """The event in a frame of the socket; None for pings, confirmations and what is not for us."""
    return _event(text(frame, "message", "event"), as_dict(frame, "message", "data"))


def parse_message(
    row: object, *, conversation_id: int = 0, contact: object = None, updated: bool = False
) -> AgentMessage | None:
    """A message in any of its shapes; None without an id.

    `conversation_id` and `contact` are used where the row does not say (answers of the API).
    """
    conversation = as_dict(row, "conversation")
    message_id = number(row, "id")
    display_id = number(conversation, "id") or number(row, "conversation_id") or conversation_id
    if not message_id or not display_id:
        return None
    attributes = as_dict(row, "content_attributes")
    kind = _type(at(row, "message_type"))
    sender_type = _sender_type(row, kind)
    person = as_dict(conversation, "meta", "sender") or as_dict(contact)
    if not person and sender_type == "contact":
        person = as_dict(row, "sender")
    return AgentMessage(
        id=message_id,
        conversation_id=display_id,
        inbox_id=number(row, "inbox_id")
        or number(row, "inbox", "id")
        or number(conversation, "inbox_id"),
        account_id=_account_of(row),
        source_id=text(conversation, "contact_inbox", "source_id"),
        conversation_status=text(conversation, "status"),
        contact_id=number(person, "id") or number(conversation, "contact_inbox", "contact_id"),
        contact_phone=text(person, "phone_number"),
        contact_name=text(person, "name"),
        contact_identifier=text(person, "identifier"),
        text=text(row, "content"),
        attachments=_attachments(row),
        in_reply_to_id=number(attributes, "in_reply_to"),
        in_reply_to_external_id=text(attributes, "in_reply_to_external_id"),
        sender_name=text(row, "sender", "available_name") or text(row, "sender", "name"),
        sender_type=sender_type,
        private=at(row, "private") is True,
        type=kind,
        content_type=text(row, "content_type"),
        menu=menus.lines(text(row, "content_type"), attributes),
        own_source_id=text(row, "source_id"),
        deleted=attributes.get("deleted") is True,
        external_error=text(attributes, "external_error"),
        status=text(row, "status") or _status_in(conversation, message_id),
        updated=updated,
        created_at=time(row, "created_at"),
    )


def signed_at(secret: str, headers: Mapping[str, str], raw_body: bytes) -> ChatwootTime | None:
    """When Chatwoot signed a webhook, over that time and its raw body; None for what it did not
    sign (docs/contracts/chatwoot.md, Signatures)."""
    stamp = headers.get("X-Chatwoot-Timestamp") or ""
    signature = headers.get("X-Chatwoot-Signature") or ""
    if not (secret and stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        return None
    signed = hmac.new(secret.encode(), stamp.encode() + b"." + raw_body, hashlib.sha256)
    expected = f"sha256={signed.hexdigest()}"
    is_genuine = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    return ChatwootTime(float(stamp)) if is_genuine else None


# -- small parts -----------------------------------------------------------------------------------


def _event(event: str, data: object) -> ChatwootEvent | None:
    """`event` with its first underscore as a dot, as the socket writes it."""
    if event in {"message.created", "message.updated"}:
        return parse_message(data, updated=event == "message.updated")
    if event in _STATUS_EVENTS:
        return _conversation(data)
    if event in {"conversation.typing_on", "conversation.typing_off"}:
        return _typing(data, on=event.endswith("_on"))
    if event == "contact.deleted" and number(data, "id"):
        return ContactRemoved(number(data, "id"), _account_of(data))
    return None


def _conversation(data: object) -> ConversationChanged | None:
    if not number(data, "id"):
        return None
    return ConversationChanged(
        id=number(data, "id"),
        status=text(data, "status"),
        inbox_id=number(data, "inbox_id"),
        account_id=_account_of(data),
        source_id=text(data, "contact_inbox", "source_id"),
        contact_id=number(data, "meta", "sender", "id")
        or number(data, "contact_inbox", "contact_id"),
    )


def _typing(data: object, *, on: bool) -> Typing | None:
    user, conversation = as_dict(data, "user"), _conversation(at(data, "conversation"))
    # A contact has no type here, but is the only one with a phone number.
    if conversation is None or user.get("type") == "contact" or "phone_number" in user:
        return None
    return Typing(
        conversation_id=conversation.id,
        on=on,
        private=at(data, "is_private") is True,
        inbox_id=conversation.inbox_id,
        account_id=_account_of(data) or conversation.account_id,
    )


def _account_of(data: object) -> int:
    """A number on the socket, an object in webhooks; 0 where it is missing."""
    return number(data, "account_id") or number(data, "account", "id")


def _attachments(message: object) -> tuple[Attachment, ...]:
    """The files in the order in which they were added: Chatwoot lists them in any
    (docs/contracts/chatwoot.md, Files)."""
    files = [_attachment(row) for row in rows(message, "attachments") if text(row, "data_url")]
    return tuple(sorted(files, key=lambda file: file.id))


def _attachment(row: dict[str, Any]) -> Attachment:
    url = text(row, "data_url")
    try:
        name = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    except ValueError:
        name = ""
    return Attachment(
        url=url,
        file_type=text(row, "file_type"),
        mime_type=text(row, "content_type") or mimetypes.guess_type(name)[0] or "",
        file_name=name,
        size=number(row, "file_size"),
        id=number(row, "id"),
    )


def _type(value: object) -> str:
    """Text in webhooks, a number everywhere else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_TYPES):
        return _TYPES[value]
    return value if isinstance(value, str) and value in _TYPES else ""


def _sender_type(row: object, kind: str) -> str:
    """A contact's data has no type in webhooks; a template has no sender at all."""
    named = text(row, "sender", "type") or text(row, "sender_type")
    if not named and kind == "incoming":
        return "contact"
    return {"User": "user", "Contact": "contact", "AgentBot": "agent_bot"}.get(named, named)


def _status_in(conversation: object, message_id: int) -> str:
    """The status that a webhook shows for the last message of the conversation."""
    shown = rows(conversation, "messages")
    return next((text(row, "status") for row in shown if number(row, "id") == message_id), "")
