"""Contacts and their places in inboxes (docs/contracts/chatwoot.md, Contacts)."""

from typing import Any

import pytest

from tests.sandbox.conftest import Chatwoot, wait_until
from tests.support.processes import SandboxChatwoot


def test_creation_is_wrapped_twice_and_show_once(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    wanted = {"name": "João", "inbox_id": inbox_id, "source_id": "5511@s.whatsapp.net"}
    created = chatwoot.ok("POST", "/contacts", wanted)["payload"]
    assert created["contact_inbox"]["source_id"] == "5511@s.whatsapp.net"
    assert created["contact_inbox"]["inbox"]["id"] == inbox_id
    shown = chatwoot.ok("GET", f"/contacts/{created['contact']['id']}")["payload"]
    assert shown == created["contact"]
    assert shown["contact_inboxes"][0]["inbox"]["name"] == "WhatsApp"


def test_without_an_inbox_the_place_is_null(chatwoot: Chatwoot) -> None:
    created = chatwoot.ok("POST", "/contacts", {"name": "x"})["payload"]
    assert created["contact_inbox"] == {"inbox": None, "source_id": None}


def test_it_never_finds_an_existing_one(chatwoot: Chatwoot) -> None:
    taken = {"identifier": "lid", "phone_number": "+551199", "email": "A@b.c"}
    chatwoot.ok("POST", "/contacts", taken)
    answer = chatwoot("POST", "/contacts", taken)
    assert answer.status_code == 422
    assert answer.json() == {
        "message": "Email has already been taken, Identifier has already been taken, "
        "Phone number has already been taken",
        "attributes": ["email", "identifier", "phone_number"],
    }


@pytest.mark.parametrize(
    ("phone", "good"),
    [("+5511999990000", True), ("5511999990000", False), ("+0123", False), ("x+5511", True)],
)
def test_a_phone_number_is_checked_at_its_end_only(
    chatwoot: Chatwoot, phone: str, good: bool
) -> None:
    answer = chatwoot("POST", "/contacts", {"name": "x", "phone_number": phone})
    assert answer.status_code == (200 if good else 422)
    if not good:
        assert answer.json()["message"] == "Phone number should be in e164 format"


def test_a_foreign_source_id_crashes_and_rolls_back(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    chatwoot.contact(inbox_id, "5511")
    wanted = {"name": "Second", "inbox_id": inbox_id, "source_id": "5511"}
    answer = chatwoot("POST", "/contacts", wanted)
    assert answer.status_code == 500
    assert chatwoot.ok("GET", "/contacts/search?q=Second")["payload"] == []


def test_an_update_merges_attributes(chatwoot: Chatwoot) -> None:
    contact = chatwoot.ok("POST", "/contacts", {"name": "x", "custom_attributes": {"a": 1}})
    number = contact["payload"]["contact"]["id"]
    wanted = {"name": "y", "custom_attributes": {"b": 2}}
    changed = chatwoot.ok("PATCH", f"/contacts/{number}", wanted)["payload"]
    assert changed["name"] == "y"
    assert changed["custom_attributes"] == {"a": 1, "b": 2}


def test_search_finds_substrings_and_never_fails(chatwoot: Chatwoot) -> None:
    chatwoot.ok("POST", "/contacts", {"name": "Maria Silva", "phone_number": "+5511"})
    chatwoot.ok("POST", "/contacts", {"name": "Other", "identifier": "Silvana"})
    found = chatwoot.ok("GET", "/contacts/search?q=silv&page=1")
    assert [one["name"] for one in found["payload"]] == ["Maria Silva"]
    assert found["meta"] == {"count": 1, "current_page": "1", "has_more": False}
    assert chatwoot.ok("GET", "/contacts/search?q=%2B55_1")["meta"]["count"] == 1
    blank = chatwoot.ok("GET", "/contacts/search?q=")
    assert (blank["meta"]["count"], blank["payload"]) == (None, [])


def test_before_4_11_the_count_is_the_total(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    for number in range(16):
        chatwoot.ok("POST", "/contacts", {"name": f"Same {number}"})
    assert chatwoot.ok("GET", "/contacts/search?q=same")["meta"]["has_more"] is True
    sandbox.options(version="4.10.0")
    assert chatwoot.ok("GET", "/contacts/search?q=same")["meta"] == {
        "count": 16,
        "current_page": 1,
    }


def test_search_is_throttled_when_limits_are_on(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    sandbox.options(throttle=True, version="3.8.0")
    answers = [chatwoot("GET", "/contacts/search?q=x") for _ in range(6)]
    last = answers[-1]
    assert (last.status_code, last.text) == (429, "Retry later\n")
    assert last.headers["Content-Type"].startswith("text/plain")
    assert "Retry-After" not in last.headers


def test_filter_is_exact(chatwoot: Chatwoot) -> None:
    chatwoot.ok("POST", "/contacts", {"name": "One", "identifier": "ABC"})
    chatwoot.ok("POST", "/contacts", {"name": "Two", "phone_number": "+5511"})

    def found(key: str, value: str) -> list[str]:
        one = {"attribute_key": key, "filter_operator": "equal_to", "values": [value]}
        answer = chatwoot.ok("POST", "/contacts/filter", {"payload": [one]})
        return [contact["name"] for contact in answer["payload"]]

    assert found("identifier", "abc") == ["One"]
    assert found("phone_number", "5511") == ["Two"]
    assert found("name", "On") == []
    bad = {"attribute_key": "nothing", "filter_operator": "equal_to", "values": ["x"]}
    refused = chatwoot("POST", "/contacts/filter", {"payload": [bad]})
    assert refused.status_code == 422
    assert "error" in refused.json()


def test_crm_v2_hides_contacts_without_phone_and_email(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    chatwoot.ok("POST", "/contacts", {"name": "Hidden", "identifier": "lid"})
    sandbox.options(crm_v2=True)
    one = {"attribute_key": "identifier", "filter_operator": "equal_to", "values": ["lid"]}
    assert chatwoot.ok("POST", "/contacts/filter", {"payload": [one]})["payload"] == []
    assert chatwoot.ok("GET", "/contacts/search?q=lid")["meta"]["count"] == 1


def test_the_exact_look_up_of_a_bridge(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    contact = chatwoot.contact(inbox_id, "5511")
    wanted = {"inbox_id": inbox_id, "source_id": "5511"}
    assert chatwoot.ok("POST", "/contact_inboxes/filter", wanted)["id"] == contact["id"]
    missing = chatwoot("POST", "/contact_inboxes/filter", wanted | {"source_id": "no"})
    assert (missing.status_code, missing.text) == (404, "")


def test_a_place_is_idempotent_for_its_contact_and_crashes_for_others(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    first = chatwoot.contact(inbox_id, "5511")["id"]
    second = chatwoot.ok("POST", "/contacts", {"name": "x"})["payload"]["contact"]["id"]
    wanted = {"inbox_id": inbox_id, "source_id": "5511"}
    again = chatwoot.ok("POST", f"/contacts/{first}/contact_inboxes", wanted)
    assert again["source_id"] == "5511"
    crashed = chatwoot("POST", f"/contacts/{second}/contact_inboxes", wanted)
    assert crashed.status_code == 500
    random = [
        chatwoot.ok("POST", f"/contacts/{second}/contact_inboxes", {"inbox_id": inbox_id})
        for _ in range(2)
    ]
    assert random[0]["source_id"] != random[1]["source_id"]


def test_a_merge_moves_everything_and_deletes_the_other(chatwoot: Chatwoot) -> None:
    inbox_id = chatwoot.inbox()["id"]
    base = chatwoot.contact(inbox_id, "a", phone_number="+5511")["id"]
    mergee = chatwoot.contact(inbox_id, "b", phone_number="+5522", email="m@x.y")["id"]
    number = chatwoot.conversation(inbox_id, mergee, "b")["id"]
    merged = chatwoot.ok(
        "POST",
        "/actions/contact_merge",
        {"base_contact_id": base, "mergee_contact_id": mergee},
    )
    assert (merged["id"], merged["phone_number"], merged["email"]) == (base, "+5511", "m@x.y")
    assert len(chatwoot.ok("GET", f"/contacts/{base}")["payload"]["contact_inboxes"]) == 2
    assert chatwoot("GET", f"/contacts/{mergee}").status_code == 404
    assert chatwoot.ok("GET", f"/conversations/{number}")["meta"]["sender"]["id"] == base


def test_only_administrators_delete_contacts(chatwoot: Chatwoot, agent: Chatwoot) -> None:
    number = chatwoot.ok("POST", "/contacts", {"name": "x"})["payload"]["contact"]["id"]
    assert agent("DELETE", f"/contacts/{number}").status_code == 401
    answer = chatwoot("DELETE", f"/contacts/{number}")
    assert (answer.status_code, answer.text) == (200, "")
    assert chatwoot("GET", f"/contacts/{number}").status_code == 404


def test_of_a_text_the_filter_reads_the_first_letter(chatwoot: Chatwoot) -> None:
    chatwoot.ok("POST", "/contacts", {"name": "Ana"})
    chatwoot.ok("POST", "/contacts", {"name": "Z"})

    def found(values: object) -> list[str]:
        condition = {"attribute_key": "name", "filter_operator": "equal_to", "values": values}
        payload = chatwoot.ok("POST", "/contacts/filter", {"payload": [condition]})["payload"]
        return [one["name"] for one in payload]

    assert (found(["ana", "z"]), found(["z", "ana"])) == (["Ana"], ["Z"])
    assert (found("ana"), found("zebra")) == ([], ["Z"])


def test_each_deleted_contact_leaves_its_own_conversations_behind_for_a_moment(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    inbox_id = chatwoot.inbox()["id"]
    numbers = {}
    for source_id in ("a", "b"):
        contact = chatwoot.contact(inbox_id, source_id)["id"]
        numbers[contact] = chatwoot.conversation(inbox_id, contact, source_id)["id"]
    first, second = numbers
    sandbox.options(deletion_s=0.3)
    chatwoot.ok("DELETE", f"/contacts/{first}")
    sandbox.options(deletion_s=30.0)
    chatwoot.ok("DELETE", f"/contacts/{second}")
    gone, going = (f"/conversations/{number}" for number in numbers.values())
    wait_until(lambda: chatwoot("GET", gone).status_code == 404)
    assert chatwoot("GET", going).status_code == 500
    refused = chatwoot("POST", f"{going}/messages", {"content": "x", "message_type": "incoming"})
    assert (refused.status_code, refused.json()["error"][-7:]) == (422, "for nil")
    again = chatwoot("POST", f"{going}/toggle_status", {})
    assert again.json()["attributes"] == ["contact", "contact_inbox"]
    assert chatwoot.ok("GET", f"/conversations?inbox_id={inbox_id}&source_id=b")["data"] == {
        "meta": dict.fromkeys(("mine_count", "assigned_count", "unassigned_count", "all_count"), 0),
        "payload": [],
    }


def test_a_reset_forgets_what_was_being_deleted(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    sandbox.options(deletion_s=0.2)
    chatwoot.ok("DELETE", f"/contacts/{chatwoot.contact(chatwoot.inbox()['id'])['id']}")
    sandbox.reset()
    sandbox.options(deletion_s=0.2)
    _, number = chatwoot.chat()
    other = chatwoot.contact(chatwoot.inbox()["id"], "x", name="goes")["id"]
    doomed = chatwoot.conversation(2, other, "x")["id"]
    chatwoot.ok("DELETE", f"/contacts/{other}")
    wait_until(lambda: chatwoot("GET", f"/conversations/{doomed}").status_code == 404)
    assert chatwoot("GET", f"/conversations/{number}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"name":"x"}',
        b'{"name":"\\udc00"}',
        b'{"name":' + b"[" * 101 + b"]" * 101 + b"}",
    ],
)
def test_what_ruby_cannot_read_is_400(chatwoot: Chatwoot, body: bytes) -> None:
    head = {"content-type": "application/json"}
    answer = chatwoot("POST", "/contacts", data=body, headers=head)
    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")


def test_a_picture_is_what_its_bytes_say_and_a_bad_one_changes_nothing(chatwoot: Chatwoot) -> None:
    made = chatwoot.ok("POST", "/contacts", {"name": "Ana"})["payload"]["contact"]["id"]

    def put(name: str, kind: str, body: bytes) -> Any:
        files = {"avatar": (name, body, kind)}
        return chatwoot("PUT", f"/contacts/{made}", data={"name": "Bia"}, files=files)

    for bad in (("a.png", "image/png", b"%PDF-1.4"), ("a.svg", "image/svg+xml", b"<svg/>")):
        answer = put(*bad)
        assert (answer.status_code, answer.json()["attributes"]) == (422, ["avatar"])
    assert chatwoot.ok("GET", f"/contacts/{made}")["payload"]["name"] == "Ana"
    shown = put("a.bin", "application/octet-stream", b"GIF89a").json()["payload"]
    assert shown["name"] == "Bia"
    assert chatwoot("GET", shown["thumbnail"]).content == b"GIF89a"
