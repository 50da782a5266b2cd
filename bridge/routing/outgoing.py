"""What the journal keeps on the way to WhatsApp, and of what becomes of it on the way back."""

import hashlib
import re

import msgspec
from msgspec import Struct

from bridge.chatwoot.events import AgentMessage, Attachment
from bridge.domain.models import ChatwootTime
from bridge.store.journal import Direction, NewEntry

#: What our marker in a gateway's `source` begins with (docs/contracts/ryzeapi.md, Echoes).
SOURCE_PREFIX = "chatwoot-bridge:"
#: What the source_id of a message that we put into Chatwoot begins with.
WHATSAPP_ID_PREFIX = "WAID:"
#: What that of a private note of ours begins with.
NOTE_PREFIX = "NOTE:"
#: Room for the parts of one agent message: text and attachments (Chatwoot names 15 files).
PARTS = 100
TEXT_PART = 0
LAST_PART = PARTS - 1
#: How the further messages are marked that one WhatsApp message becomes in Chatwoot.
PIECE_MARK = "#"
_PIECE = re.compile(rf"{PIECE_MARK}(\d+|file\d+)\Z")


class Part(Struct, frozen=True, tag="part"):
    """One WhatsApp message of an agent's reply; `index` 0 is the text, attachments count from 1.

    Its key goes by the id of the attachment, not by its place: Chatwoot may tell of a further one
    later. Older versions of us knew no ids and went by the place; of those the bodies tell.
    `caption`: it carries the text of the reply.
    """

    message: AgentMessage
    index: int
    caption: bool = False

    @property
    def key(self) -> str:
        """Under which it is accepted once."""
        file = self.attachment
        if file is None or not file.id:
            return part_key(self.message.id, self.index)
        return f"m{self.message.id}:file{file.id}"

    @property
    def attachment(self) -> Attachment | None:
        """The file that it brings; None for the text."""
        return self.message.attachments[self.index - 1] if self.index != TEXT_PART else None


class Deletion(Struct, frozen=True, tag="deletion"):
    """An agent took a message back."""

    message: AgentMessage


class Writing(Struct, frozen=True, tag="writing"):
    """An agent is writing in a conversation."""

    conversation_id: int


class Introduction(Struct, frozen=True, tag="introduction"):
    """A contact is to get the name, the picture and the number (digits) that WhatsApp knows."""

    contact_id: int
    with_picture: bool = False
    phone: str = ""


class Failure(Struct, frozen=True, tag="failure"):
    """The agent is to be shown that a reply did not go out, and why: as `dump` writes an error."""

    conversation_id: int
    message_id: int
    reason: str


Outgoing = Part | Deletion | Writing | Introduction | Failure


def write(outgoing: Outgoing) -> str:
    """For the journal."""
    return msgspec.json.encode(outgoing, enc_hook=_seconds_of).decode()


def read(body: str) -> Outgoing:
    """From the journal. Raises msgspec.MsgspecError for what no version of us wrote."""
    found: Outgoing = msgspec.json.decode(body, type=Outgoing, dec_hook=_time_of)
    return found


def _seconds_of(value: object) -> object:
    if isinstance(value, ChatwootTime):
        return value.seconds
    raise NotImplementedError(type(value).__name__)


def _time_of(kind: type, value: object) -> object:
    if kind is ChatwootTime and isinstance(value, int | float):
        return ChatwootTime(float(value))
    raise NotImplementedError(kind.__name__)


def is_failure(body: str) -> bool:
    """Whether an entry among the receipts is one of ours, and not a gateway's."""
    tag = msgspec.json.decode(body, type=_Tagged).type
    return tag == "failure"


class _Tagged(Struct):
    type: str


def late_key(whatsapp_id: str) -> str:
    """Under which a file is kept, among the receipts of its chat, that follows its words."""
    return f"file:{whatsapp_id}"


def fuller_key(whatsapp_id: str) -> str:
    """Under which a second event of a message is kept that says more than the first."""
    return f"fuller:{whatsapp_id}"


def introduction(
    chat_id: int, name: str, told: Introduction, integration_id: str, *, due_at: float = 0.0
) -> NewEntry:
    """The entry that has a contact introduced, once for each name."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    about = f"phone:{told.phone}" if told.phone else f"{told.with_picture:d}:{digest}"
    key = f"introduction:{chat_id}:{told.contact_id}:{about}"
    return NewEntry(
        chat_id,
        Direction.TYPING,
        key,
        write(told),
        due_at=due_at,
        integration_id=integration_id,
    )


def part_key(message_id: int, index: int) -> str:
    """The key of a part of a Chatwoot message."""
    return f"m{message_id}:{index}"


def piece_id(whatsapp_id: str, number: int) -> str:
    """The id of one of the messages, counted from 1, that a long text becomes in Chatwoot. The
    first has the id of the WhatsApp message itself."""
    return whatsapp_id if number == 1 else f"{whatsapp_id}{PIECE_MARK}{number}"


def copy_id(whatsapp_id: str, number: int) -> str:
    """The id of a copy of the file, counted from 1, where Chatwoot lost what it was given."""
    return f"{whatsapp_id}{PIECE_MARK}file{number}"


def whole_id(piece_id: str) -> str:
    """The id of the WhatsApp message that a piece or copy belongs to."""
    return _PIECE.sub("", piece_id)
