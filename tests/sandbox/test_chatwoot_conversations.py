"""Conversations (docs/contracts/chatwoot.md, Conversations)."""

from typing import Any

import pytest

from tests.sandbox.conftest import Cable, Chatwoot, wait_until
from tests.support.processes import SandboxChatwoot


def test_numbers_count_per_account(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    _, first = chatwoot.chat()
    _, second = chatwoot.chat()
    other = Chatwoot(sandbox, sandbox.other, 2)
    _, elsewhere = other.chat()
    assert (first, second, elsewhere) == (1, 2, 1)


def test_the_source_id_is_only_inside_the_last_message(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    shown = chatwoot.ok("GET", f"/conversations/{number}")
    assert shown["messages"] == []
    assert "source_id" not in shown
    chatwoot.say(number, "oi")
    nested = chatwoot.ok("GET", f"/conversations/{number}")["messages"][0]
    assert nested["conversation"]["contact_inbox"]["source_id"] == "5511"
    assert nested["message_type"] == 0


def test_without_the_lock_every_post_makes_a_new_one(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    contact_id = chatwoot.contact(inbox_id)["id"]
    numbers = {chatwoot.conversation(inbox_id, contact_id)["id"] for _ in range(3)}
    assert len(numbers) == 3


def test_with_the_lock_the_last_one_comes_back_unchanged(chatwoot: Chatwoot) -> None:
    inbox_id, number = chatwoot.chat(lock_to_single_conversation=True)
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    contact_id = chatwoot.ok("GET", f"/conversations/{number}")["meta"]["sender"]["id"]
    wanted = {"inbox_id": inbox_id, "contact_id": contact_id, "source_id": "5511"}
    again = chatwoot.ok("POST", "/conversations", wanted | {"status": "pending"})
    assert (again["id"], again["status"]) == (number, "resolved")


def test_without_source_id_a_new_place_each_time(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox(lock_to_single_conversation=True)["id"]
    contact_id = chatwoot.contact(inbox_id)["id"]
    wanted = {"inbox_id": inbox_id, "contact_id": contact_id}
    numbers = {chatwoot.ok("POST", "/conversations", wanted)["id"] for _ in range(2)}
    assert len(numbers) == 2
    places = chatwoot.ok("GET", f"/contacts/{contact_id}")["payload"]["contact_inboxes"]
    assert len(places) == 3


def test_a_source_id_alone_is_looked_up_everywhere(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    inbox_id = chatwoot.inbox()["id"]
    chatwoot.contact(inbox_id, "mine")
    assert chatwoot.ok("POST", "/conversations", {"source_id": "mine"})["inbox_id"] == inbox_id
    other = Chatwoot(sandbox, sandbox.other, 2)
    assert other("POST", "/conversations", {"source_id": "mine"}).status_code == 401
    assert chatwoot("POST", "/conversations", {"source_id": "nobody"}).status_code == 404


def test_a_foreign_source_id_is_422_here(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    chatwoot.contact(inbox_id, "taken")
    other = chatwoot.contact(inbox_id, "own")["id"]
    wanted = {"inbox_id": inbox_id, "contact_id": other, "source_id": "taken"}
    answer = chatwoot("POST", "/conversations", wanted)
    assert (answer.status_code, answer.json()) == (422, {"error": "source_id should be unique"})


def test_a_blocked_contacts_conversation_is_resolved(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    contact_id = chatwoot.contact(inbox_id, blocked=True)["id"]
    conversation = chatwoot.conversation(inbox_id, contact_id)
    assert conversation["status"] == "resolved"
    chatwoot.say(conversation["id"], "let me in")
    shown = chatwoot.ok("GET", f"/conversations/{conversation['id']}")
    assert shown["status"] == "resolved"


@pytest.mark.parametrize("path", ["/conversations", "/conversations/1/toggle_status"])
def test_an_unknown_status_crashes(chatwoot: Chatwoot, path: str) -> None:
    inbox_id, _ = chatwoot.chat()
    contact_id = chatwoot.contact(inbox_id, "other")["id"]
    wanted = {"inbox_id": inbox_id, "contact_id": contact_id, "status": "sleeping"}
    assert chatwoot("POST", path, wanted).status_code == 500


def test_large_integers_are_refused_in_attributes(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    wanted: dict[str, Any] = {"inbox_id": inbox_id, "contact_id": chatwoot.contact(inbox_id)["id"]}
    wanted["custom_attributes"] = {"phone": 5511999990000}
    answer = chatwoot("POST", "/conversations", wanted)
    assert answer.status_code == 422
    assert answer.json()["attributes"] == ["custom_attributes"]
    wanted["custom_attributes"] = {"phone": "5511999990000"}
    assert chatwoot.ok("POST", "/conversations", wanted)["custom_attributes"]["phone"]


def test_the_list_shows_open_ones_and_filters(chatwoot: Chatwoot) -> None:
    inbox_id, number = chatwoot.chat()
    chatwoot.chat()
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})

    def numbers(query: str) -> list[int]:
        listed = chatwoot.ok("GET", f"/conversations{query}")["data"]
        assert listed["meta"]["all_count"] == len(listed["payload"])
        return sorted(one["id"] for one in listed["payload"])

    assert numbers("") == [2]
    assert numbers("?status=all") == [1, 2]
    assert numbers(f"?status=all&inbox_id={inbox_id}") == [1]
    assert numbers("?status=all&source_id=5511") == [1, 2]
    assert numbers("?status=all&source_id=none") == []
    assert chatwoot.ok("GET", "/conversations?page=2")["data"]["payload"] == []


def test_conversations_of_a_contact_are_at_most_twenty(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    contact_id = chatwoot.contact(inbox_id)["id"]
    for _ in range(22):
        chatwoot.conversation(inbox_id, contact_id)
    listed = chatwoot.ok("GET", f"/contacts/{contact_id}/conversations")["payload"]
    assert [one["id"] for one in listed] == list(range(22, 2, -1))


def test_toggling_answers_in_its_own_shape(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/toggle_status"
    assert chatwoot.ok("POST", path) == {
        "payload": {
            "success": True,
            "conversation_id": number,
            "current_status": "resolved",
            "snoozed_until": None,
        },
    }
    assert chatwoot.ok("POST", path)["payload"]["current_status"] == "open"


def test_an_agent_who_opens_is_assigned_an_administrator_is_not(
    chatwoot: Chatwoot, agent: Chatwoot
) -> None:
    inbox_id, number = chatwoot.chat()
    chatwoot.ok("POST", "/inbox_members", {"inbox_id": inbox_id, "user_ids": [2]})
    path = f"/conversations/{number}/toggle_status"
    chatwoot.ok("POST", path, {"status": "resolved"})
    chatwoot.ok("POST", path, {"status": "open"})
    assert "assignee" not in chatwoot.ok("GET", f"/conversations/{number}")["meta"]
    agent.ok("POST", path, {"status": "resolved"})
    agent.ok("POST", path, {"status": "open"})
    assert chatwoot.ok("GET", f"/conversations/{number}")["meta"]["assignee"]["id"] == 2


@pytest.mark.parametrize("status", ["resolved", "snoozed"])
def test_an_incoming_message_reopens_an_outgoing_does_not(chatwoot: Chatwoot, status: str) -> None:
    _, number = chatwoot.chat()
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": status})
    chatwoot.say(number, "from us", "outgoing")
    assert chatwoot.ok("GET", f"/conversations/{number}")["status"] == status
    chatwoot.say(number, "from them")
    assert chatwoot.ok("GET", f"/conversations/{number}")["status"] == "open"


def test_labels_and_custom_attributes_replace(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    base = f"/conversations/{number}"
    for labels in (["a", "b"], ["c"]):
        assert chatwoot.ok("POST", f"{base}/labels", {"labels": labels}) == {"payload": labels}
    for attributes in ({"a": 1}, {"b": 2}):
        chatwoot.ok("POST", f"{base}/custom_attributes", {"custom_attributes": attributes})
    assert chatwoot.ok("GET", base)["custom_attributes"] == {"b": 2}


def test_reading_clears_the_unread_count(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    for _ in range(12):
        chatwoot.say(number, "oi")
    # Chatwoot stops counting at ten.
    assert chatwoot.ok("GET", f"/conversations/{number}")["unread_count"] == 10
    seen = chatwoot.ok("POST", f"/conversations/{number}/update_last_seen")
    assert seen["unread_count"] == 0


@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"content": "x" * 150_001}, 422),
        ({"content": "x", "message_type": "pigeon"}, 500),
        ({"content": "x\0"}, 500),
        ("just text", 500),
    ],
)
def test_nothing_is_made_of_a_bad_first_message(
    chatwoot: Chatwoot, lock: bool, message: object, status: int
) -> None:
    inbox_id = chatwoot.inbox(lock_to_single_conversation=lock)["id"]
    contact = chatwoot.contact(inbox_id)["id"]
    wanted = {"inbox_id": inbox_id, "contact_id": contact, "source_id": "5511", "message": message}
    assert chatwoot("POST", "/conversations", wanted).status_code == status
    found = chatwoot.ok("GET", f"/conversations?inbox_id={inbox_id}&status=all")["data"]
    assert found["meta"]["all_count"] == 0


def test_a_status_may_be_a_number(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/toggle_status"
    given = [chatwoot.ok("POST", path, {"status": one}) for one in (1, 2, 3, 0)]
    said = [one["payload"]["current_status"] for one in given]
    assert said == ["resolved", "pending", "snoozed", "open"]
    assert chatwoot("POST", path, {"status": 4}).status_code == 500


def test_a_member_who_listens_gets_new_conversations_of_the_inbox(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, agent: Chatwoot, cable: Cable
) -> None:
    me = agent.ok("GET", f"{sandbox.base_url}/api/v1/profile")
    cable.subscribe(pubsub_token=me["pubsub_token"], account_id=1, user_id=me["id"])
    cable.next(lambda frame: frame.get("type") == "confirm_subscription")
    outside, number = chatwoot.chat()
    inbox_id = chatwoot.inbox()["id"]
    chatwoot.ok("POST", "/inbox_members", {"inbox_id": inbox_id, "user_ids": [me["id"]]})
    contact = chatwoot.contact(inbox_id, "b")["id"]
    mine = chatwoot.conversation(inbox_id, contact, "b")["id"]

    def assignee(number: int) -> Any:
        return chatwoot.ok("GET", f"/conversations/{number}")["meta"].get("assignee", {})

    wait_until(lambda: assignee(mine).get("id") == me["id"])
    assert assignee(number) == {}
    assert "Assigned to Bruno Agent by Default Policy" in [
        one["content"] for one in chatwoot.thread(mine)
    ]


def test_a_muted_contact_reopens_nothing_until_it_is_unmuted(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}"
    chatwoot.ok("POST", f"{path}/mute")
    chatwoot.say(number, "unheard")
    muted = chatwoot.ok("GET", path)
    assert (muted["muted"], muted["status"]) == (True, "resolved")
    chatwoot.ok("POST", f"{path}/unmute")
    assert chatwoot.ok("GET", path)["status"] == "resolved"
    chatwoot.say(number, "heard")
    assert chatwoot.ok("GET", path)["status"] == "open"


def test_the_bot_of_an_inbox_answers_first(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    bot = chatwoot.ok("POST", "/agent_bots", {"name": "Robo"})
    chatwoot.ok("POST", f"/inboxes/{inbox_id}/set_agent_bot", {"agent_bot": bot["id"]})
    contact = chatwoot.contact(inbox_id)["id"]
    number = chatwoot.conversation(inbox_id, contact)["id"]
    path = f"/conversations/{number}"
    begun = chatwoot.ok("GET", path)
    assert (begun["status"], begun["meta"]["assignee"]["name"]) == ("pending", "Robo")
    given = Chatwoot(sandbox, bot["access_token"]).ok("POST", f"{path}/toggle_status")
    assert (given["payload"]["current_status"], given["payload"]["success"]) == ("open", None)
    chatwoot.ok("POST", f"{path}/toggle_status", {"status": "open"})
    assert "assignee" not in chatwoot.ok("GET", path)["meta"]
    chatwoot.ok("POST", f"{path}/toggle_status", {"status": "resolved"})
    chatwoot.say(number, "back")
    assert chatwoot.ok("GET", path)["status"] == "pending"
