"""A sandbox phone in a process of its own, a client for it, and a receiver for its webhooks."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

ROOT = Path(__file__).parents[2]
TOKEN = {"token": "sandbox-gateway-token"}
ACCOUNT = {"token": "sandbox-gateway-account-token"}
JOAO, MARIA, CARLOS = "5511988887777", "551188776655", "5215512345678"
FAMILY = "120363000000000001@g.us"
JOAO_LID = "100000000000001@lid"
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(check: Callable[[], T | None], within_s: float = 10.0) -> T:
    """The first truthy answer of `check`; fails when there is none in time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing after {within_s} s")


class PhoneServer:
    """`python -m sandbox.whatsapp` on a free port."""

    def __init__(self, database: Path) -> None:
        self.database, self.port = database, free_port()
        self.log = database.with_suffix(".log")
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.whatsapp", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--database", str(self.database)],
                cwd=ROOT,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, 20)

    def _answers(self) -> bool:
        try:
            return self.session.get(f"{self.url}/sandbox/api/hello", timeout=2).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """As a crash would: the whole process group at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.session.close()

    def stop(self) -> int:
        """As an operator would; may be called twice."""
        self.session.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    # -- the gateway's API ---------------------------------------------------------------

    def call(
        self, method: str, path: str, headers: Any = TOKEN, **kwargs: Any
    ) -> requests.Response:
        kwargs.setdefault("timeout", 20)
        return self.session.request(method, self.url + path, headers=headers, **kwargs)

    def send(self, kind: str = "text", **body: Any) -> requests.Response:
        body = {"number": JOAO, **({"message": "hello"} if kind == "text" else {}), **body}
        return self.call("POST", f"/api/message/{kind}/sandbox-phone", json=body)

    def webhook(self, receiver: "Receiver", **body: Any) -> Any:
        body = {"enabled": True, "url": receiver.url, **body}
        answer = self.call("POST", "/api/events/webhook/sandbox-phone", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["webhook"]

    # -- the control API -----------------------------------------------------------------

    def control(self, path: str, body: object = None, method: str = "") -> Any:
        method = method or ("GET" if body is None else "POST")
        answer = self.call(method, f"/sandbox/api/{path}", headers=None, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def customer(self, **body: Any) -> Any:
        return self.control("customer", {"chat": JOAO, **body})

    def owner(self, **body: Any) -> Any:
        return self.control("owner", {"chat": JOAO, **body})

    def fault(self, kind: str, **body: Any) -> Any:
        return self.control("faults", {"kind": kind, **body})

    def messages(self, chat: str = JOAO) -> Any:
        return self.control(f"messages?chat={chat}")["messages"]


class Receiver:
    """Listens for webhooks; `answer` decides the status of each request."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], int] = lambda request: 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = {
                    "path": self.path,
                    "headers": dict(self.headers),
                    "body": json.loads(body),
                }
                receiver.requests.append(got)
                self.send_response(receiver.answer(got))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def events(self, event: str = "message.exchange") -> list[dict[str, Any]]:
        """The `data` of what has come so far."""
        found = [request["body"] for request in list(self.requests)]
        return [body["data"] for body in found if body["event"] == event]

    def wait(self, count: int = 1, event: str = "message.exchange") -> list[dict[str, Any]]:
        """The `data` of exactly `count` events; fails when there are too few or too many."""
        eventually(lambda: len(self.events(event)) >= count)
        time.sleep(0.1)
        found = self.events(event)
        assert len(found) == count, found
        return found
