"""Something fails inside Chatwoot, or in front of it: every message arrives, once and in order.

One row for each fault of a real Chatwoot that can touch a message (docs/contracts/chatwoot.md,
Answers), in the directions that it can touch. It heals without a person; where one must act, the
test acts, and counts after it.
"""

from dataclasses import dataclass, field

import pytest

from tests.routing.desk import Desk, Json, until

#: What the sandbox waits at most where the real one waits 5, 14 or 22 seconds.
_DELAY_S = 0.4


@dataclass(frozen=True)
class Row:
    """A fault by its word, and how it is set. `agents`: agents' own posts may be refused by it."""

    word: str
    more: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.word, *(str(one) for one in self.more.get("requests", []))])


#: Faults that are in force for a while and then over.
PASSING = [
    Row("messages-locked"),
    Row("messages-unreadable"),
    Row("contacts-locked"),
    Row("conversations-locked"),
    Row("attachments-locked"),
    Row("attachments-unreadable"),
    Row("tokens-locked"),
    Row("accounts-locked"),
    Row("conversation-row-locked"),
    Row("contact-row-locked"),
    Row("two-waits"),
    Row("pool-exhausted"),
    Row("deadlock-messages"),
    Row("disk-full-messages"),
    Row("out-of-memory-messages"),
    Row("pg-read-only"),
    Row("deadlock-contacts"),
    Row("disk-full-contacts"),
    Row("deadlock-conversations"),
    Row("pg-down"),
    Row("redis-down"),
    Row("redis-goes"),
    Row("redis-full"),
    Row("redis-read-only"),
    Row("redis-hangs"),
    Row("web-hangs"),
    Row("account-suspended"),
    Row("user-demoted"),
    Row("proxy-502"),
    Row("proxy-503"),
    Row("proxy-502-done"),
    Row("firewall-403"),
    Row("redirected"),
    Row("truncated"),
    Row("plain-text"),
    Row("answer-lost"),
]


@pytest.mark.parametrize("row", PASSING, ids=str)
def test_customers_messages_arrive_once_and_in_order_in_spite_of(
    inner_desk: Desk, row: Row
) -> None:
    desk = inner_desk
    number, conversation = desk.meet("first")
    desk.chatwoot.fault(row.word, delay=_DELAY_S, seconds=2.0, **row.more)
    texts = [f"text {index}" for index in range(3)]
    new = desk.number()
    for text in texts:
        desk.customer(number, text)
        desk.customer(new, text)
    desk.customer(number, "a picture", kind="image")
    desk.shows(conversation, "first", *texts, "a picture")
    desk.shows(desk.conversation(new), *texts)
    for chat in (number, new):
        desk.settled(chat)
    desk.shows(conversation, "first", *texts, "a picture")
    desk.shows(desk.conversation(new), *texts)
    assert desk.rows("select reason from journal where state = 'dead'") == []
    assert desk.rows("select status from integration") == [("active",)]


def test_an_outage_never_looks_like_poison(inner_desk: Desk) -> None:
    """Nobody else is served meanwhile, so the answers prove nothing about the one message."""
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    desk.chatwoot.fault("disk-full-messages", delay=0)
    desk.customer(number, "waits")
    desk.customer(other, "waits")

    def tries() -> list[int]:
        sql = "select attempts from journal where state = 'ready' and direction = 'in'"
        return [int(row[0]) for row in desk.rows(sql)]

    until(lambda: sum(tries()) > 24, "many tries")
    desk.calm_chatwoot()
    desk.shows(conversation, "first", "waits")
    desk.shows(theirs, "first", "waits")


def test_what_alone_makes_chatwoot_fail_is_given_up_and_its_chat_goes_on(inner_desk: Desk) -> None:
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    desk.chatwoot.fault("disk-full-messages", delay=0, containing="poison")
    desk.customer(number, "poison")
    desk.customer(number, "after it")
    said = []
    dead = "select reason from journal where state = 'dead' and direction = 'in'"
    while not desk.rows(dead):
        said.append(f"meanwhile {len(said)}")
        desk.customer(other, said[-1])
        desk.shows(theirs, "first", *said)
    assert len(said) >= 9  # each try had others delivered since the one before
    [(reason,)] = desk.rows(dead)
    assert "PG::DiskFull" in reason
    desk.shows(conversation, "first", "after it")
    desk.rows("select 1")
    assert desk.rows("select status from integration") == [("active",)]
