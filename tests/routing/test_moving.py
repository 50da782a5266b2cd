"""An instance moves to another Chatwoot, and back: the same numbers mean other things there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.routing.desk import Desk, until
from tests.support.processes import SandboxChatwoot


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[SandboxChatwoot]:
    """A second Chatwoot, whose ids begin at one again."""
    made = SandboxChatwoot(tmp_path)
    yield made
    made.process.kill()


def test_replies_are_sent_although_the_chatwoot_before_used_their_numbers(
    own_desk: Desk, elsewhere: SandboxChatwoot
) -> None:
    desk, number = own_desk, own_desk.number()
    desk.customer(number, "in the first")
    here = desk.conversation(number)
    first = desk.reply(here, "answer in the first")
    desk.gets(number, "answer in the first")
    desk.settled(number)
    left = desk.moves_to(elsewhere)

    desk.customer(number, "in the second")
    there = desk.conversation(number)
    second = desk.reply(there, "answer in the second")
    assert second["id"] == first["id"]
    desk.gets(number, "answer in the first", "answer in the second")
    desk.settled(number)

    desk.moves_to(left)
    desk.customer(number, "back in the first")
    desk.shows(here, "in the first", "answer in the first", "back in the first")
    desk.reply(here, "answer after all")
    desk.gets(number, "answer in the first", "answer in the second", "answer after all")
    assert desk.conversation(number) == here


def test_deletions_and_quotes_are_about_messages_of_their_own_chatwoot(
    own_desk: Desk, elsewhere: SandboxChatwoot
) -> None:
    desk, one, other = own_desk, own_desk.number(), own_desk.number()
    desk.customer(one, "hello")
    here = desk.conversation(one)
    first = desk.reply(here, "to the first customer")
    desk.gets(one, "to the first customer")
    desk.settled(one)
    desk.moves_to(elsewhere)

    desk.customer(other, "hello")
    there = desk.conversation(other)
    second = desk.reply(there, "to the second customer")
    assert second["id"] == first["id"]
    [sent] = desk.gets(other, "to the second customer")
    desk.settled(other)
    desk.reply(there, "as I said", in_reply_to=second["id"])
    *_, quoting = desk.gets(other, "to the second customer", "as I said")
    assert quoting["quote"] == sent["id"]
    desk.api("DELETE", f"conversations/{there}/messages/{second['id']}")
    until(lambda: desk.on_phone(other)[1]["revoked"], "the deletion on the phone")
    assert not any(said["revoked"] for said in desk.on_phone(one))


def test_a_customer_takes_nothing_back_in_the_chatwoot_where_it_does_not_stand(
    own_desk: Desk, elsewhere: SandboxChatwoot
) -> None:
    desk, number = own_desk, own_desk.number()
    written = desk.customer(number, "taken back later")
    here = desk.conversation(number)
    desk.settled(number)
    desk.moves_to(elsewhere)
    desk.customer(number, "in the second")
    there = desk.conversation(number)
    assert here == there
    desk.customer(number, kind="revoke", target=written["id"])
    desk.customer(number, "after that")
    desk.shows(there, "in the second", "after that")


def test_a_reply_of_the_chatwoot_before_still_reaches_its_customer(
    own_desk: Desk, elsewhere: SandboxChatwoot
) -> None:
    desk, number = own_desk, own_desk.number()
    desk.customer(number, "hello")
    here = desk.conversation(number)
    desk.settled(number)
    fault = {"kind": "status", "status": 503, "message": "Instance is not connected to WhatsApp"}
    desk.phone.control("POST", "faults", {**fault, "path": "^/api/message/"})
    desk.reply(here, "written just before the move")
    waits = "select 1 from journal where job = 'reply' and attempts > 0"
    until(lambda: desk.rows(waits), "the reply waiting for the phone")
    desk.moves_to(elsewhere)
    desk.phone.control("DELETE", "faults")
    desk.gets(number, "written just before the move")
    desk.customer(number, "thanks")
    desk.shows(desk.conversation(number), "thanks")
