"""The ids that messages of ours carry on either side, and how they are told from others.

One WhatsApp message may become several in Chatwoot: pieces of a long text, copies of a lost file.
"""

import re

from bridge.services import Services

#: What our marker in a gateway's `source` begins with (docs/contracts/ryzeapi.md, Echoes).
SOURCE_PREFIX = "chatwoot-bridge:"
#: What the source_id of a message that we put into Chatwoot begins with, and of a private note.
WHATSAPP_ID_PREFIX = "WAID:"
NOTE_PREFIX = "NOTE:"
_PIECE_MARK = "#"
_PIECE = re.compile(rf"{_PIECE_MARK}(\d+|file\d+)\Z")


def piece_id(whatsapp_id: str, number: int) -> str:
    """The id of one of the messages, counted from 1, that a long text becomes in Chatwoot. The
    first has the id of the WhatsApp message itself."""
    return whatsapp_id if number == 1 else f"{whatsapp_id}{_PIECE_MARK}{number}"


def copy_id(whatsapp_id: str, number: int) -> str:
    """The id of a copy of the file, counted from 1, where Chatwoot lost what it was given."""
    return f"{whatsapp_id}{_PIECE_MARK}file{number}"


def whole_id(piece_id: str) -> str:
    """The id of the WhatsApp message that a piece or copy belongs to."""
    return _PIECE.sub("", piece_id)


def own_marker(services: Services, instance_id: int) -> str:
    """What the markers of an instance's sends begin with, and their echoes bring back: two
    instances on one number, or behind one gateway, show each other's messages."""
    return f"{SOURCE_PREFIX}{services.installation_id}.{instance_id}:"
