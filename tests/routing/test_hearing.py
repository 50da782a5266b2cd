"""How Chatwoot is heard: both ways at once, each event for its own inbox, nothing believed that
anybody may have written, and no webhook address where Chatwoot does not call it."""

import contextlib
import itertools
import json
import sqlite3
import time
from collections.abc import Iterator

import pytest
import requests

from bench.loop import INSTANCE
from tests.routing.desk import Desk, Json, until
from tests.support.processes import SandboxChatwoot

_forged_ids = itertools.count(900_000)


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A Chatwoot that calls no private addresses, and a bridge at one."""
    with contextlib.closing(Desk(tmp_path_factory.mktemp("guarded"), guards=True)) as desk:
        until(desk.hears_cable, "the socket")
        yield desk


@pytest.fixture
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A Chatwoot that does not sign its webhooks; its socket is not listened to."""
    folder = tmp_path_factory.mktemp("unsigned")
    desk = Desk(folder, version="4.12.1", BRIDGE_CHATWOOT_SOCKET="false")
    with contextlib.closing(desk):
        yield desk


def address_in_inbox(desk: Desk) -> str:
    """Where the inbox calls."""
    found: Json = desk.api("GET", f"inboxes/{desk.inbox()}")
    return str(found["webhook_url"] or "")


def audit(desk: Desk) -> list[tuple[str, str]]:
    """What was done about the webhook address, by whom."""
    return desk.rows(
        "select action, who from audit where action like '%webhook address%' order by id"
    )


def webhook(desk: Desk, body: Json) -> requests.Response:
    """Somebody who knows the path calls it."""
    [(key,)] = desk.rows("select webhook_key from integration")
    url = f"{desk.bridge.base_url}/hooks/chatwoot/{key}"
    return requests.post(url, data=json.dumps(body), timeout=10)


def forged(desk: Desk, conversation: int, text: str, **more: object) -> Json:
    """A webhook about a message that is not there."""
    return {
        "event": "message_created",
        "id": next(_forged_ids),
        "content": text,
        "message_type": "outgoing",
        "private": False,
        "account": {"id": 1},
        "inbox": {"id": desk.inbox()},
        "conversation": {"id": conversation, "inbox_id": desk.inbox(), "status": "open"},
        **more,
    }


# -- both ways -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["webhook_lost", "cable_lost"])
def test_either_way_alone_brings_replies_at_once(desk: Desk, lost: str) -> None:
    number, conversation = desk.meet("in")
    desk.chatwoot.fault(lost)
    desk.reply(conversation, "out")
    desk.gets(number, "out")


def test_a_reply_that_both_ways_tell_leaves_once(desk: Desk) -> None:
    number, conversation = desk.meet("in")
    until(desk.hears_both, "both ways")
    desk.reply(conversation, "once")
    desk.gets(number, "once")
    desk.reply(conversation, "then")
    desk.gets(number, "once", "then")
    desk.settled(number)
    desk.gets(number, "once", "then")


def test_instances_of_one_token_share_one_socket(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("shared"), public=False)) as desk:
        roles = {"1": "administrator", "2": "administrator"}
        desk.chatwoot.control("PATCH", "users/1", {"roles": roles})
        for name, account in (("second", 1), ("third", 2)):
            desk.bridge.api("POST", "/api/instance/new", {"name": name}).raise_for_status()
            wish = {
                "chatwootBaseUrl": desk.chatwoot.base_url,
                "chatwootAccountId": account,
                "chatwootApiToken": SandboxChatwoot.admin,
            }
            desk.bridge.api("POST", f"/api/chatwoot/set/{name}", wish).raise_for_status()

        def listeners() -> list[int]:
            found = desk.chatwoot.control("GET", "cable")["connections"]
            return [len(one["subscriptions"]) for one in found]

        until(lambda: listeners() == [2], "one socket that listens to two accounts")


def test_the_setting_turns_the_socket_off(unsigned: Desk) -> None:
    number, conversation = unsigned.meet("in")
    unsigned.reply(conversation, "by webhook alone")
    unsigned.gets(number, "by webhook alone")
    assert unsigned.chatwoot.control("GET", "cable")["connections"] == []


def test_without_either_way_the_operator_is_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("neither")
    desk = Desk(folder, public=False, BRIDGE_CHATWOOT_SOCKET="false")
    with contextlib.closing(desk):
        [said] = [one for one in desk.join()["warnings"] if "neither way" in one]
        assert "BRIDGE_CHATWOOT_SOCKET=true" in said


# -- whose event it is -----------------------------------------------------------------------------


def test_another_accounts_conversation_changes_nothing_of_ours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("accounts")
    desk = Desk(folder, public=False, BRIDGE_SHOW_TYPING="true")
    with contextlib.closing(desk):
        until(desk.listens, "the sockets")
        roles = {"1": "administrator", "2": "administrator"}
        desk.chatwoot.control("PATCH", "users/1", {"roles": roles})
        number, conversation = desk.meet("in")
        other = _conversation_elsewhere(desk, conversation)
        for path, body in (
            ("toggle_status", {"status": "resolved"}),
            ("toggle_typing_status", {"typing_status": "on"}),
            ("messages", {"content": "not for our customer", "message_type": "outgoing"}),
        ):
            _elsewhere(desk, "POST", f"conversations/{other}/{path}", body)
        desk.reply(conversation, "ours")
        desk.gets(number, "ours")
        [(status,)] = desk.rows("select status from thread where conversation_id = ?", conversation)
        assert status == "open"
        assert desk.rows("select 1 from journal where job = 'typing'") == []


def _conversation_elsewhere(desk: Desk, number: int) -> int:
    """A conversation of account 2 with that id."""
    inbox = _elsewhere(
        desk, "POST", "inboxes", {"name": "Other", "channel": {"type": "api", "webhook_url": ""}}
    )
    contact = _elsewhere(desk, "POST", "contacts", {"name": "Other", "inbox_id": inbox["id"]})
    contact_id = contact["payload"]["contact"]["id"]
    while True:
        made = _elsewhere(
            desk, "POST", "conversations", {"inbox_id": inbox["id"], "contact_id": contact_id}
        )
        if made["id"] == number:
            return number


def _elsewhere(desk: Desk, method: str, path: str, body: object) -> Json:
    answer = requests.request(
        method,
        f"{desk.chatwoot.base_url}/api/v1/accounts/2/{path}",
        json=body,
        headers={"api-access-token": SandboxChatwoot.other},
        timeout=30,
    )
    assert answer.ok, answer.text
    found: Json = answer.json() if answer.content.strip() else {}
    return found


# -- who was merged or deleted ---------------------------------------------------------------------


def test_a_merged_contacts_conversation_lives_on_whatever_is_told_first(
    indoor_desk: Desk,
) -> None:
    desk = indoor_desk
    number, conversation = desk.meet("one")
    mergee = desk.contact(conversation)["id"]
    base = desk.api("POST", "contacts", {"name": "The real one"})["payload"]["contact"]["id"]
    merge = {"base_contact_id": base, "mergee_contact_id": mergee}
    desk.api("POST", "actions/contact_merge", merge)
    sql = "select 1 from thread where conversation_id = ? and contact_id = ?"
    until(lambda: desk.rows(sql, conversation, base), "the merge being known")
    desk.customer(number, "two")
    desk.shows(conversation, "one", "two")
    desk.settled(number)
    assert desk.conversation(number) == conversation


def test_a_merge_of_many_messages_costs_no_call_for_each(desk: Desk) -> None:
    number, conversation = desk.meet("0")
    for index in range(1, 40):
        desk.customer(number, str(index))
    desk.shows(conversation, *[str(index) for index in range(40)])
    desk.settled(number)
    mergee = desk.contact(conversation)["id"]
    base = desk.api("POST", "contacts", {"name": "The real one"})["payload"]["contact"]["id"]
    desk.forget_calls()
    merge = {"base_contact_id": base, "mergee_contact_id": mergee}
    desk.api("POST", "actions/contact_merge", merge)
    sql = "select 1 from thread where conversation_id = ? and contact_id = ?"
    until(lambda: desk.rows(sql, conversation, base), "the merge being known")
    desk.reply(conversation, "after it")
    desk.gets(number, "after it")
    calls = desk.calls_to_chatwoot(conversation)
    assert len([one for one in calls if one.startswith("GET")]) <= 4, calls


# -- what anybody may have written -----------------------------------------------------------------


def test_a_reply_that_an_unsigned_webhook_names_is_asked_for(unsigned: Desk) -> None:
    number, conversation = unsigned.meet("in")
    for text in ("one", "two"):
        unsigned.reply(conversation, text)
    unsigned.gets(number, "one", "two")
    unsigned.resolve(conversation)


def test_an_agent_who_speaks_first_is_heard_by_unsigned_webhook(unsigned: Desk) -> None:
    number = unsigned.number()
    _speaks_first(unsigned, number, "good morning")
    unsigned.gets(number, "good morning")


def test_an_agent_who_speaks_first_is_heard_over_the_socket(indoor_desk: Desk) -> None:
    number = indoor_desk.number()
    _speaks_first(indoor_desk, number, "good morning")
    indoor_desk.gets(number, "good morning")


def _speaks_first(desk: Desk, number: str, text: str) -> None:
    desk.knows(number, "New")
    wish = {"name": "New", "phone_number": f"+{number}", "inbox_id": desk.inbox()}
    contact = desk.api("POST", "contacts", wish)["payload"]["contact"]["id"]
    opened = desk.api("POST", "conversations", {"inbox_id": desk.inbox(), "contact_id": contact})
    desk.reply(opened["id"], text)


def test_nothing_of_a_forged_webhook_is_believed_and_a_flood_costs_little(
    unsigned: Desk,
) -> None:
    number, conversation = unsigned.meet("in")
    unsigned.forget_calls()
    began = time.monotonic()
    for index in range(200):
        body = forged(unsigned, conversation, f"forged {index}")
        assert webhook(unsigned, body).status_code == 200
    changed = {
        "event": "conversation_status_changed",
        "id": conversation,
        "inbox_id": unsigned.inbox(),
        "status": "resolved",
    }
    assert webhook(unsigned, changed).status_code == 200
    unsigned.reply(conversation, "genuine")
    unsigned.gets(number, "genuine")
    took_s = time.monotonic() - began
    calls = [one for one in unsigned.calls_to_chatwoot(conversation) if one.startswith("GET")]
    assert len(calls) <= 10 + 2 * took_s, calls
    [(status, checked)] = unsigned.rows(
        "select status, checked_id from thread where conversation_id = ?", conversation
    )
    assert status == "open"
    assert checked < 900_000


def test_what_we_post_costs_no_call_where_webhooks_are_not_signed(unsigned: Desk) -> None:
    number, conversation = unsigned.meet("first")
    unsigned.forget_calls()
    texts = [f"text {index}" for index in range(5)]
    for text in texts:
        unsigned.customer(number, text)
    unsigned.shows(conversation, "first", *texts)
    unsigned.settled(number)
    calls = unsigned.calls_to_chatwoot(conversation)
    assert [one.split()[0] for one in calls] == ["POST"] * 5


# -- what cannot be kept ---------------------------------------------------------------------------


def test_a_webhook_that_cannot_be_kept_is_answered_and_its_reply_leaves_later(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("locked")
    with contextlib.closing(Desk(folder, BRIDGE_CHATWOOT_SOCKET="false")) as desk:
        number, conversation = desk.meet("in")
        with _unwritable(desk):
            written = desk.reply(conversation, "while nothing can be written")
            said = "could not be stored and stays in memory"
            until(lambda: said in desk.bridge.log_text(), "the lookup in memory")
        assert desk.status(conversation, written["id"]) != "failed"
        desk.gets(number, "while nothing can be written")
        assert desk.status(conversation, written["id"]) != "failed"


@contextlib.contextmanager
def _unwritable(desk: Desk) -> Iterator[None]:
    """As on a full disk: what is to be kept about messages is refused."""
    names = ("journal", "lookup")
    with contextlib.closing(sqlite3.connect(desk.bridge.instance_dir / "bridge.db")) as db:
        for name in names:
            db.execute(
                f"create trigger full_{name} before insert on {name} "
                "begin select raise(fail, 'database or disk is full'); end"
            )
        db.commit()
        yield
        for name in names:
            db.execute(f"drop trigger full_{name}")
        db.commit()


# -- where Chatwoot may not call -------------------------------------------------------------------


def test_a_private_address_is_not_put_where_chatwoot_guards(guarded: Desk) -> None:
    number, conversation = guarded.meet("in")
    assert address_in_inbox(guarded) == ""
    written = guarded.reply(conversation, "out")
    guarded.gets(number, "out")
    until(lambda: guarded.status(conversation, written["id"]) == "delivered", "the receipt")
    [said] = guarded.join()["warnings"]
    assert "SAFE_FETCH_ALLOW_PRIVATE_NETWORK" in said
    assert "socket" in said
    assert address_in_inbox(guarded) == ""


def test_the_guards_first_refusal_takes_the_address_off_and_its_marks_are_cleared(
    guarded: Desk,
) -> None:
    guarded.command("webhook", INSTANCE)
    assert guarded.bridge.base_url in address_in_inbox(guarded)
    number = guarded.number()
    guarded.customer(number, "in")
    until(lambda: address_in_inbox(guarded) == "", "the address being taken off")
    conversation = guarded.conversation(number)
    guarded.reply(conversation, "out")
    guarded.gets(number, "out")

    def all_well() -> bool:
        return not any(
            one["status"] == "failed" or one["content_attributes"].get("external_error")
            for one in guarded.thread(conversation)
        )

    until(all_well, "no message being marked as failed")
    assert [action.split()[0] for action, _ in audit(guarded)] == ["put", "took"]
    assert [who for _, who in audit(guarded)] == ["cli", "bridge"]


def test_a_press_brings_the_webhooks_back_where_chatwoot_calls_now(guarded: Desk) -> None:
    number, conversation = guarded.meet("in")
    guarded.chatwoot.options(allow_private_network=True)
    guarded.command("webhook", INSTANCE)
    assert guarded.bridge.base_url in address_in_inbox(guarded)
    until(guarded.hears_both, "both ways")
    assert guarded.join().get("warnings") is None
    guarded.chatwoot.fault("cable_lost")
    guarded.reply(conversation, "by webhook")
    guarded.gets(number, "by webhook")


def test_setting_it_anew_brings_the_webhooks_back_only_where_chatwoot_calls(
    guarded: Desk,
) -> None:
    guarded.meet("in")
    guarded.join()
    assert address_in_inbox(guarded) == ""
    guarded.chatwoot.options(allow_private_network=True)
    guarded.join()
    assert guarded.bridge.base_url in address_in_inbox(guarded)


def test_a_quiet_day_later_it_is_tried_once_more(guarded: Desk) -> None:
    guarded.meet("in")
    guarded.chatwoot.options(allow_private_network=True)
    with sqlite3.connect(guarded.bridge.instance_dir / "bridge.db") as db:
        db.execute("update webhook set tried_at = tried_at - 90000")
        db.execute("update journal set received_at = received_at - 600")
    db.close()
    until(guarded.hears_both, "both ways")


def test_somebody_elses_address_is_left_alone(guarded: Desk) -> None:
    guarded.meet("in")
    theirs = "https://n8n.example/webhook/1"
    guarded.api("PATCH", f"inboxes/{guarded.inbox()}", {"channel": {"webhook_url": theirs}})
    with pytest.raises(Exception, match="webhook"):
        guarded.command("webhook", INSTANCE)
    guarded.join()
    assert address_in_inbox(guarded) == theirs


def test_an_address_that_is_not_called_for_what_the_socket_tells_is_taken_off(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("silent"))) as desk:
        number, conversation = desk.meet("in")
        until(desk.hears_both, "both ways")
        desk.chatwoot.fault("webhook_lost")
        texts = [f"out {index}" for index in range(4)]
        for text in texts:
            desk.reply(conversation, text)
        desk.gets(number, *texts)
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            # As if they had been written half a minute ago.
            db.execute("update hearing set missed_at = missed_at - 30 where missed_at > 0")
        db.close()
        until(lambda: address_in_inbox(desk) == "", "the address being taken off")
        assert "did not call" in desk.page(f"/instances/{INSTANCE}")


def test_the_page_says_how_chatwoot_is_heard_and_has_the_button(guarded: Desk) -> None:
    guarded.meet("in")
    page = guarded.page(f"/instances/{INSTANCE}")
    assert "SAFE_FETCH_ALLOW_PRIVATE_NETWORK" in page
    assert "Try the webhooks again" in page


def test_a_deaf_socket_is_said_on_the_page_and_the_webhooks_go_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("deaf"))) as desk:
        number, conversation = desk.meet("in")
        until(desk.hears_both, "both ways")
        desk.reply(conversation, "heard")
        desk.gets(number, "heard")
        desk.chatwoot.fault("cable-deaf")
        desk.reply(conversation, "by webhook")
        desk.gets(number, "heard", "by webhook")
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            # As if that had been half a minute ago.
            db.execute("update hearing set missed_at = missed_at - 30 where missed_at > 0")
        db.close()
        assert "Restart Chatwoot's web process" in desk.page(f"/instances/{INSTANCE}")
        assert address_in_inbox(desk)


def test_another_public_address_is_put_without_a_person(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("moved"))) as desk:
        desk.meet("in")
        until(desk.hears_both, "both ways")
        desk.bridge.stop()
        elsewhere = desk.bridge.base_url.replace("127.0.0.1", "localhost")
        desk.bridge.change(BRIDGE_PUBLIC_URL=elsewhere)
        desk.bridge.start()
        until(lambda: elsewhere in address_in_inbox(desk), "the new address")
        until(desk.hears_both, "both ways")
        desk.bridge.stop()
        desk.bridge.change(BRIDGE_PUBLIC_URL="")
        desk.bridge.start()
        until(lambda: address_in_inbox(desk) == "", "no address")
