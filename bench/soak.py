"""Sends messages both ways while processes are killed and either side fails, and counts.

`python -m bench.soak` prints how many arrived, how many twice and how many out of order.
"""

import argparse
import contextlib
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

import requests

from bench.loop import INSTANCE, Loop

#: `private`: no public address, but the gateway stands in the same network.
_SETTINGS = {"webhooks": {}, "private": {}, "sockets": {"BRIDGE_GATEWAY_URL": "none"}}


@dataclass(frozen=True)
class Plan:
    """How much is sent and what goes wrong meanwhile; times in seconds."""

    messages: int
    chats: int
    kills: int
    outages: int
    outage_s: float
    settle_s: float
    transport: str = "webhooks"
    #: How long faults inside Chatwoot follow each other, in seconds.
    inside_s: float = 0.0
    #: The share of posts that a firewall in front of Chatwoot answers with a page of its own.
    firewall: float = 0.0
    #: How long the disk of the bridge takes nothing, in seconds.
    disk_full_s: float = 0.0

    @property
    def lasts_s(self) -> float:
        """How long things go wrong."""
        return max(self.outages * 2 * self.outage_s, self.inside_s, self.disk_full_s * 2)


#: Faults of a real Chatwoot that pass by themselves, by the sandbox's words (docs/sandbox.md).
# fmt: off
INSIDE = [
    "messages-locked", "messages-unreadable", "contacts-locked", "conversations-locked",
    "attachments-locked", "conversation-row-locked", "contact-row-locked", "two-waits",
    "pool-exhausted", "deadlock-messages", "deadlock-contacts", "deadlock-conversations",
    "disk-full-messages", "disk-full-contacts", "pg-read-only", "out-of-memory-messages",
    "pg-down", "redis-down", "redis-goes", "redis-full", "redis-read-only", "redis-hangs",
    "jobs-stopped", "jobs-killed", "jobs-late", "jobs-shuffled", "jobs-doubled", "web-killed",
    "web-hangs", "account-suspended", "user-demoted", "proxy-502", "proxy-503", "proxy-502-done",
    "firewall-403", "redirected", "truncated", "plain-text", "answer-lost",
]
# fmt: on


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--outages", type=int, default=3, help="of each side")
    parser.add_argument("--outage-s", type=float, default=60.0)
    parser.add_argument("--settle-s", type=float, default=600.0, help="patience at the end")
    parser.add_argument("--transport", choices=list(_SETTINGS), default="webhooks")
    parser.add_argument("--inside-s", type=float, default=0.0, help="of faults inside Chatwoot")
    parser.add_argument("--firewall", type=float, default=0.0, help="share of posts it answers")
    parser.add_argument("--disk-full-s", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = vars(parser.parse_args())
    seed = given.pop("seed")
    print(f"seed {seed}")
    return 0 if run(Plan(**given), random.Random(seed)) else 1


def run(plan: Plan, dice: random.Random, **settings: str) -> bool:
    """Whether every message arrived, once and in order, with further BRIDGE_ variables."""
    settings = {"BRIDGE_ECHO_WAIT": "10", **_SETTINGS[plan.transport], **settings}
    with Loop(public=plan.transport == "webhooks", **settings) as loop:
        numbers = [f"55119{10_000_000 + index}" for index in range(plan.chats)]
        for number in numbers:
            loop.phone.control("POST", "contacts", {"number": number, "name": f"C {number}"})
        began = time.monotonic()
        conversations = _open_conversations(loop, numbers, plan)
        each = plan.messages // 2
        done = threading.Event()
        troubles = [
            threading.Thread(target=_make_trouble, args=(loop, plan, dice, done)),
            threading.Thread(target=_fail_inside, args=(loop, plan, random.Random(dice.random()))),
            threading.Thread(target=_fill_disk, args=(loop, plan)),
        ]
        for trouble in troubles:
            trouble.start()
        senders = [
            threading.Thread(target=_customers, args=(loop, numbers, each - plan.chats, plan)),
            threading.Thread(target=_agents, args=(loop, conversations, each, plan)),
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        for trouble in troubles:
            trouble.join()
        loop.chatwoot.heal()
        ok = _settle(loop, plan, conversations)
        ok &= _report_marks(loop, conversations)
        print(f"took {time.monotonic() - began:.0f} s")
        return ok


def _open_conversations(loop: Loop, numbers: list[str], plan: Plan) -> dict[str, int]:
    """The first message of every chat, which makes its conversation."""
    for index, number in enumerate(numbers):
        loop.phone.control("POST", "customer", _action(number, index, 0))
    until = time.monotonic() + plan.settle_s
    while time.monotonic() < until:
        found = {
            str(one["source_id"]).partition("@")[0]: int(one["id"]) for one in loop.conversations()
        }
        if len(found) >= plan.chats:
            return found
        time.sleep(0.2)
    raise SystemExit(f"only {len(found)} of {plan.chats} conversations came up")


def _action(number: str, chat: int, index: int) -> dict[str, object]:
    return {"kind": "text", "chat": number, "text": f"in {chat:04} {index:05}"}


def _customers(loop: Loop, numbers: list[str], count: int, plan: Plan) -> None:
    pause = _pause(count, plan)
    for sent in range(count):
        chat = sent % len(numbers)
        action = _action(numbers[chat], chat, 1 + sent // len(numbers))
        loop.phone.control("POST", "customer", action)
        time.sleep(pause)


def _agents(loop: Loop, conversations: dict[str, int], count: int, plan: Plan) -> None:
    pause = _pause(count, plan)
    ordered = sorted(conversations.items())
    for sent in range(count):
        chat = sent % len(ordered)
        text = f"out {chat:04} {sent // len(ordered):05}"
        path = f"agent/conversations/{ordered[chat][1]}/messages"
        loop.chatwoot.control("POST", path, {"content": text})
        time.sleep(pause)


def _pause(count: int, plan: Plan) -> float:
    """Spreads the messages over the whole time in which things go wrong."""
    return max(plan.lasts_s * 0.9, 1.0) / max(count, 1)


def _fail_inside(loop: Loop, plan: Plan, dice: random.Random) -> None:
    """One fault inside Chatwoot after the other, and moments of peace between them."""
    ends = time.monotonic() + plan.inside_s
    if plan.firewall:
        loop.chatwoot.fault("firewall-403", chance=plan.firewall, requests=["message", "conv"])
    while time.monotonic() < ends:
        word, seconds = dice.choice(INSIDE), dice.uniform(1.0, 8.0)
        more = {"chance": 0.5} if word == "jobs-killed" else {}
        loop.chatwoot.fault(word, seconds=seconds, delay=dice.uniform(0.0, 5.0), **more)
        time.sleep(seconds + dice.uniform(0.0, 3.0))
        if dice.random() < 0.3:
            loop.chatwoot.fault("web-restarted")  # or a cable that became deaf stays so


def _fill_disk(loop: Loop, plan: Plan) -> None:
    """For a while in the middle no file of the bridge can grow, nor be written anew."""
    if not plan.disk_full_s:
        return
    time.sleep(plan.lasts_s / 4)
    ends = time.monotonic() + plan.disk_full_s
    while time.monotonic() < ends:
        loop.bridge.fill_disk()
        time.sleep(0.5)
    loop.bridge.fill_disk(False)


def _make_trouble(loop: Loop, plan: Plan, dice: random.Random, done: threading.Event) -> None:
    """Outages of either side in turn; kills spread over them."""
    slots = max(plan.outages * 2, 1)
    kills = [dice.randrange(slots) for _ in range(plan.kills)]
    for slot in range(slots):
        ends = time.monotonic() + plan.outage_s
        side = None
        if plan.outages:
            side = loop.chatwoot if slot % 2 == 0 else loop.phone
            _break(side is loop.chatwoot, loop, dice)
        for _ in range(kills.count(slot)):
            time.sleep(dice.uniform(0, plan.outage_s / (kills.count(slot) + 1)))
            victims = loop.children()
            victim = dice.choice(victims)
            loop.kill_one(victim)
        time.sleep(max(0.0, ends - time.monotonic()))
        if side is not None:
            side.control("DELETE", "faults")
    done.set()


def _break(is_chatwoot: bool, loop: Loop, dice: random.Random) -> None:
    kinds: dict[bool, list[dict[str, object]]] = {
        True: [{"kind": "refuse", "status": 503}, {"kind": "drop"}, {"kind": "drop_after"}],
        False: [
            {"kind": "status", "status": 503, "message": "Instance is not connected to WhatsApp"},
            {"kind": "drop_before"},
            {"kind": "drop_after"},
        ],
    }
    fault = {**dice.choice(kinds[is_chatwoot]), "path": "^/api/", "times": None}
    side = loop.chatwoot if is_chatwoot else loop.phone
    side.control("POST", "faults", fault)


def _settle(loop: Loop, plan: Plan, conversations: dict[str, int]) -> bool:
    """Waits until nothing moves, then compares what was sent with what arrived."""
    until = time.monotonic() + plan.settle_s
    each = plan.messages // 2
    before, unchanged_since = -1, time.monotonic()
    while time.monotonic() < until:
        incoming, outgoing = _arrived_in(loop, conversations), _arrived_out(loop)
        count = sum(map(len, incoming)) + sum(map(len, outgoing))
        if count != before:
            before, unchanged_since = count, time.monotonic()
        enough = count >= 2 * each
        # A while longer, so that late doubles are seen.
        if time.monotonic() - unchanged_since > (15 if enough else 90):
            break
        # Gateways always have some traffic; without any, an unconfirmed send is not settled.
        loop.phone.control(
            "POST", "customer", {"kind": "text", "chat": "5511988887777", "text": "tick"}
        )
        time.sleep(2)
    # A gateway's socket replays nothing: what comes while it is down is never heard.
    may_lose = plan.transport == "sockets"
    ok = _report("customer to Chatwoot", incoming, each, may_lose=may_lose)
    ok &= _report("agent to WhatsApp", outgoing, each)
    return ok


def _arrived_in(loop: Loop, conversations: dict[str, int]) -> list[list[str]]:
    found = []
    for conversation in conversations.values():
        messages = loop.chatwoot.control("GET", f"agent/conversations/{conversation}/messages")
        texts = [str(one["content"]) for one in messages]
        found.append([text for text in texts if text.startswith("in ")])
    return found


def _arrived_out(loop: Loop) -> list[list[str]]:
    messages = loop.phone.control("GET", f"messages?instance={INSTANCE}")["messages"]
    by_chat: dict[str, list[str]] = {}
    for one in messages:
        if str(one["text"]).startswith("out "):
            by_chat.setdefault(one["chat"], []).append(one["text"])
    return list(by_chat.values())


def _report(title: str, chats: list[list[str]], sent: int, *, may_lose: bool = False) -> bool:
    arrived = sum(len(set(chat)) for chat in chats)
    doubled = sum(count - 1 for chat in chats for count in Counter(chat).values())
    unordered = sum(
        1 for chat in chats for one, other in zip(chat, chat[1:], strict=False) if other < one
    )
    print(f"{title}: {sent} sent, {arrived} arrived, {doubled} doubled, {unordered} out of order")
    return (may_lose or arrived == sent) and not doubled and not unordered


def _report_marks(loop: Loop, conversations: dict[str, int]) -> bool:
    """Dead letters, and what Chatwoot shows as failed although it arrived."""
    with contextlib.closing(sqlite3.connect(loop.bridge.instance_dir / "bridge.db")) as db:
        dead = db.execute("select count(*) from journal where state = 'dead'").fetchone()[0]
    until = time.monotonic() + 180  # marks are cleared by the next looks
    while (marked := _marked(loop, conversations)) and time.monotonic() < until:
        time.sleep(5)
    print(f"{dead} dead letters, {marked} messages shown as failed that have arrived")
    return not dead and not marked


def _marked(loop: Loop, conversations: dict[str, int]) -> int:
    found = 0
    for conversation in conversations.values():
        messages = loop.chatwoot.control("GET", f"agent/conversations/{conversation}/messages")
        found += sum(one["status"] == "failed" for one in messages)
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except requests.RequestException as error:
        sys.exit(f"a sandbox did not answer: {error}")
