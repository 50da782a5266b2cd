"""What is done with messages that exist: the `/api/chat/*` routes of docs/contracts/ryzeapi.md,
Sending."""

import time

from flask import g, request

from sandbox.gateways.ryzeapi import access
from sandbox.gateways.ryzeapi.access import routes
from sandbox.gateways.ryzeapi.shapes import stamp, wire_type
from sandbox.gateways.ryzeapi.wire import Refusal, reject_body, success
from sandbox.kit.body import Body, Json
from sandbox.whatsapp import chats, media
from sandbox.whatsapp.chats import Chat
from sandbox.whatsapp.directory import GROUP_SUFFIX
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.message import Draft, Message, rank
from sandbox.whatsapp.phone import Phone, the_phone

EDIT_WINDOW_S = 15 * 60
REVOKE_WINDOW_S = (2 * 24 + 12) * 3600


@routes.post("/api/chat/edit/<name>")
def edit(name: str) -> Json:
    phone, instance, body = _opened(name)
    message_id, content = body.text("messageId"), body.text("content")
    if not message_id or not content:
        raise reject_body("messageId and content are required")
    access.connected(instance)
    message = _own(phone, instance, message_id)
    if message.kind != "text":
        raise Refusal(400, "Only text messages can be edited")
    if time.time() - message.at > EDIT_WINDOW_S:
        raise Refusal(400, "The message is too old to be edited")
    if not g.get("lost"):
        edited = {"text": content, "target": message.id, "old": message.text}
        draft = Draft("edit", edited)
        chats.post(phone, instance, _chat(phone, message.chat), None, draft)
    data = {
        "messageId": message.id, "chatJid": message.chat,
        "oldContent": message.text, "newContent": content,
    }  # fmt: skip
    return success("Message edited successfully", data=data)


@routes.delete("/api/chat/delete/<name>")
def delete(name: str) -> Json:
    phone, instance, body = _opened(name)
    message_id = body.text("messageId") or request.args.get("messageId", "")
    if not message_id:
        raise reject_body("messageId is required")
    for_everyone = body.boolean("deleteForEveryone")
    access.connected(instance)
    if not for_everyone:
        if chats.find(phone, name, message_id) is None:
            raise Refusal(404, "message not found")
        kind = "delete_for_me"
    else:
        kind = "revoke"
        message = _own(phone, instance, message_id)
        recent = time.time() - message.at <= REVOKE_WINDOW_S
        # Outside the window the API still answers with success and removes nothing.
        if recent and not message.revoked and not g.get("lost"):
            draft = Draft(
                "revoke",
                {"target": message.id},
            )
            chats.post(phone, instance, _chat(phone, message.chat), None, draft)
    return success("Message deleted successfully",
                   data={"messageId": message_id, "delete_type": kind})  # fmt: skip


@routes.post("/api/chat/markRead/<name>")
def mark_read(name: str) -> Json:
    phone, instance, body = _opened(name)
    message_id, number = body.text("messageId"), body.text("number")
    if not message_id:
        raise reject_body("messageId is required")
    if not number:
        raise Refusal(400, "Number is required")
    if number.endswith(GROUP_SUFFIX) and not body.text("sender"):
        raise Refusal(400, "sender is required for group messages")
    access.connected(instance)
    chat = access.recipient(number)
    chats.seen_by_owner(phone, instance, chat, [message_id], tell=False)
    return success("Message marked as read", data={"messageId": message_id})


@routes.post("/api/chat/markChatRead/<name>")
def mark_chat_read(name: str) -> Json:
    phone, instance, body = _opened(name)
    number, read = body.text("number"), body.boolean("read", True)
    if not number:
        raise Refusal(400, "Number is required")
    access.connected(instance)
    chat = access.recipient(number)
    if read:
        chats.seen_by_owner(phone, instance, chat, None, tell=False)
    return success("Chat marked as read" if read else "Chat marked as unread",
                   data={"chatJid": chat.jid, "read": read})  # fmt: skip


@routes.post("/api/chat/presence/<name>")
def presence(name: str) -> Json:
    phone, instance, body = _opened(name)
    number, state = body.text("number"), body.text("state")
    if not number:
        raise Refusal(400, "Number is required")
    if state not in ("typing", "recording", "pause", "paused"):
        raise reject_body("state must be typing, recording, pause or paused")
    access.connected(instance)
    chat = access.recipient(number)
    duration_s = min(max(body.number("duration", 10.0), 0.0), 60.0)
    if state in ("typing", "recording"):
        phone.typing[name, chat.jid] = (state, time.time() + duration_s)
    else:
        phone.typing.pop((name, chat.jid), None)
    phone.pulse.rise()
    return success("Presence updated",
                   data={"chatJid": chat.jid, "state": state, "duration": duration_s})  # fmt: skip


@routes.get("/api/chat/base64/<name>")
def base64(name: str) -> Json:
    """The media of a message; 404 for as many tries as the switch `media_not_yet` says."""
    phone, message = _asked(name, "Message not found or no media available")
    stored = media.load(phone.store, message.media)
    tries = phone.tries.get(message.id, 0)
    if stored is None or (tries < phone.switches.media_not_yet and not message.from_me):
        phone.tries[message.id] = tries + 1
        raise Refusal(404, "Message not found or no media available")
    return success(
        "Media found", message_id=message.id, mime_type=stored.mime,
        media_type=wire_type(message.kind), base64=access.gateway().base64_of(stored.id),
    )  # fmt: skip


@routes.get("/api/chat/getMessage/<name>")
def get_message(name: str) -> Json:
    phone, message = _asked(name, "Message not found")
    data = {
        "content": message.text,
        "type": wire_type(message.kind),
        "from": message.sender,
        "to": message.chat,
        "chat": message.chat,
        "timestamp": stamp(message.at, access.gateway().switches.shape),
        "isGroup": message.chat.endswith(GROUP_SUFFIX),
        "status": message.status,
    }
    return success("Message found", data=data)


@routes.get("/api/chat/status/<name>")
def status(name: str) -> Json:
    phone, message = _asked(name, "Message not found")
    return success(
        "Message status", message_id=message.id, status=message.status,
        status_code=rank(message.status),
        direction="sent" if message.from_me else "received", chat_jid=message.chat,
        timestamp=stamp(message.at, access.gateway().switches.shape),
    )  # fmt: skip


@routes.get("/api/chat/contacts/<name>")
def contacts(name: str) -> Json:
    """Who a number or a LID is; an unknown one is 200 with `found:false`."""
    phone, _ = the_phone(), access.instance(name)
    number = request.args.get("number", "").strip()
    if not number:
        raise Refusal(400, "Number is required")
    person = phone.directory.person(number)
    if person is None:
        return success("Contact not found",
                       contact={"found": False, "jid": None, "lid": None})  # fmt: skip
    contact = {
        "found": True, "jid": person.jid, "lid": person.lid, "name": person.name,
        "pushName": person.name, "fullName": person.name, "firstName": person.name.split(" ")[0],
        "businessName": "", "pictureUrl": f"{phone.base_url}/sandbox/pictures/{person.number}",
    }  # fmt: skip
    return success("Contact found", contact=contact)


def _opened(name: str) -> tuple[Phone, Instance, Body]:
    return the_phone(), access.instance(name), access.body()


def _asked(name: str, missing: str) -> tuple[Phone, Message]:
    """The message that `?messageId=` names, in this instance."""
    phone, _ = the_phone(), access.instance(name)
    message_id = request.args.get("messageId", "")
    if not message_id:
        raise Refusal(400, "messageId is required")
    message = chats.find(phone, name, message_id)
    if message is None:
        elsewhere = phone.store.row("select 1 from message where id = ?", message_id)
        if elsewhere and request.path.startswith("/api/chat/status/"):
            raise Refusal(403, "Message does not belong to this instance")
        raise Refusal(404, missing)
    return phone, message


def _own(phone: Phone, instance: Instance, message_id: str) -> Message:
    message = chats.find(phone, instance.name, message_id)
    if message is None:
        raise Refusal(404, "message not found")
    if not message.from_me:
        raise Refusal(400, "Only messages sent by this instance can be changed")
    return message


def _chat(phone: Phone, jid: str) -> Chat:
    found = phone.directory.find(jid)
    if found is None:
        raise Refusal(404, "message not found")
    return found
