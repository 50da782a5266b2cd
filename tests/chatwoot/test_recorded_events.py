"""Every webhook and every frame that a real Chatwoot told, of each version that was run."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactRemoved,
    ConversationChanged,
    Typing,
    parse_frame,
    parse_webhook,
)
from bridge.chatwoot.socket import Cable, CableEvent, Subscribed
from bridge.domain.models import ChatwootTime
from bridge.net.deadline import Deadline
from bridge.net.http import Http
from tests.support.replay import named, recorded

Row = dict[str, Any]

WEBHOOKS, FRAMES = recorded("webhooks"), recorded("frames")
MESSAGE_EVENTS = {"message_created", "message_updated"}
KINDS = ["incoming", "outgoing", "activity", "template"]
#: What a subscription tells and nobody here needs.
PASSED_OVER = {
    "account.cache_invalidated",
    "assignee.changed",
    "contact.created",
    "contact.merged",
    "contact.updated",
    "first.reply.created",
    "presence.update",
}


# -- webhooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", WEBHOOKS, ids=named(WEBHOOKS))
def test_each_webhook_is_one_event_with_the_fields_that_it_tells(row: Row) -> None:
    body = row["body"]
    found = parse_webhook(body)
    if body["event"] in MESSAGE_EVENTS:
        assert found == told_message(body)
    elif "typing" in body["event"]:
        place = body["conversation"]
        on = body["event"].endswith("_on")
        expected = Typing(place["id"], on, private=body["is_private"], inbox_id=place["inbox_id"])
        account = place.get("account", {"id": 0})["id"]  # 4.14.2 and later say it
        assert found == Typing(**fields(expected) | {"account_id": account})
    else:
        assert found == told_conversation(body)


def told_message(body: Row) -> AgentMessage:
    """What a webhook about a message says, taken from where it stands there."""
    talk, attributes = body["conversation"], body["content_attributes"]
    person, sender = talk["meta"]["sender"], body["sender"] or {}
    last: Row = talk["messages"][0] if talk["messages"] else {"id": 0}
    is_customer = body["message_type"] == "incoming"
    parsed = parse_webhook(body)
    assert isinstance(parsed, AgentMessage)
    return AgentMessage(
        id=body["id"],
        conversation_id=talk["id"],
        inbox_id=body["inbox"]["id"],
        account_id=body["account"]["id"],
        source_id=talk["contact_inbox"]["source_id"],
        conversation_status=talk["status"],
        contact_id=person["id"],
        contact_phone=person["phone_number"] or "",
        contact_name=person["name"],
        contact_identifier=person["identifier"] or "",
        text=body["content"] or "",
        attachments=parsed.attachments,
        in_reply_to_id=attributes.get("in_reply_to") or 0,
        in_reply_to_external_id=attributes.get("in_reply_to_external_id") or "",
        sender_name=sender.get("name", ""),
        sender_type="contact" if is_customer else sender.get("type", ""),
        private=body["private"],
        type=body["message_type"],
        content_type=body["content_type"],
        own_source_id=body["source_id"] or "",
        deleted=attributes.get("deleted", False),
        external_error=attributes.get("external_error") or "",
        status=last["status"] if last["id"] == body["id"] else "",
        updated=body["event"] == "message_updated",
        created_at=ChatwootTime(datetime.fromisoformat(body["created_at"]).timestamp()),
    )


def told_conversation(body: Row) -> ConversationChanged:
    return ConversationChanged(
        id=body["id"],
        status=body["status"],
        inbox_id=body["inbox_id"],
        account_id=body["account"]["id"] if "account" in body else 0,  # from 4.14.2 on
        source_id=body["contact_inbox"]["source_id"],
        contact_id=body["meta"]["sender"]["id"],
    )


def fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


WITH_FILES = [row for row in WEBHOOKS if row["body"].get("attachments")]


@pytest.mark.parametrize("row", WITH_FILES, ids=named(WITH_FILES))
def test_files_come_in_the_order_of_their_ids_whatever_the_order_told(row: Row) -> None:
    body = row["body"]
    rows = sorted(body["attachments"], key=lambda one: one["id"])
    for order in (body["attachments"], body["attachments"][::-1]):
        found = parse_webhook(body | {"attachments": order})
        assert isinstance(found, AgentMessage)
        assert [one.id for one in found.attachments] == [one["id"] for one in rows]
        for one, told in zip(found.attachments, rows, strict=True):
            assert (one.url, one.size) == (told["data_url"], told["file_size"])
            assert one.file_type == told["file_type"]
            assert one.mime_type == told.get("content_type", one.mime_type) != ""


def webhook(name: str, version: str = "4.16.2") -> AgentMessage:
    found = [row for row in WEBHOOKS if (row["name"], row["version"]) == (name, version)]
    event = parse_webhook(found[0]["body"])
    assert isinstance(event, AgentMessage)
    return event


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("message_created-incoming-text-contact", "4.16.2", ("incoming", "contact")),
        ("message_created-incoming-text-contact", "3.4.0", ("incoming", "contact")),
        ("message_created-outgoing-text-user", "4.16.2", ("outgoing", "user")),
        ("message_created-outgoing-text-agent_bot", "4.16.2", ("outgoing", "agent_bot")),
        ("message_created-outgoing-text-agent_bot", "3.16.0", ("outgoing", "agent_bot")),
        ("message_created-template-text-nobody", "4.16.2", ("template", "")),
        ("automation_told_0_message_created", "4.16.2", ("outgoing", "")),
        ("greeting_closed_told_1_message_created", "4.16.2", ("template", "")),
    ],
)
def test_who_wrote_is_told_in_each_version(
    name: str, version: str, expected: tuple[str, str]
) -> None:
    said = webhook(name, version)
    assert (said.type, said.sender_type) == expected


def test_a_survey_brings_its_link_also_with_words_of_its_own() -> None:
    for name in ("csat_own_text_told_1_message_created", "csat_resolved_told_2_message_created"):
        said = webhook(name)
        assert said.content_type == "input_csat"
        assert "/survey/responses/" in said.text


def test_a_failed_mark_a_deletion_and_a_note_are_told_apart() -> None:
    failed = webhook("message_updated-outgoing-text-user-external_error")
    assert failed.is_marked
    assert not failed.deleted
    gone = webhook("message_updated-outgoing-text-user-deleted")
    assert gone.deleted
    assert not gone.is_marked
    note = webhook("message_updated-outgoing-text-private-user-external_error")
    assert note.private
    assert note.is_marked


def test_a_mark_that_was_cleared_is_no_mark() -> None:
    cleared = webhook("webhook_failures_patched_chain_told_0_message_updated")
    assert (cleared.status, cleared.external_error, cleared.is_marked) == ("delivered", "", False)


# -- frames ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", FRAMES, ids=named(FRAMES))
def test_each_frame_is_one_event_with_the_fields_that_it_tells(row: Row) -> None:
    assert parse_frame(row["frame"]) == told_frame(row["frame"])


def told_frame(frame: Row) -> ChatwootEvent | None:
    """What a frame says, taken from where it stands there."""
    if "type" in frame:
        return None  # of the protocol
    event, data = frame["message"]["event"], frame["message"]["data"]
    if event in PASSED_OVER:
        return None
    if event == "contact.deleted":
        return ContactRemoved(data["id"], data["account_id"])
    if event.startswith("message."):
        return shown_message(event, data)
    if "typing" in event:
        place, private = data["conversation"], data["is_private"]
        return Typing(
            place["id"],
            event.endswith("_on"),
            private=private,
            inbox_id=place["inbox_id"],
            account_id=data["account_id"],
        )
    return ConversationChanged(
        id=data["id"],
        status=data["status"],
        inbox_id=data["inbox_id"],
        account_id=data["account_id"],
        source_id=data["contact_inbox"]["source_id"],
        contact_id=data["meta"]["sender"]["id"],
    )


def shown_message(event: str, data: Row) -> AgentMessage:
    attributes, sender = data["content_attributes"], data.get("sender") or {}
    is_customer = data["message_type"] == 0
    found = parse_frame({"message": {"event": event, "data": data}})
    assert isinstance(found, AgentMessage)
    return AgentMessage(
        id=data["id"],
        conversation_id=data["conversation_id"],
        inbox_id=data["inbox_id"],
        account_id=data["account_id"],
        source_id=data["conversation"]["contact_inbox"]["source_id"],
        contact_id=sender["id"] if is_customer else 0,
        contact_phone=(sender["phone_number"] or "") if is_customer else "",
        contact_name=sender["name"] if is_customer else "",
        contact_identifier=(sender["identifier"] or "") if is_customer else "",
        text=data["content"] or "",
        attachments=found.attachments,
        in_reply_to_id=attributes.get("in_reply_to") or 0,
        in_reply_to_external_id=attributes.get("in_reply_to_external_id") or "",
        sender_name=sender.get("available_name") or sender.get("name", ""),
        sender_type=sender.get("type", ""),
        private=data["private"],
        type=KINDS[data["message_type"]],
        content_type=data["content_type"],
        own_source_id=data["source_id"] or "",
        deleted=attributes.get("deleted", False),
        external_error=attributes.get("external_error") or "",
        status=data["status"],
        updated=event == "message.updated",
        created_at=ChatwootTime(float(data["created_at"])),
    )


def test_a_socket_tells_the_events_of_the_account_that_was_asked_for_and_no_other() -> None:
    """The recorded subscriptions are those of a person with several accounts."""
    frames = [row["frame"] for row in FRAMES if "type" not in row["frame"]]
    with speaking(frames) as base_url:
        cable = Cable(Http(), base_url, pubsub_token="p", user_id=5, deadline=Deadline(10))
        with cable:
            heard = [one for one in cable.events() if isinstance(one, CableEvent | Subscribed)]
    events = [one.event for one in heard if isinstance(one, CableEvent)]
    own = [
        told_frame(frame)
        for frame in frames
        if frame["message"]["data"].get("account_id") == asked_for(frame)
    ]
    assert events == [one for one in own if one is not None]
    strangers = {frame["message"]["data"].get("account_id") for frame in frames}
    assert len(strangers - {None}) > 1, "some are about another account"


def asked_for(frame: Row) -> int:
    account: int = json.loads(frame["identifier"])["account_id"]
    return account


@contextlib.contextmanager
def speaking(frames: list[Row]) -> Iterator[str]:
    """A socket at /cable that says welcome and these frames, and ends; its base URL."""

    def run() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):
            request = connection.recv(65536)
            key = next(
                line.split()[1]
                for line in request.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key")
            )
            magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            proof = base64.b64encode(hashlib.sha1(key + magic).digest())  # noqa: S324 - RFC 6455
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: actioncable-v1-json\r\n"
                b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
            )
            for frame in ({"type": "welcome"}, *frames):
                said = json.dumps(frame).encode()
                connection.sendall(b"\x81\x7f" + struct.pack(">Q", len(said)) + said)
            connection.sendall(b"\x88\x00")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)
