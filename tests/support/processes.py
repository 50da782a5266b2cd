"""Real processes for the tests: the bridge as `chatwoot-bridge serve` starts it, and a sandbox
Chatwoot that stands apart from it. Both listen on loopback, on free ports."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT_TOKEN = "operator-token-for-tests-0123456789"
#: How long a process may take until it answers, in seconds; the machine may be busy.
START_S = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once anything answers at `url`; fails with the process's own words otherwise."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(requests.RequestException):
            requests.get(url, timeout=5)
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")


class Process:
    """A program in a process group of its own, so that a test can kill all of it."""

    def __init__(self, arguments: list[str], *, environ: dict[str, str], log: Path) -> None:
        clean = {name: text for name, text in os.environ.items() if not name.startswith("BRIDGE_")}
        with log.open("ab") as file:
            self._popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**clean, "PYTHONDONTWRITEBYTECODE": "1", **environ},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.log = log

    def ready(self, url: str) -> None:
        """Waits until `url` answers."""
        wait_for(url, self._popen, self.log)

    @property
    def pid(self) -> int:
        """The process id of the parent."""
        return self._popen.pid

    def stop(self) -> None:
        """SIGTERM, and waits."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL for every process of the tree, as by a power cut; returns when none is left."""
        tree = self.tree()
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait(10)
        until = time.monotonic() + 10
        while any(_is_alive(pid) for pid in tree) and time.monotonic() < until:
            time.sleep(0.01)

    def tree(self) -> list[int]:
        """The process ids of the program and of all that it has started, its own first."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            if stat := _stat(int(path.parent.name)):
                parents[int(path.parent.name)] = int(stat[1])
        found = [self._popen.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def _stat(pid: int) -> list[str]:
    """State and parent of a process, and what else proc(5) lists; empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _is_alive(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


class SandboxChatwoot:
    """A running sandbox Chatwoot. `admin`, `agent`, `other` and `bot` are its well-known tokens.

    One that `keeps` its state goes on after `stop` and `start`; between them connections to it
    are refused.
    """

    admin = "sandbox-admin-token"
    agent = "sandbox-agent-token"
    other = "sandbox-other-token"
    bot = "sandbox-bot-token"

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._arguments = ["-m", "sandbox.chatwoot", "--port", str(self.port)]
        if keeps:
            self._arguments += ["--database", str(folder / "sandbox.db")]
        self._log = folder / "sandbox.log"
        self.start()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process = Process(self._arguments, environ={}, log=self._log)
        self.process.ready(f"{self.base_url}/api")

    def control(self, method: str, path: str, json: object = None) -> Any:
        """A call to its control API, such as ("POST", "faults", {"kind": "html"})."""
        answer = requests.request(
            method, f"{self.base_url}/sandbox/api/{path}", json=json, timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        """Back to the seed, without faults and without a log."""
        self.control("POST", "reset")

    def fault(self, kind: str, **fields: object) -> Any:
        """Sets a fault, by a word of docs/sandbox.md or by a kind of chatwoot/faults.py."""
        return self.control("POST", "faults", {"kind": kind, **fields})

    def heal(self) -> None:
        """Ends all faults; a websocket that is deaf hears again."""
        self.control("DELETE", "faults")
        self.fault("web-restarted")

    def options(self, **options: object) -> None:
        """Changes the installation, such as version="4.2.0"."""
        self.control("PATCH", "options", options)

    def requests(self) -> list[dict[str, Any]]:
        """The requests that came in, oldest first."""
        return list(self.control("GET", "requests")["requests"])

    def inboxes(self, account_id: int = 1, token: str = admin) -> list[dict[str, Any]]:
        """The account's inboxes, asked for as any client would."""
        answer = requests.get(
            f"{self.base_url}/api/v1/accounts/{account_id}/inboxes",
            headers={"api-access-token": token},
            timeout=30,
        )
        answer.raise_for_status()
        return list(answer.json()["payload"])

    def stop(self) -> None:
        """Ends it."""
        self.process.stop()


class SandboxPhone:
    """A running sandbox phone with its gateway, one connected instance named `instance`."""

    instance = "sandbox-phone"
    instance_token = "sandbox-gateway-token"
    account_token = "sandbox-gateway-account-token"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        arguments = ["-m", "sandbox.whatsapp", "--port", str(self.port)]
        arguments += ["--database", str(folder / "phone.db")]
        self.process = Process(arguments, environ={}, log=folder / "phone.log")
        self.process.ready(f"{self.base_url}/sandbox/api/hello")

    def control(self, method: str, path: str, json: object = None) -> Any:
        """A call to its control API, such as ("POST", "customer", {"chat": ..., "text": ...})."""
        answer = requests.request(
            method, f"{self.base_url}/sandbox/api/{path}", json=json, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()

    def messages(self, chat: str = "") -> list[dict[str, Any]]:
        """What reached the pretend WhatsApp, in order."""
        found = self.control("GET", f"messages?chat={chat}" if chat else "messages")
        return list(found["messages"])

    def stop(self) -> None:
        """Ends it."""
        self.process.stop()


class Bridge:
    """A running `chatwoot-bridge serve`; without a sandbox of its own unless asked for.

    `settings` are further BRIDGE_ variables. After `stop` or `kill`, `start` goes on in the same
    folder and at the same address. `public`: Chatwoot and the gateway may call it; in a setting,
    `{base_url}` stands for its own address.
    """

    account_token = ACCOUNT_TOKEN

    def __init__(self, folder: Path, *, public: bool = False, **settings: str) -> None:
        self.instance_dir = folder / "instance"
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "bridge.log"
        self._environ = {
            "BRIDGE_INSTANCE_DIR": str(self.instance_dir),
            "BRIDGE_PORT": str(self.port),
            "BRIDGE_ACCOUNT_TOKEN": ACCOUNT_TOKEN,
            "BRIDGE_SANDBOX": "false",
            **({"BRIDGE_PUBLIC_URL": self.base_url} if public else {}),
            **{name: text.replace("{base_url}", self.base_url) for name, text in settings.items()},
        }
        self.start()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process = Process(["-m", "bridge", "serve"], environ=self._environ, log=self._log)
        self.process.ready(f"{self.base_url}/api/openapi.json")

    def command(self, *words: str) -> None:
        """A command of the operator beside it, such as `pause`."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith("BRIDGE_")}
        subprocess.run(
            [sys.executable, "-m", "bridge", *words],
            cwd=ROOT,
            env={**clean, **self._environ},
            check=True,
            capture_output=True,
        )

    def change(self, **settings: str) -> None:
        """Further BRIDGE_ variables for the next start."""
        self._environ |= settings

    def stop(self) -> None:
        """Ends it in an orderly way."""
        self.process.stop()

    def kill(self) -> None:
        """Ends all its processes at once."""
        self.process.kill()

    def fill_disk(self, full: bool = True) -> None:
        """From now on no process of it can make a file longer than it is, as on a full disk, also
        one that is started meanwhile; with False all can write again."""
        size = 0 if full else resource.RLIM_INFINITY
        done: set[int] = set()
        while new := set(self.process.tree()) - done:  # also what was started meanwhile
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            done |= new

    def api(self, method: str, path: str, json: object = None, **more: Any) -> requests.Response:
        """A call of the JSON API as the operator, such as ("POST", "/api/instance/new", {...})."""
        headers = {"token": ACCOUNT_TOKEN, **more.pop("headers", {})}
        return requests.request(
            method, self.base_url + path, json=json, headers=headers, timeout=90, **more
        )

    def log_text(self) -> str:
        """What it has logged."""
        return self._log.read_text(errors="replace")
