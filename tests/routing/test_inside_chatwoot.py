"""Something fails inside Chatwoot, or in front of it: every message arrives, once and in order.

One row for each fault of a real Chatwoot that can touch a message (docs/contracts/chatwoot.md,
Answers), in the directions that it can touch. It heals without a person; where one must act, the
test acts, and counts after it.
"""

import contextlib
import threading
from dataclasses import dataclass, field

import pytest
import requests

from tests.routing.desk import Desk, Json, until

#: What the sandbox waits at most where the real one waits 5, 14 or 22 seconds.
_DELAY_S = 0.4


@dataclass(frozen=True)
class Row:
    """A fault by its word, and how it is set. `files`: a picture arrives as it is under it."""

    word: str
    more: Json = field(default_factory=dict)
    files: bool = True

    def __str__(self) -> str:
        return "-".join([self.word, *(str(one) for one in self.more.get("requests", []))])


#: Faults that are in force for a while and then over, or that are done at once.
PASSING = [
    Row("messages-locked"),
    Row("messages-unreadable"),
    Row("contacts-locked"),
    Row("conversations-locked"),
    Row("conversations-unreadable"),
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
    Row("pg-stopped"),
    Row("just-booted"),
    Row("ids-jump"),
    Row("redis-down"),
    Row("redis-goes"),
    Row("redis-full"),
    Row("redis-read-only"),
    Row("redis-hangs"),
    Row("redis-restarted"),
    Row("redis-emptied"),
    Row("cable-deaf"),
    Row("jobs-stopped"),
    Row("jobs-killed"),
    Row("jobs-late", {"delay": 1.5}),
    Row("jobs-shuffled"),
    Row("jobs-doubled"),
    # A file that lost its bytes is brought again: tests/routing/test_lost_files.py.
    Row("storage-full", files=False),
    Row("storage-read-only", files=False),
    Row("web-killed"),
    Row("web-restarted"),
    Row("web-hangs"),
    Row("request-waits"),
    Row("account-suspended"),
    Row("api-disabled"),
    Row("user-demoted"),
    Row("search-limited"),
    Row("proxy-502"),
    Row("proxy-503"),
    Row("proxy-504"),
    Row("proxy-502-done"),
    Row("late-504", {"after": 0.5}),
    Row("firewall-403"),
    Row("redirected"),
    Row("truncated"),
    Row("plain-text"),
    Row("answer-lost"),
]


@pytest.mark.parametrize("row", PASSING, ids=str)
def test_messages_arrive_once_and_in_order_in_spite_of(inner_desk: Desk, row: Row) -> None:
    """Of a known customer and a new one; and of agents, whose own posts meet the fault when they
    come over REST and do not when they come from Chatwoot's page: whatever Chatwoot kept of them
    leaves."""
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    new, texts = desk.number(), [f"text {index}" for index in range(3)]
    desk.chatwoot.fault(row.word, **({"delay": _DELAY_S, "seconds": 2.0} | row.more))
    by_rest = threading.Thread(target=_agent_posts, args=(desk, theirs, 2))
    by_rest.start()
    for text in texts:
        desk.customer(number, text)
        desk.customer(new, text)
        desk.reply(theirs, f"reply {text}")
    arrive = ["first", *texts]
    if row.files:
        desk.customer(number, "a picture", kind="image")
        arrive.append("a picture")
    desk.shows(conversation, *arrive)
    desk.shows(desk.conversation(new), *texts)
    by_rest.join()
    desk.calm_chatwoot()
    until(lambda: len(desk.sent(other)) >= len(_kept(desk, theirs)), "the replies")
    for chat in (number, new, other):
        desk.settled(chat)
    desk.shows(conversation, *arrive)
    desk.shows(desk.conversation(new), *texts)
    desk.gets(other, *_kept(desk, theirs))
    assert len(desk.sent(other)) >= len(texts)
    assert desk.dead(number, new, other) == []
    _is_well(desk, conversation, theirs, desk.conversation(new))


def _agent_posts(desk: Desk, conversation: int, count: int) -> None:
    """Whatever Chatwoot answers, or does not."""
    for index in range(count):
        with contextlib.suppress(requests.RequestException):
            requests.post(
                f"{desk.chatwoot.base_url}/api/v1/accounts/1/conversations/{conversation}/messages",
                json={"content": f"by REST {index}"},
                headers={"api-access-token": desk.chatwoot.admin},
                timeout=30,
            )


def _kept(desk: Desk, conversation: int) -> list[str]:
    """What Chatwoot has of agents' replies, in its order."""
    return [one["content"] for one in desk.thread(conversation) if one["message_type"] == 1]


def _is_well(desk: Desk, *conversations: int) -> None:
    """Everything goes on by itself, and nothing is shown as failed."""
    until(lambda: desk.rows("select status from integration") == [("active",)], "going on")

    def failed() -> list[str]:
        shown = [one for each in conversations for one in desk.thread(each)]
        return [one["content"] for one in shown if one["status"] == "failed"]

    until(lambda: not failed(), "no mark to stand")


# -- where a person must act -----------------------------------------------------------------------


@pytest.mark.parametrize("word", ["token-reset", "user-removed", "inbox-deleted"])
def test_everything_waits_for_the_person_who_must_act_and_then_arrives(
    inner_desk: Desk, word: str
) -> None:
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    new, texts = desk.number(), [f"text {index}" for index in range(3)]
    # Replies that wait for the gateway while it happens are not lost either.
    down = {"kind": "status", "status": 503, "path": "/api/message/text/"}
    desk.phone.control("POST", "faults", down)
    desk.reply(theirs, "a reply")
    desk.reply(theirs, "another")
    until(lambda: len(desk.open_entries(other)) == 2, "both replies in the journal")
    made = desk.chatwoot.fault(
        word, **({"inbox_id": desk.inbox(), "delay": 0} if "inbox" in word else {})
    )
    for text in texts:
        desk.customer(number, text)
        desk.customer(new, text)
    desk.phone.control("DELETE", "faults")
    until(lambda: desk.rows("select status from integration") == [("error",)], "the error")
    assert desk.dead(number, new, other) == []
    token = made.get("token", desk.chatwoot.admin)
    try:
        if word == "user-removed":
            desk.calm_chatwoot()  # he is a member again: the bridge finds out by itself
        else:
            desk.join(token=token)
        if word == "inbox-deleted":  # its conversations are gone with it
            until(lambda: desk.conversations(number), "a conversation in the new inbox")
            desk.shows(desk.conversation(number), *texts)
        else:
            desk.shows(conversation, "first", *texts)
        until(lambda: desk.conversations(new), "the conversation of the new one")
        desk.shows(desk.conversation(new), *texts)
        desk.gets(other, "a reply", "another")
        for chat in (number, new, other):
            desk.settled(chat)
        desk.shows(desk.conversation(new), *texts)
        desk.gets(other, "a reply", "another")
        assert desk.dead(number, new, other) == []
        _is_well(desk, desk.conversation(number), desk.conversation(new))
    finally:
        if token != desk.chatwoot.admin:
            owner = admin_id(desk, token)
            desk.chatwoot.control("PATCH", f"users/{owner}", {"access_token": desk.chatwoot.admin})
            desk.join()


def admin_id(desk: Desk, token: str) -> int:
    answer = requests.get(
        f"{desk.chatwoot.base_url}/api/v1/profile", headers={"api-access-token": token}, timeout=10
    )
    return int(answer.json()["id"])


# -- poison ----------------------------------------------------------------------------------------


def test_an_outage_never_looks_like_poison(inner_desk: Desk) -> None:
    """Nobody else is served meanwhile, so the answers prove nothing about the one message."""
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    desk.chatwoot.fault("disk-full-messages", delay=0)
    desk.customer(number, "waits")
    desk.customer(other, "waits")

    def tries() -> list[int]:
        sql = "select attempts from journal where state = 'ready' and job = 'message'"
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
    said: list[str] = []
    while not desk.dead(number):
        said.append(f"meanwhile {len(said)}")
        desk.customer(other, said[-1])
        desk.shows(theirs, "first", *said)
    assert len(said) >= 9  # each try had others delivered since the one before
    [reason] = desk.dead(number)
    assert "PG::DiskFull" in reason
    desk.shows(conversation, "first", "after it")
    assert desk.rows("select status from integration") == [("active",)]
