"""What can be switched in the pretend gateway, with the value each switch has at first."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Switches:
    """Behaviour of the gateway and of the pretend WhatsApp behind it.  Seconds end in `_s`.

    Where the contract leaves a point open (docs/contracts/ryzeapi.md, Open points) the switch
    offers each reading.
    """

    # Payloads: "live" is what was seen, "catalogue" what is published
    # (docs/contracts/ryzeapi.md, Events).
    shape: str = "live"
    # JID of a private chat whose contact has a LID: "phone", "lid", or "mixed" (either, at random).
    private_jid: str = "phone"
    # JID of a group participant who has a LID: "lid" (usual on WhatsApp today) or "phone".
    group_sender: str = "lid"
    # Event id of a revocation: "target" (the id of the revoked message) or "new".
    revoke_id: str = "target"
    # `source` on the echo of an edit or a deletion made through the API; these take no source.
    edit_source: str = ""
    base64_data_uri: bool = False
    # Offer received media at an unencrypted `s3Url` on this server, as a gateway with S3 does.
    media_s3: bool = False
    # How many times /api/chat/base64 answers 404 for a media before it has been downloaded.
    media_not_yet: int = 0
    # Receipts the customers' phones send by themselves.
    auto_delivered: bool = True
    auto_read: bool = False
    read_on_open: bool = True
    echo_delay_s: float = 0.0
    accept_unknown_numbers: bool = False
    # Requests a minute and token: all calls, and instance creation (100 and 20:
    # docs/contracts/ryzeapi.md, Limits).
    rate_limit: int = 1_000_000
    rate_limit_new: int = 100_000
    # Webhook delivery.  With `webhook_in_order` an event waits for the earlier ones of its chat.
    webhook_in_order: bool = True
    webhook_workers: int = 4
    webhook_timeout_s: float = 10.0
    webhook_retry_first_s: float = 0.2
    webhook_retry_max_s: float = 15.0
    webhook_give_up_s: float = 72 * 3600.0

    def changed(self, wanted: dict[str, Any]) -> "Switches":
        """A copy with the wanted values; ValueError names an unknown switch or a wrong type."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"unknown switch {name!r}; known: {', '.join(sorted(known))}")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number if known[name] in (int, float) else isinstance(value, known[name])):
                raise ValueError(f"{name} must be of type {known[name].__name__}")
        for name, choices in CHOICES.items():
            if wanted.get(name, choices[0]) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}")
        return replace(self, **{name: known[name](value) for name, value in wanted.items()})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


CHOICES = {
    "shape": ("live", "catalogue"),
    "private_jid": ("phone", "lid", "mixed"),
    "group_sender": ("lid", "phone"),
    "revoke_id": ("target", "new"),
}
