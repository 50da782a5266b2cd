"""What Chatwoot tells nobody is found by looking; what it tells wrongly is held against that."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.loop import INSTANCE
from tests.routing.desk import Desk, Json, until

#: Looks follow each other so quickly that a test need not wait.
QUICK: dict[str, Any] = {"BRIDGE_LOOK_INTERVAL": "2"}


@pytest.fixture(scope="module")
def _quick_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("quick"), **QUICK)
    yield desk
    desk.close()


@pytest.fixture
def quick_desk(_quick_desk: Desk) -> Iterator[Desk]:
    yield _quick_desk
    _quick_desk.calm()


@pytest.fixture
def own_quick_desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, BRIDGE_LOOK_INTERVAL="1")
    yield desk
    desk.close()


def fault(desk: Desk, word: str, **fields: object) -> Json:
    """A fault as a real Chatwoot has it, by one word."""
    made: Json = desk.chatwoot.control("POST", "faults", {"fault": word, **fields})
    return made


def write_untold(desk: Desk, conversation: int, text: str) -> None:
    """An agent's reply that Chatwoot stores and tells nobody, without moving its conversation: the
    agent is shown an error."""
    fault(desk, "conversation-row-locked", agents=True, times=1, delay=0, requests=["message"])
    requests.post(
        f"{desk.chatwoot.base_url}/sandbox/api/agent/conversations/{conversation}/messages",
        json={"content": text},
        timeout=30,
    )
    until(lambda: text in desk.texts(conversation), f"{text} in Chatwoot")


def status(desk: Desk) -> str:
    [(found,)] = desk.rows("select status from integration")
    return str(found)


def suspects(desk: Desk) -> set[str]:
    return {way for (way,) in desk.rows("select way from hearing where missed_at > 0")}


# -- what a look finds ---------------------------------------------------------------------------


def test_a_reply_that_moved_nothing_leaves_all_the_same(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    write_untold(quick_desk, conversation, "untold")
    quick_desk.gets(number, "untold")


def test_a_reply_behind_a_private_note_is_found(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    fault(quick_desk, "jobs-killed")
    quick_desk.reply(conversation, "untold")
    quick_desk.reply(conversation, "for agents only", private=True)
    quick_desk.gets(number, "untold")
    quick_desk.calm_chatwoot()
    quick_desk.reply(conversation, "told")
    quick_desk.gets(number, "untold", "told")


def test_a_conversation_that_cannot_be_read_stops_no_other(quick_desk: Desk) -> None:
    _, broken = quick_desk.meet()
    number, conversation = quick_desk.meet()
    quick_desk.chatwoot.fault("refuse", status=500, path=f"/conversations/{broken}/messages")
    fault(quick_desk, "jobs-killed")
    quick_desk.reply(broken, "later")
    quick_desk.reply(conversation, "now")
    quick_desk.gets(number, "now")


def test_a_list_that_fails_stops_no_reply_in_a_chat_of_these_minutes(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    quick_desk.chatwoot.fault("refuse", status=500, method="GET", path="/conversations$")
    fault(quick_desk, "jobs-killed")
    quick_desk.reply(conversation, "now")
    quick_desk.gets(number, "now")


def failed(desk: Desk, conversations: list[int]) -> int:
    """How many messages are shown as failed there."""
    return sum(one["status"] == "failed" for here in conversations for one in desk.thread(here))


def test_marks_of_a_time_without_us_are_taken_off_in_every_chat(own_quick_desk: Desk) -> None:
    desk = own_quick_desk
    met = [desk.meet("first") for _ in range(6)]
    conversations = [conversation for _, conversation in met]
    fault(desk, "jobs-stopped")
    for number, conversation in met:
        desk.customer(number, "second")
        desk.shows(conversation, "first", "second")
    desk.forget_calls()
    until(lambda: all(map(desk.calls_to_chatwoot, conversations)), "a look at each")
    desk.meet()  # what was seen is written down with the next message
    newest = min(desk.thread(conversation)[-1]["id"] for conversation in conversations)
    unseen = "select 1 from thread where checked_id between 1 and ?"
    until(lambda: not desk.rows(unseen, newest - 1), "what was seen to be written down")
    desk.bridge.kill()
    desk.calm_chatwoot()
    until(lambda: failed(desk, conversations) >= len(met), "Chatwoot to mark what nobody took")
    desk.bridge.start()
    until(lambda: not failed(desk, conversations), "the marks to be taken off")


def test_a_mark_above_all_that_is_there_makes_nobody_blind(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    with sqlite3.connect(quick_desk.bridge.instance_dir / "bridge.db") as db:
        db.execute(
            "update thread set checked_id = 100880 where conversation_id = ?", [conversation]
        )
        # No chat of these minutes, which would be read in any case.
        db.execute("update journal set received_at = received_at - 100000 where state = 'done'")
    db.close()
    write_untold(quick_desk, conversation, "untold")
    quick_desk.gets(number, "untold")


# -- ways that do not tell -----------------------------------------------------------------------


def test_a_socket_that_pings_and_tells_nothing_is_found_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, public=False, **QUICK)
    try:
        number, conversation = desk.meet()
        desk.reply(conversation, "heard")
        desk.gets(number, "heard")
        assert suspects(desk) == set()
        fault(desk, "cable-deaf")
        for index in range(3):
            desk.reply(conversation, f"untold {index}")
            desk.gets(number, "heard", *[f"untold {one}" for one in range(index + 1)])
        until(lambda: suspects(desk) == {"cable"}, "the socket to be suspect")
        fault(desk, "web-restarted")
        desk.calm_chatwoot()
        until(lambda: desk.chatwoot.control("GET", "cable")["connections"], "the socket")

        def tells() -> bool:
            desk.reply(conversation, "again")
            return suspects(desk) == set()

        until(tells, "the socket to tell again")
    finally:
        desk.close()


# -- what is held --------------------------------------------------------------------------------


def test_a_suspended_account_goes_on_by_itself(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    fault(quick_desk, "account-suspended", account_id=1)
    quick_desk.customer(number, "meanwhile")
    until(lambda: status(quick_desk) == "error", "the integration to wait")
    quick_desk.calm_chatwoot()
    quick_desk.shows(conversation, "hello", "meanwhile")
    assert status(quick_desk) == "active"
    assert quick_desk.rows("select who from audit where action = 'found it well again'")
    held = "select held_s from journal where job = 'message' and held_s > 0"
    assert quick_desk.rows(held)


@pytest.mark.parametrize("kind", ["500", "html", "redirect"])
def test_whoever_looks_makes_nothing_worse(quick_desk: Desk, kind: str) -> None:
    wrong: dict[str, Json] = {
        "500": {"kind": "refuse", "status": 500},
        "html": {"kind": "html"},
        "redirect": {"kind": "redirect"},
    }
    quick_desk.chatwoot.control("POST", "faults", {**wrong[kind], "path": "/api/v1/"})
    quick_desk.integration()
    assert status(quick_desk) == "active"


def test_whoever_looks_at_a_paused_integration_does_not_wake_it(quick_desk: Desk) -> None:
    quick_desk.command("pause", INSTANCE)
    try:
        fault(quick_desk, "account-suspended", account_id=1)
        quick_desk.integration()
        assert status(quick_desk) == "paused"
        quick_desk.calm_chatwoot()
        quick_desk.integration()
        assert status(quick_desk) == "paused"
    finally:
        quick_desk.command("resume", INSTANCE)


# -- what people change in Chatwoot --------------------------------------------------------------


def test_a_new_webhook_secret_is_taken_over_by_itself(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    before = quick_desk.rows("select webhook_secret from integration")
    quick_desk.api("POST", f"inboxes/{quick_desk.inbox()}/reset_secret")
    until(
        lambda: quick_desk.rows("select webhook_secret from integration") != before,
        "the new secret",
    )
    passed_over = quick_desk.rows("select passed_over from hearing where way = 'webhook'")
    quick_desk.reply(conversation, "signed anew")
    quick_desk.gets(number, "signed anew")
    assert quick_desk.rows("select passed_over from hearing where way = 'webhook'") == passed_over


def test_an_upgraded_version_is_noticed_by_itself(quick_desk: Desk) -> None:
    quick_desk.chatwoot.options(version="4.99.1")
    until(
        lambda: quick_desk.rows("select chatwoot_version from integration") == [("4.99.1",)],
        "the version",
    )


# -- dead letters of an earlier judgement --------------------------------------------------------


def test_what_an_earlier_version_gave_up_is_looked_up_once(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("arrived")
    own_desk.customer(number, "never arrived")
    own_desk.shows(conversation, "arrived", "never arrived")
    own_desk.settled(number)
    [_, lost] = own_desk.thread(conversation)
    for index in range(25):  # so that it stands far before the end
        own_desk.customer(number, f"later {index}")
    until(lambda: len(own_desk.texts(conversation)) == 27, "the later ones")
    own_desk.settled(number)
    own_desk.bridge.stop()
    with sqlite3.connect(own_desk.bridge.instance_dir / "bridge.db") as db:
        old = db.execute("select id from journal where job = 'message' order by id limit 2")
        ids = [row[0] for row in old.fetchall()]
        for one in ids:
            db.execute("update journal set state = 'dead', reason = 'x' where id = ?", [one])
            db.execute("insert into old_dead_letter values (?)", [one])
        db.execute("delete from pair where chatwoot_id <= ?", [lost["id"]])
        # The second one bears an id that Chatwoot has never seen.
        db.execute(
            "update journal set body = json_set(body, '$.id', 'NEVERSEEN') where id = ?",
            [ids[1]],
        )
    db.close()
    own_desk.bridge.start()
    until(lambda: not own_desk.rows("select 1 from old_dead_letter"), "the look")
    states = own_desk.rows("select id, state from journal where id in (?, ?) order by id", *ids)
    assert states == [(ids[0], "done"), (ids[1], "dead")]
    assert own_desk.rows("select 1 from pair where chatwoot_id < ?", lost["id"])


def test_several_dead_letters_are_replayed_in_their_order(quick_desk: Desk) -> None:
    number, conversation = quick_desk.meet()
    quick_desk.command("pause", INSTANCE)
    for index in range(3):
        quick_desk.customer(number, f"dead {index}")

    def kept() -> list[tuple[int]]:
        return quick_desk.rows(
            "select id from journal where state = 'ready' and job = 'message' order by id"
        )

    until(lambda: len(kept()) == 3, "the messages to be kept")
    ids = [row[0] for row in kept()]
    with sqlite3.connect(quick_desk.bridge.instance_dir / "bridge.db") as db:
        db.execute("update journal set state = 'dead' where state = 'ready' and job = 'message'")
    db.close()
    quick_desk.command("resume", INSTANCE)
    quick_desk.command("dead", "replay", *map(str, reversed(ids)))
    quick_desk.shows(conversation, "hello", "dead 0", "dead 1", "dead 2")


def test_a_replayed_letter_that_had_arrived_long_ago_is_not_there_twice(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("arrived")
    for index in range(25):  # the lane goes on, so that it stands far before the end
        own_desk.customer(number, f"later {index}")
    until(lambda: len(own_desk.texts(conversation)) == 26, "the later ones")
    own_desk.settled(number)
    [first, *_] = own_desk.thread(conversation)
    [(entry_id,)] = own_desk.rows("select min(id) from journal where job = 'message'")
    with sqlite3.connect(own_desk.bridge.instance_dir / "bridge.db") as db:
        db.execute("update journal set state = 'dead' where id = ?", [entry_id])
        db.execute("delete from pair where chatwoot_id = ?", [first["id"]])
    db.close()
    own_desk.command("dead", "replay", str(entry_id))
    own_desk.settled(number)
    own_desk.customer(number, "now")
    until(lambda: "now" in own_desk.texts(conversation), "the next one")
    assert own_desk.texts(conversation).count("arrived") == 1


def test_an_agent_who_is_a_member_of_the_inbox_keeps_it_going(own_desk: Desk) -> None:
    number, conversation = own_desk.meet()
    user = requests.get(
        f"{own_desk.chatwoot.base_url}/api/v1/profile",
        headers={"api-access-token": own_desk.chatwoot.admin},
        timeout=10,
    ).json()["id"]
    members = {"inbox_id": own_desk.inbox(), "user_ids": [user]}
    own_desk.api("POST", "inbox_members", members)
    own_desk.chatwoot.control("PATCH", f"users/{user}", {"roles": {"1": "agent"}})
    assert own_desk.integration()["status"] == "active"
    own_desk.customer(number, "still here")
    own_desk.shows(conversation, "hello", "still here")


def test_what_one_cause_holds_is_asked_about_by_one_call(own_quick_desk: Desk) -> None:
    desk = own_quick_desk
    for name in ("second", "third"):
        desk.bridge.api("POST", "/api/instance/new", {"name": name}).raise_for_status()
        desk.join(instance=name)
    fault(desk, "account-suspended", account_id=1)

    def statuses() -> set[str]:
        return {one for (one,) in desk.rows("select status from integration")}

    until(lambda: statuses() == {"error"}, "all to wait")
    desk.forget_calls()

    def asked() -> list[str]:
        return [one["path"] for one in desk.chatwoot.requests() if "/inboxes/" in one["path"]]

    until(lambda: len(asked()) >= 2, "it to be asked again")
    assert len(set(asked())) == 1
    desk.calm_chatwoot()
    until(lambda: statuses() == {"active"}, "all to go on")
    notes = "select count(*) from audit where action = 'found it well again'"
    assert desk.rows(notes) == [(3,)]


def test_a_list_that_costs_much_is_read_less_often(own_quick_desk: Desk) -> None:
    desk = own_quick_desk
    desk.chatwoot.fault("slow", seconds=0.4, method="GET", path="/conversations$")

    def lists() -> int:
        return sum(
            one["method"] == "GET" and one["path"].partition("?")[0].endswith("/conversations")
            for one in desk.chatwoot.requests()
        )

    until(lambda: lists() >= 3, "looks that were found to be slow")

    def is_spared() -> bool:
        before = lists()
        for _ in range(25):  # several intervals, without a look
            number, conversation = desk.meet()
            desk.reply(conversation, "told")
            desk.gets(number, "told")
        return lists() == before

    until(is_spared, "looks to come less often")
