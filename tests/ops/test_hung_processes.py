"""The process that works proves that it works; one that hangs is replaced, and nothing is lost.

A process that is stopped (SIGSTOP) is the plainest hang: it is there, and does nothing.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import requests

from bench.loop import Loop
from bridge.runtime.heartbeat import Heartbeat
from tests.ops.loop import CUSTOMER
from tests.ops.service import Service, is_alive, wait_until
from tests.support.processes import Bridge

#: A silent process is left alone for so long, and then its successor must start.
REPLACED_S = 90.0


def named(name: str, pids: Iterable[int]) -> int:
    """The process with that name, 0 for none."""
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == f"bridge-{name}":
                return pid
    return 0


def written(number: int) -> str:
    return f"while it hangs {number}"


def arrived(loop: Loop) -> list[str]:
    """The texts in Chatwoot that were written meanwhile, in their order there."""
    found = []
    for one in loop.conversations():
        path = f"agent/conversations/{one['id']}/messages"
        found += [str(message["content"]) for message in loop.chatwoot.control("GET", path)]
    return [text for text in found if text.startswith("while it hangs")]


@pytest.mark.slow
def test_a_process_that_hangs_is_replaced_and_nothing_is_lost(
    start: Callable[..., Service],
) -> None:
    """Every process of the service, at the same time, each in an installation of its own."""
    with Loop() as web, Loop() as router:
        loops = {"web": web, "router": router}
        service = start()
        service.wait_ready()
        servers = {one: service.descendants()[one] for one in service.grandchildren()}
        hung = {name: named(name, loop.bridge.process.tree()) for name, loop in loops.items()}
        for pid in [*hung.values(), *servers]:
            os.kill(pid, signal.SIGSTOP)
        for loop in loops.values():
            for number in range(20):
                action = {"kind": "text", "chat": CUSTOMER, "text": written(number)}
                loop.phone.control("POST", "customer", action)

        until = time.monotonic() + REPLACED_S
        for name, loop in loops.items():
            while named(name, loop.bridge.process.tree()) in {0, hung[name]}:
                assert time.monotonic() < until, loop.bridge.log_text()
                time.sleep(0.2)
            assert f"{name}: no sign of life for" in loop.bridge.log_text()
            wait_until(lambda: len(arrived(loop)) >= 20, "what was written arrives")  # noqa: B023
            assert arrived(loop) == [written(number) for number in range(20)]
        assert sorted(servers.values()) == ["bridge-phone", "bridge-sandbox"]
        for pid in servers:
            while is_alive(pid):
                assert time.monotonic() < until, "a pretend server still hangs"
                time.sleep(0.2)
        service.wait_ready()


def test_work_that_lasts_too_long_stops_the_signs_of_life(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "beat", longest_s=0.05)
    heartbeat.beat()
    with heartbeat.working(), heartbeat.working():
        wait_until(lambda: heartbeat.is_stuck, "it lasts too long")
        os.utime(tmp_path / "beat", (1, 1))
        heartbeat.beat()
        assert (tmp_path / "beat").stat().st_mtime == 1
    heartbeat.beat()
    assert (tmp_path / "beat").stat().st_mtime > 1


def test_one_short_work_after_the_other_is_no_long_one(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "beat", longest_s=0.5)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with heartbeat.working():
                stop.wait(0.01)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        assert not heartbeat.is_stuck
        stop.wait(0.05)
    stop.set()
    for one in threads:
        one.join()


@pytest.mark.parametrize("what", ["socket", "file", "folder"])
def test_whatever_lies_in_the_place_of_the_routers_socket_keeps_nobody_from_routing(
    bridge: Bridge, what: str
) -> None:
    place = bridge.instance_dir / "locks" / "router.sock"
    bridge.stop()
    place.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        if what == "socket":
            # By way of the open folder: an address has room for 107 bytes only.
            folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
            other.bind(f"/proc/self/fd/{folder}/{place.name}")
            os.close(folder)
        elif what == "file":
            place.touch()
        else:
            (place / "inside").mkdir(parents=True)
        bridge.start()

        def is_ready() -> bool:
            return requests.get(f"{bridge.base_url}/readyz", timeout=30).status_code == 200

        wait_until(is_ready, "the router works")
    said = "the router cannot be woken" in bridge.log_text()
    assert said == (what == "folder")


def test_a_path_of_any_length_has_room_for_the_routers_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 100) / ("b" * 100)
    folder.mkdir(parents=True)
    bridge = Bridge(folder)
    try:
        assert (bridge.instance_dir / "locks" / "router.sock").is_socket()
        assert "cannot be woken" not in bridge.log_text()
    finally:
        bridge.stop()
