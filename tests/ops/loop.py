"""The command line beside a running loop of phone, bridge and Chatwoot."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bench.loop import INSTANCE, Loop

ROOT = Path(__file__).resolve().parents[2]
CUSTOMER = "5511988887777"
PATIENCE_S = 60.0
T = TypeVar("T")


class Operator:
    """Somebody with a shell on the machine of the bridge."""

    name = INSTANCE

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command, as it ends."""
        return run(*arguments, **{**self.loop.bridge._environ, **environ})

    def ok(self, *arguments: str, **environ: str) -> Any:
        """What a command that succeeds says in JSON."""
        done = self.run(*arguments, "--json", **environ)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def customer_writes(self, text: str, chat: str = CUSTOMER) -> None:
        """On the pretend phone."""
        self.loop.phone.control("POST", "customer", {"kind": "text", "chat": chat, "text": text})

    def agent_writes(self, text: str) -> None:
        """In the newest conversation of the pretend Chatwoot."""
        conversation = until(self.loop.conversations)[0]["id"]
        path = f"agent/conversations/{conversation}/messages"
        self.loop.chatwoot.control("POST", path, {"content": text})

    def arrived(self, text: str) -> int:
        """How often the customer has it."""
        return sum(one["text"] == text for one in self.loop.phone.messages())

    def status(self, text: str) -> str:
        """How far agents are shown that it has come."""
        conversation = self.loop.conversations()[0]["id"]
        path = f"agent/conversations/{conversation}/messages"
        found = [one for one in self.loop.chatwoot.control("GET", path) if one["content"] == text]
        return str(found[0]["status"]) if found else ""

    def shown(self, text: str) -> int:
        """How often agents see it."""
        found = 0
        for one in self.loop.conversations():
            path = f"agent/conversations/{one['id']}/messages"
            messages = self.loop.chatwoot.control("GET", path)
            found += sum(message["content"] == text for message in messages)
        return found


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`chatwoot-bridge` with these arguments, without a terminal."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("BRIDGE_")}
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        cwd=ROOT,
        env={**clean, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def until(look: Callable[[], T]) -> T:
    """What `look` gives once it is something."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
