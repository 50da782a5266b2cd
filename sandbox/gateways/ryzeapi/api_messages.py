"""Sending: the `/api/message/*` routes of docs/contracts/ryzeapi.md, Sending and Answers."""

import time
from typing import Any

from flask import g

from sandbox.gateways.ryzeapi import access
from sandbox.gateways.ryzeapi.access import routes
from sandbox.gateways.ryzeapi.shapes import stamp, wire_type
from sandbox.gateways.ryzeapi.wire import Refusal, reject_body, success
from sandbox.kit.body import Json
from sandbox.whatsapp import chats, media
from sandbox.whatsapp.chats import Chat
from sandbox.whatsapp.directory import GROUP_SUFFIX, Group
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.message import Draft, Message
from sandbox.whatsapp.phone import the_phone

MAX_DELAY_S = 60.0


@routes.post("/api/message/<kind>/")
@routes.post("/api/message/<kind>")
def nameless(kind: str) -> Json:
    raise Refusal(400, "Instance name is required")


@routes.post("/api/message/text/<name>")
def text(name: str) -> Json:
    sending = Sending(name)
    message = sending.body.text("message")
    if not message:
        raise reject_body("message is required")
    return sending.finish("text", {"text": message})


@routes.post("/api/message/media/<name>")
def media_message(name: str) -> Json:
    sending = Sending(name)
    body = sending.body
    kind = body.text("mediaType")
    if kind not in ("image", "video", "audio", "document"):
        raise reject_body("mediaType must be image, video, audio or document")
    if body.has("mediaUrl") == body.has("mediaBase64"):
        raise reject_body("exactly one of mediaUrl and mediaBase64 is required")
    content: Json = {"text": body.text("message")}
    if kind == "audio":
        content["duration"] = body.number("duration")
        kind = "voice" if body.boolean("isVoice", True) else "audio"
    name_of_file = body.text("fileName") or ("file" if kind == "document" else "")
    sending.take_file(body.text("mediaUrl") or body.text("mediaBase64"))
    return sending.finish(kind, content, name_of_file, body.text("mimeType"))


@routes.post("/api/message/sticker/<name>")
def sticker(name: str) -> Json:
    sending = Sending(name)
    address = sending.body.text("imageUrl")
    if not address:
        raise reject_body("imageUrl is required")
    sending.take_file(address)
    return sending.finish("sticker", {})


@routes.post("/api/message/location/<name>")
def location(name: str) -> Json:
    sending = Sending(name)
    body = sending.body
    latitude, longitude = body.number("latitude"), body.number("longitude")
    if latitude == 0 and longitude == 0:
        raise reject_body("latitude and longitude are required")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise reject_body("latitude or longitude is out of range")
    content: Json = {
        "latitude": latitude, "longitude": longitude,
        "name": body.text("name"), "address": body.text("address"),
    }  # fmt: skip
    return sending.finish("location", content)


@routes.post("/api/message/contact/<name>")
def contact(name: str) -> Json:
    sending = Sending(name)
    cards = [
        {
            "name": card.text("fullName"), "phone": card.text("phone"),
            "organization": card.text("organization"), "email": card.text("email"),
            "url": card.text("url"),
        }
        for card in sending.body.objects("vcard")
    ]  # fmt: skip
    if not cards:
        raise reject_body("vcard is required")
    if not all(card["name"] and card["phone"] for card in cards):
        raise reject_body("vcard needs fullName and phone")
    sending.reply_privately = False  # without effect here (docs/contracts/ryzeapi.md, Sending)
    return sending.finish("contact", {"contacts": cards})


@routes.post("/api/message/reaction/<name>")
def reaction(name: str) -> Json:
    sending = Sending(name)
    body = sending.body
    target, emoji = body.text("messageId"), body.text("reaction")
    if not target or not emoji:
        raise reject_body("messageId and reaction are required")
    is_group = body.text("number").endswith(GROUP_SUFFIX)
    if is_group and not body.boolean("fromMe") and not body.text("participant"):
        raise Refusal(400, "missing_participant")
    sending.delay_s, sending.reply_to = 0.0, ""
    emoji = "" if emoji == "remove" else emoji
    return sending.finish("reaction", {"emoji": emoji, "target": target})


class Sending:
    """One send, from its request to its answer.  Created first: it checks token and number."""

    def __init__(self, name: str) -> None:
        self.phone = the_phone()
        self.instance: Instance = access.instance(name)
        self.body = body = access.body()
        self.number = body.text("number").strip()
        if not self.number:
            raise Refusal(400, "Number is required")
        self.source = body.text("source") or "api"
        self.delay_s = min(max(body.number("delay"), 0.0), MAX_DELAY_S)
        self.reply_to = body.text("replyTo")
        self.reply_privately = body.boolean("replyPrivate")
        self.mentions = body.texts("mention")
        self.mention_all = body.boolean("mentionAll")
        self.file: media.File | None = None
        self.file_at = ""

    def take_file(self, text: str) -> None:
        """The file is at this address, or this very text in base64."""
        if text.startswith(("http://", "https://")):
            self.file_at = text
        else:
            self.file = media.from_base64(text)

    def finish(self, kind: str, content: Json, file_name: str = "", mime: str = "") -> Json:
        """Send what has been read: connection, recipient, quote, file, delay, and then it goes."""
        access.connected(self.instance)
        chat = self._chat()
        if isinstance(chat, Group):
            mentions = list(chat.members) if self.mention_all else self.mentions
            if mentions:
                content["mentions"] = mentions
        stored = self._store_file(kind, file_name, mime)
        if self.delay_s:
            self._type_for_a_while(chat)
        draft = Draft(kind, content, stored, self.reply_to or None, self.source)
        if g.get("lost"):
            # The fault `no_echo`: accepted and answered, and nobody ever hears of it.
            message = chats.draft_message(self.instance, chat, None, draft)
        else:
            message = chats.post(self.phone, self.instance, chat, None, draft)
        return self._answer(message, chat, stored)

    def _chat(self) -> Chat:
        chat = access.recipient(self.number)
        if not self.reply_to:
            return chat
        quoted = chats.find(self.phone, self.instance.name, self.reply_to)
        if quoted is None:
            raise Refusal(400, "replyTo: message not found")
        if self.reply_privately and isinstance(chat, Group):
            return self.phone.directory.person(quoted.sender) or chat
        return chat

    def _store_file(self, kind: str, name: str, mime: str) -> media.Media | None:
        try:
            file = media.fetch(self.file_at) if self.file_at else self.file
        except ValueError as error:
            raise Refusal(400, f"Failed to download media: {error}") from error
        if file is None:
            return None
        return media.save(self.phone.store, media.File(file.body, mime or file.mime, name), kind)

    def _type_for_a_while(self, chat: Chat) -> None:
        """`delay` is in seconds, shown to the customer as typing."""
        self.phone.typing[self.instance.name, chat.jid] = ("typing", time.time() + self.delay_s)
        self.phone.pulse.rise()
        time.sleep(self.delay_s)

    def _answer(self, message: Message, chat: Chat, file: media.Media | None) -> Json:
        is_group = isinstance(chat, Group)
        shown_chat = {"jid": chat.jid, "type": "group" if is_group else "private"}
        if is_group:
            shown_chat["groupName"] = chat.name
        data: Json = {
            "messageId": message.id,
            "timestamp": stamp(message.at, access.gateway().switches.shape),
            "direction": "outgoing",
            "messageType": wire_type(message.kind),
            "chat": shown_chat,
            "sender": {"jid": self.instance.jid, "name": self.instance.profile},
            "content": message.text or message.content.get("emoji", ""),
        }
        if file:
            data |= {
                "mediaUrl": f"https://cdn.sandbox.invalid/{file.id}.enc",
                "mediaMimeType": file.mime,
                "mediaSize": file.size,
            }
            if message.content.get("duration"):
                data["mediaDuration"] = message.content["duration"]
        target: Any = message.content.get("target") or message.quote
        if target:
            data["replyTo"] = {"messageId": target}
        if message.content.get("mentions"):
            data["mentions"] = message.content["mentions"]
        return success("Message sent successfully", status="sent", data=data)
