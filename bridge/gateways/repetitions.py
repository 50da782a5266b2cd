"""By what a repetition of an event is recognised: gateways tell events more than once. Pure."""

import hashlib

from bridge.domain.messages import Kind, Message


def key(message: Message, *, stamp: int) -> str:
    """Two events of a message with one key are the same (docs/contracts/ryzeapi.md, Repetitions).

    What happens to a message never shares the message's own key. Where the event of a change has
    no id of its own, `stamp` (UTC seconds, 0 for not told) and content tell one from the next.
    """
    if message.kind is Kind.REVOKE:
        return f"revoke:{message.target_id}"
    if message.kind not in (Kind.EDIT, Kind.REACTION):
        return f"message:{message.id}"
    if message.id != message.target_id:
        return f"{message.kind}:{message.id}"
    author = message.sender.lid or message.sender.jid
    return f"{message.kind}:{message.id}:{stamp}:{digest(author, message.text)}"


def digest(*parts: str) -> str:
    """A short text that stands for these."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
