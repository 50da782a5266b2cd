"""Either side fails, slowly, quickly or ambiguously: everything arrives, once and in order."""

import base64
import threading
import time

import pytest
import requests

from bench.loop import INSTANCE
from bridge.routing.files import MAX_BYTES
from tests.routing.desk import Desk, Json, until


def texts(count: int, word: str = "text") -> list[str]:
    return [f"{word} {index}" for index in range(count)]


# -- Chatwoot fails --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "refuse", "status": 500, "times": 2},
        {"kind": "refuse", "status": 503, "times": 2},
        {"kind": "refuse", "status": 429, "times": 1, "retry_after": 1},
        {"kind": "html", "times": 1},
        {"kind": "drop", "times": 2},
        {"kind": "drop_after", "times": 2},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_customers_texts_arrive_once_in_spite_of(desk: Desk, fault: Json) -> None:
    number, conversation = desk.meet("first")
    path = f"/conversations/{conversation}/messages"
    desk.chatwoot.control("POST", "faults", {**fault, "method": "POST", "path": path})
    for text in texts(4):
        desk.customer(number, text)
    desk.shows(conversation, "first", *texts(4))
    desk.settled(number)
    desk.shows(conversation, "first", *texts(4))


@pytest.mark.parametrize("route", ["/contacts", "/conversations"])
def test_a_first_message_arrives_once_when_the_answer_is_lost(desk: Desk, route: str) -> None:
    number = desk.number()
    desk.chatwoot.fault("drop_after", times=1, method="POST", path=f"{route}$")
    desk.customer(number, "first")
    desk.customer(number, "second")
    desk.shows(desk.conversation(number), "first", "second")
    assert len(desk.api("GET", f"contacts/search?q={number}")["payload"]) == 1


def test_a_file_arrives_once_when_the_answer_is_lost(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    path = f"/conversations/{conversation}/messages"
    desk.chatwoot.fault("drop_after", times=1, method="POST", path=path)
    desk.customer(number, "see", kind="image")
    desk.customer(number, "after")
    desk.shows(conversation, "first", "see", "after")


def test_a_flooded_conversation_holds_up_nobody_else(desk: Desk) -> None:
    flooded, first = desk.meet("first")
    other, second = desk.meet("first")
    body = '{"error":"Validation failed: Too many messages"}'
    path = f"/conversations/{first}/messages"
    fault = {"kind": "refuse", "status": 422, "body": body, "method": "POST", "path": path}
    desk.chatwoot.control("POST", "faults", fault)
    desk.customer(flooded, "one too many")
    until(lambda: any("Too many" in one[2] for one in desk.open_entries(flooded)), "the refusal")
    desk.customer(other, "at once")
    desk.shows(second, "first", "at once")
    assert desk.open_entries(flooded)


def test_a_refusal_by_chatwoot_is_a_dead_letter_and_the_chat_goes_on(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    path = f"/conversations/{conversation}/messages"
    body = '{"message":"Content is odd","attributes":["content"]}'
    fault = {"kind": "refuse", "status": 422, "body": body, "times": 1}
    desk.chatwoot.control("POST", "faults", {**fault, "method": "POST", "path": path})
    desk.customer(number, "refused")
    desk.customer(number, "next")
    desk.shows(conversation, "first", "next")
    sql = "select reason from journal where state = 'dead' and job = 'message' order by id desc"
    [(reason,), *_] = desk.rows(sql)
    assert "422" in reason


@pytest.mark.parametrize("kind", ["drop", "slow"])
def test_one_failing_or_slow_chat_holds_up_no_other(desk: Desk, kind: str) -> None:
    failing, first = desk.meet("first")
    fault = {"kind": kind, "method": "POST", "path": f"/conversations/{first}/messages"}
    desk.chatwoot.control("POST", "faults", {**fault, "seconds": 3.0})
    desk.customer(failing, "waits")
    others = [desk.meet("hi") for _ in range(3)]
    for number, conversation in others:
        for text in texts(3):
            desk.customer(number, text)
        desk.shows(conversation, "hi", *texts(3))
    assert desk.texts(first) == ["first"]
    desk.chatwoot.control("DELETE", "faults")
    desk.shows(first, "first", "waits")


# -- the gateway fails -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "times": 2},
        {"kind": "status", "status": 429, "times": 1, "seconds": 1},
        {"kind": "slow_after", "seconds": 1, "times": 1},
        {"kind": "drop_after", "times": 1},
        {"kind": "drop_before", "times": 1},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_replies_arrive_once_in_spite_of(desk: Desk, fault: Json) -> None:
    number, conversation = desk.meet("first")
    desk.phone.control("POST", "faults", {**fault, "path": "/api/message/text/"})
    for text in texts(3):
        desk.reply(conversation, text)

    # A send without an answer is settled by its echo, or by whatever else is heard later.
    def all_came() -> bool:
        if desk.rows("select 1 from journal where state = 'unconfirmed'"):
            desk.customer("5511988887777", "tick")
        return len(desk.sent(number)) >= 3

    until(all_came, "the replies")
    desk.settled(number)
    desk.gets(number, *texts(3))


def test_a_send_without_echo_is_repeated_only_when_something_later_was_heard(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    # Neither did it happen nor is there an answer.
    desk.phone.control("POST", "faults", {"kind": "drop_before", "path": "/api/message/text/"})
    written = desk.reply(conversation, "perhaps")
    key = f"m{written['id']}:0"
    unconfirmed = "select due_at from journal where key = ? and state = 'unconfirmed'"
    [(due_at,)] = until(lambda: desk.rows(unconfirmed, key), "being unconfirmed")
    until(lambda: time.time() > due_at + 1, "the patience for the echo to pass")
    assert desk.rows(unconfirmed, key)  # nothing was heard since: still unconfirmed, and visible
    assert desk.sent(number) == []
    desk.customer(desk.number(), "something else")
    desk.gets(number, "perhaps")


def test_an_echo_that_comes_late_settles_the_send(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.phone.control("POST", "faults", {"kind": "drop_after", "path": "/api/message/text/"})
    delay = {"kind": "webhook_delay", "seconds": 1, "event": "message.exchange"}
    desk.phone.control("POST", "faults", delay)
    desk.reply(conversation, "once")
    desk.reply(conversation, "then")
    desk.gets(number, "once", "then")
    desk.settled(number)
    desk.gets(number, "once", "then")


# -- webhooks go astray ----------------------------------------------------------------------------


def test_repeated_webhooks_are_acknowledged_and_ignored(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.phone.control("POST", "faults", {"kind": "webhook_double", "times": 6})
    desk.chatwoot.fault("webhook_double", times=6)
    desk.customer(number, "in")
    desk.shows(conversation, "first", "in")
    desk.reply(conversation, "out")
    desk.gets(number, "out")
    desk.settled(number)
    desk.shows(conversation, "first", "in", "out")
    desk.gets(number, "out")
    assert desk.phone.control("GET", "deliveries")["counts"].get("failed", 0) == 0


def test_replies_leave_in_the_order_they_were_written(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("webhook_shuffle", seconds=1.0)
    for text in texts(8):
        desk.reply(conversation, text)
    desk.gets(number, *texts(8))


def test_lost_webhooks_are_made_good_by_the_next_reply(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("webhook_lost", path="message_created", times=3)
    for text in texts(4):
        desk.reply(conversation, text)
    desk.gets(number, *texts(4))


def test_more_lost_replies_than_one_answer_holds_are_all_found(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("webhook_lost", path="message_created", times=130)
    for text in texts(131):
        desk.reply(conversation, text)
    desk.gets(number, *texts(131))


# -- the operator's side ---------------------------------------------------------------------------


def test_while_paused_everything_waits_and_nothing_is_lost(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.command("pause", INSTANCE)
    desk.customer(number, "in")
    desk.reply(conversation, "out")
    until(lambda: len(desk.open_entries(number)) == 2, "both in the journal")
    assert desk.sent(number) == []
    desk.command("resume", INSTANCE)
    desk.gets(number, "out")
    until(lambda: "in" in desk.texts(conversation), "the customer's text")
    assert sorted(desk.texts(conversation)) == ["first", "in", "out"]


@pytest.mark.parametrize("trouble", ["token", "role"])
def test_a_lost_right_stops_the_queue_with_a_sentence_and_nothing_is_lost(
    desk: Desk, trouble: str
) -> None:
    number, conversation = desk.meet("first")
    changed: Json = {"access_token": "another-token-0123456789"}
    if trouble == "role":
        changed = {"roles": {}}
    admin = admin_id(desk)
    desk.chatwoot.control("PATCH", f"users/{admin}", changed)
    desk.customer(number, "waits")
    try:
        status = "select status, last_error from integration"
        until(lambda: desk.rows(status)[0][0] == "error", "the error")
        assert len(desk.rows(status)[0][1]) > 40
        desk.customer(number, "waits too")
    finally:
        desk.chatwoot.control(
            "PATCH",
            f"users/{admin}",
            {
                "access_token": desk.chatwoot.admin,
                "roles": {"1": "administrator", "3": "administrator"},
            },
        )
    desk.integration()  # looking again is enough
    desk.shows(conversation, "first", "waits", "waits too")


def admin_id(desk: Desk) -> int:
    answer = requests.get(
        f"{desk.chatwoot.base_url}/api/v1/profile",
        headers={"api-access-token": desk.chatwoot.admin},
        timeout=10,
    )
    return int(answer.json()["id"])


def test_many_chats_and_both_directions_at_once(desk: Desk) -> None:
    chats = [desk.meet("first") for _ in range(6)]
    desk.chatwoot.fault("webhook_shuffle", seconds=0.3, times=40)
    desk.chatwoot.fault("drop_after", method="POST", path="/messages$", times=5)
    desk.phone.control("POST", "faults", {"kind": "webhook_shuffle", "seconds": 0.2, "times": 6})

    def talk(number: str, conversation: int) -> None:
        for index in range(6):
            desk.customer(number, f"in {index}")
            desk.reply(conversation, f"out {index}")

    threads = [threading.Thread(target=talk, args=chat) for chat in chats]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, conversation in chats:
        desk.gets(number, *[f"out {index}" for index in range(6)])

        def are_shown(conversation: int = conversation) -> bool:
            return len(desk.texts(conversation)) >= 13

        until(are_shown, "all texts")
        incoming = [one for one in desk.texts(conversation) if one.startswith("in ")]
        assert sorted(incoming) == [f"in {index}" for index in range(6)]


def test_of_a_file_beyond_the_limit_the_text_arrives_with_a_note(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    film = base64.b64encode(bytes(MAX_BYTES + 1)).decode()
    desk.customer(number, "my film", kind="video", media_base64=film, mime="video/mp4")
    shown = desk.arrived(conversation, 2)
    assert shown["content"].startswith("my film\n\n[A file of the message is too large")


def test_a_deleted_inbox_stops_the_queue_until_the_integration_is_set_again(
    own_desk: Desk,
) -> None:
    number, _ = own_desk.meet("first")
    own_desk.api("DELETE", f"inboxes/{own_desk.inbox()}")
    until(lambda: not own_desk.chatwoot.inboxes(), "the deletion")
    own_desk.customer(number, "waits")
    status = "select last_error from integration where status = 'error'"
    [(said,)] = until(lambda: own_desk.rows(status), "the error")
    assert "inbox" in said.lower()
    own_desk.join()
    until(lambda: own_desk.conversations(number), "a conversation in the new inbox")
    own_desk.shows(own_desk.conversation(number), "waits")
