"""What the bridge costs, as ratios within one run.

`python -m bench.ratios` prints (a) how many gateway events the web process acknowledges, each
durably kept, against a path of the same server that does nothing; (b) how fast the router delivers
against a bare loop of the same posts; (c) how long Chatwoot waits for the answer to its webhook
while the whole loop works.
"""

import argparse
import hashlib
import hmac
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import requests

from bench import load
from bench.loop import INSTANCE, Loop
from bench.web import NOTHING
from bridge.config import settings
from bridge.domain.models import Integration, Status
from bridge.services import Services
from bridge.store.instances import Hook
from tests.support.processes import Process, SandboxChatwoot, SandboxPhone, free_port

#: Address, headers and body.
_Post = tuple[str, dict[str, str], dict[str, Any]]

_CHATS = 200
_MESSAGES = "('message', 'reply')"
_ANY = "('message', 'reply', 'file', 'receipt', 'typing', 'profile')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=4000, help="in each round of (a)")
    parser.add_argument("--rounds", type=int, default=5, help="of (a) and (b)")
    parser.add_argument("--connections", type=int, default=16, help="kept open by the load")
    parser.add_argument("--messages", type=int, default=800, help="in each round of (b)")
    parser.add_argument("--webhooks", type=int, default=1500, help="in (c)")
    parser.add_argument("--per-second", type=float, default=25.0, help="in (c), each way")
    parser.add_argument("--only", choices=["a", "b", "c"], help="one of the three")
    given = parser.parse_args()
    with Loop() as loop:
        known = _Known(loop)
        if given.only in {None, "b"}:
            delivering(loop, known, given.messages, given.rounds)
        if given.only in {None, "c"}:
            answering(loop, known, given.webhooks, given.per_second)
        if given.only in {None, "a"}:  # last: it leaves thousands of messages behind
            acknowledging(loop, known, given.events, given.rounds, given.connections)


class _Known:
    """What the other side knows of us: where to call, and with which secret."""

    def __init__(self, loop: Loop) -> None:
        environ = {"BRIDGE_INSTANCE_DIR": str(loop.bridge.instance_dir)}
        services = Services.open(settings.load(environ))
        instance = services.instances.find(INSTANCE)
        integration = services.integrations.of(instance.id) if instance else None
        if instance is None or integration is None:
            raise SystemExit("the loop is not joined")
        self.hook: Hook = services.instances.hook(instance.id)
        self.integration: Integration = integration
        services.close()


# -- (a) acknowledging -----------------------------------------------------------------------------


def acknowledging(loop: Loop, known: _Known, events: int, rounds: int, connections: int) -> None:
    """Requests for each second, kept against not kept; the rounds alternate."""
    loop.bridge.stop()
    port = free_port()
    folder = loop.bridge.instance_dir
    environ = {"BRIDGE_INSTANCE_DIR": str(folder), "BRIDGE_SANDBOX": "false"}
    web = Process(["-m", "bench.web", str(port)], environ=environ, log=folder / "web.log")
    web.ready(f"http://127.0.0.1:{port}/api/openapi.json")
    ids = itertools.count()
    kept, bare = [], []
    for _ in range(rounds + 1):
        to_nothing = _events(NOTHING, known, ids, events)
        bare.append(load.run(port, iter(to_nothing), connections=connections))
        to_hook = _events(f"/hooks/gateway/{known.hook.key}", known, ids, events)
        kept.append(load.run(port, iter(to_hook), connections=connections))
    web.stop()
    refused = sum(one.refused for one in kept + bare)
    if refused:
        raise SystemExit(f"{refused} of the events were not taken")
    # The first round warms up.
    ours, theirs = (sorted(one.per_second for one in found[1:]) for found in (kept, bare))
    middle = len(ours) // 2
    print(
        f"(a) acknowledging a gateway event, durably: {ours[middle]:.0f}/s; "
        f"doing nothing: {theirs[middle]:.0f}/s; ratio {ours[middle] / theirs[middle]:.2f}"
    )


def _events(path: str, known: _Known, ids: Iterator[int], count: int) -> list[bytes]:
    """Texts of many customers, as the gateway posts them (docs/contracts/ryzeapi.md, Events)."""
    headers = {"Authorization": str(known.hook.secret)}
    if path == NOTHING:  # a page, which takes forms alone
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return [
        load.post(path, json.dumps(_text_event(next(ids))).encode(), headers) for _ in range(count)
    ]


def _text_event(index: int) -> dict[str, Any]:
    number = f"55119{80_000_000 + index % _CHATS}"
    person = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": f"Customer {number}"}
    return {
        "event": "message.exchange",
        "data": {
            "id": f"3EB0{index:018X}",
            "direction": "incoming",
            "timestamp": datetime.now(UTC).isoformat(),
            "chat": {**person, "type": "private"},
            "sender": person,
            "recipient": None,
            "message": {
                "type": "text",
                "content": f"message {index}",
                "source": "",
                "isForwarded": False,
                "isEdit": False,
                "context": None,
                "media": None,
                "reaction": None,
                "interactive": None,
            },
        },
        "instanceData": {"baseUrl": "http://127.0.0.1", "instance": INSTANCE, "token": "unused"},
    }


# -- (b) delivering --------------------------------------------------------------------------------


def delivering(loop: Loop, known: _Known, messages: int, rounds: int) -> None:
    """A queue that the router empties, against a loop that posts the same to the sandbox."""
    conversations = _open_conversations(loop)
    numbers = sorted(conversations)
    ids = [conversations[number] for number in numbers]
    names = itertools.count()
    texts = _Compared("customers' texts to Chatwoot", loop, known)
    replies = _Compared("agents' replies to WhatsApp", loop, known)
    for _ in range(rounds):
        texts.measure(
            [_chatwoot_post(loop, ids[n % len(ids)], next(names)) for n in range(messages)],
            [_customer_writes(loop, numbers[n % len(numbers)], n) for n in range(messages)],
        )
        replies.measure(
            [_phone_post(loop, numbers[n % len(numbers)], n) for n in range(messages)],
            [_agent_replies(loop, ids[n % len(ids)], n) for n in range(messages)],
        )
    texts.say()
    replies.say()


def _chatwoot_post(loop: Loop, conversation_id: int, number: int) -> _Post:
    url = f"{loop.chatwoot.base_url}/api/v1/accounts/1/conversations/{conversation_id}/messages"
    body = {
        "content": f"message {number}",
        "message_type": "incoming",
        "source_id": f"WAID:B{number}",
    }
    return url, {"api-access-token": SandboxChatwoot.admin}, body


def _phone_post(loop: Loop, chat: str, number: int) -> _Post:
    url = f"{loop.phone.base_url}/api/message/text/{INSTANCE}"
    body = {"number": chat, "message": f"message {number}"}
    return url, {"token": SandboxPhone.instance_token}, body


def _customer_writes(loop: Loop, chat: str, number: int) -> Callable[[], object]:
    action = {"kind": "text", "chat": chat, "text": f"m {number}"}
    return lambda: loop.phone.control("POST", "customer", action)


def _agent_replies(loop: Loop, conversation_id: int, number: int) -> Callable[[], object]:
    path = f"agent/conversations/{conversation_id}/messages"
    return lambda: loop.chatwoot.control("POST", path, {"content": f"reply {number}"})


class _Compared:
    """Our way of bringing messages, beside bare posts of as many, round by round."""

    def __init__(self, what: str, loop: Loop, known: _Known) -> None:
        self._what, self._loop, self._known = what, loop, known
        self._found: list[tuple[float, float, float]] = []

    def measure(self, posts: list[_Post], actions: list[Callable[[], object]]) -> None:
        """One round; each figure in messages for each second."""
        bare, bare_many = _post_all(posts, threads=1), _post_all(posts, threads=16)
        with _Paused(self._loop, self._known) as router:
            for action in actions:
                action()
            router.wait_for_open(len(actions))
            self._found.append((len(actions) / router.empty(), bare, bare_many))

    def say(self) -> None:
        """The medians of all rounds; each ratio is taken within its round."""
        ours, bare, bare_many = (
            statistics.median(column) for column in zip(*self._found, strict=True)
        )
        ratio = statistics.median(one[0] / one[1] for one in self._found)
        ratio_many = statistics.median(one[0] / one[2] for one in self._found)
        print(
            f"(b) {self._what}: {ours:.0f}/s; bare loop of posts: {bare:.0f}/s, in 16 threads: "
            f"{bare_many:.0f}/s; ratio {ratio:.2f} and {ratio_many:.2f}"
        )


def _open_conversations(loop: Loop) -> dict[str, int]:
    """Conversations of many customers, by number."""
    for index in range(_CHATS):
        action = {"kind": "text", "chat": f"55119{70_000_000 + index}", "text": "hello"}
        loop.phone.control("POST", "customer", action)
    until = time.monotonic() + 120
    found: dict[str, int] = {}
    while len(found) < _CHATS and time.monotonic() < until:
        time.sleep(0.5)
        found = {
            str(one["source_id"]): int(one["id"])
            for one in loop.conversations()
            if str(one["source_id"]).startswith("551197")
        }
    return found


def _post_all(posts: list[_Post], *, threads: int) -> float:
    """Posts for each second; every thread has a session of its own and every n-th post."""

    def work(mine: list[_Post]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for url, headers, body in mine:
                session.post(url, headers=headers, json=body, timeout=60).raise_for_status()

    began = time.perf_counter()
    workers = [
        threading.Thread(target=work, args=(posts[number::threads],)) for number in range(threads)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return len(posts) / (time.perf_counter() - began)


class _Paused:
    """The integration is paused while a queue builds up."""

    def __init__(self, loop: Loop, known: _Known) -> None:
        self._id = known.integration.id
        environ = {"BRIDGE_INSTANCE_DIR": str(loop.bridge.instance_dir)}
        self._services = Services.open(settings.load(environ))

    def __enter__(self) -> "_Paused":
        # The bare loop leaves echoes and receipts behind, which are none of what is measured.
        until = time.monotonic() + 300
        while self._open(_ANY):
            if time.monotonic() > until:
                raise SystemExit(f"{self._open(_ANY)} entries before the measurement never ended")
            time.sleep(0.2)
        self._set(Status.PAUSED)
        time.sleep(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._services.close()

    def _set(self, status: Status) -> None:
        self._services.integrations.judge(self._id, status, None, now=time.time())
        self._services.wakeup.wake(look_again=True)

    def wait_for_open(self, count: int) -> None:
        """Until so many messages wait."""
        until = time.monotonic() + 120
        while self._open() < count:
            if time.monotonic() > until:
                raise SystemExit(f"only {self._open()} of {count} messages were kept")
            time.sleep(0.2)

    def empty(self) -> float:
        """Lets the router go; seconds until nothing waits."""
        began = time.perf_counter()
        self._set(Status.ACTIVE)
        while self._open():
            time.sleep(0.02)
        return time.perf_counter() - began

    def _open(self, jobs: str = _MESSAGES) -> int:
        [found] = self._services.store.db.rows(
            f"select count(*) as waiting from journal where job in {jobs} "
            "and state in ('ready', 'sending', 'unconfirmed')"
        )
        return int(found["waiting"])


# -- (c) answering ---------------------------------------------------------------------------------


def answering(loop: Loop, known: _Known, webhooks: int, per_second: float) -> None:
    """Replies are announced at a steady rate while as many texts come from customers."""
    conversations = _open_conversations(loop)
    numbers = sorted(conversations)
    over = threading.Event()

    def customers() -> None:
        for index in itertools.count():
            action = {"kind": "text", "chat": numbers[index % len(numbers)], "text": f"c {index}"}
            loop.phone.control("POST", "customer", action)
            if over.wait(1 / per_second):
                return

    thread = threading.Thread(target=customers)
    thread.start()
    path = f"/hooks/chatwoot/{known.integration.webhook_key}"
    found = load.run(
        loop.bridge.port,
        (
            _reply_event(path, index, numbers[index % len(numbers)], conversations, known)
            for index in range(webhooks)
        ),
        connections=10,
        pause_s=1 / per_second,
        reuse=False,
    )
    over.set()
    thread.join()
    print(
        f"(c) answer to Chatwoot's webhook, {per_second:.0f}/s beside {per_second:.0f} customers' "
        f"texts/s: median {1000 * found.percentile(0.5):.1f} ms, "
        f"p99 {1000 * found.percentile(0.99):.1f} ms, most {1000 * max(found.latencies):.1f} ms"
    )


def _reply_event(
    path: str, index: int, number: str, conversations: dict[str, int], known: _Known
) -> bytes:
    """A signed `message_created` (docs/contracts/chatwoot.md, Webhooks and Signatures)."""
    contact = {"id": 1, "name": number, "phone_number": f"+{number}", "type": "contact"}
    body = json.dumps(
        {
            "event": "message_created",
            "id": 10_000_000 + index,
            "content": f"reply {index}",
            "content_type": "text",
            "content_attributes": {},
            "message_type": "outgoing",
            "private": False,
            "source_id": None,
            "created_at": datetime.now(UTC).isoformat(),
            "account": {"id": known.integration.account_id, "name": "Sandbox"},
            "inbox": {"id": known.integration.inbox_id, "name": "WhatsApp"},
            "sender": {"id": 1, "name": "Ana Admin", "type": "user"},
            "conversation": {
                "id": conversations[number],
                "inbox_id": known.integration.inbox_id,
                "status": "open",
                "contact_inbox": {"source_id": number, "contact_id": 1},
                "meta": {"sender": contact},
            },
        }
    ).encode()
    stamp = str(int(time.time()))
    signed = hmac.new(
        known.integration.webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256
    )
    headers = {
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Signature": f"sha256={signed.hexdigest()}",
        "Connection": "close",
    }
    return load.post(path, body, headers)


if __name__ == "__main__":
    main()
