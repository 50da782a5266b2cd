"""A gateway whose webhooks lag, a clock that is wrong: what proves that a send was not made, and
what is history."""

import contextlib
import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.routing.desk import Desk, Json, party, until
from tests.routing.test_gateway_answers import fault, is_clean, state

_ids = itertools.count(1)
#: What an echo is waited for on these desks, and how much longer everything takes to be told.
WAIT_S, LAG_S = 2.0, 5.0


def lags(desk: Desk) -> None:
    """The gateway tells everything late from now on, and always by the same time."""
    late = {"kind": "webhook_delay", "seconds": LAG_S, "times": None}
    desk.phone.control("POST", "faults", late)


@contextlib.contextmanager
def traffic(desk: Desk) -> Iterator[None]:
    """Other customers write meanwhile, until the block ends."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.5):
            desk.customer("5511988887777", "tick")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def told(desk: Desk, number: str, text: str, at: float, **more: Any) -> None:
    """A text of a customer that bears that time."""
    data = {
        "id": f"LG{number}-{next(_ids)}",
        "direction": "incoming",
        "timestamp": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "chat": {"type": "private", **party(number)},
        "sender": party(number),
        "message": {"type": "text", "content": text, "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data | more})


# -- what proves that a send was not made ----------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
def test_a_gateway_that_always_lags_does_not_make_us_send_twice(desk: Desk, kind: str) -> None:
    number, conversation = desk.meet("hello")
    lags(desk)
    with traffic(desk):
        time.sleep(1.0)  # for what is told to be late
        fault(desk, kind=kind, status=200, raw="{}")
        said = desk.reply(conversation, "once")
        until(lambda: state(desk, said["id"]) == ["unconfirmed"], "the doubt")
        until(lambda: state(desk, said["id"]) == ["done"], "the echo")
        desk.reply(conversation, "then")
        desk.gets(number, "once", "then")


def test_what_a_lagging_gateway_did_not_send_is_sent_again(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    lags(desk)
    with traffic(desk):
        fault(desk, kind="drop_before")
        desk.reply(conversation, "lost at first")
        desk.gets(number, "lost at first")


@pytest.mark.parametrize("old", [False, True], ids=["later", "earlier"])
def test_an_event_proves_something_by_its_own_time_alone(desk: Desk, old: bool) -> None:
    number, conversation = desk.meet("hello")
    fault(desk, kind="drop_before")
    said = desk.reply(conversation, "perhaps")
    until(lambda: state(desk, said["id"]) == ["unconfirmed"], "the doubt")
    before = time.time() - 30
    until(lambda: time.time() > before + 30 + 2 * WAIT_S, "the wait")
    other = desk.number()
    told(desk, other, "something", before if old else time.time())
    desk.shows(desk.conversation(other), "something")
    if old:
        until(lambda: time.time() > before + 30 + 4 * WAIT_S, "as long again")
        assert state(desk, said["id"]) == ["unconfirmed"]
        told(desk, other, "something new", time.time())
    desk.gets(number, "perhaps")


# -- Retry -----------------------------------------------------------------------------------------


def refused(desk: Desk, conversation: int, kind: str) -> Json:
    """A reply that the gateway refuses, made all the same (`status_after`) or not, once its agent
    has pressed Retry."""
    fault(desk, kind=kind, status=400, message="no, or so it seems")
    said = desk.reply(conversation, "please")
    until(lambda: desk.status(conversation, said["id"]) == "failed", "the failure")
    desk.chatwoot.control("POST", f"agent/messages/{said['id']}/retry")
    return said


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
def test_a_retry_before_a_late_echo_sends_nothing_twice(desk: Desk, busy: bool) -> None:
    number, conversation = desk.meet("hello")
    lags(desk)
    with traffic(desk) if busy else contextlib.nullcontext():
        said = refused(desk, conversation, "status_after")
        until(lambda: state(desk, said["id"]) == ["unconfirmed"], "the doubt")
        until(lambda: state(desk, said["id"]) == ["done"], "the echo")
        until(lambda: is_clean(desk, conversation, said["id"]), "the mark to be gone")
        desk.reply(conversation, "then")
        desk.gets(number, "please", "then")


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
def test_a_retry_of_what_was_not_sent_is_sent_once(desk: Desk, busy: bool) -> None:
    number, conversation = desk.meet("hello")
    with traffic(desk) if busy else contextlib.nullcontext():
        said = refused(desk, conversation, "status")
        desk.gets(number, "please")
        until(lambda: state(desk, said["id"]) == ["done"], "its arrival")
        desk.gets(number, "please")


# -- history ---------------------------------------------------------------------------------------


def activated(desk: Desk, *, ahead_s: float) -> None:
    """As if our clock had been so far ahead when the integration was activated."""
    desk.bridge.stop()
    with contextlib.closing(sqlite3.connect(desk.bridge.instance_dir / "bridge.db")) as db, db:
        db.execute("update integration set created_at = created_at + ?", [ahead_s])
    desk.bridge.start()


def echo_has_shown(desk: Desk, *, ahead_s: float) -> None:
    """As if an echo had shown how far the clock of the events is ahead of ours."""
    with contextlib.closing(sqlite3.connect(desk.bridge.instance_dir / "bridge.db")) as db, db:
        db.execute(
            "insert into event_time (instance_id, ahead_s) select id, ? from instance", [ahead_s]
        )


@pytest.mark.parametrize("hours", [-20, -0.9, 2, 20])
def test_customers_are_heard_whatever_our_clock_shows(own_desk: Desk, hours: float) -> None:
    """To the bridge the times of the events are as far from its own clock. Where they are behind
    it by more than an hour, an echo has shown that."""
    number = own_desk.number()
    if hours < -1:
        echo_has_shown(own_desk, ahead_s=hours * 3600)
    texts = [f"text {index}" for index in range(3)]
    for text in texts:
        told(own_desk, number, text, time.time() + hours * 3600)
    own_desk.shows(own_desk.conversation(number), *texts)
    # What is older than that by more than an hour is history.
    told(own_desk, number, "last week", time.time() + hours * 3600 - 7 * 86400)
    told(own_desk, number, "the last", time.time() + hours * 3600)
    own_desk.shows(own_desk.conversation(number), *texts, "the last")


def test_customers_are_heard_after_a_clock_that_was_ahead_is_right_again(own_desk: Desk) -> None:
    activated(own_desk, ahead_s=7200.0)
    number, conversation = own_desk.meet("now")
    told(own_desk, number, "a little later", time.time() - 1800)
    own_desk.shows(conversation, "now", "a little later")


@pytest.mark.parametrize("hours", [200 * 24, 30, 2, 1.2])
def test_history_that_is_told_first_is_not_brought_over(own_desk: Desk, hours: float) -> None:
    number = own_desk.number()
    told(own_desk, number, "before", time.time() - hours * 3600)
    told(own_desk, number, "within the hour", time.time() - 0.8 * 3600)
    told(own_desk, number, "today", time.time())
    own_desk.shows(own_desk.conversation(number), "within the hour", "today")


def test_a_clock_that_only_we_have_makes_nobody_history(own_desk: Desk) -> None:
    """Chatwoot's clock is two hours behind ours, as the events are: ours is the wrong one."""
    own_desk.chatwoot.options(clock_offset=-7200.0)
    own_desk.join()
    number = own_desk.number()
    told(own_desk, number, "now", time.time() - 7200)
    own_desk.shows(own_desk.conversation(number), "now")
