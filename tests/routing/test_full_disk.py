"""The disk of the bridge takes nothing more: nothing is said twice, and nothing is lost.

The kernel refuses every write to a file, as on a full disk: each process of the bridge may make no
file longer than it is. Reading goes on.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.routing.desk import Desk, until


@contextlib.contextmanager
def full_disk(desk: Desk) -> Iterator[None]:
    """No process of the bridge can write, also one that is started meanwhile."""
    desk.bridge.fill_disk()
    try:
        yield
    finally:
        desk.bridge.fill_disk(False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.phone.control("POST", "switches", {"webhook_retry_max_s": 0.5})
    yield desk
    desk.close()


def posts(desk: Desk, conversation: int) -> int:
    """How often the bridge has posted a message there."""
    path = f"/conversations/{conversation}/messages"
    return sum(
        one["method"] == "POST" and one["path"].endswith(path) for one in desk.chatwoot.requests()
    )


@pytest.mark.parametrize("killed", [False, True], ids=["", "and the router is killed"])
def test_what_was_posted_while_the_disk_filled_is_not_posted_again(
    desk: Desk, killed: bool
) -> None:
    number, conversation = desk.meet("first")
    desk.forget_calls()
    desk.chatwoot.fault(
        "slow_after", method="POST", path=rf"/conversations/{conversation}/messages$", seconds=1.0
    )
    for text in ("one", "two", "three"):
        desk.customer(number, text)
    until(lambda: "one" in desk.texts(conversation), "the first post")
    with full_disk(desk):
        if killed:
            desk.kill("router")
            desk.bridge.fill_disk()
        # Many events are refused meanwhile, so much time passes that a blind try would have.
        desk.customer(desk.number(), "cannot be kept")
        _wait_for_refusals(desk)
        assert posts(desk, conversation) == 1
    desk.shows(conversation, "first", "one", "two", "three")
    desk.settled(number)
    desk.shows(conversation, "first", "one", "two", "three")
    assert posts(desk, conversation) == 3


def test_a_reply_that_was_sent_while_the_disk_filled_is_not_sent_again(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.phone.control(
        "POST", "faults", {"kind": "slow_after", "path": "/api/message/text/", "seconds": 1.0}
    )
    desk.reply(conversation, "one")
    desk.reply(conversation, "two")
    until(lambda: desk.sent(number), "the first send")
    with full_disk(desk):
        desk.customer(desk.number(), "cannot be kept")
        _wait_for_refusals(desk)
        assert desk.sent(number) == ["one"]
    desk.gets(number, "one", "two")
    desk.settled(number)
    desk.gets(number, "one", "two")


def test_what_came_while_the_disk_was_full_arrives_afterwards(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    with full_disk(desk):
        desk.customer(number, "in")
        written = desk.reply(conversation, "out")
        _wait_for_refusals(desk)
    desk.shows(conversation, "first", "out", "in")
    desk.gets(number, "out")
    until(lambda: desk.status(conversation, written["id"]) != "failed", "its mark to be cleared")


def _wait_for_refusals(desk: Desk, count: int = 8) -> None:
    before = _failed(desk)
    until(lambda: _failed(desk) >= before + count, f"{count} refused events")


def _failed(desk: Desk) -> int:
    """How often an event of the gateway could not be taken."""
    return int(desk.phone.control("GET", "deliveries")["counts"].get("failed", 0))
