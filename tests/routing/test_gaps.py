"""Processes of ours are killed, or away for a while, in the middle of either direction."""

import os
import sqlite3
import time

import pytest

from tests.routing.desk import Desk, Json, until


@pytest.mark.parametrize("process", ["web", "router"])
def test_a_process_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    own_desk: Desk, process: str
) -> None:
    chats = [own_desk.meet("first") for _ in range(3)]
    own_desk.phone.control("POST", "switches", {"webhook_retry_max_s": 0.5})
    for index in range(12):
        for number, conversation in chats:
            own_desk.customer(number, f"in {index}")
            own_desk.reply(conversation, f"out {index}")
        if index in {3, 7}:
            own_desk.kill(process)
    expected = [f"out {index}" for index in range(12)]

    def all_came() -> bool:
        # A send that was under way is settled by what is heard later.
        own_desk.customer("5511988887777", "tick")
        return all(len(own_desk.sent(number)) >= len(expected) for number, _ in chats)

    until(all_came, "the replies")
    for number, conversation in chats:
        own_desk.gets(number, *expected)

        def are_shown(conversation: int = conversation) -> bool:
            return len(own_desk.texts(conversation)) >= 25

        until(are_shown, "the customers' texts")
        own_desk.settled(number)
        texts = own_desk.texts(conversation)
        assert [one for one in texts if one.startswith("in ")] == [
            f"in {index}" for index in range(12)
        ]
        assert len(texts) == 25


@pytest.mark.parametrize("route", ["/messages$", "/conversations$", "/contacts$"])
def test_a_router_that_dies_while_chatwoot_answers_brings_nothing_twice(
    own_desk: Desk, route: str
) -> None:
    number = own_desk.number()
    if route == "/messages$":
        number, _ = own_desk.meet("first")
    own_desk.chatwoot.fault("slow_after", seconds=1.5, times=1, method="POST", path=route)
    own_desk.customer(number, "now")
    own_desk.customer(number, "then")
    used = "the call being made"
    until(lambda: not own_desk.chatwoot.control("GET", "faults")["faults"], used)
    own_desk.kill("router")
    conversation = own_desk.conversation(number)
    until(lambda: "then" in own_desk.texts(conversation), "the second text")
    own_desk.settled(number)
    assert [one for one in own_desk.texts(conversation) if one != "first"] == ["now", "then"]


def test_a_router_that_dies_while_the_gateway_sends_sends_nothing_twice(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    slow = {"kind": "slow_after", "seconds": 1.5, "path": "/api/message/text/"}
    own_desk.phone.control("POST", "faults", slow)
    own_desk.reply(conversation, "once")
    own_desk.reply(conversation, "then")
    until(lambda: own_desk.sent(number), "the send")
    own_desk.kill("router")
    own_desk.gets(number, "once", "then")
    own_desk.settled(number)
    own_desk.gets(number, "once", "then")


def test_what_was_written_while_we_were_away_arrives_once_and_in_order(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    own_desk.bridge.stop()
    written = [own_desk.reply(conversation, f"out {index}") for index in range(5)]
    own_desk.customer(number, "in")

    def all_failed() -> bool:
        return all(own_desk.status(conversation, one["id"]) == "failed" for one in written)

    until(all_failed, "Chatwoot to mark them")
    own_desk.bridge.start()
    own_desk.gets(number, *[f"out {index}" for index in range(5)])
    until(lambda: "in" in own_desk.texts(conversation), "the customer's text")

    def all_good() -> bool:
        shown = [own_desk.message(conversation, one["id"]) for one in written]
        return all(
            one["status"] != "failed" and not one["content_attributes"].get("external_error")
            for one in shown
        )

    until(all_good, "the failed marks to be gone")
    own_desk.settled(number)
    own_desk.gets(number, *[f"out {index}" for index in range(5)])


def test_the_retry_of_what_was_caught_up_already_sends_nothing_twice(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    own_desk.bridge.stop()
    written = own_desk.reply(conversation, "missed")
    until(lambda: own_desk.status(conversation, written["id"]) == "failed", "the mark")
    own_desk.bridge.start()
    own_desk.gets(number, "missed")
    own_desk.chatwoot.control("POST", f"agent/messages/{written['id']}/retry")
    own_desk.reply(conversation, "next")
    own_desk.gets(number, "missed", "next")


def test_a_power_cut_loses_nothing(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    own_desk.chatwoot.fault("slow", seconds=0.2, path="/messages")
    for index in range(6):
        own_desk.customer(number, f"in {index}")
        own_desk.reply(conversation, f"out {index}")
    own_desk.bridge.kill()
    own_desk.customer(number, "in 6")
    own_desk.reply(conversation, "out 6")
    own_desk.calm_chatwoot()
    own_desk.bridge.start()

    def all_out() -> bool:
        own_desk.customer("5511988887777", "tick")
        return len(own_desk.sent(number)) >= 7

    until(all_out, "the replies")
    own_desk.gets(number, *[f"out {index}" for index in range(7)])
    until(lambda: "in 6" in own_desk.texts(conversation), "the last text")
    incoming = [one for one in own_desk.texts(conversation) if one.startswith("in ")]
    assert incoming == [f"in {index}" for index in range(7)]


def test_a_customers_text_that_chatwoot_shows_as_failed_is_cleared(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    # While no web process answers, Chatwoot marks even what we bring.
    message: Json = own_desk.thread(conversation)[0]
    path = f"conversations/{conversation}/messages/{message['id']}"
    own_desk.bridge.stop()
    own_desk.api("PATCH", path, {"status": "failed", "external_error": "502 Bad Gateway"})
    own_desk.reply(conversation, "anything new")
    own_desk.bridge.start()
    until(lambda: own_desk.status(conversation, message["id"]) == "sent", "the mark to be gone")
    own_desk.gets(number, "anything new")


def test_what_is_old_is_forgotten_and_never_sent_again(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("first")
    written = own_desk.reply(conversation, "long ago")
    own_desk.gets(number, "long ago")
    own_desk.settled(number)
    own_desk.bridge.stop()
    old = time.time() - 40 * 86400
    left = own_desk.bridge.instance_dir / "spool" / "left"
    left.write_bytes(b"a file that nobody fetched")
    os.utime(left, (old, old))
    with sqlite3.connect(own_desk.bridge.instance_dir / "bridge.db") as db:
        db.execute("update journal set done_at = ? where state = 'done'", [old])
        # As if the message, too, were older than what is kept.
        later = time.time() + 60
        db.execute("update integration set created_at = ?, began_at = ?", [later, later])
    db.close()
    own_desk.bridge.start()
    until(lambda: not own_desk.rows("select 1 from journal where key like 'm%'"), "forgetting")
    until(lambda: not left.exists(), "the file to be removed")
    # Chatwoot tells of the old message once more, as it does for a late receipt.
    path = f"conversations/{conversation}/messages/{written['id']}"
    own_desk.api("PATCH", path, {"status": "read"})
    own_desk.api("PATCH", path, {"status": "sent"})
    own_desk.customer(number, "still here")
    until(lambda: "still here" in own_desk.texts(conversation), "the text")
    own_desk.reply(conversation, "today")
    own_desk.gets(number, "long ago", "today")
