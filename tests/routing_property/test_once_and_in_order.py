"""Whatever happens between customers and agents: every message arrives, once, in order, and where
it belongs.

Hypothesis makes up what people write and what goes wrong meanwhile; the bridge, Chatwoot and the
phone with its gateway are real processes (the last two are the sandboxes).
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.routing_property import faults
from tests.routing_property.installation import LINES, Chat, Installation

#: How long all may take to arrive once nothing is broken any more, in seconds.
SETTLE_S = 90.0
#: How long doubles are waited for after that: longer than any webhook is held back or repeated.
LATE_S = 1.5
ECHO_WAIT_S = 2
#: Customers; each of them may write to each of our numbers.
PEOPLE = 2
#: What is killed again and again is started again later and later.
MOST_KILLS = 2
#: More traffic of each number: only what a gateway says later proves that an echo is missing.
TICKER = "5511900000000"

SETTINGS = settings(
    max_examples=int(os.environ.get("ROUTING_EXAMPLES", "5")),
    stateful_step_count=30,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    # A failure is told as it was found; to shorten it would mean to run it again and again.
    phases=[Phase.generate],
    database=None,
)

chats = st.integers(0, PEOPLE * len(LINES) - 1)
times = st.integers(1, 3)
moments = st.sampled_from([0.1, 0.5, 1.5])


class Conversations(RuleBasedStateMachine):
    """Customers of three numbers, their agents, the owner of the phones, and all that can go
    wrong."""

    loop: ClassVar[Installation]
    people: ClassVar[Iterator[int]]
    #: What was found first: real processes never do the same twice, so it cannot be repeated.
    found: ClassVar[list[str]]

    @initialize()
    def begin(self) -> None:
        """One customer says hello to each number; the other has not written yet."""
        numbers = [f"55119{61_000_000 + next(self.people)}" for _ in range(PEOPLE)]
        self.chats = [Chat(line, number) for number in numbers for line in LINES]
        self.to_chatwoot: dict[Chat, list[str]] = {chat: [] for chat in self.chats}
        self.to_phone: dict[Chat, list[str]] = {chat: [] for chat in self.chats}
        #: Texts whose echo came too late to prove anything: they may have been sent again.
        self.echoed_late: set[str] = set()
        self.words = itertools.count()
        self.conversations: dict[Chat, int] = {}
        self.kills = 0
        self.steps: list[str] = []
        self.began = time.monotonic()
        for chat in range(len(LINES)):
            self.customer_writes(chat)
        _until(self._knows_all_conversations, "the conversations to be there")

    # -- what people do ----------------------------------------------------------------------------

    @rule(chat=chats)
    def customer_writes(self, chat: int) -> None:
        self._writes("customer", self.chats[chat])

    @rule(chat=chats)
    def customer_sends_a_picture(self, chat: int) -> None:
        self._writes("customer", self.chats[chat], kind="image")

    @rule(chat=chats)
    def owner_types_on_the_phone(self, chat: int) -> None:
        self._writes("owner", self.chats[chat])

    @rule(chat=chats)
    def agent_answers(self, chat: int) -> None:
        self._answers(self.chats[chat])

    @rule(chat=chats, status=st.sampled_from(["delivered", "read"]))
    def customer_reads(self, chat: int, status: str) -> None:
        read = self.chats[chat]
        place = {"instance": read.line.instance, "chat": read.number}
        self.loop.phone.control("POST", "receipts", {**place, "status": status})

    # -- what goes wrong ---------------------------------------------------------------------------

    @rule(fault=faults.chatwoot, times=times, chat=chats, bound=st.booleans())
    def chatwoot_stumbles(self, fault: dict[str, Any], times: int, chat: int, bound: bool) -> None:
        path = (bound and self._below(chat)) or "^/api/"
        self._chatwoot_fault({**fault, "path": path, "times": times})
        self._both_write(chat)

    @rule(fault=faults.words, chat=chats, bound=st.booleans())
    def chatwoot_fails_inside(self, fault: dict[str, Any], chat: int, bound: bool) -> None:
        line = self.chats[chat].line
        place: dict[str, Any] = {"account_id": line.account_id, "user_id": line.user_id}
        if bound and fault["fault"] not in faults.UNBOUND:
            place["path"] = self._below(chat)
        self._chatwoot_fault({**fault, **place})
        self._both_write(chat)

    @rule(fault=faults.webhooks, times=times)
    def chatwoot_loses_or_mixes_up_webhooks(self, fault: dict[str, Any], times: int) -> None:
        self._chatwoot_fault({**fault, "path": "message_", "times": times})

    @rule(
        fault=st.one_of(faults.gateway, faults.in_front_of_gateway),
        times=times,
        chat=chats,
        bound=st.booleans(),
    )
    def gateway_stumbles(self, fault: dict[str, Any], times: int, chat: int, bound: bool) -> None:
        place = {"path": "^/api/message/"}
        if bound:
            one = self.chats[chat]
            place = {"path": f"^/api/message/.*/{one.line.instance}$", "body": one.number}
        self._phone_fault({**fault, **place, "times": times})
        self._both_write(chat)

    @rule(fault=faults.events, times=times)
    def gateway_repeats_or_mixes_up_events(self, fault: dict[str, Any], times: int) -> None:
        self._phone_fault({**fault, "times": times})

    @rule(chat=chats)
    def an_echo_comes_later_than_it_is_waited_for(self, chat: int) -> None:
        text = self._text("agent", self.chats[chat])
        late = {"kind": "webhook_delay", "body": f"{re.escape(text)}\\b"}
        self._phone_fault({**late, "seconds": ECHO_WAIT_S + 1.5, "times": 1})
        self.echoed_late.add(text)
        self._answers(self.chats[chat], text)

    @rule(seconds=moments, chat=chats)
    def disk_is_full_for_a_moment(self, seconds: float, chat: int) -> None:
        """Both sides go on talking while the bridge can write nothing."""
        self._log(f"the disk is full for {seconds} s")
        self.loop.bridge.fill_disk()
        self._both_write(chat)
        time.sleep(seconds)
        self.loop.bridge.fill_disk(False)

    @precondition(lambda self: self.kills < MOST_KILLS)
    @rule(name=st.sampled_from(["bridge-web", "bridge-router"]))
    def process_is_killed(self, name: str) -> None:
        """The parent of the processes starts it again."""
        for pid in self.loop.children():
            if _name(pid) == name:
                self._log(f"{name} is killed")
                self.kills += 1
                self.loop.kill_one(pid)
                return

    @rule(chat=chats)
    def power_fails(self, chat: int) -> None:
        """Both sides go on talking while all of the bridge is down."""
        self._log("power fails")
        self.loop.bridge.kill()
        self._both_write(chat)
        self.loop.bridge.start()

    # -- the end -----------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Nothing is broken any more: all settles, and what arrived is what was sent."""
        self.loop.chatwoot.heal()
        self.loop.phone.control("DELETE", "faults")
        if not hasattr(self, "chats"):
            return
        self._log("all is well again")
        until, ticked_at = time.monotonic() + SETTLE_S, 0.0
        while not self._has_settled() and time.monotonic() < until:
            if time.monotonic() - ticked_at > 1:
                for line in LINES:
                    self.loop.writes("customer", Chat(line, TICKER), "tick")
                ticked_at = time.monotonic()
            time.sleep(0.2)
        time.sleep(LATE_S)
        self._compare("one conversation each", *self._conversations_of_each())
        self._compare("in Chatwoot", self._in_chatwoot(), self._not_empty(self.to_chatwoot))
        self._compare("to WhatsApp", self._on_the_phone(), self._not_empty(self.to_phone))
        self._compare("typed on the phone", self._typed_on_the_phone(), self._typed())
        self._compare("shown as failed", self._shown_as_failed(), [])
        self._compare("not well", self._not_well(), [])

    def _compare(self, where: str, arrived: Any, sent: Any) -> None:
        if arrived != sent:
            steps = "\n".join(self.steps)
            self.found.append(f"{where}\narrived: {arrived}\nsent:    {sent}\n{steps}")
            raise AssertionError(self.found[-1])

    def _has_settled(self) -> bool:
        if not self._knows_all_conversations() or self._not_well():
            return False
        arrived = itertools.chain(*self._in_chatwoot().values(), *self._on_the_phone().values())
        sent = itertools.chain(*self.to_chatwoot.values(), *self.to_phone.values())
        return set(sent) <= set(arrived) and not self._shown_as_failed()

    # -- Chatwoot ----------------------------------------------------------------------------------

    def _knows_all_conversations(self) -> bool:
        """Whether all chats in which somebody wrote have a conversation."""
        for chat, found in self.loop.found_conversations(self.chats).items():
            if found:
                self.conversations[chat] = found[0]
        return all(chat in self.conversations for chat, sent in self.to_chatwoot.items() if sent)

    def _conversations_of_each(self) -> tuple[dict[str, int], dict[str, int]]:
        found = self.loop.found_conversations(self.chats)
        counted = {str(chat): len(ones) for chat, ones in found.items() if ones}
        return counted, {str(chat): 1 for chat, sent in self.to_chatwoot.items() if sent}

    def _in_chatwoot(self) -> dict[str, list[str]]:
        """What stands in each conversation, except for what its agents wrote there."""
        found = {}
        for chat, conversation in self.conversations.items():
            texts = [str(one["content"]) for one in self.loop.thread(chat, conversation)]
            theirs = f"agent {chat} "
            found[str(chat)] = [text for text in texts if not text.startswith(theirs)]
        return found

    def _shown_as_failed(self) -> list[str]:
        return [
            str(one["content"])
            for chat, conversation in self.conversations.items()
            for one in self.loop.thread(chat, conversation)
            if one["status"] == "failed"
        ]

    # -- WhatsApp ----------------------------------------------------------------------------------

    def _on_the_phone(self) -> dict[str, list[str]]:
        """What each customer got, except for what was typed on that phone."""
        found = {}
        for chat in self.chats:
            typed = f"owner {chat} "
            texts = [text for text in self.loop.sent(chat) if not text.startswith(typed)]
            found[str(chat)] = [
                text
                for before, text in itertools.pairwise(["", *texts])
                if text != before or text not in self.echoed_late
            ]
        return self._not_empty(found)

    def _typed_on_the_phone(self) -> dict[str, list[str]]:
        found = {
            str(chat): [text for text in self.loop.sent(chat) if text.startswith("owner ")]
            for chat in self.chats
        }
        return self._not_empty(found)

    def _typed(self) -> dict[str, list[str]]:
        return self._not_empty(
            {
                str(chat): [text for text in sent if text.startswith("owner ")]
                for chat, sent in self.to_chatwoot.items()
            }
        )

    @staticmethod
    def _not_empty(texts: dict[Any, list[str]]) -> dict[str, list[str]]:
        return {str(chat): found for chat, found in texts.items() if found}

    # -- the bridge --------------------------------------------------------------------------------

    def _not_well(self) -> list[Any]:
        """What the bridge gave up, or holds."""
        dead = self.loop.rows("select job, reason from journal where state = 'dead'")
        held = self.loop.rows("select status, last_error from integration where status <> 'active'")
        return [*dead, *held]

    # -- what the rules are made of ----------------------------------------------------------------

    def _text(self, who: str, chat: Chat) -> str:
        """A text that says who wrote it and in which chat."""
        return f"{who} {chat} {next(self.words)}"

    def _writes(self, who: str, chat: Chat, *, kind: str = "text") -> None:
        text = self._text(who, chat)
        self._log(text)
        self.to_chatwoot[chat].append(text)
        self.loop.writes(who, chat, text, kind)

    def _answers(self, chat: Chat, text: str = "") -> None:
        """Where there is no conversation yet, no agent can answer."""
        if chat not in self.conversations and not self._find(chat):
            return
        text = text or self._text("agent", chat)
        self._log(text)
        self.to_phone[chat].append(text)
        self.loop.reply(chat, self.conversations[chat], text)

    def _both_write(self, chat: int) -> None:
        """The customer and the agent, while something is wrong."""
        self.customer_writes(chat)
        self.agent_answers(chat)

    def _find(self, chat: Chat) -> bool:
        self._knows_all_conversations()
        return chat in self.conversations

    def _below(self, index: int) -> str:
        """The addresses of a chat's conversation, empty where it has none yet."""
        chat = self.chats[index]
        if chat not in self.conversations:
            return ""
        return f"/accounts/{chat.line.account_id}/conversations/{self.conversations[chat]}(/|$)"

    def _chatwoot_fault(self, fault: dict[str, Any]) -> None:
        self._log(f"Chatwoot: {fault}")
        self.loop.chatwoot.control("POST", "faults", fault)

    def _phone_fault(self, fault: dict[str, Any]) -> None:
        self._log(f"gateway: {fault}")
        self.loop.phone.control("POST", "faults", fault)

    def _log(self, step: str) -> None:
        self.steps.append(f"{time.monotonic() - self.began:7.2f} {step}")


@pytest.mark.slow
def test_every_message_arrives_once_in_order_and_where_it_belongs_whatever_goes_wrong() -> None:
    waits: dict[str, Any] = {
        "BRIDGE_ECHO_WAIT": str(ECHO_WAIT_S),
        "BRIDGE_CHATWOOT_RUNS_ON": "2",
        "BRIDGE_RETRY_MOST": "2",
        "BRIDGE_LOOK_INTERVAL": "2",
    }
    with Installation(**waits) as loop:
        switches = {"webhook_retry_max_s": 1.0, "webhook_timeout_s": 3.0}
        loop.phone.control("POST", "switches", switches)
        Conversations.loop, Conversations.people = loop, itertools.count()
        Conversations.found = []
        try:
            run_state_machine_as_test(Conversations, settings=SETTINGS)
        except Exception:
            if Conversations.found:
                pytest.fail(Conversations.found[0])
            raise


def _until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SETTLE_S
    while not holds():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.05)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
