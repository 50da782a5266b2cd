"""What fails is told apart: nothing was done, something may have been done, never again."""

import time
from pathlib import Path

import pytest

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.diagnosis import retry_after_s
from bridge.chatwoot.refusals import ConversationFlooded, FileTooLarge
from bridge.domain.errors import (
    AccountSuspended,
    ChatwootRejects,
    ChatwootThrottles,
    ChatwootUnreachable,
    TokenRejected,
)
from bridge.net.http import Answer
from tests.chatwoot.conftest import Desk
from tests.support.processes import free_port

Chat = tuple[Chatwoot, int]


def test_a_throttled_call_returns_at_once_and_names_the_wait(desk: Desk, chat: Chat) -> None:
    client, number = chat
    desk.sandbox.fault("refuse", status=429, path="messages")
    start = time.monotonic()
    with pytest.raises(ChatwootThrottles) as caught:
        client.messages.post(number, "x")
    assert time.monotonic() - start < 5
    assert 0 < caught.value.retry_after_s <= 60
    assert not caught.value.uncertain


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"date": "Wed, 17 Jun 2026 12:00:45 GMT"}, 15),
        ({"date": "Wed, 17 Jun 2026 12:00:00 GMT"}, 60),
        ({"retry-after": "7", "date": "Wed, 17 Jun 2026 12:00:45 GMT"}, 7),
        ({"retry-after": "soon", "date": "never"}, 60),
        ({}, 60),
    ],
)
def test_a_throttle_lasts_until_chatwoots_next_full_minute(
    headers: dict[str, str], wait_s: float
) -> None:
    assert retry_after_s(Answer("POST", "http://x.example", 429, headers, b"")) == wait_s


def test_one_flooded_conversation_is_no_throttle_of_all(desk: Desk, chat: Chat) -> None:
    client, number = chat
    body = '{"error":"Validation failed: Too many messages"}'
    desk.sandbox.fault("refuse", status=422, body=body, path="messages")
    with pytest.raises(ConversationFlooded) as caught:
        client.messages.post(number, "x")
    assert caught.value.retryable


@pytest.mark.parametrize("kind", ["drop", "drop_after"])
def test_a_lost_answer_leaves_it_uncertain(desk: Desk, chat: Chat, kind: str) -> None:
    client, number = chat
    desk.sandbox.fault(kind, path="messages", times=1)
    with pytest.raises(ChatwootUnreachable) as caught:
        client.messages.post(number, "x", source_id="WAID:1")
    assert caught.value.uncertain
    there = [one.own_source_id for one in client.messages.latest(number)]
    assert there == (["WAID:1"] if kind == "drop_after" else [])


def test_a_slow_answer_leaves_it_uncertain(desk: Desk, chat: Chat) -> None:
    _, number = chat
    desk.sandbox.fault("slow_after", path="messages", seconds=3, times=1)
    with pytest.raises(ChatwootUnreachable) as caught:
        desk.client(seconds=0.5).messages.post(number, "x")
    assert caught.value.uncertain


def test_a_refused_connection_is_certain(desk: Desk) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ChatwootUnreachable) as caught:
        desk.client(base_url=gone).messages.post(1, "x")
    assert not caught.value.uncertain


def test_a_refusal_is_final(chat: Chat) -> None:
    client, number = chat
    with pytest.raises(ChatwootRejects) as caught:
        client.messages.post(number, "x" * 150_001)
    assert not caught.value.retryable


def test_a_file_that_a_proxy_refuses_is_too_large(desk: Desk, chat: Chat, tmp_path: Path) -> None:
    client, number = chat
    desk.sandbox.fault("refuse", status=413, body="<html>413</html>", path="messages")
    file = tmp_path / "f"
    file.write_bytes(b"x")
    with pytest.raises(FileTooLarge):
        client.messages.post_file(number, file, file_name="f", mime_type="image/png")


def test_what_needs_the_operator_is_told(desk: Desk, chat: Chat) -> None:
    client, number = chat
    with pytest.raises(TokenRejected):
        desk.client(token="wrong").messages.post(number, "x")
    desk.sandbox.control("PATCH", "accounts/1", {"suspended": True})
    try:
        with pytest.raises(AccountSuspended):
            client.messages.post(number, "x")
    finally:  # tests of other folders use this sandbox too
        desk.sandbox.control("PATCH", "accounts/1", {"suspended": False})
