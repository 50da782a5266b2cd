"""The websocket (docs/contracts/chatwoot.md, Socket)."""

import json

import pytest
import requests
import websocket

from tests.sandbox.conftest import Cable, Chatwoot
from tests.support.processes import SandboxChatwoot

ANA = {"pubsub_token": "pubsub-ana", "account_id": 1, "user_id": 1}


def confirmed(frame: dict[str, object]) -> bool:
    return frame.get("type") == "confirm_subscription"


def test_welcome_confirmation_and_pings(cable: Cable) -> None:
    assert cable.next(lambda frame: True) == {"type": "welcome"}
    cable.subscribe(**ANA)
    frame = cable.next(confirmed)
    assert json.loads(frame["identifier"])["account_id"] == 1
    ping = cable.next(lambda one: one.get("type") == "ping")
    assert isinstance(ping["message"], int)


def test_a_wrong_token_is_never_confirmed(cable: Cable) -> None:
    for change in ({"pubsub_token": "wrong"}, {"user_id": 2}, {"account_id": 2}):
        cable.subscribe(**ANA | change)
    frame = cable.next(lambda one: one.get("type") in ("ping", "confirm_subscription"))
    assert frame["type"] == "ping"


def test_messages_arrive_in_the_nested_shape(cable: Cable, chatwoot: Chatwoot) -> None:
    cable.subscribe(**ANA)
    cable.next(confirmed)
    _, number = chatwoot.chat()
    message = chatwoot.say(number, "oi", source_id="WA1", echo_id="e1")
    assert cable.event("conversation.created")["id"] == number
    data = cable.event("message.created")
    assert (data["id"], data["message_type"], data["status"]) == (message["id"], 0, "sent")
    assert (data["account_id"], data["conversation_id"], data["echo_id"]) == (1, number, "e1")
    assert isinstance(data["created_at"], int)
    assert data["conversation"]["contact_inbox"]["source_id"] == "5511"
    path = f"/conversations/{number}/messages/{message['id']}"
    chatwoot.ok("PATCH", path, {"status": "read"})
    updated = cable.event("message.updated")
    assert updated["status"] == "read"
    assert updated["previous_changes"]["status"] == ["sent", "read"]
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    assert cable.event("conversation.status_changed")["status"] == "resolved"
    contact_id = chatwoot.ok("GET", f"/conversations/{number}")["meta"]["sender"]["id"]
    chatwoot.ok("PATCH", f"/contacts/{contact_id}", {"name": "New"})
    assert cable.event("contact.updated")["name"] == "New"


def test_an_agent_hears_only_their_inboxes(cable: Cable, chatwoot: Chatwoot) -> None:
    cable.subscribe(pubsub_token="pubsub-bruno", account_id=1, user_id=2)
    cable.next(confirmed)
    _, silent = chatwoot.chat()
    chatwoot.say(silent, "not for Bruno")
    inbox_id, number = chatwoot.chat()
    chatwoot.ok("POST", "/inbox_members", {"inbox_id": inbox_id, "user_ids": [2]})
    chatwoot.say(number, "for Bruno")
    assert cable.event("message.created")["content"] == "for Bruno"


def test_every_account_of_the_owner_is_told_but_contacts_of_one(
    sandbox: SandboxChatwoot, cable: Cable, chatwoot: Chatwoot
) -> None:
    sandbox.control("PATCH", "users/1", {"roles": {"1": "administrator", "2": "administrator"}})
    cable.subscribe(**ANA)
    cable.next(confirmed)
    _, number = Chatwoot(sandbox, sandbox.admin, account_id=2).chat()
    heard = cable.event("conversation.created")
    assert (heard["account_id"], heard["id"]) == (2, number)
    chatwoot.chat()
    assert cable.event("contact.created")["account_id"] == 1


def test_who_was_removed_hears_of_contacts_alone(
    sandbox: SandboxChatwoot, cable: Cable, chatwoot: Chatwoot
) -> None:
    inbox_id, number = chatwoot.chat()
    chatwoot.ok("POST", "/inbox_members", {"inbox_id": inbox_id, "user_ids": [2]})
    cable.subscribe(pubsub_token="pubsub-bruno", account_id=1, user_id=2)
    cable.next(confirmed)
    sandbox.control("PATCH", "users/2", {"roles": {}})
    chatwoot.say(number, "after the removal")
    told = cable.next(lambda frame: frame.get("message", {}) and frame.get("type") != "ping")
    while told["message"]["event"] == "presence.update":
        told = cable.next(lambda frame: frame.get("message", {}) and frame.get("type") != "ping")
    assert told["message"]["event"] == "contact.updated"


def test_who_types_is_not_told_and_a_bot_is_shown_as_one(
    sandbox: SandboxChatwoot, cable: Cable, chatwoot: Chatwoot
) -> None:
    cable.subscribe(**ANA)
    cable.next(confirmed)
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/toggle_typing_status"
    chatwoot.ok("POST", path, {"typing_status": "on"})
    Chatwoot(sandbox, sandbox.bot).ok("POST", path, {"typing_status": "on"})
    data = cable.event("conversation.typing_on")
    assert (data["user"]["type"], data["performer"]["type"]) == ("agent_bot", "agent_bot")
    assert "account" not in data["conversation"]


def test_the_same_subscription_is_confirmed_once(cable: Cable) -> None:
    for account_id in (1, 1, 3):
        cable.subscribe(**ANA | {"account_id": account_id})
    answers = [cable.next(confirmed) for _ in range(2)]
    assert [json.loads(one["identifier"])["account_id"] for one in answers] == [1, 3]


def test_it_can_be_cut_and_silenced(sandbox: SandboxChatwoot, cable: Cable) -> None:
    cable.subscribe(**ANA)
    cable.next(confirmed)
    # The connections of the tests before this one may still be ending.
    assert {"subscriptions": ["Ana Admin"]} in sandbox.control("GET", "cable")["connections"]
    assert sandbox.control("POST", "cable/disconnect")["disconnected"] >= 1
    with pytest.raises((websocket.WebSocketException, OSError)):
        cable.next(lambda one: False)
    sandbox.fault("cable_silent")
    second = Cable(sandbox)
    second.subscribe(**ANA)
    frame = second.next(lambda one: one.get("type") in ("ping", "confirm_subscription"))
    assert frame["type"] == "ping"
    second.close()


def test_without_an_upgrade_there_is_nothing(sandbox: SandboxChatwoot) -> None:
    assert requests.get(f"{sandbox.base_url}/cable", timeout=30).status_code == 404
