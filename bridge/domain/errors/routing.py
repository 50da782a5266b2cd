"""What can go wrong while a message is delivered, to either side."""

from bridge.domain.errors.base import N_, BridgeError, Problem


class GivenUp(BridgeError, code="given_up", status=502):
    """A message that was tried for long enough; `cause` is what the last try met."""

    sentence = N_("given up after {hours} hours: {cause}")
    remedy = N_("Fix the cause, then retry the message.")

    def __init__(self, cause: BridgeError, *, hours: int) -> None:
        super().__init__(detail=cause.detail, hours=hours, cause=cause)

    @property
    def next_step(self) -> Problem:
        """That of the cause."""
        cause = self.values["cause"]
        return cause.next_step if isinstance(cause, BridgeError) else super().next_step


class NotYet(BridgeError, code="not_yet", status=502, retryable=True):
    """Something that must come first has not; `retry_after_s` is when to look again."""

    sentence = N_("waiting for {what}")
    remedy = N_("Nothing to do: it goes on by itself.")

    def __init__(self, what: str, *, retry_after_s: float) -> None:
        """`what` is an English sentence of the catalogs."""
        super().__init__(what=Problem(what), retry_after_s=retry_after_s)


class AddressLost(BridgeError, code="address_lost", status=409, final=True):
    sentence = N_(
        "the number of this conversation, {number}, belongs to somebody else now, and where the "
        "customer can be reached is not known"
    )
    remedy = N_(
        "Write in the conversation of the customer's new number; or correct the number of the "
        "contact, then press Retry."
    )


class NothingToSend(BridgeError, code="nothing_to_send", status=422, final=True):
    """A message of an agent or bot of which WhatsApp can be given nothing; `kind` is Chatwoot's."""

    sentence = N_("there is nothing in this message that WhatsApp could show ({kind})")
    remedy = N_("Say it in words, or attach it as a file.")


class NoEcho(BridgeError, code="no_echo", status=502, retryable=True):
    sentence = N_("no echo came: it is sent again")
    remedy = N_("Nothing to do.")


class BeforeRestore(BridgeError, code="before_restore", status=502):
    """A reply that agents wrote before a backup was restored, where Chatwoot cannot be asked
    whether it was sent."""

    sentence = N_("written before the backup was restored, and perhaps sent already")
    remedy = N_("Look on the phone, and say whether it is there; it does not go out by itself.")


class Unexpected(BridgeError, code="unexpected", retryable=True):
    """A fault of the bridge itself, while it worked on one message."""

    sentence = N_("the bridge itself failed over this message ({kind})")
    remedy = N_(
        "The log of the bridge says more. The message is tried again; if it stays, report it with "
        "that part of the log."
    )
