"""Stopping: running requests are finished, and nobody can refuse to go."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from tests.ops.service import PATIENCE_S, ROOT, Service, wait_until

Start = Callable[..., Service]


@contextmanager
def family(
    grace_s: float, entry: str, *more: str, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ops.stubborn", str(grace_s), entry, *more],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def test_a_child_that_ignores_the_request_is_killed_when_its_time_is_up() -> None:
    with family(0.3, "live") as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        asked_at = time.monotonic()
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(PATIENCE_S) == 0
        assert time.monotonic() - asked_at >= 0.3


def test_a_second_signal_ends_the_patience() -> None:
    with family(3600, "live") as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(signal.SIGTERM)
        # Two signals that wait at the same time are one: the second goes out until it is seen.
        deadline = time.monotonic() + PATIENCE_S
        while parent.poll() is None and time.monotonic() < deadline:
            parent.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert parent.poll() == 0


def test_how_a_child_ended_is_logged() -> None:
    with family(1, "end_at_once") as parent:
        assert parent.stderr
        line = parent.stderr.readline()
        assert line.endswith("stubborn: exit code 5; starting it again in 0.5 s\n")


class SlowChatwoot(HTTPServer):
    """Holds the first request until it is told to answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Slow)
        self.asked, self.may_answer = threading.Event(), threading.Event()


class _Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, SlowChatwoot)
        self.server.asked.set()
        self.server.may_answer.wait(PATIENCE_S)
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Not a word."""


@pytest.fixture
def slow_chatwoot() -> Iterator[SlowChatwoot]:
    with SlowChatwoot() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


def test_a_running_request_is_answered_before_the_stop(
    start: Start, slow_chatwoot: SlowChatwoot
) -> None:
    service = start(BRIDGE_SANDBOX="false", BRIDGE_ACCOUNT_TOKEN="0123456789abcdef")
    service.wait_ready()
    headers = {"token": "0123456789abcdef"}
    made = requests.post(
        f"{service.url}/api/instance/new", headers=headers, json={"name": "shop"}, timeout=30
    )
    assert made.status_code == 201, made.text
    body = {
        "chatwootBaseUrl": f"http://127.0.0.1:{slow_chatwoot.server_port}",
        "chatwootAccountId": 1,
        "chatwootApiToken": "some-token",
    }
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            requests.post(
                f"{service.url}/api/chatwoot/set/shop", headers=headers, json=body, timeout=30
            )
        )
    )
    asking.start()
    assert slow_chatwoot.asked.wait(PATIENCE_S)
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: _refuses(service), "the stop has begun")
    slow_chatwoot.may_answer.set()
    asking.join(PATIENCE_S)
    assert [answer.status_code for answer in answers] == [400]
    assert service.process.wait(PATIENCE_S) == 0


def _refuses(service: Service) -> bool:
    try:
        requests.get(f"{service.url}/api/instance/list", timeout=1)
    except requests.RequestException:
        return True
    return False


def test_a_child_that_gives_no_sign_of_life_is_replaced(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    with family(0.3, "live", str(beat)) as parent:
        assert parent.stdout
        assert parent.stderr
        assert parent.stdout.readline() == "ready\n"
        for _ in range(15):
            beat.touch()
            time.sleep(0.1)
        beat_until = time.monotonic()
        line = parent.stderr.readline()
        assert line.endswith("stubborn: no sign of life for 1 s: killing it\n")
        assert time.monotonic() - beat_until > 0.5, "it was left alone while it gave signs of life"
        assert "killed by signal 9; starting it again" in parent.stderr.readline()
        assert parent.stdout.readline() == "ready\n"


def test_systemd_is_told_how_it_is(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
        with family(0.3, "live", **environ) as parent:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            parent.send_signal(signal.SIGTERM)
            while (word := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert word == b"STOPPING=1"
            assert parent.wait(PATIENCE_S) == 0
