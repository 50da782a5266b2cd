"""The service as an operator meets it: a real command in an empty folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
#: Bounds every wait; a condition ends it long before, unless something is broken.
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s in vain: {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Runs, that is: neither gone nor a zombie."""
    return _stat(pid)[0] not in {"Z", "X"}


def _stat(pid: int) -> list[str]:
    """State, parent and more (proc(5)); a process that is gone is in state X."""
    text = _content(Path(f"/proc/{pid}/stat"))
    return text.rpartition(")")[2].split() if text else ["X", "0"]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _children(pid: int) -> list[int]:
    return [int(one) for one in _content(Path(f"/proc/{pid}/task/{pid}/children")).split()]


def _name(pid: int) -> str:
    return _content(Path(f"/proc/{pid}/comm"))


class Service:
    """One `chatwoot-bridge`: its ports, its output so far, its processes."""

    program: tuple[str, ...] = ("-P", "-m", "bridge")

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.folder = folder
        self.port, self.sandbox_port, self.phone_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self._out, self._err = folder / "stdout.txt", folder / "stderr.txt"
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "BRIDGE_PORT": str(self.port),
            "BRIDGE_SANDBOX_PORT": str(self.sandbox_port),
            "BRIDGE_SANDBOX_PHONE_PORT": str(self.phone_port),
            **environ,
        }
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, *arguments],
                cwd=folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def answers(self, url: str) -> bool:
        assert self.process.poll() is None, f"it ended: {self.out}{self.err}"
        try:
            return requests.get(url, timeout=PATIENCE_S).status_code < 500
        except requests.ConnectionError:
            return False

    def wait_ready(self) -> None:
        wait_until(lambda: self.answers(f"{self.url}/api/instance/list"), "the service answers")
        if "Sandbox" in self.out:
            wait_until(lambda: self.answers(f"{self.sandbox_url}/api"), "the sandbox answers")
            phone = f"http://127.0.0.1:{self.phone_port}/sandbox/api/hello"
            wait_until(lambda: self.answers(phone), "the phone answers")

    def descendants(self) -> dict[int, str]:
        """Every process below the parent, with the name it shows in `ps`."""
        found: dict[int, str] = {}
        parents = [self.process.pid]
        while parents:
            for child in _children(parents.pop()):
                found[child] = _name(child)
                parents.append(child)
        return found

    def grandchildren(self) -> list[int]:
        """The workers of the pretend servers."""
        return [pid for pid in self.descendants() if pid not in _children(self.process.pid)]

    def child(self, name: str) -> int:
        """The process id of the direct child `name`; 0 while there is none."""
        wanted = f"bridge-{name}"
        return next((pid for pid in _children(self.process.pid) if _name(pid) == wanted), 0)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)
