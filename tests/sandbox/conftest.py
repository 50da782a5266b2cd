"""A client of the sandbox Chatwoot, a server that receives its webhooks, and its websocket."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import websocket

from tests.support.processes import SandboxChatwoot


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxChatwoot]:
    """One of these tests' own: no bridge of another test listens to it and answers."""
    running = SandboxChatwoot(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture
def sandbox(_sandbox_process: SandboxChatwoot) -> SandboxChatwoot:
    """A sandbox as it is after its first start; what is asked of it may be wrong on purpose."""
    _sandbox_process.reset()
    return _sandbox_process


class Chatwoot:
    """Calls the account API as a user of the sandbox."""

    def __init__(self, sandbox: SandboxChatwoot, token: str, account_id: int = 1) -> None:
        self.sandbox = sandbox
        self.root = f"{sandbox.base_url}/api/v1/accounts/{account_id}"
        self._session = requests.Session()
        if token:
            self._session.headers["api-access-token"] = token

    def __call__(self, method: str, path: str, json: object = None, **more: Any) -> Any:
        """The answer to a call below the account."""
        url = path if path.startswith("http") else self.root + path
        return self._session.request(method, url, json=json, timeout=30, **more)

    def ok(self, method: str, path: str, json: object = None, **more: Any) -> Any:
        """The body of an answer that must be 200."""
        answer = self(method, path, json, **more)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def inbox(self, webhook_url: str = "", name: str = "WhatsApp", **more: Any) -> Any:
        channel = {"type": "api", "webhook_url": webhook_url}
        return self.ok("POST", "/inboxes", {"name": name, "channel": channel, **more})

    def contact(self, inbox_id: int, source_id: str = "5511", **more: Any) -> Any:
        wanted = {"name": "João", "inbox_id": inbox_id, "source_id": source_id, **more}
        return self.ok("POST", "/contacts", wanted)["payload"]["contact"]

    def conversation(self, inbox_id: int, contact_id: int, source_id: str = "5511") -> Any:
        wanted = {"inbox_id": inbox_id, "contact_id": contact_id, "source_id": source_id}
        return self.ok("POST", "/conversations", wanted)

    def chat(self, webhook_url: str = "", **inbox: Any) -> tuple[int, int]:
        """A fresh inbox with one conversation: (inbox id, conversation number)."""
        inbox_id = self.inbox(webhook_url, **inbox)["id"]
        contact_id = self.contact(inbox_id)["id"]
        return inbox_id, self.conversation(inbox_id, contact_id)["id"]

    def say(self, number: int, content: str, message_type: str = "incoming", **more: Any) -> Any:
        wanted = {"content": content, "message_type": message_type, **more}
        return self.ok("POST", f"/conversations/{number}/messages", wanted)

    def thread(self, number: int, query: str = "") -> Any:
        return self.ok("GET", f"/conversations/{number}/messages{query}")["payload"]


class Receiver:
    """Takes webhooks. `answer` is the status it gives, `delay_s` how long it thinks."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answer = 200
        self.delay_s = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                time.sleep(receiver.delay_s)
                self.send_response(receiver.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        serve.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The bodies so far, those of one event when named."""
        bodies = [json.loads(body) for _, body in list(self.received)]
        return [body for body in bodies if name in ("", body["event"])]

    def wait(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """At least `count` bodies of an event."""
        wait_until(lambda: len(self.events(name)) >= count)
        return self.events(name)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Returns once `holds` does."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


class Cable:
    """An ActionCable client."""

    def __init__(self, sandbox: SandboxChatwoot) -> None:
        url = sandbox.base_url.replace("http", "ws") + "/cable"
        self._socket = websocket.create_connection(url, timeout=10)

    def subscribe(self, **identifier: Any) -> None:
        named = json.dumps({"channel": "RoomChannel", **identifier})
        self._socket.send(json.dumps({"command": "subscribe", "identifier": named}))

    def next(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next frame that fits, others are passed over."""
        while True:
            frame: dict[str, Any] = json.loads(self._socket.recv())
            if holds(frame):
                return frame

    def event(self, name: str) -> dict[str, Any]:
        """The data of the next event of this name."""
        frame = self.next(
            lambda one: (
                one.get("message", {})
                and one.get("type") != "ping"
                and one["message"]["event"] == name
            )
        )
        data: dict[str, Any] = frame["message"]["data"]
        return data

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def chatwoot(sandbox: SandboxChatwoot) -> Chatwoot:
    """The account API as the administrator."""
    return Chatwoot(sandbox, sandbox.admin)


@pytest.fixture
def agent(sandbox: SandboxChatwoot) -> Chatwoot:
    """The account API as an agent."""
    return Chatwoot(sandbox, sandbox.agent)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server for webhooks."""
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def cable(sandbox: SandboxChatwoot) -> Iterator[Cable]:
    """An open websocket, not subscribed yet."""
    opened = Cable(sandbox)
    yield opened
    opened.close()
