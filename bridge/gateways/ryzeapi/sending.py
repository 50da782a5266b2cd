"""Sends texts and files through RyzeAPI.

Source: docs/contracts/ryzeapi.md, Addresses, Echoes and Sending.
"""

from pathlib import Path
from typing import Any

from bridge.domain.messages import Kind, Reply
from bridge.gateways import jids
from bridge.gateways.base import GatewayRefuses, GatewayUncertain, Sent
from bridge.gateways.base64_files import JsonWithFile
from bridge.gateways.ryzeapi.calls import Calls
from bridge.net.deadline import Deadline

_MEDIA_TYPES = {
    Kind.IMAGE: "image",
    Kind.VIDEO: "video",
    Kind.AUDIO: "audio",
    Kind.VOICE: "audio",
    Kind.DOCUMENT: "document",
}


def send(calls: Calls, reply: Reply, source: str, deadline: Deadline) -> Sent:
    """Sends it by the route of its kind. Raises GatewayError."""
    failures = calls.failures
    body: dict[str, Any] | JsonWithFile
    if reply.kind is Kind.TEXT:
        route, body = "text", _to(reply, source) | {"message": reply.text}
    elif reply.kind in _MEDIA_TYPES:
        route = "media"
        try:
            body = JsonWithFile(_media(reply, source), "mediaBase64", Path(reply.file))
        except OSError:
            reason = "the file of the message is no longer there"
            raise failures.of(GatewayRefuses, reason) from None
    else:
        raise failures.of(GatewayRefuses, f"a message of the kind {reply.kind} cannot be sent")
    answer = calls.send(f"/api/message/{route}/:instance", body, deadline=deadline)
    data = answer.part("data")
    message_id = data.text("messageId", "id") or answer.text("messageId")
    if answer.flag("success") is not True or not message_id:
        reason = "the answer is no success with the id of a message"
        raise failures.of(GatewayUncertain, reason)
    # The chat as WhatsApp knows it, whatever it was called in the request.
    chat = data.part("chat")
    return Sent(message_id, message_id, jids.address(chat.text("jid"), chat.text("lid")))


def _to(reply: Reply, source: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"number": jids.recipient(reply.to), "source": source}
    if reply.quoted:
        fields["replyTo"] = reply.quoted
    if reply.mentions:
        fields["mention"] = [jids.recipient(address) for address in reply.mentions]
    if reply.mention_all:
        fields["mentionAll"] = True
    return fields


def _media(reply: Reply, source: str) -> dict[str, Any]:
    fields = _to(reply, source) | {
        "mediaType": _MEDIA_TYPES[reply.kind],
        # Left out, every sound would be sent as a voice note.
        "isVoice": reply.kind is Kind.VOICE,
    }
    optional = {
        "message": reply.text,
        "mimeType": reply.mime_type,
        "fileName": reply.file_name,
        "duration": reply.seconds,
    }
    return fields | {name: value for name, value in optional.items() if value}
