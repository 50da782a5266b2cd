"""One instance at RyzeAPI, as `bridge.gateways.base.Gateway` describes it.

Source: docs/contracts/ryzeapi.md, Instances, Events and Sending.
"""

import contextlib
import hmac
import re
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.domain.messages import Address, Media, Message, Reply
from bridge.domain.models import GatewayConfig
from bridge.domain.texts import json_object
from bridge.domain.urls import origin_of
from bridge.gateways import jids, media
from bridge.gateways.base import (
    GatewayError,
    GatewayRefuses,
    GatewayUnavailable,
    MediaNotReady,
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
_EMPTY_FILE = re.compile(rb'"base64"\s*:\s*"(data:[^"]*)?"')
_GONE = re.compile(r"\b(410|gone|expired|no longer|deleted)\b", re.IGNORECASE)
_NAMES = ("name", "fullName", "savedName", "businessName", "verifiedName", "pushName", "firstName")
_PICTURES = ("pictureUrl", "profilePictureUrl", "profilePicUrl", "avatarUrl")


class RyzeApi:
    echoes_source = True

    def __init__(self, instance: str, config: GatewayConfig, http: Http) -> None:
        self._calls, self._http = Calls(instance, config, http), http
        self._failures = self._calls.failures
        self._origin = origin_of(config.base_url)

    def _is_own(self, url: str) -> bool:
        """Whether an address leads to the configured gateway and nowhere else
        (docs/contracts/ryzeapi.md, Media)."""
        return self._origin is not None and origin_of(url) == self._origin

    @staticmethod
    def authorized(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """RyzeAPI signs nothing: the header `Authorization` is the whole proof
        (docs/contracts/ryzeapi.md, Webhooks)."""
        given = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())

    def parse(self, body: Mapping[str, Any], *, now: float, spool: Path) -> list[Received]:
        """The events of one webhook body or socket frame; never raises."""
        return parse.events(body, parse.ParseContext(now, spool, self._is_own))

    def send(self, reply: Reply, *, source: str, deadline: Deadline) -> Sent:
        return sending.send(self._calls, reply, source, deadline)

    def delete(self, chat: str, message: str, *, deadline: Deadline) -> None:
        """By its id alone."""
        body = {"messageId": message, "deleteForEveryone": True}
        path = "/api/chat/delete/:instance"
        self._calls.change(path, body, deadline=deadline, method="DELETE")

    def fetch_media(self, message: Message, *, to: Path, limit: int, deadline: Deadline) -> Path:
        """The file that came with the event, or that the gateway keeps."""
        file, failures = message.media or Media(), self._failures
        if path := media.spooled(file, to, limit=limit, failures=failures):
            return path
        if self._is_own(file.url):
            with contextlib.suppress(GatewayUnavailable):
                return media.download(
                    self._http, file.url, to, limit=limit, failures=failures, deadline=deadline
                )
        return self._from_gateway(message.reference, to, limit, deadline)

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
        named = jids.address(contact.text("jid"), contact.text("lid"), contact.text(*_NAMES))
        # Only an answer that binds the very address that was asked for proves anything
        # (docs/contracts/ryzeapi.md, Addresses): a wrong pair would mix two people for good.
        if contact.flag("found") is False or not jids.is_same(named, address):
            return Profile(address)
        # Who has no name is called by the number.
        name = "" if named.name.lstrip("+").isdigit() else named.name
        known = Address(address.jid or named.jid, address.lid or named.lid, name or address.name)
        picture = contact.text(*_PICTURES)
        is_trusted = picture.startswith("https://") or self._is_own(picture)
        return Profile(known, picture if is_trusted else "")

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
        if owner:
            self._retire_unnamed(url, deadline)
        wanted = {"enabled": True, "url": url, "authorization": secret, "byEvents": False}
        label = {"label": _label(owner)}
        more = {"events": list(EVENTS), "mediaBase64": False}
        self._configure("webhook", {**label, **wanted, **more}, deadline)
        with self._not_about_a_message():
            stored = self._configured("webhook", deadline, **label)
        others = [
            name
            for name, value in wanted.items()
            if (stored.get(name) or False) != (value or False)
        ]
        events = set(map(str, stored.items("events")))
        others += ["events"] * bool(events and events != set(EVENTS))
        if others:
            names = ", ".join(others)
            raise self._failures.of(GatewayError, f"the webhook reads back with another {names}")

    def remove_webhook(self, *, owner: str = "", deadline: Deadline) -> None:
        """Disables it: there is no route that deletes one."""
        self._configure("webhook", {"label": _label(owner), "enabled": False}, deadline)

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
                yield json_object(frame or "") or None

    def _retire_unnamed(self, url: str, deadline: Deadline) -> None:
        """Older versions of us used one label for all. What is under it is taken away only where it
        is ours: an instance has room for three."""
        with contextlib.suppress(GatewayError):
            stored = self._configured("webhook", deadline, label=LABEL)
            ours = urlsplit(stored.text("url")).path == urlsplit(url).path
            if ours and stored.flag("enabled"):
                self.remove_webhook(deadline=deadline)

    def _allow_socket(self, deadline: Deadline) -> None:
        """Only written when it is not yet so: the setting is one for all users of the instance."""
        wanted = {"enabled": True, "events": list(EVENTS), "mediaBase64": False}
        with contextlib.suppress(GatewayRefuses):  # 404: never configured
            stored = self._configured("websocket", deadline)
            events = set(map(str, stored.items("events")))
            has_all = not events or set(EVENTS) <= events
            if stored.flag("enabled") and has_all and not stored.flag("mediaBase64"):
                return
        self._configure("websocket", wanted, deadline)

    def _open_socket(self, deadline: Deadline) -> WebSocket:
        url = self._calls.url("/ws/:instance")
        try:
            return WebSocket(self._http, url, deadline=deadline, token=self._calls.token)
        except CallFailed as failure:
            raise self._failures.of_call(failure, is_harmless=True) from failure
        except HandshakeRefused as refusal:
            answer = Answer("GET", url, refusal.status, refusal.headers, refusal.body)
            raise self._calls.refusal(answer, deadline, is_harmless=True) from refusal

    def _configured(self, name: str, deadline: Deadline, **query: str) -> Fields:
        path = f"/api/events/get{name.capitalize()}/:instance"
        return self._calls.get(path, deadline=deadline, **query).part(name)

    def _configure(self, name: str, wanted: Mapping[str, Any], deadline: Deadline) -> None:
        with self._not_about_a_message():
            self._calls.change(f"/api/events/{name}/:instance", wanted, deadline=deadline)

    @contextlib.contextmanager
    def _not_about_a_message(self) -> Iterator[None]:
        """A refusal within the block is about a setting, not about a message."""
        try:
            yield
        except GatewayRefuses as refusal:
            raise self._failures.of(GatewayError, str(refusal.values["reason"])) from refusal

    def _from_gateway(self, message_id: str, to: Path, limit: int, deadline: Deadline) -> Path:
        """The answer goes to disk as it is, and is decoded there piece by piece."""
        answer = new_file(to)
        try:
            self._calls.save(
                "/api/chat/base64/:instance",
                answer,
                max_bytes=(limit + 2) // 3 * 4 + _ENVELOPE_BYTES,
                deadline=deadline,
                messageId=message_id,
            )
            path = spool_field(answer, "base64", to, limit=limit)
            if path is None and _is_empty(answer):
                path = new_file(to)  # it was fetched, and there is nothing in it
        except (TooLarge, AnswerTooLarge):
            raise self._failures.too_large(limit) from None
        except GatewayRefuses as refusal:
            reason = str(refusal.values["reason"])
            if _GONE.search(reason):
                raise
            # 404 is "not yet" as well as "never": who asks knows how long to go on.
            raise self._failures.of(MediaNotReady, reason) from refusal
        finally:
            answer.unlink(missing_ok=True)
        if path is None:
            raise self._failures.of(MediaNotReady, "the gateway has no file for this message yet")
        return path


def _label(owner: str) -> str:
    return f"{LABEL}-{owner}" if owner else LABEL


def _is_empty(answer: Path) -> bool:
    with answer.open("rb") as file:
        return _EMPTY_FILE.search(file.read(_ENVELOPE_BYTES)) is not None
