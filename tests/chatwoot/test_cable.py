"""Listening to Chatwoot where it cannot call us."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.events import AgentMessage, ChatwootEvent, ContactRemoved, ConversationChanged
from bridge.chatwoot.socket import Cable, CableEvent, CableRefused
from bridge.domain.errors import ChatwootUnreachable
from bridge.net.deadline import Deadline
from tests.chatwoot.conftest import SOURCE, Desk
from tests.support.processes import free_port

Chat = tuple[Chatwoot, int]
Events = Iterator[ChatwootEvent | None]
Wanted = TypeVar("Wanted", bound=ChatwootEvent)


@pytest.fixture
def listen(desk: Desk) -> Callable[..., Events]:
    def start(seconds: float = 10, **changes: Any) -> Events:
        owner, deadline = desk.account().owner(), Deadline(seconds)
        known: dict[str, Any] = {
            "base_url": desk.sandbox.base_url,
            "pubsub_token": owner.pubsub_token,
            "user_id": owner.id,
        }
        with Cable(desk.http, deadline=deadline, **(known | changes)) as cable:
            cable.subscribe(1)
            cable.wait_for("confirm_subscription", deadline)
            yield None
            for told in cable.events():
                yield told.event if isinstance(told, CableEvent) else None

    return start


def until(events: Events, wanted: type[Wanted]) -> Wanted:
    """The next event of a kind."""
    return next(one for one in events if isinstance(one, wanted))


def test_it_says_when_the_subscription_stands_and_then_what_happens(
    desk: Desk, chat: Chat, listen: Callable[..., Events]
) -> None:
    client, number = chat
    events = listen()
    assert next(events) is None
    sent = client.messages.post(number, "hello")
    said = until(events, AgentMessage)
    assert (said.id, said.conversation_id, said.inbox_id) == (sent, number, desk.inbox_id)
    desk.api("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    changed = until(events, ConversationChanged)
    while changed.status != "resolved":
        changed = until(events, ConversationChanged)
    contact_id = client.contacts.find_by_source(SOURCE)
    desk.api("DELETE", f"/contacts/{contact_id}")
    assert until(events, ContactRemoved) == ContactRemoved(contact_id or 0, account_id=1)


def test_a_ping_is_a_sign_of_life(listen: Callable[..., Events]) -> None:
    events = listen()
    next(events)
    start = time.monotonic()
    assert next(events) is None
    assert time.monotonic() - start < 8


def test_it_ends_when_the_connection_does(desk: Desk, listen: Callable[..., Events]) -> None:
    events = listen()
    next(events)
    desk.sandbox.control("POST", "cable/disconnect")
    assert list(events) == []


@pytest.mark.parametrize("changes", [{"pubsub_token": "wrong"}, {"user_id": 999}])
def test_a_wrong_token_is_never_confirmed(
    listen: Callable[..., Events], changes: dict[str, object]
) -> None:
    with pytest.raises(CableRefused) as caught:
        next(listen(seconds=1, **changes))
    assert caught.value.retryable
    assert "wrong" not in caught.value.message


def test_no_chatwoot_no_cable(listen: Callable[..., Events]) -> None:
    with pytest.raises(ChatwootUnreachable):
        next(listen(base_url=f"http://127.0.0.1:{free_port()}"))


def test_a_proxy_without_websockets_is_told(desk: Desk, listen: Callable[..., Events]) -> None:
    desk.sandbox.fault("refuse", status=502, path="^/cable$")
    with pytest.raises(CableRefused) as caught:
        next(listen())
    assert "502" in caught.value.message
