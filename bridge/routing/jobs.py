"""What the entries of the journal hold: one body for each thing that is to be done.

The body decides the job, and with it the lane of an entry (`new`).
"""

import hashlib

import msgspec
from msgspec import Struct

from bridge.chatwoot.events import AgentMessage, Attachment
from bridge.domain.messages import Message, Receipt
from bridge.domain.models import ChatwootTime
from bridge.store.journal import Job, NewEntry

#: Room for the parts of one agent message: text and attachments (Chatwoot names 15 files).
PARTS = 100
TEXT_PART = 0
LAST_PART = PARTS - 1


class LateFile(Struct, frozen=True, tag="file"):
    """The file of a customer's message follows its words, which went ahead."""

    message: Message


class ReplyPart(Struct, frozen=True, tag="part"):
    """One WhatsApp message of a reply; `index` 0 is the text, attachments count from 1. `caption`:
    it carries the text.

    The key has the id of the attachment, not its place, since Chatwoot may tell of one more later.
    Entries of older versions have no ids and go by the place.
    """

    message: AgentMessage
    index: int
    caption: bool = False

    @property
    def key(self) -> str:
        """Under which it is accepted once."""
        file = self.attachment
        part = f"file{file.id}" if file and file.id else self.index
        return f"m{self.message.id}:{part}"

    @property
    def attachment(self) -> Attachment | None:
        """The file that it brings; None for the text."""
        return self.message.attachments[self.index - 1] if self.index != TEXT_PART else None


class Deletion(Struct, frozen=True, tag="deletion"):
    message: AgentMessage


class AgentTyping(Struct, frozen=True, tag="typing"):
    conversation_id: int


class ContactProfile(Struct, frozen=True, tag="profile"):
    """A contact is to get the name, the picture and the number (digits) that WhatsApp knows."""

    contact_id: int
    with_picture: bool = False
    phone: str = ""


class Failure(Struct, frozen=True, tag="failure"):
    """The agent is to be shown that a reply did not go out, and why: as `dump` writes an error."""

    conversation_id: int
    message_id: int
    reason: str


Body = Message | LateFile | Receipt | Failure | ContactProfile | ReplyPart | Deletion | AgentTyping

_JOBS: dict[type, Job] = {
    Message: Job.MESSAGE,
    LateFile: Job.FILE,
    Receipt: Job.RECEIPT,
    Failure: Job.RECEIPT,
    ContactProfile: Job.PROFILE,
    ReplyPart: Job.REPLY,
    Deletion: Job.REPLY,
    AgentTyping: Job.TYPING,
}


def new(
    chat_id: int,
    key: str,
    body: Body,
    *,
    position: int | None = None,
    replaces: bool = False,
    due_at: float = 0.0,
    integration_id: str = "",
) -> NewEntry:
    """The entry that has this done; the rest is as `NewEntry` says."""
    message_id = body.about if isinstance(body, Message) else ""
    job, written = _JOBS[type(body)], encode(body)
    return NewEntry(
        *(chat_id, job, key, written, position, replaces, due_at),
        integration_id=integration_id,
        message_id=message_id,
    )


def reply_part(chat_id: int, part: ReplyPart, integration_id: str) -> NewEntry:
    """The entry of one part of a reply: replies leave in the order of their ids."""
    position = part.message.id * PARTS + part.index
    return new(chat_id, part.key, part, position=position, integration_id=integration_id)


def profile(
    chat_id: int, name: str, wanted: ContactProfile, integration_id: str, *, due_at: float = 0.0
) -> NewEntry:
    """The entry that fills in a contact, once for each name."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    about = f"phone:{wanted.phone}" if wanted.phone else f"{wanted.with_picture:d}:{digest}"
    key = f"introduction:{chat_id}:{wanted.contact_id}:{about}"
    return new(chat_id, key, wanted, due_at=due_at, integration_id=integration_id)


def text_key(message_id: int) -> str:
    """The key of the text of a Chatwoot message."""
    return f"m{message_id}:{TEXT_PART}"


def late_key(whatsapp_id: str) -> str:
    """The key of a file that follows its words."""
    return f"file:{whatsapp_id}"


def fuller_key(whatsapp_id: str) -> str:
    """The key of a second event of a message that says more than the first."""
    return f"fuller:{whatsapp_id}"


def encode(body: Body) -> str:
    """For the journal."""
    return msgspec.json.encode(body, enc_hook=_seconds_of).decode()


def decode(text: str) -> Body:
    """From the journal. Raises msgspec.MsgspecError for what no version of us wrote."""
    body: Body = msgspec.json.decode(text, type=Body, dec_hook=_time_of)
    return body


def _seconds_of(value: object) -> object:
    if isinstance(value, ChatwootTime):
        return value.seconds
    raise NotImplementedError(type(value).__name__)


def _time_of(kind: type, value: object) -> object:
    if kind is ChatwootTime and isinstance(value, int | float):
        return ChatwootTime(float(value))
    raise NotImplementedError(kind.__name__)
