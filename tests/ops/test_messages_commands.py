"""The command line about messages: status, trace, dead letters, pause and resume."""

import secrets
from typing import Any

import pytest

from tests.ops.loop import CUSTOMER, Operator, until


def _word() -> str:
    return f"word-{secrets.token_hex(4)}"


def _traced(operator: Operator, text: str) -> Any:
    """The way of the message with that text, once it has arrived."""

    def look() -> Any:
        done = operator.run("trace", text, "--json")
        if done.returncode:
            return None
        found = operator.ok("trace", text)
        return found if isinstance(found, dict) and found["state"] == "done" else None

    return until(look)


def test_a_message_is_traced_by_all_that_people_know_of_it(operator: Operator) -> None:
    text = _word()
    operator.customer_writes(f"100%_sure {text}")
    way = _traced(operator, text)
    assert way["direction"] == "in"
    assert [step["what"] for step in way["steps"]] == ["written", "received", "arrived"]
    assert str(way["link"]).startswith(f"{operator.loop.chatwoot.base_url}/app/accounts/1/conv")
    (whatsapp_id,), (chatwoot_id,) = way["whatsapp_ids"], way["chatwoot_ids"]
    for known in (f"#{way['id']}", whatsapp_id, "100%_sure " + text):
        assert operator.ok("trace", str(known))["id"] == way["id"]
    for many in (CUSTOMER, "+55 (11) 98888-7777", "maria s", str(chatwoot_id)):
        found = operator.ok("trace", many)
        ids = [one["id"] for one in found] if isinstance(found, list) else [found["id"]]
        assert way["id"] in ids, many
    # No wildcard in what was typed.
    assert operator.run("trace", "100__sure").returncode == 1


def test_a_reply_is_traced_until_it_is_read(operator: Operator) -> None:
    operator.customer_writes(_word())
    text = _word()
    operator.agent_writes(text)
    until(lambda: operator.arrived(text))
    way = _traced(operator, text)
    assert way["direction"] == "out"
    until(lambda: "delivered" in str(operator.ok("trace", f"#{way['id']}")["steps"]))
    text_form = operator.run("trace", f"#{way['id']}").stdout
    assert "to WhatsApp" in text_form
    assert "delivered" in text_form


def test_what_is_not_there_is_said(operator: Operator) -> None:
    done = operator.run("trace", "nobody-ever-wrote-this")
    assert done.returncode == 1
    assert "No message was found." in done.stderr
    done = operator.run("dead", "discard", "999999", "--yes")
    assert done.returncode == 1
    assert done.stderr == (
        "chatwoot-bridge: there is no message 999999. Look it up by phone number, name, text or "
        "one of its ids.\n"
    )
    assert operator.run("pause", "nobody").returncode == 1


def test_contents_can_be_switched_off(operator: Operator) -> None:
    text = _word()
    operator.customer_writes(text)
    way = _traced(operator, text)
    hidden = {"BRIDGE_SHOW_CONTENTS": "false"}
    assert operator.run("trace", text, **hidden).returncode == 1
    assert operator.ok("trace", f"#{way['id']}", **hidden)["text"] == ""


def test_a_dead_letter_is_listed_replayed_and_noted(operator: Operator) -> None:
    text = _word()
    operator.customer_writes(_word())
    until(operator.loop.conversations)
    fault = {
        "kind": "status",
        "status": 400,
        "message": "No such number",
        "path": "^/api/",
        "times": 1,
    }
    operator.loop.phone.control("POST", "faults", fault)
    operator.agent_writes(text)
    dead = until(lambda: [one for one in operator.ok("dead", "list") if one["text"] == text])[0]
    operator.loop.phone.control("DELETE", "faults")
    assert dead["state"] == "dead"
    assert dead["reason"]
    assert operator.ok("status")["instances"][0]["dead"] >= 1
    assert operator.ok("dead", "replay", str(dead["id"])) == {"replayed": 1}
    until(lambda: operator.arrived(text))
    again = operator.run("dead", "replay", str(dead["id"]))
    assert again.returncode == 1
    assert "it cannot be changed that way" in again.stderr


def test_all_dead_letters_of_an_instance_are_replayed_or_one_discarded(operator: Operator) -> None:
    texts = [_word(), _word()]
    operator.customer_writes(_word())
    until(operator.loop.conversations)
    fault = {"kind": "status", "status": 400, "message": "No", "path": "^/api/", "times": None}
    operator.loop.phone.control("POST", "faults", fault)
    for text in texts:
        operator.agent_writes(text)

    def both() -> list[dict[str, object]]:
        found = [one for one in operator.ok("dead", "list", operator.name) if one["text"] in texts]
        return found if len(found) == 2 else []

    found = until(both)
    operator.loop.phone.control("DELETE", "faults")
    assert operator.run("dead", "discard", str(found[0]["id"])).returncode == 2, "it wants a yes"
    assert operator.ok("dead", "discard", str(found[0]["id"]), "--yes") == {"discarded": 1}
    assert operator.ok("dead", "replay", "--all", operator.name)["replayed"] >= 1
    until(lambda: operator.arrived(str(found[1]["text"])))
    assert not operator.arrived(str(found[0]["text"]))


@pytest.mark.parametrize(("said", "times"), [("--sent", 0), ("--not-sent", 1)])
def test_an_unconfirmed_send_is_settled_by_a_person(
    operator: Operator, said: str, times: int
) -> None:
    text = _word()
    operator.customer_writes(_word())
    until(operator.loop.conversations)
    fault = {"kind": "drop_before", "path": "^/api/", "times": 1}
    operator.loop.phone.control("POST", "faults", fault)
    operator.agent_writes(text)
    found = until(lambda: [one for one in operator.ok("dead", "list") if one["text"] == text])[0]
    operator.loop.phone.control("DELETE", "faults")
    assert found["state"] == "unconfirmed"
    assert operator.ok("dead", "settle", str(found["id"]), said) == {"settled": 1}
    # What is written after it in the same chat goes on.
    after = _word()
    operator.agent_writes(after)
    until(lambda: operator.arrived(after))
    assert operator.arrived(text) == times


def test_a_paused_instance_keeps_and_delivers_later(operator: Operator) -> None:
    text = _word()
    assert operator.ok("pause", operator.name)["status"] == "paused"
    try:
        operator.customer_writes(text)
        until(lambda: operator.ok("status")["instances"][0]["waiting"])
        assert operator.shown(text) == 0
    finally:
        assert operator.ok("resume", operator.name)["status"] == "active"
    until(lambda: operator.shown(text))
    assert operator.shown(text) == 1


@pytest.mark.parametrize("arguments", [["replay"], ["discard"], ["settle", "--sent"]])
def test_an_action_wants_to_know_what_it_is_about(operator: Operator, arguments: list[str]) -> None:
    done = operator.run("dead", *arguments)
    assert done.returncode == 2
    assert "ID" in done.stderr
