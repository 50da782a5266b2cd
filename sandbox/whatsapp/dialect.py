"""What a gateway's dialect must say to be spoken here: routes, bodies of events, their delivery.

The phone knows people, chats and a queue; a dialect in `sandbox/gateways` turns requests into
calls of `chats` and happenings into events. `registry` lists the dialects that are served.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from flask import Blueprint, Response

from sandbox.kit.body import Json
from sandbox.kit.settings import Settings
from sandbox.whatsapp.directory import Group, Person
from sandbox.whatsapp.faults import Fault
from sandbox.whatsapp.instances import Instance, Subscription
from sandbox.whatsapp.media import Media
from sandbox.whatsapp.message import Message

if TYPE_CHECKING:
    from sandbox.whatsapp.phone import Phone


@dataclass(frozen=True)
class Party:
    """A chat or a person as an event names it."""

    jid: str
    lid: str | None
    name: str


@dataclass(frozen=True)
class MessagePosted:
    """A message, or a change of one, reached a chat. `quote` has `id`, `sender` and `text`."""

    message: Message
    chat: Party
    is_group: bool
    sender: Party
    quote: Json | None
    media: Media | None


@dataclass(frozen=True)
class Receipt:
    """Messages are delivered, read or played; `by_owner`: on the phone of the number itself."""

    chat: Person | Group
    message_ids: list[str]
    status: str
    reporter: str
    by_owner: bool
    at: float


@dataclass(frozen=True)
class StateChanged:
    """The instance is connected, connecting, disconnected or logged_out."""

    state: str
    at: float


@dataclass(frozen=True)
class GroupChanged:
    """People joined, left or the like; `change` in the gateway's own word."""

    group: Group
    change: str
    people: list[Person]
    at: float


@dataclass(frozen=True)
class Event:
    """What a dialect makes of a happening."""

    name: str
    data: Json


Happening = MessagePosted | Receipt | StateChanged | GroupChanged | Event


@dataclass(frozen=True)
class Call:
    """A request to a webhook; `repeats` says whether it is made again until it is accepted."""

    url: str
    headers: dict[str, str]
    body: bytes
    repeats: bool = True


class Dialect(ABC):
    """One gateway's way to speak, for all instances whose `gateway` is its `kind`."""

    kind: ClassVar[str]
    #: What the paths of its API begin with; no two dialects share one.
    paths: ClassVar[tuple[str, ...]]
    #: A pattern for the paths that send messages.
    sends: ClassVar[str]
    routes: ClassVar[Blueprint]
    #: The names of its events, and of those that a disconnected instance sends too.
    events: ClassVar[tuple[str, ...]]
    never_held: ClassVar[tuple[str, ...]] = ()

    #: What can be switched in this gateway alone.
    switches: Settings

    def __init__(self, phone: "Phone") -> None:
        self.phone = phone
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Be as on the first day."""

    @abstractmethod
    def encode(self, instance: Instance, happening: Happening) -> Iterable[Event]:
        """The events that tell of a happening, which is no Event here."""

    @abstractmethod
    def frame(self, instance: Instance, event: str, data: str, media: str | None) -> str:
        """The text of an event on a websocket; `media` is the file to put in, if any."""

    @abstractmethod
    def call(
        self, instance: Instance, webhook: Subscription, event: str, data: str, media: str | None
    ) -> Call:
        """The request that brings an event to a webhook."""

    @abstractmethod
    def refusal(self, status: int, message: str = "") -> Response:
        """An error as this gateway answers it; without a message, the usual one of the status."""

    def begin(self) -> Response | None:
        """Before each request: an answer that refuses it, or None."""
        return None

    def finish(self, response: Response) -> Response:
        """After each request: the answer with the headers that every answer has."""
        return response

    def fault(self, fault: Fault) -> Response:
        """The answer of a `status` or `status_after` fault."""
        response = self.refusal(fault.status, fault.message)
        if fault.raw:
            is_json = fault.raw.startswith("{")
            kind = "application/json" if is_json else "text/html; charset=utf-8"
            response = Response(fault.raw, fault.status, content_type=kind)
        response.headers.update(fault.headers)
        return response
