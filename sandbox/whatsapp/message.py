"""A message of the pretend WhatsApp, whichever gateway sends or shows it."""

import json
import secrets
import sqlite3
from dataclasses import dataclass, field

from sandbox.kit.body import Json
from sandbox.whatsapp.media import Media

#: Kinds that are no bubble of their own: they change or decorate another message.
EVENT_KINDS = ("reaction", "edit", "revoke")
#: How far a message got, in order; "received" is what a customer's message is until it is read.
STATUSES = ("pending", "sent", "delivered", "received", "read", "played")


@dataclass(frozen=True)
class Message:
    """One entry of a chat. `content` holds what its `kind` needs, see actions."""

    seq: int
    instance: str
    id: str
    chat: str
    from_me: bool
    sender: str
    kind: str
    content: Json
    source: str
    quote: str | None
    media: str | None
    status: str
    edited: bool
    revoked: bool
    at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Message":
        columns = dict(row)
        for name in ("from_me", "edited", "revoked"):
            columns[name] = bool(columns[name])
        return cls(**columns | {"content": json.loads(row["content"])})

    @property
    def text(self) -> str:
        text = self.content.get("text", "")
        return text if isinstance(text, str) else ""


@dataclass(frozen=True)
class Draft:
    """A message to be posted.  `as_lid`/`device` choose how its events name the customer."""

    kind: str
    content: Json = field(default_factory=dict)
    media: Media | None = None
    quote: str | None = None
    source: str = ""
    id: str = ""
    as_lid: bool | None = None
    device: int | None = None


def new_id(*, from_me: bool) -> str:
    """A message id as WhatsApp Web (3EB0...) or a phone (3A...) would make it."""
    return ("3EB0" if from_me else "3A") + secrets.token_hex(9).upper()


def rank(status: str) -> int:
    """How far a status is; -1 for an unknown one."""
    return STATUSES.index(status) if status in STATUSES else -1
