"""The adapter: one instance at RyzeAPI as `bridge.gateways.base.Gateway` wants it.

Source: docs/contracts/ryzeapi.md, Instances, Events and Sending.
"""

import contextlib
import hmac
import json
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.domain.messages import Address, Message, Reply
from bridge.domain.models import GatewayConfig
from bridge.gateways import jids
from bridge.gateways.base import (
    GatewayError,
    GatewayRefuses,
    GatewayUnavailable,
    MediaTooLarge,
    Profile,
    Received,
    Sent,
)
from bridge.gateways.base64_files import TooLarge, new_file, spool_field
from bridge.gateways.fields import Fields
from bridge.gateways.ryzeapi import parse, sending
from bridge.gateways.ryzeapi.calls import Calls
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, AnswerTooLarge, CallFailed, Http
from bridge.net.websocket import HandshakeRefused, SocketEnded, WebSocket

#: What the label of our webhook begins with, among the three that an instance may have.
LABEL = "chatwoot-bridge"
EVENTS = (
    "message.exchange",
    "message.status",
    "call.update",
    "group.flow",
    "instance.state",
    "label.update",
)
#: How long the customer sees that somebody writes, in seconds; the gateway allows up to 60.
_TYPING_S = 15
#: How often `listen` gives a sign of life.
_TICK_S = 15.0
#: What surrounds the base64 text in the answer with a file.
_ENVELOPE_BYTES = 64 * 1024
#: A file that was fetched and has no bytes, and one that WhatsApp does not have any more.
_IS_EMPTY = re.compile(rb'"base64"\s*:\s*"(data:[^"]*)?"')
_GONE = re.compile(r"\b(410|gone|expired|no longer|deleted)\b", re.IGNORECASE)
_NAMES = ("name", "fullName", "savedName", "businessName", "verifiedName", "pushName", "firstName")
_PICTURES = ("pictureUrl", "profilePictureUrl", "profilePicUrl", "avatarUrl")


class RyzeApi:
    """One instance at RyzeAPI."""

    echoes_source = True

    def __init__(self, instance: str, config: GatewayConfig, http: Http) -> None:
        self._calls, self._http = Calls(instance, config, http), http
        self._origin = parse.origin(config.base_url)

    @staticmethod
    def authorized(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """RyzeAPI signs nothing: the header `Authorization` is the whole proof
        (docs/contracts/ryzeapi.md, Webhooks)."""
        told = next((v for name, v in headers.items() if name.lower() == "authorization"), "")
        return bool(secret) and hmac.compare_digest(told.encode(), secret.encode())

    def parse(self, body: Mapping[str, Any], *, now: float, spool: Path) -> list[Received]:
        """The events of one webhook body or socket frame; never raises."""
        return parse.events(body, parse.Around(now, spool, self._origin))

    def send(self, reply: Reply, *, source: str, deadline: Deadline) -> Sent:
        """Sends a text or a file."""
        return sending.send(self._calls, reply, source, deadline)

    def delete(self, chat: str, message: str, *, deadline: Deadline) -> None:
        """By its id alone."""
        body = {"messageId": message, "deleteForEveryone": True}
        path = "/api/chat/delete/:instance"
        self._calls.change(path, body, deadline=deadline, method="DELETE")

    def fetch_media(self, message: Message, *, to: Path, limit: int, deadline: Deadline) -> Path:
        """The file that came with the event, or that the gateway keeps."""
        media = message.media
        if media is not None and media.spooled and Path(media.spooled).is_file():
            return self._from_spool(Path(media.spooled), to, limit)
        if media is not None and media.url and parse.origin(media.url) == self._origin:
            with contextlib.suppress(GatewayUnavailable):
                return self._from_url(media.url, to, limit, deadline)
        return self._from_gateway(message.id, to, limit, deadline)

    def mark_read(self, chat: str, message: str, *, sender: str, deadline: Deadline) -> None:
        """Blue ticks. In a group without a `sender` the chat is only marked as read on the phone
        itself."""
        body: dict[str, Any] = {"number": jids.recipient(chat)}
        if jids.kind_of(chat) is jids.JidKind.GROUP and not sender:
            path, body["read"] = "/api/chat/markChatRead/:instance", True
        else:
            path, body["messageId"] = "/api/chat/markRead/:instance", message
        if sender:
            body["sender"] = sender
        self._calls.change(path, body, deadline=deadline)

    def show_typing(self, chat: str, *, deadline: Deadline) -> None:
        """It ends by itself."""
        body = {"number": jids.recipient(chat), "state": "typing", "duration": _TYPING_S}
        self._calls.change("/api/chat/presence/:instance", body, deadline=deadline)

    def profile(self, address: Address, *, deadline: Deadline) -> Profile:
        """What the gateway knows; groups it cannot be asked for."""
        asked = address.jid or address.lid
        if jids.kind_of(asked) not in (jids.JidKind.PHONE, jids.JidKind.LID):
            return Profile(address)
        path, number = "/api/chat/contacts/:instance", jids.recipient(asked)
        answer = self._calls.get(path, deadline=deadline, number=number)
        contact = answer.part("contact", "data")
        found = jids.address(contact.text("jid"), contact.text("lid"), contact.text(*_NAMES))
        # Only an answer that binds the very address that was asked for proves anything
        # (docs/contracts/ryzeapi.md, Addresses): a wrong pair would mix two people for good.
        if contact.flag("found") is False or not jids.is_same(found, address):
            return Profile(address)
        # Who has no name is called by the number.
        name = "" if found.name.lstrip("+").isdigit() else found.name
        known = Address(address.jid or found.jid, address.lid or found.lid, name or address.name)
        picture = contact.text(*_PICTURES)
        vouched = picture.startswith("https://") or parse.origin(picture) == self._origin
        return Profile(known, picture if vouched else "")

    def check(self, *, deadline: Deadline) -> bool:
        """The state in the list of instances."""
        ours = self._calls.own_instance(deadline=deadline)
        return (ours.part("connection").text("state") or ours.text("status")) == "connected"

    def own_number(self, *, deadline: Deadline) -> Address:
        """The number in the list of instances."""
        ours = self._calls.own_instance(deadline=deadline)
        jid = ours.part("connection").text("numberJid") or ours.text("numberJid")
        return jids.address(jid)

    def register_webhook(
        self, url: str, secret: str, *, owner: str = "", deadline: Deadline
    ) -> None:
        """Stores it under our label, and reads it back."""
        label = _label(owner)
        if owner:
            self._retire_unnamed(url, deadline)
        wish: dict[str, Any] = {
            "label": label,
            "enabled": True,
            "url": url,
            "authorization": secret,
            "byEvents": False,
            "events": list(EVENTS),
            "mediaBase64": False,
        }
        self._configure("/api/events/webhook/:instance", wish, deadline)
        path = "/api/events/getWebhook/:instance"
        with self._not_about_a_message():
            stored = self._calls.get(path, deadline=deadline, label=label).part("webhook")
        events = stored.items("events")
        others = [
            name
            for name in ("enabled", "url", "authorization", "byEvents")
            if (stored.get(name) or False) != (wish[name] or False)
        ]
        if events and set(map(str, events)) != set(EVENTS):
            others.append("events")
        if others:
            raise self._calls.failed(f"the webhook reads back with another {', '.join(others)}")

    def remove_webhook(self, *, owner: str = "", deadline: Deadline) -> None:
        """Disables it: there is no route that deletes one."""
        wish = {"label": _label(owner), "enabled": False}
        self._configure("/api/events/webhook/:instance", wish, deadline)

    def listen(self, *, deadline: Deadline) -> Generator[Mapping[str, Any] | None, None, None]:
        """Allows the instance's socket and opens it."""
        self._allow_socket(deadline)
        with self._open_socket(deadline) as opened:
            yield None
            while True:
                try:
                    frame = opened.receive(_TICK_S)
                except SocketEnded:
                    return
                yield _body(frame)

    def _retire_unnamed(self, url: str, deadline: Deadline) -> None:
        """Older versions of us used one label for all. What is under it is taken away only where it
        is ours: an instance has room for three."""
        with contextlib.suppress(GatewayError):
            path = "/api/events/getWebhook/:instance"
            stored = self._calls.get(path, deadline=deadline, label=LABEL).part("webhook")
            ours = urlsplit(stored.text("url")).path == urlsplit(url).path
            if ours and stored.flag("enabled"):
                self.remove_webhook(deadline=deadline)

    def _allow_socket(self, deadline: Deadline) -> None:
        """Only written when it is not yet so: the setting is one for all users of the instance."""
        try:
            path = "/api/events/getWebsocket/:instance"
            stored = self._calls.get(path, deadline=deadline).part("websocket")
        except GatewayRefuses:  # 404: never configured
            stored = Fields(None)
        has_all = not stored.items("events") or set(EVENTS) <= set(map(str, stored.items("events")))
        if stored.flag("enabled") and has_all and not stored.flag("mediaBase64"):
            return
        wish = {"enabled": True, "events": list(EVENTS), "mediaBase64": False}
        self._configure("/api/events/websocket/:instance", wish, deadline)

    def _open_socket(self, deadline: Deadline) -> WebSocket:
        url = self._calls.url("/ws/:instance")
        try:
            token = self._calls.headers()["token"]
            return WebSocket(self._http, url, deadline=deadline, token=token)
        except CallFailed as failure:
            if failure.blocked:
                raise self._calls.denies(failure.cause) from failure
            raise self._calls.unavailable(failure.cause) from failure
        except HandshakeRefused as refusal:
            answer = Answer("GET", url, refusal.status, refusal.headers, refusal.body)
            raise self._calls.refusal(answer, deadline, is_harmless=True) from refusal

    def _configure(self, path: str, wish: Mapping[str, Any], deadline: Deadline) -> None:
        with self._not_about_a_message():
            self._calls.change(path, wish, deadline=deadline)

    @contextlib.contextmanager
    def _not_about_a_message(self) -> Iterator[None]:
        """A refusal in here is one of settings, and says so."""
        try:
            yield
        except GatewayRefuses as refusal:
            raise self._calls.failed(str(refusal.values["reason"])) from refusal

    def _from_spool(self, spooled: Path, to: Path, limit: int) -> Path:
        if spooled.stat().st_size > limit:
            raise self._too_large(limit)
        if spooled.parent == to:
            return spooled
        path = _new_path(to)
        shutil.copyfile(spooled, path)
        return path

    def _from_url(self, url: str, to: Path, limit: int, deadline: Deadline) -> Path:
        """Without the token: nothing that an event names is called with our rights."""
        path = _new_path(to)
        try:
            answer = self._http.call("GET", url, deadline=deadline, max_bytes=limit, save_to=path)
            if answer.status == 200 and path.stat().st_size:
                return path
        except AnswerTooLarge:
            path.unlink(missing_ok=True)
            raise self._too_large(limit) from None
        except CallFailed as failure:
            path.unlink(missing_ok=True)
            raise self._calls.unavailable(failure.cause) from failure
        path.unlink(missing_ok=True)
        raise self._calls.unavailable(f"HTTP {answer.status}")

    def _from_gateway(self, message_id: str, to: Path, limit: int, deadline: Deadline) -> Path:
        """The answer goes to disk as it is, and is decoded there piece by piece."""
        answer = _new_path(to)
        try:
            self._calls.save(
                "/api/chat/base64/:instance",
                answer,
                max_bytes=(limit + 2) // 3 * 4 + _ENVELOPE_BYTES,
                deadline=deadline,
                messageId=message_id,
            )
            found = spool_field(answer, "base64", to, limit=limit)
            if found is None and _is_empty(answer):
                return _new_path(to)  # it was fetched, and there is nothing in it
        except (TooLarge, AnswerTooLarge):
            raise self._too_large(limit) from None
        except GatewayRefuses as refusal:
            reason = str(refusal.values["reason"])
            if _GONE.search(reason):
                raise
            # 404 is "not yet" as well as "never": who asks knows how long to go on.
            raise self._calls.file_not_yet(reason) from refusal
        finally:
            answer.unlink(missing_ok=True)
        if found is None:
            raise self._calls.file_not_yet("the gateway has no file for this message yet")
        return found

    def _too_large(self, limit: int) -> MediaTooLarge:
        return self._calls.file_too_large(f"the file is larger than {limit} bytes")


def _label(owner: str) -> str:
    return f"{LABEL}-{owner}" if owner else LABEL


def _is_empty(answer: Path) -> bool:
    with answer.open("rb") as file:
        return _IS_EMPTY.search(file.read(_ENVELOPE_BYTES)) is not None


def _new_path(folder: Path) -> Path:
    path, descriptor = new_file(folder)
    with open(descriptor, "wb"):
        return path


def _body(frame: str | None) -> Mapping[str, Any] | None:
    """A frame as `parse` takes it; None for no frame and for one that is no JSON object."""
    try:
        found = json.loads(frame or "null")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
