"""Greetings, out-of-office and surveys: when Chatwoot writes by itself (run 4.16.2)."""

from typing import Any

import pytest

from tests.sandbox.conftest import Cable, Chatwoot, Receiver
from tests.support.processes import SandboxChatwoot

ANA = {"pubsub_token": "pubsub-ana", "account_id": 1, "user_id": 1}
GREETING: dict[str, Any] = {
    "greeting_enabled": True,
    "greeting_message": "Welcome, {{contact.first_name}}!",
}


def templates(chatwoot: Chatwoot, number: int) -> list[str]:
    return [one["content"] for one in chatwoot.thread(number) if one["message_type"] == 3]


def hours(**day: object) -> list[dict[str, object]]:
    return [{"day_of_week": number, **day} for number in range(7)]


def test_nobody_is_greeted_after_a_note(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat(**GREETING)
    chatwoot.say(number, "he called", "outgoing", private=True)
    chatwoot.say(number, "hi")
    assert templates(chatwoot, number) == []


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ({"closed_all_day": True, "open_all_day": False}, ["Closed"]),
        ({"closed_all_day": False, "open_all_day": True}, []),
        ({"closed_all_day": False, "open_hour": 0, "close_hour": 24}, []),
        ({"closed_all_day": False, "open_hour": 0, "close_hour": 0}, ["Closed"]),
    ],
)
def test_out_of_office_comes_outside_of_the_hours(
    chatwoot: Chatwoot, day: dict[str, object], told: list[str]
) -> None:
    minutes = {"open_minutes": 0, "close_minutes": 0}
    settings: dict[str, Any] = {"working_hours_enabled": True, "out_of_office_message": "Closed"}
    inbox_id, number = chatwoot.chat(**settings)
    chatwoot.ok("PATCH", f"/inboxes/{inbox_id}", {"working_hours": hours(**minutes, **day)})
    chatwoot.say(number, "hi")
    assert templates(chatwoot, number) == told


def test_an_agent_who_just_replied_is_in_the_office(chatwoot: Chatwoot) -> None:
    inbox_id, number = chatwoot.chat(
        working_hours_enabled=True, out_of_office_message="Closed", **GREETING
    )
    closed = {"working_hours": hours(closed_all_day=True)}
    chatwoot.ok("PATCH", f"/inboxes/{inbox_id}", closed)
    chatwoot.say(number, "here I am", "outgoing")
    chatwoot.say(number, "hi")
    assert templates(chatwoot, number) == []
    # Who is told that the office is closed is not greeted as well.
    other = chatwoot.conversation(inbox_id, chatwoot.contact(inbox_id, "77")["id"], "77")["id"]
    chatwoot.say(other, "hi")
    assert templates(chatwoot, other) == ["Closed"]


def test_a_survey_speaks_the_language_of_the_account(
    sandbox: SandboxChatwoot, receiver: Receiver
) -> None:
    chatwoot = Chatwoot(sandbox, sandbox.other, account_id=2)
    _, number = chatwoot.chat(receiver.url, csat_survey_enabled=True)
    for status in ("resolved", "open", "resolved"):
        chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": status})
    [survey] = [one for one in receiver.wait("message_created") if one["content_type"] != "text"]
    assert survey["content"].startswith("Por favor, classifique esta conversa, http://")
    assert survey["content_attributes"] == {"display_type": "emoji"}
    assert len(templates(chatwoot, number)) == 1


def test_what_a_job_writes_names_nobody(cable: Cable, chatwoot: Chatwoot) -> None:
    cable.subscribe(**ANA)
    cable.next(lambda frame: frame.get("type") == "confirm_subscription")
    _, number = chatwoot.chat(**GREETING)
    chatwoot.say(number, "hi")
    told: dict[int, Any] = {}
    while len(told) < 2:
        data = cable.event("message.created")
        told[data["message_type"]] = data.get("performer", {}).get("name")
    assert told == {0: "Ana Admin", 3: None}


def test_the_flood_guard_swallows_templates_and_activities(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    sandbox.options(flood_guard=True)
    _, number = chatwoot.chat(csat_survey_enabled=True)
    path = f"/conversations/{number}/messages"
    ids = [chatwoot.say(number, "x")["id"] for _ in range(200)]
    refused = {"message": "Too many messages", "attributes": ["base"]}
    assert chatwoot("PATCH", f"{path}/{ids[0]}", {"status": "read"}).json() == refused
    assert chatwoot("DELETE", f"{path}/{ids[0]}").json() == refused
    retried = chatwoot("POST", f"{path}/{ids[0]}/retry")
    assert retried.json() == {"error": "Validation failed: Too many messages"}
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    assert chatwoot.thread(number)[-1]["id"] == ids[-1]
    assert chatwoot.thread(number, f"?before={ids[1]}")[0]["status"] == "sent"
