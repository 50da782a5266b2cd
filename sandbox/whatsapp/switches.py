"""What can be switched in the pretend WhatsApp, whichever gateway speaks for it."""

from dataclasses import dataclass
from typing import ClassVar

from sandbox.kit.settings import Settings


@dataclass
class Switches(Settings):
    """Behaviour of WhatsApp and of the webhook queue.  Seconds end in `_s`."""

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "private_jid": ("phone", "lid", "mixed"),
        "group_sender": ("lid", "phone"),
    }

    # JID of a private chat whose contact has a LID: "phone", "lid", or "mixed" (either, at random).
    private_jid: str = "phone"
    # JID of a group participant who has a LID: "lid" (usual on WhatsApp today) or "phone".
    group_sender: str = "lid"
    # Receipts the customers' phones send by themselves.
    auto_delivered: bool = True
    auto_read: bool = False
    read_on_open: bool = True
    echo_delay_s: float = 0.0
    # How many tries at the media of a message find nothing, before it has been downloaded.
    media_not_yet: int = 0
    webhook_timeout_s: float = 10.0
    webhook_retry_first_s: float = 0.2
    webhook_retry_max_s: float = 15.0
    webhook_give_up_s: float = 72 * 3600.0
