"""What Chatwoot tells: one typed form, whatever shape it comes in."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.chatwoot.events import (
    AgentMessage,
    ChatwootEvent,
    ContactRemoved,
    ConversationChanged,
    Typing,
    parse_frame,
    parse_message,
    parse_webhook,
    signed_at,
)
from bridge.domain.models import ChatwootTime
from bridge.routing import jobs
from bridge.routing.jobs import Deletion

FOLDER = Path(__file__).parents[1] / "payloads" / "chatwoot"


def payload(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def message(name: str) -> AgentMessage:
    found = parse_webhook(payload(name))
    assert isinstance(found, AgentMessage)
    return found


def test_an_agents_reply() -> None:
    said = message("message_created")
    assert (said.id, said.conversation_id, said.inbox_id, said.account_id) == (42, 12, 3, 1)
    assert (said.source_id, said.own_source_id) == ("5511999990000", "")
    assert (said.contact_id, said.contact_phone, said.contact_name) == (7, "+5511999990000", "João")
    assert (said.text, said.type, said.private, said.updated) == (
        "Hello **there**",
        "outgoing",
        False,
        False,
    )
    assert (said.in_reply_to_id, said.in_reply_to_external_id) == (41, "3EB0C767D26A1D8B")
    assert (said.sender_name, said.sender_type) == ("Ana", "user")
    assert (said.created_at, said.status) == (ChatwootTime(1781697600.0), "sent")
    [file] = said.attachments
    assert (file.file_type, file.mime_type, file.file_name) == ("image", "image/png", "x.png")
    assert file.size == 1234


def test_a_customers_own_message_comes_back() -> None:
    said = message("message_created_incoming")
    assert (said.type, said.sender_type, said.own_source_id) == ("incoming", "contact", "WAID:3EB0")


def test_a_private_note_is_known_as_such() -> None:
    assert message("message_created_private").private


def test_a_survey_has_no_sender_and_brings_its_link() -> None:
    said = message("message_created_csat")
    assert (said.type, said.sender_name, said.sender_type) == ("template", "", "")
    assert said.content_type == "input_csat"
    assert "/survey/responses/" in said.text


def test_a_deletion_and_a_failure() -> None:
    gone, failed = message("message_updated_deleted"), message("message_updated_failed")
    assert gone.deleted
    assert gone.updated
    assert gone.attachments == ()
    assert (failed.external_error, failed.status) == ("404 Not Found", "failed")


def test_the_status_of_another_message_is_not_taken_for_this_ones() -> None:
    body = payload("message_created")
    body["conversation"]["messages"][0] |= {"id": 43, "status": "failed"}
    found = parse_webhook(body)
    assert isinstance(found, AgentMessage)
    assert found.status == ""


def test_the_same_message_over_the_socket() -> None:
    said = parse_frame(payload("cable_message_created"))
    assert isinstance(said, AgentMessage)
    webhook = message("message_created")
    for name in ("id", "conversation_id", "inbox_id", "source_id", "text", "type", "created_at"):
        assert getattr(said, name) == getattr(webhook, name), name
    assert (said.sender_name, said.sender_type, said.status) == ("Ana", "user", "sent")
    assert said.attachments == webhook.attachments


def test_the_same_message_asked_for() -> None:
    contact = {"id": 7, "phone_number": "+5511999990000", "name": "João", "identifier": None}
    said = parse_message(payload("rest_message"), contact=contact)
    assert said is not None
    assert (said.id, said.conversation_id, said.type, said.status) == (42, 12, "outgoing", "failed")
    assert (said.contact_id, said.external_error, said.source_id) == (7, "timeout", "")


MERGED = {"message": {"event": "contact.merged", "data": {"id": 8, "account_id": 1}}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            parse_webhook(payload("conversation_status_changed")),
            ConversationChanged(12, "resolved", 3, 1, "5511999990000", 7),
        ),
        (
            parse_webhook(payload("conversation_created")),
            ConversationChanged(12, "open", 3, 1, "5511999990000", 7),
        ),
        (
            parse_frame(payload("cable_conversation_status_changed")),
            ConversationChanged(12, "resolved", 3, 1, "5511999990000", 7),
        ),
        (
            parse_webhook(payload("conversation_typing_on")),
            Typing(12, on=True, inbox_id=3, account_id=1),
        ),
        (parse_frame(payload("cable_contact_deleted")), ContactRemoved(7, account_id=1)),
        (parse_frame(MERGED), None),  # it names the one that stays
        (parse_frame({"type": "ping", "message": 1781697600}), None),
        (parse_frame({"message": {"event": "presence.update", "data": {}}}), None),
        (parse_webhook({"event": "conversation_typing_on", "user": {"type": "contact"}}), None),
        (parse_webhook({"event": "webwidget_triggered", "id": 1}), None),
    ],
)  # fmt: skip
def test_other_events(event: ChatwootEvent | None, expected: ChatwootEvent | None) -> None:
    assert event == expected


def test_a_customer_who_types_is_no_agent() -> None:
    body = payload("conversation_typing_on")
    body["user"] = payload("message_created_incoming")["sender"]
    assert parse_webhook(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SURROGATE = "\ud800"


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """A true payload with a few values replaced by anything."""
    body = payload(draw(st.sampled_from(sorted(one.stem for one in FOLDER.glob("*.json")))))
    for _ in range(draw(st.integers(1, 4))):
        place: Any = body
        while True:
            if isinstance(place, dict) and place:
                keys: list[Any] = sorted(place)
            elif isinstance(place, list) and place:
                keys = list(range(len(place)))
            else:
                break
            key = draw(st.sampled_from(keys))
            if draw(st.booleans()) or not isinstance(place[key], dict | list):
                place[key] = draw(JSON | st.just(SURROGATE))
                break
            place = place[key]
    return body


@settings(deadline=None)  # the machine may be busy
@given(JSON | spoilt())
def test_no_json_makes_it_raise_and_what_is_read_can_be_written_down(body: Any) -> None:
    for found in (parse_webhook(body), parse_frame(body), parse_message(body)):
        if isinstance(found, AgentMessage):
            assert jobs.decode(jobs.encode(Deletion(found))) == Deletion(found)
        elif found is not None:
            written = msgspec.json.encode(found)
            assert msgspec.json.decode(written, type=type(found)) == found


# -- signatures (docs/contracts/chatwoot.md, Signatures) -------------------------------------------

NOW = 1781697600.0


def signed(secret: str, body: bytes, at: int = int(NOW)) -> dict[str, str]:
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Chatwoot-Timestamp": str(at), "X-Chatwoot-Signature": f"sha256={mac}"}


BODY = b'{"content":"\\u003c\xc3\xa7"}'


def test_a_true_signature_over_the_raw_body_tells_when_it_was_made() -> None:
    for at in (int(NOW), int(NOW) - 86400, int(NOW) + 86400):
        assert signed_at("s3cret", signed("s3cret", BODY, at), BODY) == ChatwootTime(at)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed("other", BODY),
        signed("s3cret", BODY + b" "),
        signed("s3cret", BODY) | {"X-Chatwoot-Timestamp": str(int(NOW) + 1)},
        signed("s3cret", BODY) | {"X-Chatwoot-Signature": "sha256=\u00e9"},
        signed("s3cret", BODY) | {"X-Chatwoot-Timestamp": "\u0663"},
        {"X-Chatwoot-Signature": signed("s3cret", BODY)["X-Chatwoot-Signature"]},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    assert signed_at("s3cret", headers, BODY) is None


def test_without_a_secret_nothing_is_signed() -> None:
    assert signed_at("", signed("", BODY), BODY) is None
