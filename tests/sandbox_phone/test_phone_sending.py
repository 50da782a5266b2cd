"""The send endpoints of the sandbox phone, and what they do to messages that exist."""

import base64
from typing import Any

import pytest
import requests

from tests.sandbox_phone.phone_client import (
    CARLOS,
    FAMILY,
    JOAO,
    JOAO_LID,
    MARIA,
    TOKEN,
    PhoneServer,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()


def refused(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


def test_a_text_reaches_the_customer_and_is_answered_as_the_contract_says(
    phone: PhoneServer,
) -> None:
    answer = phone.send(message="Olá", source="crm")
    told = answer.json()
    assert (answer.status_code, told["success"], told["status"]) == (200, True, "sent")
    assert told["message"] == "Message sent successfully"
    assert told["data"]["direction"] == "outgoing"
    assert told["data"]["messageType"] == "text"
    (message,) = phone.messages()
    assert message["id"] == told["data"]["messageId"]
    assert (message["text"], message["source"], message["from_me"]) == ("Olá", "crm", True)


@pytest.mark.parametrize(
    ("number", "chat"),
    [
        (JOAO, JOAO),
        (JOAO + "@s.whatsapp.net", JOAO),
        ("5511988887777:12@s.whatsapp.net", JOAO),
        (JOAO_LID, JOAO),
        ("551188887777", JOAO),
        (MARIA, MARIA),
        ("5511988776655", MARIA),
        (CARLOS, CARLOS),
    ],
)
def test_a_person_is_found_under_each_of_their_addresses(
    phone: PhoneServer, number: int, chat: str
) -> None:
    told = phone.send(number=number).json()["data"]
    assert told["chat"]["jid"] == chat + "@s.whatsapp.net"


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text", {"number": ""}, "Number is required"),
        ("text", {"message": ""}, "Invalid request body: message is required"),
        ("text", {"message": 5}, "Invalid request body: message must be a string"),
        ("text", {"number": "5511999990000"}, "Number 5511999990000 is not on WhatsApp"),
        ("text", {"number": "100000000000001"}, "Number 100000000000001 is not on WhatsApp"),
        ("text", {"number": "+5511988887777"}, "Invalid number: +5511988887777"),
        ("text", {"number": "1203@g.us"}, "Number 1203@g.us is not on WhatsApp"),
        ("text", {"replyTo": "nothing"}, "replyTo: message not found"),
        ("location", {}, "Invalid request body: latitude and longitude are required"),
        ("contact", {"vcard": []}, "Invalid request body: vcard is required"),
        ("contact", {"vcard": {}}, "Invalid request body: vcard needs fullName and phone"),
        ("sticker", {}, "Invalid request body: imageUrl is required"),
        (
            "media",
            {"mediaType": "gif", "mediaBase64": PNG},
            "Invalid request body: mediaType must be image, video, audio or document",
        ),
        (
            "media",
            {"mediaType": "image", "mediaBase64": PNG, "mediaUrl": "http://x/"},
            "Invalid request body: exactly one of mediaUrl and mediaBase64 is required",
        ),
        ("reaction", {"number": FAMILY, "messageId": "x", "reaction": "👍"}, "missing_participant"),
    ],
)
def test_a_send_that_cannot_be_is_400_with_its_reason(
    phone: PhoneServer, kind: str, body: Any, expected: str
) -> None:
    assert refused(phone.send(kind, **body)) == (400, expected)
    assert phone.messages() == []


def test_nothing_is_sent_while_disconnected(phone: PhoneServer) -> None:
    phone.control("state", {"state": "disconnected"})
    assert refused(phone.send()) == (503, "Instance is not connected to WhatsApp")
    phone.control("state", {"state": "connected"})
    assert phone.send().ok


def test_audio_is_a_voice_note_unless_told_otherwise(phone: PhoneServer) -> None:
    body = {"mediaType": "audio", "mediaBase64": base64.b64encode(b"OggS").decode()}
    phone.send("media", **body)
    phone.send("media", **body, isVoice=False, mimeType="audio/mpeg")
    assert [message["kind"] for message in phone.messages()] == ["voice", "audio"]
    assert phone.messages()[1]["media"]["mime"] == "audio/mpeg"


def test_media_comes_by_base64_data_uri_or_address(phone: PhoneServer) -> None:
    sample = phone.customer(kind="document")
    for source in (
        {"mediaBase64": PNG},
        {"mediaUrl": "data:image/png;base64," + PNG},
        {"mediaUrl": sample["media"]["url"]},
    ):
        answer = phone.send(
            "media", mediaType="document", message="look", fileName="a b.pdf", **source
        )
        assert answer.ok, answer.text
    sent = phone.messages()[1:]
    assert {(each["text"], each["media"]["name"]) for each in sent} == {("look", "a b.pdf")}
    fetched = phone.call("GET", sent[2]["media"]["url"].removeprefix(phone.url))
    assert fetched.content.startswith(b"%PDF")
    assert sent[2]["media"]["size"] == len(fetched.content)


def test_an_address_without_a_file_is_400(phone: PhoneServer) -> None:
    status, text = refused(
        phone.send("media", mediaType="image", mediaUrl=phone.url + "/sandbox/media/none")
    )
    assert status == 400
    assert text.startswith("Failed to download media")


def test_sticker_location_contact_and_reaction_arrive(phone: PhoneServer) -> None:
    target = phone.customer(text="hi")["id"]
    phone.send("sticker", imageUrl="data:image/webp;base64," + PNG)
    phone.send("location", latitude=-23.5, longitude=-46.6, name="Sé", address="São Paulo")
    phone.send("contact", vcard=[{"fullName": "Ana", "phone": "+55 11 3333-4444"}])
    told = phone.send("reaction", messageId=target, reaction="👍").json()["data"]
    phone.send("reaction", messageId=target, reaction="remove")
    found = phone.messages()[1:]
    assert [each["kind"] for each in found] == [
        "sticker", "location", "contact", "reaction", "reaction",
    ]  # fmt: skip
    assert found[1]["content"]["name"] == "Sé"
    assert found[2]["content"]["contacts"][0]["name"] == "Ana"
    assert [each["content"]["emoji"] for each in found[3:]] == ["👍", ""]
    assert told["replyTo"] == {"messageId": target}
    assert told["messageId"] != target


def test_a_reply_keeps_its_quote(phone: PhoneServer) -> None:
    target = phone.customer(text="how much?")["id"]
    told = phone.send(message="ten", replyTo=target).json()["data"]
    assert told["replyTo"] == {"messageId": target}
    assert phone.messages()[1]["quote"] == target


def test_an_edit_changes_the_text_the_customer_sees(phone: PhoneServer) -> None:
    sent = phone.send(message="helo").json()["data"]["messageId"]
    answer = phone.call(
        "POST", "/api/chat/edit/sandbox-phone", json={"messageId": sent, "content": "hello"}
    )
    assert answer.json()["data"] == {
        "messageId": sent,
        "chatJid": JOAO + "@s.whatsapp.net",
        "oldContent": "helo",
        "newContent": "hello",
    }
    original, edit = phone.messages()
    assert (original["text"], original["edited"]) == ("hello", True)
    assert (edit["kind"], edit["content"]["target"]) == ("edit", sent)


def test_a_deletion_is_for_everyone_only_when_asked(phone: PhoneServer) -> None:
    sent = phone.send().json()["data"]["messageId"]
    path, body = "/api/chat/delete/sandbox-phone", {"messageId": sent}
    told = phone.call("DELETE", path, json=body).json()["data"]
    assert told["delete_type"] == "delete_for_me"
    assert not phone.messages()[0]["revoked"]
    told = phone.call("DELETE", path, json=body | {"deleteForEveryone": True}).json()["data"]
    assert told["delete_type"] == "revoke"
    assert phone.messages()[0]["revoked"]
    gone = phone.call("DELETE", path, json={"messageId": "x", "deleteForEveryone": True})
    assert refused(gone) == (404, "message not found")


def test_marking_read_shows_the_customer_a_read_message(phone: PhoneServer) -> None:
    received = phone.customer(text="hi")
    assert received["status"] == "received"
    body = {"messageId": received["id"], "number": JOAO}
    assert phone.call("POST", "/api/chat/markRead/sandbox-phone", json=body).ok
    assert phone.messages()[0]["status"] == "read"
    in_group = body | {"number": FAMILY}
    answer = phone.call("POST", "/api/chat/markRead/sandbox-phone", json=in_group)
    assert refused(answer) == (400, "sender is required for group messages")


def test_media_is_handed_out_after_as_many_tries_as_set(phone: PhoneServer) -> None:
    phone.control("switches", {"media_not_yet": 2})
    received = phone.customer(kind="voice")
    path = f"/api/chat/base64/sandbox-phone?messageId={received['id']}"
    missing = (404, "Message not found or no media available")
    assert [refused(phone.call("GET", path)) for _ in range(2)] == [missing] * 2
    told = phone.call("GET", path).json()
    assert base64.b64decode(told["base64"]).startswith(b"OggS")
    assert (told["mime_type"], told["media_type"]) == ("audio/ogg; codecs=opus", "audio")


def test_a_message_and_its_status_can_be_asked_for(phone: PhoneServer) -> None:
    sent = phone.send(message="hi").json()["data"]["messageId"]
    told = phone.call("GET", f"/api/chat/getMessage/sandbox-phone?messageId={sent}").json()
    assert (told["data"]["content"], told["data"]["type"]) == ("hi", "text")
    told = phone.call("GET", f"/api/chat/status/sandbox-phone?messageId={sent}").json()
    assert (told["status"], told["status_code"], told["direction"]) == ("delivered", 2, "sent")
    answer = phone.call("GET", "/api/chat/status/sandbox-phone?messageId=x")
    assert refused(answer) == (404, "Message not found")


def test_contacts_are_found_by_number_and_by_lid(phone: PhoneServer) -> None:
    path = "/api/chat/contacts/sandbox-phone?number="
    for number in (JOAO, JOAO_LID):
        contact = phone.call("GET", path + number).json()["contact"]
        assert (contact["found"], contact["lid"], contact["name"]) == (
            True, JOAO_LID, "João da Silva",
        )  # fmt: skip
    unknown = phone.call("GET", path + "5511999990000")
    assert (unknown.status_code, unknown.json()["contact"]["found"]) == (200, False)


def test_a_presence_is_accepted(phone: PhoneServer) -> None:
    body = {"number": JOAO, "state": "typing", "duration": 100}
    told = phone.call("POST", "/api/chat/presence/sandbox-phone", headers=TOKEN, json=body).json()
    assert told["data"]["duration"] == 60
