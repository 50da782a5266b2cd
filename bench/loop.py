"""A whole loop on this machine: sandbox Chatwoot, sandbox phone and the bridge between them."""

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.support.processes import Bridge, SandboxChatwoot, SandboxPhone

INSTANCE = "sandbox-phone"


class Loop:
    """Everything is started and joined; `close` stops it and removes what it left."""

    def __init__(self, *, public: bool = True, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bridge-bench-")
        folder = Path(self._folder.name)
        self.chatwoot = SandboxChatwoot(folder)
        self.phone = SandboxPhone(folder)
        self.bridge = Bridge(folder, public=public, BRIDGE_RATE_LIMIT="1000000/minute", **settings)
        self.public = public
        self.activate()
        if not public:
            self._wait_for_socket()

    def activate(self) -> None:
        """Makes the instance and joins it to the sandbox Chatwoot."""
        gateway = {
            "kind": "ryzeapi",
            "baseUrl": self.phone.base_url,
            "token": SandboxPhone.instance_token,
        }
        made = self.bridge.api("POST", "/api/instance/new", {"name": INSTANCE, "gateway": gateway})
        made.raise_for_status()
        joined = self.bridge.api(
            "POST",
            f"/api/chatwoot/set/{INSTANCE}",
            {
                "chatwootBaseUrl": self.chatwoot.base_url,
                "chatwootAccountId": 1,
                "chatwootApiToken": SandboxChatwoot.admin,
                "reopenResolved": True,
            },
        )
        joined.raise_for_status()
        if self.public:
            # The sandbox calls private addresses, as its operator would know.
            self.bridge.command("webhook", INSTANCE)

    def _wait_for_socket(self) -> None:
        """A gateway's socket replays nothing: what is said before the router has opened its own is
        never heard."""
        until = time.monotonic() + 30
        while not self.conversations():
            if time.monotonic() > until:
                raise SystemExit("the socket to the gateway was not opened")
            probe = {"kind": "text", "chat": "5511900000009", "text": "is anybody there?"}
            self.phone.control("POST", "customer", probe)
            time.sleep(0.5)

    def children(self) -> list[int]:
        """The processes of the bridge, its parent first."""
        found = [self.bridge.process.pid]
        for pid in list(found):
            found += _children_of(pid)
        return found

    def kill_one(self, pid: int) -> None:
        """SIGKILL; the parent is started again at once, as a service manager would."""
        if pid == self.bridge.process.pid:
            self.bridge.kill()
            until = time.monotonic() + 300
            while True:
                try:
                    self.bridge.start()
                    break
                except AssertionError:  # its disk may be full: it is started again and again
                    self.bridge.kill()
                    if time.monotonic() > until:
                        raise
        else:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def conversations(self) -> list[dict[str, Any]]:
        """The sandbox Chatwoot's conversations."""
        found: list[dict[str, Any]] = self.chatwoot.control("GET", "agent/conversations")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bridge.stop()
        self.phone.stop()
        self.chatwoot.stop()
        self._folder.cleanup()


def _children_of(pid: int) -> list[int]:
    """All processes below one, from /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        for child in parents.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found
