"""Whatever happens between a customer and an agent: every message arrives, once and in order.

Hypothesis makes up what the two write and what goes wrong meanwhile; the bridge, Chatwoot and the
phone with its gateway are real processes (the last two are the sandboxes).
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bench.loop import INSTANCE, Loop

#: How long all may take to arrive once nothing is broken any more, in seconds.
SETTLE_S = 60.0
#: How long doubles are waited for after that: longer than any webhook is held back or repeated.
LATE_S = 1.2
CHATS = 3
#: More traffic of the same number: only what a gateway says later proves that an echo is missing.
TICKER = "5511900000000"

SETTINGS = settings(
    max_examples=int(os.environ.get("ROUTING_EXAMPLES", "10")),
    stateful_step_count=25,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    # A failure is told as it was found; to shorten it would mean to run it again and again.
    phases=[Phase.generate],
    database=None,
)

chats = st.integers(0, CHATS - 1)
times = st.integers(1, 3)

chatwoot_faults = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["drop", "drop_after"])}),
    st.fixed_dictionaries(
        {"kind": st.just("refuse"), "status": st.sampled_from([500, 502, 503, 504])}
    ),
    st.just({"kind": "refuse", "status": 429, "retry_after": 1}),
    st.just({"kind": "slow_after", "seconds": 0.3}),
)
webhook_faults = st.sampled_from(
    [
        {"kind": "webhook_double"},
        {"kind": "webhook_lost"},
        {"kind": "webhook_shuffle", "seconds": 0.5},
        {"kind": "webhook_delay", "seconds": 0.4},
    ]
)
gateway_faults = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["drop_before", "drop_after"])}),
    st.sampled_from(
        [
            {"kind": "status", "status": 503, "message": "Instance is not connected to WhatsApp"},
            {"kind": "status", "status": 429, "message": "Too many requests"},
            {"kind": "slow_after", "seconds": 0.3},
        ]
    ),
)
# A gateway keeps the order of what it tells about a chat, except for receipts and our own echoes.
event_faults = st.sampled_from(
    [
        {"kind": "webhook_double", "seconds": 0.2},
        {"kind": "webhook_delay", "seconds": 0.4},
        {"kind": "webhook_shuffle", "event": "message.status", "seconds": 0.5},
        {"kind": "webhook_shuffle", "body": "chatwoot-bridge:", "seconds": 0.5},
    ]
)


class Conversations(RuleBasedStateMachine):
    """Three customers, one agent, the owner of the phone, and everything that can go wrong."""

    loop: ClassVar[Loop]
    people: ClassVar[Iterator[int]]
    #: What was found first: real processes never do the same twice, so it cannot be repeated.
    found: ClassVar[list[str]]

    @initialize()
    def begin(self) -> None:
        """Three new customers say hello, which makes their conversations."""
        self.numbers = [f"55119{61_000_000 + next(self.people)}" for _ in range(CHATS)]
        self.to_chatwoot: list[list[str]] = [[] for _ in self.numbers]
        self.to_phone: list[list[str]] = [[] for _ in self.numbers]
        self.words = itertools.count()
        for chat in range(CHATS):
            self.customer_writes(chat)
        _until(lambda: len(self._conversations()) == CHATS, "the conversations to be there")
        self.conversations = self._conversations()

    # -- what people do ----------------------------------------------------------------------------

    @rule(chat=chats)
    def customer_writes(self, chat: int) -> None:
        text = f"customer {next(self.words)}"
        self.to_chatwoot[chat].append(text)
        self._phone("customer", {"kind": "text", "chat": self.numbers[chat], "text": text})

    @rule(chat=chats)
    def owner_types_on_the_phone(self, chat: int) -> None:
        text = f"owner {next(self.words)}"
        self.to_chatwoot[chat].append(text)
        self._phone("owner", {"kind": "text", "chat": self.numbers[chat], "text": text})

    @rule(chat=chats)
    def agent_answers(self, chat: int) -> None:
        text = f"agent {next(self.words)}"
        self.to_phone[chat].append(text)
        path = f"agent/conversations/{self.conversations[self.numbers[chat]]}/reply"
        self.loop.chatwoot.control("POST", path, {"content": text})

    @rule(chat=chats, status=st.sampled_from(["delivered", "read"]))
    def customer_reads(self, chat: int, status: str) -> None:
        self._phone("receipts", {"chat": self.numbers[chat], "status": status})

    # -- what goes wrong ---------------------------------------------------------------------------

    @rule(fault=chatwoot_faults, times=times)
    def chatwoot_stumbles(self, fault: dict[str, Any], times: int) -> None:
        given = {**fault, "path": "^/api/", "times": times}
        self.loop.chatwoot.control("POST", "faults", given)

    @rule(fault=webhook_faults, times=times)
    def chatwoot_loses_or_mixes_up_webhooks(self, fault: dict[str, Any], times: int) -> None:
        given = {**fault, "path": "message_", "times": times}
        self.loop.chatwoot.control("POST", "faults", given)

    @rule(fault=gateway_faults, times=times)
    def gateway_stumbles(self, fault: dict[str, Any], times: int) -> None:
        self._phone("faults", {**fault, "path": "^/api/message/", "times": times})

    @rule(fault=event_faults, times=times)
    def gateway_repeats_or_mixes_up_events(self, fault: dict[str, Any], times: int) -> None:
        self._phone("faults", {**fault, "times": times})

    @rule(name=st.sampled_from(["bridge-web", "bridge-router"]))
    def process_is_killed(self, name: str) -> None:
        """The parent of the processes starts it again."""
        for pid in self.loop.children():
            if _name(pid) == name:
                self.loop.kill_one(pid)
                return

    @rule(chat=chats)
    def power_fails(self, chat: int) -> None:
        """Both sides go on talking while all of the bridge is down."""
        self.loop.bridge.kill()
        self.customer_writes(chat)
        self.agent_answers(chat)
        self.loop.bridge.start()

    # -- the end -----------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Nothing is broken any more: all settles, and what arrived is what was sent."""
        self.loop.chatwoot.control("DELETE", "faults")
        self.loop.phone.control("DELETE", "faults")
        if not hasattr(self, "conversations"):
            return
        for chat in range(CHATS):
            # Whoever reads a conversation also finds the replies whose webhooks were lost.
            self.agent_answers(chat)
        until, ticked_at = time.monotonic() + SETTLE_S, 0.0
        while not self._has_all_arrived() and time.monotonic() < until:
            if time.monotonic() - ticked_at > 1:
                self._phone("customer", {"kind": "text", "chat": TICKER, "text": "tick"})
                ticked_at = time.monotonic()
            time.sleep(0.1)
        time.sleep(LATE_S)
        typed = [text for chat in self.to_chatwoot for text in chat if text.startswith("owner")]
        self._compare("in Chatwoot", self._in_chatwoot(), self.to_chatwoot)
        self._compare("to WhatsApp", self._on_the_phone(), self.to_phone)
        self._compare("typed on the phone", sorted(self._typed_on_the_phone()), sorted(typed))

    def _compare(self, where: str, arrived: list[Any], sent: list[Any]) -> None:
        if arrived != sent:
            self.found.append(f"{where}\narrived: {arrived}\nsent:    {sent}")
            raise AssertionError(self.found[-1])

    def _has_all_arrived(self) -> bool:
        arrived = itertools.chain(*self._in_chatwoot(), *self._on_the_phone())
        sent = itertools.chain(*self.to_chatwoot, *self.to_phone)
        return set(sent) <= set(arrived)

    def _conversations(self) -> dict[str, int]:
        """The conversations of our three customers, by number."""
        return {
            str(one["source_id"]): int(one["id"])
            for one in self.loop.conversations()
            if str(one["source_id"]) in self.numbers
        }

    def _in_chatwoot(self) -> list[list[str]]:
        """What stands in each conversation, except for what the agent wrote there."""
        found = []
        for number in self.numbers:
            path = f"agent/conversations/{self.conversations[number]}/messages"
            messages = self.loop.chatwoot.control("GET", path)
            texts = [str(one["content"]) for one in messages if one["message_type"] in (0, 1)]
            found.append([text for text in texts if not text.startswith("agent ")])
        return found

    def _on_the_phone(self) -> list[list[str]]:
        """What each customer got from the agent."""
        return [
            [text for text in self._texts(number) if text.startswith("agent ")]
            for number in self.numbers
        ]

    def _typed_on_the_phone(self) -> list[str]:
        return [
            text
            for number in self.numbers
            for text in self._texts(number)
            if text.startswith("owner ")
        ]

    def _texts(self, number: str) -> list[str]:
        path = f"messages?instance={INSTANCE}&chat={number}"
        messages = self.loop.phone.control("GET", path)["messages"]
        return [str(one["text"]) for one in messages if one["from_me"]]

    def _phone(self, path: str, deed: dict[str, Any]) -> None:
        self.loop.phone.control("POST", path, deed)


@pytest.mark.slow
def test_every_message_arrives_once_and_in_order_whatever_goes_wrong() -> None:
    with Loop(BRIDGE_ECHO_WAIT="2", BRIDGE_CHATWOOT_RUNS_ON="2") as loop:
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
