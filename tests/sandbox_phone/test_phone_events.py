"""What the sandbox phone tells: echoes, receipts, both payload shapes, groups, states."""

import base64
from typing import Any

import pytest

from tests.sandbox_phone.phone_client import (
    CARLOS,
    FAMILY,
    JOAO,
    JOAO_LID,
    MARIA,
    PhoneServer,
    Receiver,
)

JID = "@s.whatsapp.net"
OWN = "5511900000001" + JID


@pytest.fixture
def told(phone: PhoneServer, receiver: Receiver) -> Receiver:
    phone.webhook(receiver)
    return receiver


def test_the_envelope_carries_the_instance_and_its_token(
    phone: PhoneServer, receiver: Receiver
) -> None:
    phone.webhook(receiver, authorization="Bearer secret")
    phone.customer(text="hi")
    receiver.wait()
    request = receiver.requests[0]
    assert request["headers"]["Authorization"] == "Bearer secret"
    assert request["body"]["instanceData"] == {
        "baseUrl": phone.url,
        "instance": "sandbox-phone",
        "token": "sandbox-gateway-token",
    }


def test_without_authorization_there_is_no_header_and_by_events_adds_to_the_path(
    phone: PhoneServer, receiver: Receiver
) -> None:
    phone.webhook(receiver, byEvents=True, events=["message.status"])
    phone.send()
    receiver.wait(event="message.status")
    assert receiver.requests[0]["path"] == "/hook/message.status"
    assert "Authorization" not in receiver.requests[0]["headers"]
    assert receiver.events() == []


def test_the_echo_of_a_send_carries_its_source_and_id(phone: PhoneServer, told: Any) -> None:
    sent = phone.send(message="hi", source="bridge:1").json()["data"]["messageId"]
    phone.send(message="again")
    first, second = told.wait(2)
    assert (first["id"], first["direction"]) == (sent, "outgoing")
    assert (first["message"]["source"], second["message"]["source"]) == ("bridge:1", "api")
    assert first["chat"]["jid"] == JOAO + JID
    assert first["sender"]["jid"] == OWN


def test_what_the_owner_types_has_no_source(phone: PhoneServer, told: Any) -> None:
    phone.owner(text="from the phone")
    (event,) = told.wait()
    assert (event["direction"], event["message"]["source"]) == ("outgoing", "")
    assert event["message"]["content"] == "from the phone"


def test_a_text_in_the_live_shape(phone: PhoneServer, told: Any) -> None:
    phone.customer(text="Olá")
    (event,) = told.wait()
    assert event["timestamp"].endswith("-03:00")
    assert event["chat"] == {
        "jid": JOAO + JID, "lid": JOAO_LID, "name": "João da Silva", "type": "private",
    }  # fmt: skip
    assert event["recipient"] is None
    assert event["message"] == {
        "type": "text", "content": "Olá", "source": "", "isForwarded": False, "isEdit": False,
        "edit": None, "context": None, "media": None, "reaction": None, "interactive": None,
    }  # fmt: skip


def test_a_text_in_the_catalogue_shape(phone: PhoneServer, told: Any) -> None:
    phone.control("switches", {"shape": "catalogue"})
    quoted = phone.customer(text="Olá")["id"]
    phone.customer(text="?", quote=quoted)
    first, second = told.wait(2)
    assert set(first) == {"id", "message"}
    assert first["message"]["content"] == {"text": "Olá"}
    assert first["message"]["direction"] == "incoming"
    assert first["message"]["timestamp"].endswith("Z")
    assert second["message"]["reply"] == {"message_id": quoted, "text": "Olá"}


@pytest.mark.parametrize("shape", ["live", "catalogue"])
def test_every_kind_is_told_in_both_shapes(phone: PhoneServer, told: Any, shape: str) -> None:
    phone.control("switches", {"shape": shape})
    target = phone.customer(text="hi")["id"]
    wanted: list[dict[str, Any]] = [
        {"kind": "image", "text": "caption"},
        {"kind": "voice"},
        {"kind": "audio"},
        {"kind": "document"},
        {"kind": "sticker"},
        {"kind": "video", "media_base64": "AAAA", "mime": "video/mp4"},
        {"kind": "location", "latitude": 1.5, "longitude": 2.5, "place": "Here"},
        {"kind": "contact", "contacts": [{"name": "Ana", "phone": "+55 11 3333-4444"}]},
        {"kind": "poll", "title": "When?", "options": ["now", "later"]},
        {"kind": "buttons_response", "button_id": "yes", "title": "Yes"},
        {"kind": "list_response", "button_id": "row 1", "title": "One"},
        {"kind": "reaction", "emoji": "👍", "target": target},
        {"kind": "edit", "text": "hello", "target": target},
        {"kind": "revoke", "target": target},
    ]
    for action in wanted:
        phone.customer(**action)
    events = told.wait(len(wanted) + 1)[1:]
    by_kind = {
        action["kind"]: event["message"] for action, event in zip(wanted, events, strict=True)
    }
    mime = "mimeType" if shape == "live" else "mimetype"
    assert by_kind["image"]["media"]["caption"] == "caption"
    assert by_kind["image"]["media"][mime] == "image/png"
    assert by_kind["document"]["media"]["fileName"] == "Sandbox document.pdf"
    assert by_kind["voice"]["type"] == "audio"
    assert by_kind["location"]["location"]["latitude"] == 1.5
    assert "+551133334444" in by_kind["contact"]["contact"]["vcard"]
    assert by_kind["poll"]["poll"]["options"] == [{"name": "now"}, {"name": "later"}]
    assert by_kind["edit"]["edit"] == {"original_id": target, "text": "hello"}
    assert by_kind["edit"]["type"] == "message_edit"
    assert by_kind["revoke"]["type"] == "message_revoke"
    assert events[-1]["id"] == target
    if shape == "live":
        assert by_kind["voice"]["media"]["isVoiceNote"] is True
        assert by_kind["audio"]["media"]["isVoiceNote"] is False
        assert by_kind["image"]["content"] == ""
        assert by_kind["buttons_response"]["interactive"] == {"selectedButtonId": "yes"}
        assert by_kind["reaction"]["reaction"] == {"text": "👍", "messageId": target}
    else:
        assert by_kind["voice"]["media"]["type"] == "ptt"
        assert by_kind["buttons_response"]["button_response"]["selected_button_id"] == "yes"
        assert by_kind["reaction"]["reaction"] == {"emoji": "👍", "message_id": target}


def test_media_is_inside_the_event_only_when_asked_for(
    phone: PhoneServer, receiver: Receiver
) -> None:
    phone.webhook(receiver, label="with", mediaBase64=True, url=receiver.url + "/with")
    phone.webhook(receiver, label="without", url=receiver.url + "/without")
    phone.customer(kind="image")
    receiver.wait(2)
    found = {each["path"]: each["body"]["data"]["message"] for each in receiver.requests}
    assert base64.b64decode(found["/hook/with"]["media"]["base64"]).startswith(b"\x89PNG")
    assert found["/hook/without"]["media"]["base64"] is None
    assert found["/hook/without"]["media"]["url"].startswith("https://cdn.sandbox.invalid/")


def test_a_group_message_names_group_and_participant(phone: PhoneServer, told: Any) -> None:
    phone.customer(chat=FAMILY, sender=JOAO, text="oi")
    phone.control("switches", {"group_sender": "phone"})
    phone.customer(chat=FAMILY, sender=MARIA, text="olá")
    first, second = told.wait(2)
    assert (first["chat"]["type"], first["chat"]["name"]) == ("group", "Família")
    assert first["chat"]["jid"] == FAMILY
    assert first["sender"]["jid"] == JOAO_LID
    assert second["sender"]["jid"] == MARIA + JID


def test_a_person_may_be_named_by_lid_or_device(phone: PhoneServer, told: Any) -> None:
    phone.customer(text="a", as_lid=True, device=57)
    phone.customer(text="b")
    first, second = told.wait(2)
    assert (first["chat"]["jid"], first["sender"]["jid"]) == (
        JOAO_LID, JOAO_LID.replace("@", ":57@"),
    )  # fmt: skip
    assert second["chat"]["jid"] == JOAO + JID


def test_delivery_is_reported_by_itself_and_reading_when_it_happens(
    phone: PhoneServer, told: Any
) -> None:
    sent = [phone.send(message=text).json()["data"]["messageId"] for text in ("a", "b")]
    delivered = told.wait(2, "message.status")
    assert {event["status"] for event in delivered} == {"delivered"}
    assert phone.control("receipts", {"chat": JOAO, "status": "read"})["ids"] == sent
    *_, read = told.wait(3, "message.status")
    assert (read["status"], read["messageIds"], read["isFromMe"]) == ("read", sent, False)
    assert read["chat"]["jid"] == JOAO + JID
    assert {message["status"] for message in phone.messages()} == {"read"}


def test_a_late_receipt_does_not_lower_a_status(phone: PhoneServer, told: Any) -> None:
    phone.control("switches", {"auto_delivered": False})
    sent = phone.send().json()["data"]["messageId"]
    assert phone.messages()[0]["status"] == "sent"
    for status in ("read", "delivered"):
        phone.control("receipts", {"chat": JOAO, "status": status, "ids": [sent]})
    assert [event["status"] for event in told.wait(2, "message.status")] == ["read", "delivered"]
    assert phone.messages()[0]["status"] == "read"


def test_only_voice_notes_are_played(phone: PhoneServer, told: Any) -> None:
    phone.send()
    voice = phone.send("media", mediaType="audio", mediaBase64="T2dnUw==").json()["data"]
    played = phone.control("receipts", {"chat": JOAO, "status": "played"})
    assert played["ids"] == [voice["messageId"]]


def test_the_owner_reading_on_the_phone_is_read_self(phone: PhoneServer, told: Any) -> None:
    received = phone.customer(text="hi")["id"]
    phone.control("receipts", {"chat": JOAO, "by_owner": True})
    (event,) = told.wait(1, "message.status")
    assert (event["status"], event["messageIds"], event["isFromMe"]) == (
        "read_self", [received], True,
    )  # fmt: skip


def test_an_edit_and_a_deletion_by_the_api_are_echoed(phone: PhoneServer, told: Any) -> None:
    sent = phone.send(message="helo").json()["data"]["messageId"]
    phone.call("POST", "/api/chat/edit/sandbox-phone", json={"messageId": sent, "content": "hello"})
    body = {"messageId": sent, "deleteForEveryone": True}
    phone.call("DELETE", "/api/chat/delete/sandbox-phone", json=body)
    events = told.wait(3)
    assert [event["message"]["type"] for event in events] == [
        "text", "message_edit", "message_revoke",
    ]  # fmt: skip
    assert {event["direction"] for event in events} == {"outgoing"}


def test_what_happens_while_disconnected_is_told_after_reconnecting(
    phone: PhoneServer, told: Any
) -> None:
    phone.control("state", {"state": "disconnected"})
    phone.customer(text="are you there?")
    phone.owner(text="typed on the phone")
    told.wait(1, "instance.state")
    assert told.events() == []
    phone.control("state", {"state": "connected"})
    events = told.wait(2)
    assert [event["message"]["content"] for event in events] == [
        "are you there?", "typed on the phone",
    ]  # fmt: skip
    states = [event["state"] for event in told.events("instance.state")]
    assert states == ["disconnected", "connected"]


def test_group_changes_and_raw_events_are_told(phone: PhoneServer, told: Any) -> None:
    phone.control("group-flow", {"group": FAMILY, "type": "left", "participants": [CARLOS]})
    (event,) = told.wait(1, "group.flow")
    assert (event["groupJid"], event["type"], event["groupName"]) == (FAMILY, "left", "Família")
    assert event["participants"][0]["jid"] == CARLOS + JID
    phone.control("events", {"event": "call.update", "data": {"status": "offer"}})
    assert told.wait(1, "call.update") == [{"status": "offer"}]


def test_a_new_number_becomes_a_contact_and_may_be_answered(phone: PhoneServer, told: Any) -> None:
    phone.customer(chat="34600111222", name="Lucía", text="hola")
    assert told.wait()[0]["chat"]["name"] == "Lucía"
    assert phone.send(number="34600111222").ok


def test_groups_are_not_told_when_the_instance_ignores_them(
    phone: PhoneServer, receiver: Receiver
) -> None:
    new = {"name": "quiet", "token": "quiet", "ignoreGroupMessages": True}
    account = {"token": "sandbox-gateway-account-token"}
    hook = {"webhookEnabled": True, "webhookURL": receiver.url}
    phone.call("POST", "/api/instance/new", headers=account, json=new | hook)
    phone.control("state", {"instance": "quiet", "state": "connected"})
    phone.customer(instance="quiet", chat=FAMILY, text="to the group")
    phone.customer(instance="quiet", text="to you")
    assert receiver.wait()[0]["message"]["content"] == "to you"
