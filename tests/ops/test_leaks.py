"""Descriptors and threads of the service do not grow with what is asked of it, however it ends."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.api.servers import odd_server, says
from tests.ops.service import wait_until
from tests.support.api import new_instance, wish
from tests.support.journal import services_of
from tests.support.processes import Bridge
from tests.support.visitor import Visitor

#: What may differ between two looks at the same service: a connection that is just being closed.
SLACK = 4
#: Threads of a process, and descriptors of one: the database with its two files, and its lock.
MOST_THREADS, OF_A_THREAD = 60, 4


def held(bridge: Bridge) -> dict[str, tuple[int, int]]:
    """Descriptors and threads of each process."""
    found = {}
    for pid in bridge.process.tree():
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            found[name] = (descriptors, len(list(Path(f"/proc/{pid}/task").iterdir())))
    return found


def aborted(bridge: Bridge) -> None:
    for first in (b"", b"GET /healthz HTTP/1.1\r\n", b"POST /sign-in HTTP/1.1\r\nHost: a\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as sock:
            sock.sendall(first)


def test_nothing_grows_with_requests(start_bridge: Callable[..., Bridge]) -> None:
    limits = {"BRIDGE_RATE_LIMIT": "100000/minute", "BRIDGE_RATE_LIMIT_NEW": "100000/minute"}
    bridge = start_bridge(**limits)
    visitor = Visitor(bridge).sign_in()
    with odd_server(says("500 Internal Server Error", b"no", kind="text/plain")) as broken:
        instance = new_instance(bridge)

        def everything(_: int) -> None:
            url = bridge.base_url
            requests.get(f"{url}/healthz", timeout=30)
            requests.get(f"{url}/readyz", timeout=30)
            requests.get(f"{url}/nothing-here", timeout=30)
            requests.post(f"{url}/hooks/gateway/nobody", json={}, timeout=30)
            requests.post(f"{url}/sign-in", json={}, timeout=30)
            requests.get(f"{url}/", cookies=dict(visitor.session.cookies), timeout=30)
            bridge.api("POST", f"/api/chatwoot/set/{instance.name}", data=b"{")
            instance.set(wish("http://127.0.0.1:9"))
            instance.set(wish(broken.base_url))
            aborted(bridge)

        with ThreadPoolExecutor(16) as pool:
            # Threads are made, and connections kept, up to a number that is reached here.
            list(pool.map(everything, range(60)))
            before = settled(bridge)
            list(pool.map(everything, range(120)))
        after = settled(bridge)
    for name, (descriptors, threads) in after.items():
        assert threads <= MOST_THREADS, (name, before, after)
        # The pool may have grown meanwhile, up to that number.
        grown = max(threads - before[name][1], 0)
        assert descriptors <= before[name][0] + grown * OF_A_THREAD + SLACK, (before, after)


def settled(bridge: Bridge) -> dict[str, tuple[int, int]]:
    """What is held once nothing of the last requests is under way."""
    last: list[dict[str, tuple[int, int]]] = [{}]

    def is_still() -> bool:
        time.sleep(3)  # longer than the end of a connection is waited for
        last.append(held(bridge))
        return last[-1] == last[-2]

    wait_until(is_still, "the service comes to rest")
    return last[-1]


@pytest.mark.parametrize("action", ["reads", "writes"])
def test_a_thread_that_ends_leaves_nothing_open(bridge: Bridge, action: str) -> None:
    with services_of(bridge) as services:

        def work() -> None:
            services.instances.find("nobody")
            if action == "writes":
                services.store.set_meta("probe", "1")

        def count() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        work()
        before = count()
        for _ in range(50):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert count() <= before + 1
