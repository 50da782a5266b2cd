"""What a gateway must offer, and the errors that it raises. Nothing outside of a gateway's own
folder knows its JSON."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bridge.domain.errors import N_, BridgeError
from bridge.domain.messages import Address, Event, Message, Reply
from bridge.domain.models import GatewayConfig
from bridge.net.deadline import Deadline
from bridge.net.http import Http


@dataclass(frozen=True, slots=True)
class Received:
    """One event with the key under which a repetition of it is recognised, and the time that it
    bears, by its own clock in UTC seconds; 0 where it bears none."""

    key: str
    event: Event
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway confirmed a send, with the id and the `reference` (see Message) of the message;
    `reached` is the chat that it went to, empty where the gateway does not tell."""

    message_id: str
    reference: str
    reached: Address = Address()


class GatewayError(BridgeError, code="gateway_failed", status=502):
    """What a gateway answered; each subclass says what the router must do next."""

    sentence = N_("the gateway {base_url} did not do what was asked")
    remedy = N_("Look at the gateway's log and try again.")


class GatewayRefuses(GatewayError, code="gateway_refuses", status=400, final=True):
    """Permanent: sending it again would be refused again. Nothing was sent."""

    sentence = N_("the gateway refused the message: {reason}")
    remedy = N_("Correct what the gateway names, then retry the message.")


class GatewayUnavailable(GatewayError, code="gateway_unavailable", retryable=True):
    """Temporary, and surely nothing was sent: not connected, throttled, refused connection.

    `retry_after_s` is how long the gateway wants to be left alone, 0 if it does not say.
    """

    sentence = N_("the gateway {base_url} cannot send just now: {reason}")
    remedy = N_("Check that the WhatsApp number is connected in the gateway; the message waits.")


class GatewayFronted(GatewayUnavailable, code="gateway_fronted"):
    """The same: what answered was not the gateway. A firewall, a proxy or a sign-in page lets
    other messages through, or will."""

    sentence = N_("something in front of the gateway {base_url} answered instead of it: {reason}")
    remedy = N_(
        "Have the firewall, proxy or sign-in page before the gateway let the bridge through; the "
        "message waits."
    )


class MediaTooLarge(GatewayRefuses, code="gateway_file_too_large"):
    """A file of a message is larger than was allowed."""


class MediaNotReady(GatewayUnavailable, code="gateway_file_not_yet"):
    """The gateway answers, and does not have the file of a message: not yet, or never."""


class GatewayUncertain(GatewayError, code="gateway_uncertain", retryable=True):
    """The request went out, no clear answer came: it may have been sent. Never blindly resent."""

    sentence = N_("the gateway {base_url} may or may not have sent the message")
    remedy = N_("The message is repeated when it is certain that it was not sent.")


class GatewayDenies(GatewayError, code="gateway_denies", status=401, holds=True):
    """The token or the instance is wrong: everything waits until the operator corrects it."""

    sentence = N_("the gateway {base_url} does not accept the instance or its token: {reason}")
    remedy = N_("Check the gateway's address, the name of the instance and its token.")


@dataclass(frozen=True, slots=True)
class Profile:
    """What the gateway knows of a person or group; empty where it does not."""

    address: Address
    picture_url: str = ""


class Gateway(Protocol):
    """One instance at one gateway. Made by `GATEWAYS[kind](instance_name, config, http)`.

    Every call that speaks to the gateway takes a deadline and raises GatewayErrors only. A message
    that exists is given by its reference: what this gateway called it in `Message.reference` or
    `Sent.reference`, or its bare id where nobody ever said more.
    """

    #: Whether the echo of a send brings back its `source`. Then every send is proven by its echo,
    #: and what comes from our own number without one was written on the phone.
    echoes_source: bool

    def __init__(self, instance: str, config: GatewayConfig, http: Http) -> None: ...

    @staticmethod
    def authorized(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether a webhook call is the gateway's: checked in constant time, before parsing."""
        ...

    def parse(self, body: Mapping[str, Any], *, now: float, spool: Path) -> list[Received]:
        """The events of one webhook body or socket frame.

        Total: never raises for what a gateway sends; unknown types become Kind.UNKNOWN, events that
        mean nothing to us give an empty list. Files that came inside are written to `spool`.
        Credentials inside the body go nowhere.
        """
        ...

    def send(self, reply: Reply, *, source: str, deadline: Deadline) -> Sent:
        """Sends one message, marked with `source` where the gateway can carry it."""
        ...

    def delete(self, chat: str, message: str, *, deadline: Deadline) -> None:
        """Deletes a message of ours for everyone; doing it again changes nothing. A success does
        not prove that it is gone."""
        ...

    def fetch_media(self, message: Message, *, to: Path, limit: int, deadline: Deadline) -> Path:
        """The file of a message, written below the folder `to`, at most `limit` bytes.

        Raises MediaNotReady while it is not there, MediaTooLarge, GatewayRefuses when it is gone.
        """
        ...

    def mark_read(self, chat: str, message: str, *, sender: str, deadline: Deadline) -> None:
        """Shows the customer that the message was read. `sender` is the member of a group who
        wrote it, empty elsewhere."""
        ...

    def show_typing(self, chat: str, *, deadline: Deadline) -> None:
        """Shows the customer that an agent is typing."""
        ...

    def profile(self, address: Address, *, deadline: Deadline) -> Profile:
        """Both forms of an address (phone JID and LID) as far as known, name and picture."""
        ...

    def check(self, *, deadline: Deadline) -> bool:
        """Whether the instance exists, the token is good (GatewayDenies) and it is connected."""
        ...

    def own_number(self, *, deadline: Deadline) -> Address:
        """The number in WhatsApp that this is, as far as the gateway tells."""
        ...

    def register_webhook(
        self, url: str, secret: str, *, owner: str = "", deadline: Deadline
    ) -> None:
        """Has the gateway call `url` with every event, proven by `secret` as `authorized` checks.
        `owner` tells our webhook from that of another installation or instance."""
        ...

    def remove_webhook(self, *, owner: str = "", deadline: Deadline) -> None:
        """Takes the webhook of that owner away again."""
        ...

    def listen(self, *, deadline: Deadline) -> Generator[Mapping[str, Any] | None, None, None]:
        """Opens the gateway's socket, proves it, and yields bodies as `parse` takes them.

        Yields None first, when the socket stands, then every 30 s at least while nothing comes.
        Ends when the connection ends; raises GatewayError when it cannot be opened.
        """
        ...
