"""How each kind of message is sent through RyzeAPI.

Source: docs/contracts/ryzeapi.md, Addresses, Echoes and Sending.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.domain.messages import Address, Kind, Reply
from bridge.gateways import jids
from bridge.gateways.base import Sent
from bridge.gateways.encoded import JsonWithFile
from bridge.gateways.reading import Part
from bridge.gateways.ryzeapi.calls import Calls
from bridge.net.deadline import Deadline

_MEDIA_TYPES = {
    Kind.IMAGE: "image",
    Kind.VIDEO: "video",
    Kind.AUDIO: "audio",
    Kind.VOICE: "audio",
    Kind.DOCUMENT: "document",
}
#: There is no route for polls, and none to pick an option.
SENDS = frozenset(Kind) - {
    *(Kind.POLL, Kind.VOTE, Kind.CHOICE, Kind.LAYOUT, Kind.CALL, Kind.UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class Sending:
    """One send under its deadline."""

    calls: Calls
    deadline: Deadline

    def send(self, reply: Reply, source: str) -> Sent:
        """Sends it by the route of its kind. Raises GatewayError."""
        match reply.kind:
            case Kind.TEXT:
                return self._post("text", self._to(reply, source) | {"message": reply.text})
            case Kind.IMAGE | Kind.VIDEO | Kind.AUDIO | Kind.VOICE | Kind.DOCUMENT:
                return self._media(reply, source)
            case Kind.STICKER:
                mime = reply.mime_type or "image/webp"
                fields = self._to(reply, source)
                return self._post_file("sticker", fields, reply, "imageUrl", f"data:{mime};base64,")
            case Kind.LOCATION if reply.place is not None:
                place = {
                    "latitude": reply.place.latitude,
                    "longitude": reply.place.longitude,
                    "name": reply.place.name,
                    "address": reply.place.address,
                }
                return self._post("location", self._to(reply, source) | place)
            case Kind.CONTACT if reply.cards:
                return self._post("contact", self._to(reply, source) | {"vcard": _cards(reply)})
            case Kind.REACTION:
                return self._reaction(reply, source)
            case Kind.EDIT:
                return self._edit(reply)
            case Kind.REVOKE:
                return self._delete(reply)
        raise self.calls.refuses(f"a message of the kind {reply.kind} cannot be sent")

    def _to(self, reply: Reply, source: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"number": jids.recipient(reply.to), "source": source}
        if reply.quoted_id:
            fields["replyTo"] = reply.quoted_id
        if reply.mentions:
            fields["mention"] = [jids.recipient(one) for one in reply.mentions]
        if reply.mention_all:
            fields["mentionAll"] = True
        return fields

    def _media(self, reply: Reply, source: str) -> Sent:
        fields = self._to(reply, source) | {
            "mediaType": _MEDIA_TYPES[reply.kind],
            # Left out, every sound would be sent as a voice note.
            "isVoice": reply.kind is Kind.VOICE,
        }
        more = {
            "message": reply.text,
            "mimeType": reply.mime_type,
            "fileName": reply.file_name,
            "duration": reply.seconds,
        }
        fields |= {name: value for name, value in more.items() if value}
        return self._post_file("media", fields, reply, "mediaBase64")

    def _reaction(self, reply: Reply, source: str) -> Sent:
        fields = {
            "number": jids.recipient(reply.to),
            "messageId": reply.target_id,
            "reaction": reply.text or "remove",
            "fromMe": reply.target_from_me,
            "source": source,
        }
        if jids.sort_of(reply.to) is jids.Sort.GROUP and not reply.target_from_me:
            fields["participant"] = self._author(reply.target_id)
        return self._post("reaction", fields)

    def _author(self, message_id: str) -> str:
        """Who wrote a message in a group; a reaction to it must say so."""
        path = "/api/chat/getMessage/:instance"
        found = self.calls.get(path, deadline=self.deadline, messageId=message_id).part("data")
        return jids.normal(found.text("from"))

    def _edit(self, reply: Reply) -> Sent:
        """Nothing marks its echo; but a repetition changes nothing, so no failure is uncertain."""
        body = {"messageId": reply.target_id, "content": reply.text}
        self.calls.change("/api/chat/edit/:instance", body, deadline=self.deadline)
        return Sent(reply.target_id)

    def _delete(self, reply: Reply) -> Sent:
        """For everyone; a success does not prove that it is gone."""
        body = {"messageId": reply.target_id, "deleteForEveryone": True}
        path = "/api/chat/delete/:instance"
        self.calls.change(path, body, deadline=self.deadline, method="DELETE")
        return Sent(reply.target_id)

    def _post(self, route: str, body: dict[str, Any] | JsonWithFile) -> Sent:
        answer = self.calls.send(f"/api/message/{route}/:instance", body, deadline=self.deadline)
        message_id = answer.part("data").text("messageId", "id") or answer.text("messageId")
        if answer.flag("success") is not True or not message_id:
            raise self.calls.uncertain("the answer is no success with the id of a message")
        return Sent(message_id, _reached(answer))

    def _post_file(
        self, route: str, fields: dict[str, Any], reply: Reply, name: str, prefix: str = ""
    ) -> Sent:
        try:
            body = JsonWithFile(fields, name=name, file=Path(reply.file), prefix=prefix)
        except OSError:
            raise self.calls.refuses("the file of the message is no longer there") from None
        return self._post(route, body)


def _reached(answer: Part) -> Address:
    """The chat as WhatsApp knows it, whatever it was called in the request."""
    chat = answer.part("data").part("chat")
    return jids.address(chat.text("jid"), chat.text("lid"))


def _cards(reply: Reply) -> list[dict[str, str]]:
    """One entry for each telephone: an entry has room for only one."""
    return [
        {
            "fullName": card.name,
            "phone": phone,
            "organization": card.organization,
            "email": card.email,
        }
        for card in reply.cards
        for phone in card.phones or ("",)
    ]
