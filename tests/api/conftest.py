"""Fixtures of the API's tests."""

import contextlib
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests

from tests.api.servers import Answer, OddServer, odd_server, says
from tests.support.api import Instance, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot


@pytest.fixture
def instance(shared_bridge: Bridge) -> Iterator[Instance]:
    """An instance of this test alone, at a bridge that many tests share."""
    made = new_instance(shared_bridge)
    yield made
    # Otherwise the bridge would go on listening to the sandbox on its behalf.
    shared_bridge.api("DELETE", f"/api/instance/delete/{made.name}")


def _dripping(sock: socket.socket, request: bytes) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(200):
        time.sleep(0.5)
        sock.sendall(b" ")


def move(bridge: Bridge, instance: Instance, base_url: str) -> None:
    """Has the integration of an instance believe that its Chatwoot is at another address."""
    path = bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "update integration set base_url = ? where instance_id = "
            "(select id from instance where name = ?)",
            [base_url, instance.name],
        )


class Patience:
    """Calls that take up to a minute each, all at once and beside the other tests."""

    _KINDS: dict[str, Answer] = {
        "throttling": says("429 Too Many Requests", b"Retry later\n", kind="text/plain"),
        "silent": lambda _sock, _request: time.sleep(70),
        "dripping": _dripping,
    }

    def __init__(
        self, bridge: Bridge, sandbox: SandboxChatwoot, stack: contextlib.ExitStack
    ) -> None:
        pool = stack.enter_context(ThreadPoolExecutor(len(self._KINDS) + 1))
        self._pending: dict[str, tuple[Future[requests.Response], OddServer]] = {}
        for kind, answer in self._KINDS.items():
            server = stack.enter_context(odd_server(answer))
            call = pool.submit(new_instance(bridge).set, wish(server.base_url))
            self._pending[kind] = call, server
        silent = stack.enter_context(odd_server(self._KINDS["silent"]))
        instance = new_instance(bridge)
        assert instance.set(wish(sandbox)).status_code == 201
        move(bridge, instance, silent.base_url)
        self._pending["deletion"] = pool.submit(instance.delete), silent

    def of(self, kind: str) -> tuple[requests.Response, str]:
        """The answer of the bridge, and the address of that Chatwoot; waits for it."""
        call, server = self._pending[kind]
        return call.result(), server.base_url


@pytest.fixture(scope="session", autouse=True)
def patience(request: pytest.FixtureRequest) -> Iterator[Patience | None]:
    """Begins the slow activations with the first test, if a test will ask for them."""
    if not any(_is_slow(item) for item in request.session.items):
        yield None
        return
    with contextlib.ExitStack() as stack:
        bridge = request.getfixturevalue("shared_bridge")
        yield Patience(bridge, request.getfixturevalue("_sandbox_process"), stack)


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for the slow activations comes last, when they are over."""
    items.sort(key=_is_slow)
