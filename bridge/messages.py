"""The one neutral message in the middle: each side converts only to and from it.

Everything here can be written to the journal as JSON and read again (`encode`, `decode`).
"""

from enum import StrEnum

import msgspec
from msgspec import Struct


class ChatKind(StrEnum):
    """What sort of chat a message belongs to."""

    PRIVATE = "private"
    GROUP = "group"
    OTHER = "other"  # newsletters, stories and broadcast lists: never routed


class Kind(StrEnum):
    """What a message is."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    CHOICE = "choice"  # a button, a list row or a poll option that was picked
    REACTION = "reaction"
    EDIT = "edit"
    REVOKE = "revoke"
    UNKNOWN = "unknown"


#: The kinds that carry a file.
MEDIA = {Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.VOICE, Kind.DOCUMENT, Kind.STICKER}


class Address(Struct, frozen=True, omit_defaults=True):
    """A person or group in WhatsApp: phone or group JID, LID, or both, without device suffix.

    `jid` ends in `@s.whatsapp.net` or `@g.us`, `lid` in `@lid`; either may be empty, never both.
    `name` is what the network calls it, empty when it does not say.
    """

    jid: str = ""
    lid: str = ""
    name: str = ""


class Media(Struct, frozen=True, omit_defaults=True):
    """A file of a message. `spooled` is its path when the event carried the bytes with it.

    `url` is only ever one that the adapter vouches for: the configured gateway or its media host.
    """

    mime_type: str = ""
    file_name: str = ""
    url: str = ""
    spooled: str = ""
    seconds: int = 0


class Place(Struct, frozen=True, omit_defaults=True):
    """A location in degrees."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class Card(Struct, frozen=True, omit_defaults=True):
    """A contact card; `phones` as written on it."""

    name: str
    phones: tuple[str, ...] = ()
    organization: str = ""
    email: str = ""


class Message(Struct, frozen=True, omit_defaults=True, tag="message"):
    """One message on the WhatsApp side.

    `id` is the gateway's message id; `target_id` the message that a reaction, edit or revocation is
    about; `quoted_id` the one that is replied to. `text` is the text, the caption, the new text of
    an edit, the emoji of a reaction (empty: taken back) or the option that was picked. `source` is
    the marker of whoever sent it through the gateway's API, empty for a person; `at` UTC seconds.
    """

    id: str
    chat: Address
    chat_kind: ChatKind
    sender: Address
    from_me: bool
    kind: Kind
    at: float
    source: str = ""
    text: str = ""
    quoted_id: str = ""
    target_id: str = ""
    media: Media | None = None
    place: Place | None = None
    cards: tuple[Card, ...] = ()
    options: tuple[str, ...] = ()
    forwarded: bool = False
    label: str = ""  # what an UNKNOWN message called itself
    by_admin: bool = False  # a deletion in a group by one of its admins, where the event says so


class Ladder(StrEnum):
    """How far a message of ours has come, lowest first; failed stands apart."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Receipt(Struct, frozen=True, omit_defaults=True, tag="receipt"):
    """How far messages that we sent have come."""

    ids: tuple[str, ...]
    chat: Address
    reached: Ladder
    at: float
    reason: str = ""


class Connection(Struct, frozen=True, omit_defaults=True, tag="connection"):
    """The link between the gateway and WhatsApp changed; `state` in the gateway's own word."""

    connected: bool
    state: str
    jid: str = ""


class GroupName(Struct, frozen=True, omit_defaults=True, tag="group"):
    """A group is called so from now on."""

    group: Address


Event = Message | Receipt | Connection | GroupName


class Reply(Struct, frozen=True, omit_defaults=True, tag="reply"):
    """What is to be sent to WhatsApp. `to` is the address that the chat used last.

    For REACTION, EDIT and REVOKE `target_id` is the WhatsApp id concerned. `file` is the path of
    the file for kinds that carry one; `seconds` its length for a voice note.
    """

    to: str
    kind: Kind
    text: str = ""
    quoted_id: str = ""
    target_id: str = ""
    target_from_me: bool = True
    file: str = ""
    file_name: str = ""
    mime_type: str = ""
    seconds: int = 0
    place: Place | None = None
    cards: tuple[Card, ...] = ()


def encode(event: Event | Reply) -> str:
    """As JSON, for the journal."""
    return msgspec.json.encode(event).decode()


def decode(text: str) -> Event | Reply:
    """From the journal. Raises msgspec.MsgspecError for what no version of us wrote."""
    found: Event | Reply = msgspec.json.decode(text, type=Event | Reply)
    return found
