"""The one neutral message in the middle: each side converts only to and from it.

Everything here can be written as JSON and read again (`bridge.routing.jobs`).
"""

from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import force_setattr


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    OTHER = "other"  # newsletters, stories, bots and what we do not know: never routed


class Kind(StrEnum):
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
    CHOICE = "choice"  # a button or a list row that was picked
    VOTE = "vote"  # the options of a poll that were picked, none when they were taken back
    RICH = "layout"  # a template, an order and the like: see RichContent
    CALL = "call"  # one that nobody answered; one that was answered says nothing to agents
    REACTION = "reaction"
    EDIT = "edit"
    REVOKE = "revoke"
    UNKNOWN = "unknown"


#: The kinds that only say something of another message.
CHANGES = {Kind.REACTION, Kind.EDIT, Kind.REVOKE}
#: The kinds that carry a file.
MEDIA = {Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.VOICE, Kind.DOCUMENT, Kind.STICKER}


#: What the full form of an address ends in, by what it leads to.
PHONE_SUFFIX = "@s.whatsapp.net"
LID_SUFFIX = "@lid"
GROUP_SUFFIX = "@g.us"


class Address(Struct, frozen=True, omit_defaults=True):
    """A person or group in WhatsApp, without device suffix: `jid` ends in `@s.whatsapp.net` or
    `@g.us`, `lid` in `@lid`; one of them may be empty. `name` is what the network calls it."""

    jid: str = ""
    lid: str = ""
    name: str = ""


class Media(Struct, frozen=True, omit_defaults=True):
    """A file of a message. `spooled` is its path when the event carried the bytes; `url` is only
    ever one that the gateway's own folder trusts. `view_once`: WhatsApp shows it on the phone once,
    and may give it to nobody else."""

    mime_type: str = ""
    file_name: str = ""
    url: str = ""
    spooled: str = ""
    seconds: int = 0
    view_once: bool = False


class Location(Struct, frozen=True, omit_defaults=True):
    """A location in degrees; `live`: the person moves, and was seen here."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""
    live: bool = False


class ContactCard(Struct, frozen=True, omit_defaults=True):
    """A contact card; `phones` as written on it."""

    name: str
    phones: tuple[str, ...] = ()
    organization: str = ""
    email: str = ""


class RichKind(StrEnum):
    TEMPLATE = "template"  # a template, buttons or a list: whatever is offered to be picked
    ORDER = "order"
    PRODUCT = "product"
    INVOICE = "invoice"
    INVITATION = "invitation"
    EVENT = "event"


class RichRow(Struct, frozen=True, omit_defaults=True):
    """A button, a row of a list: its words, and where it leads."""

    text: str
    more: str = ""


class RichContent(Struct, frozen=True, omit_defaults=True):
    """Content in fixed fields; what its sender wrote freely is the text of the message. `title`,
    `footer` and the rows are plain; `body` may have WhatsApp's marks. `count` is the number of
    items, `amount` a sum as it is written, `begins_at` UTC seconds; `place` is a name."""

    kind: RichKind = field(name="sort")
    title: str = ""
    body: str = ""
    footer: str = ""
    rows: tuple[RichRow, ...] = ()
    link: str = ""
    count: int = 0
    amount: str = ""
    begins_at: float = 0.0
    place: str = ""
    is_off: bool = False  # an event that does not take place


class Advert(Struct, frozen=True, omit_defaults=True):
    """The advert that brought a customer here; `click_id` is what its seller knows the click by."""

    title: str = ""
    text: str = ""
    url: str = ""
    source_id: str = ""
    source_type: str = ""
    media_type: str = ""
    image_url: str = ""
    click_id: str = ""


class Message(Struct, frozen=True, omit_defaults=True, tag="message"):
    """One message on the WhatsApp side.

    `id` is WhatsApp's own, the same at every gateway. `reference` is opaque to all but the gateway
    that gave it: what that one needs to quote, delete or mark the message later; where it gave
    none, `id`. `target_id` is the message that a reaction, edit or revocation is about; `quoted_id`
    the one that is replied to, or the poll of a vote, and `quoted_text` its text. `text` is also
    the caption, the new text of an edit, the emoji of a reaction (empty: taken back) or the option
    that was picked. `mentions` are the people whose number or LID stands in the text after an `@`.
    `source` is the marker of whoever sent it through the gateway's API, empty for a person; `at`
    UTC seconds.
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
    location: Location | None = field(default=None, name="place")
    cards: tuple[ContactCard, ...] = ()
    options: tuple[str, ...] = ()
    forwarded: bool = False
    label: str = ""  # what an UNKNOWN message called itself; `video` of a CALL
    by_admin: bool = False  # a deletion in a group by one of its admins, where the event says so
    quoted_text: str = ""
    mentions: tuple[Address, ...] = ()
    rich: RichContent | None = field(default=None, name="layout")
    advert: Advert | None = None
    reference: str = ""

    def __post_init__(self) -> None:
        if not self.reference:
            force_setattr(self, "reference", self.id)

    @property
    def about(self) -> str:
        """The id of the message that this one is, or that it changes."""
        return self.target_id or self.id

    def says_more_than(self, other: "Message") -> bool:
        """Whether a second event of one message brings what the first had not: the words in place
        of a placeholder, the bytes of a file, a caption."""
        return (
            (other.kind is Kind.UNKNOWN and self.kind is not Kind.UNKNOWN)
            or (self._has_bytes and not other._has_bytes)
            or bool(self.text and not other.text)
        )

    @property
    def _has_bytes(self) -> bool:
        return self.media is not None and bool(self.media.spooled or self.media.url)


#: The label of a CALL that somebody answered.
ANSWERED = "answered"


class DeliveryStatus(StrEnum):
    """How far a message of ours has come, lowest first; failed stands apart."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


#: Receipts come in any order: a lower status never takes the place of a higher one.
STEPS: dict[str, int] = {status: step for step, status in enumerate(DeliveryStatus, 1)}


class Receipt(Struct, frozen=True, omit_defaults=True, tag="receipt"):
    """How far messages that we sent have come."""

    ids: tuple[str, ...]
    chat: Address
    reached: DeliveryStatus
    at: float
    reason: str = ""


class ConnectionChange(Struct, frozen=True, omit_defaults=True, tag="connection"):
    """The link between the gateway and WhatsApp changed; `state` is the gateway's own word for it,
    shown to people and read by nobody else."""

    connected: bool
    state: str
    jid: str = ""


class GroupName(Struct, frozen=True, omit_defaults=True, tag="group"):
    """A group is called so from now on."""

    group: Address


Event = Message | Receipt | ConnectionChange | GroupName


class Reply(Struct, frozen=True):
    """What is to be sent to WhatsApp. `to` is the address that the chat used last.

    `kind` is TEXT or one that carries a file: `file` is its path, `seconds` the length of a voice
    note. `quoted` is the reference of the message that is replied to. `mentions` are the addresses
    whose digits stand in the text after an `@`, in a group only.
    """

    to: str
    kind: Kind
    text: str = ""
    quoted: str = ""
    file: str = ""
    file_name: str = ""
    mime_type: str = ""
    seconds: int = 0
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
