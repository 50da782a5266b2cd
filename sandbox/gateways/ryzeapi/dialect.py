"""RyzeAPI as a dialect of the pretend WhatsApp: limits, events, how they leave."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from flask import Response, g, request

from sandbox.gateways.ryzeapi import (
    access,
    api_chats,  # noqa: F401 - adds its routes to access.routes, as the next two do
    api_instances,  # noqa: F401
    api_messages,  # noqa: F401
    shapes,
    wire,
)
from sandbox.kit.body import Json, dumps
from sandbox.kit.settings import Settings
from sandbox.whatsapp import media as media_files
from sandbox.whatsapp.dialect import (
    Call,
    Dialect,
    Event,
    GroupChanged,
    Happening,
    MessagePosted,
    Receipt,
    StateChanged,
)
from sandbox.whatsapp.directory import Group
from sandbox.whatsapp.faults import Fault
from sandbox.whatsapp.instances import Instance, Subscription

_TEXTS = {429: wire.RATE_LIMITED, 503: wire.NOT_CONNECTED}


@dataclass
class RyzeSwitches(Settings):
    """Where the contract leaves a point open (docs/contracts/ryzeapi.md, Open points) a switch
    offers each reading."""

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "shape": ("live", "catalogue"),
        "revoke_id": ("target", "new"),
    }

    # Payloads: "live" is what was seen, "catalogue" what is published.
    shape: str = "live"
    # Event id of a revocation: "target" (the id of the revoked message) or "new".
    revoke_id: str = "target"
    # Offer received media at an unencrypted `s3Url` on this server, as a gateway with S3 does.
    media_s3: bool = False
    # Requests a minute and token: all calls, and instance creation (100 and 20:
    # docs/contracts/ryzeapi.md, Limits).
    rate_limit: int = 1_000_000
    rate_limit_new: int = 100_000


class RyzeApi(Dialect):
    """RyzeAPI."""

    kind = "ryzeapi"
    paths = ("/api/", "/ws/")
    sends = "^/api/message/"
    routes = access.routes
    events = wire.EVENTS
    never_held = ("instance.state",)
    switches: RyzeSwitches

    def reset(self) -> None:
        self.switches = RyzeSwitches()

    def begin(self) -> Response | None:
        """Count this request against its token; refused with 429 when it is one too many."""
        creating = request.path == "/api/instance/new"
        limit = self.switches.rate_limit_new if creating else self.switches.rate_limit
        key = f"{'new' if creating else 'all'}/{access.sent_token()}"
        remaining, reset = self.phone.limits.count(key, limit)
        g.rate = (limit, max(remaining, 0), reset)
        return self.refusal(429) if remaining < 0 else None

    def finish(self, response: Response) -> Response:
        limit, remaining, reset = g.get("rate", (self.switches.rate_limit, 0, 0))
        response.headers.setdefault("X-RateLimit-Limit", str(limit))
        response.headers.setdefault("X-RateLimit-Remaining", str(remaining))
        response.headers.setdefault("X-RateLimit-Reset", str(reset))
        return response

    def refusal(self, status: int, message: str = "") -> Response:
        text = message or _TEXTS.get(status, "Internal server error")
        return wire.Refusal(status, text).response()

    def fault(self, fault: Fault) -> Response:
        """A 429 says when to come back, unless told otherwise."""
        if fault.status == 429:
            limit, _, reset = g.rate
            seconds = int(fault.seconds)
            g.rate = (limit, 0, int(time.time()) + seconds if seconds else reset)
        return super().fault(fault)

    def encode(self, instance: Instance, happening: Happening) -> Iterator[Event]:
        match happening:
            case MessagePosted() if not _is_ignored(instance, happening.is_group):
                yield Event("message.exchange", self._exchange(happening))
            case Receipt() if not _is_ignored(instance, isinstance(happening.chat, Group)):
                yield Event("message.status", self._status(happening))
            case StateChanged():
                data: Json = {"state": happening.state, "timestamp": self._stamp(happening.at)}
                data |= {"jid": instance.jid or None, "instance": instance.name}
                yield Event("instance.state", data)
            case GroupChanged():
                group = happening.group
                data = {"groupJid": group.jid, "groupName": group.name, "type": happening.change}
                data["participants"] = [
                    {"jid": who.jid, "lid": who.lid, "name": who.name} for who in happening.people
                ]
                yield Event("group.flow", data | {"timestamp": self._stamp(happening.at)})

    def _stamp(self, at: float) -> str:
        return shapes.stamp(at, self.switches.shape)

    def _status(self, receipt: Receipt) -> Json:
        chat_type = "group" if isinstance(receipt.chat, Group) else "private"
        return {
            "status": receipt.status + ("_self" if receipt.by_owner else ""),
            "messageIds": receipt.message_ids,
            "timestamp": self._stamp(receipt.at),
            "chat": {"jid": receipt.chat.jid, "type": chat_type, "isCommunity": False},
            "recipient": None,
            "isFromMe": receipt.by_owner,
            "sender": receipt.reporter,
        }

    def _exchange(self, posted: MessagePosted) -> Json:
        message, event_id = posted.message, posted.message.id
        if message.kind == "revoke" and self.switches.revoke_id == "target":
            event_id = message.content["target"]
        s3_url = None
        if posted.media and self.switches.media_s3:
            s3_url = self.phone.base_url + posted.media.path
        shape = shapes.live if self.switches.shape == "live" else shapes.catalogue
        return shape(posted, event_id, s3_url)

    def frame(self, instance: Instance, event: str, data: str, media: str | None) -> str:
        """The body of docs/contracts/ryzeapi.md, Events."""
        if media is not None:
            opened = json.loads(data)
            opened["message"]["media"]["base64"] = self.base64_of(media)
            data = dumps(opened)
        owner = {
            "baseUrl": self.phone.base_url, "instance": instance.name, "token": instance.token,
        }  # fmt: skip
        return f'{{"event":"{event}","data":{data},"instanceData":{dumps(owner)}}}'

    def call(
        self, instance: Instance, webhook: Subscription, event: str, data: str, media: str | None
    ) -> Call:
        url = webhook.url
        headers = {"Content-Type": "application/json", "User-Agent": "sandbox-phone"}
        if webhook.options.get("authorization"):
            headers["Authorization"] = webhook.options["authorization"]
        if webhook.options.get("byEvents"):
            parts = urlsplit(url)
            url = parts._replace(path=f"{parts.path.rstrip('/')}/{event}").geturl()
        return Call(url, headers, self.frame(instance, event, data, media).encode())

    def base64_of(self, media_id: str) -> str:
        """A stored file as the gateway hands it out."""
        return base64.b64encode(media_files.body(self.phone.store, media_id)).decode()


def _is_ignored(instance: Instance, is_group: bool) -> bool:
    return is_group and bool(instance.options.get("ignoreGroupMessages"))
