"""One chat that always fails beside fifty that do not: what the fifty lose of their throughput.

`python -m bench.sides` prints a line for each direction and kind of failure. The queue of all
builds up while the integration is paused, and is timed until that of the fifty is empty.
"""

import argparse
import statistics
import time

import requests

from bench.loop import Loop
from bridge.config import settings
from bridge.domain.models import Status
from bridge.services import Services

_CHATS = 50
#: A share of the throughput that the fifty may lose (docs/routing.md, What is promised).
_TARGET = 0.20
_CHATWOOT: dict[str, dict[str, object]] = {
    "429": {"kind": "refuse", "status": 429, "retry_after": 1},
    "503": {"kind": "refuse", "status": 503},
    "timeout": {"kind": "slow", "seconds": 45.0},
    "dropped": {"kind": "drop"},
}
_GATEWAY: dict[str, dict[str, object]] = {
    "429": {"kind": "status", "status": 429, "message": "Too many requests", "seconds": 1},
    "503": {"kind": "status", "status": 503, "message": "upstream busy"},
    "timeout": {"kind": "slow_before", "seconds": 45.0},
    "dropped": {"kind": "drop_before"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20, help="for each of the chats")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with Loop(BRIDGE_ECHO_WAIT="5") as loop:
        bench = _Bench(loop, given.messages)
        for into in (True, False):
            side = "customers to Chatwoot" if into else "agents to WhatsApp"
            faults = _CHATWOOT if into else {**_GATEWAY, "unreachable attachment": {}}
            for name, fault in faults.items():
                ratios = [bench.compare(fault, into=into) for _ in range(given.rounds)]
                lost = 1 - statistics.median(ratios)
                verdict = "ok" if lost <= _TARGET else "MISSED"
                print(
                    f"{side}, {name}: the fifty lose {lost:6.1%} (at most {_TARGET:.0%}) {verdict}"
                )


class _Bench:
    """The loop with fifty chats and the bad one."""

    def __init__(self, loop: Loop, messages: int) -> None:
        self._loop, self._messages = loop, messages
        environ = {"BRIDGE_INSTANCE_DIR": str(loop.bridge.instance_dir)}
        self._services = Services.open(settings.load(environ))
        [self._integration] = self._services.integrations.all()
        self._good = [f"49151{10_000_000 + index}" for index in range(_CHATS)]
        self._bad = "4915199999999"
        for number in [*self._good, self._bad]:
            self._customer(number, "hello")
        self._wait(_CHATS + 1)
        self._ids = {str(one["source_id"]): int(one["id"]) for one in loop.conversations()}

    def compare(self, fault: dict[str, object], *, into: bool) -> float:
        """The throughput of the fifty beside the bad chat, over that without it."""
        alone = self._time(None, into=into)
        return alone / self._time(fault, into=into)

    def _time(self, fault: dict[str, object] | None, *, into: bool) -> float:
        self._set(Status.PAUSED)
        time.sleep(1)
        for index in range(self._messages):
            for number in self._good:
                self._write(number, f"m {index}", into=into)
        if fault is not None:
            for index in range(self._messages):
                self._write(self._bad, f"bad {index}", into=into, attached=not fault)
            self._break(fault, into=into)
        began = time.perf_counter()
        self._set(Status.ACTIVE)
        while self._open(other_than=self._bad):
            time.sleep(0.02)
        took = time.perf_counter() - began
        self._loop.chatwoot.control("DELETE", "faults")
        self._loop.phone.control("DELETE", "faults")
        if fault is not None:
            self._end_bad()
        return took

    def _break(self, fault: dict[str, object], *, into: bool) -> None:
        path = f"/conversations/{self._ids[self._bad]}/messages$"
        if into:
            wish = {**fault, "method": "POST", "path": path}
            self._loop.chatwoot.control("POST", "faults", wish)
        elif fault:
            wish = {**fault, "path": "^/api/message/", "body": self._bad, "times": None}
            self._loop.phone.control("POST", "faults", wish)
        else:
            wish = {"kind": "drop", "method": "GET", "path": "active_storage"}
            self._loop.chatwoot.control("POST", "faults", wish)

    def _write(self, number: str, text: str, *, into: bool, attached: bool = False) -> None:
        if into:
            return self._customer(number, text)
        path = f"agent/conversations/{self._ids[number]}/messages"
        if not attached:
            self._loop.chatwoot.control("POST", path, {"content": text})
            return None
        answer = requests.post(
            f"{self._loop.chatwoot.base_url}/sandbox/api/{path}",
            data={"content": text},
            files={"attachments[]": ("x.pdf", b"%PDF-1.4 x", "application/pdf")},
            timeout=30,
        )
        answer.raise_for_status()
        return None

    def _customer(self, number: str, text: str) -> None:
        action = {"kind": "text", "chat": number, "text": text}
        self._loop.phone.control("POST", "customer", action)

    def _wait(self, conversations: int) -> None:
        until = time.monotonic() + 120
        while len(self._loop.conversations()) < conversations:
            if time.monotonic() > until:
                raise SystemExit("the conversations did not come up")
            time.sleep(0.2)

    def _end_bad(self) -> None:
        """What the bad chat still holds is none of the next measurement."""
        until = time.monotonic() + 180
        while self._open():
            if time.monotonic() > until:
                raise SystemExit("the bad chat did not recover")
            self._customer("4915188888888", "tick")  # settles what is unconfirmed
            time.sleep(0.5)

    def _set(self, status: Status) -> None:
        now = time.time()
        self._services.integrations.judge(self._integration.id, status, None, now=now)
        self._services.wakeup.wake(look_again=True)

    def _open(self, *, other_than: str = "") -> int:
        [found] = self._services.store.db.rows(
            "select count(*) as waiting from journal j join chat c on c.id = j.chat_id "
            "where j.job in ('message', 'reply') "
            "and j.state in ('ready', 'sending', 'unconfirmed') and c.address not like ?",
            f"{other_than}@%",
        )
        return int(found["waiting"])


if __name__ == "__main__":
    main()
