"""The process tree of `serve`: it starts, survives its children, and leaves nothing behind."""

import os
import re
import signal
import socket
import sqlite3
import stat
from collections.abc import Callable

import pytest
import requests

from tests.ops.service import Service, is_alive, wait_until

Start = Callable[..., Service]


def test_the_first_start_shows_the_token_once_and_the_address(start: Start) -> None:
    service = start()
    service.wait_ready()
    kept = service.folder / "instance" / "account-token"
    token = kept.read_text().strip()
    assert service.out.count(token) == 1
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert f"Open {service.url}/" in service.out
    assert f"Sandbox Chatwoot: {service.sandbox_url}/" in service.out
    answer = requests.get(f"{service.url}/api/instance/list", headers={"token": token}, timeout=30)
    assert answer.status_code == 200
    assert service.stop() == 0

    again = start()
    again.wait_ready()
    assert token not in again.out + again.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_quietly(start: Start, number: signal.Signals) -> None:
    service = start()
    service.wait_ready()
    family = service.descendants()
    assert set(family.values()) == {"bridge-web", "bridge-router", "bridge-sandbox", "bridge-phone"}
    assert service.stop(number) == 0
    assert not [pid for pid in family if is_alive(pid)]
    assert service.err == ""


def test_a_signal_during_the_start_leaves_nothing_behind(start: Start) -> None:
    milestones = (lambda one: True, lambda one: "Open" in one.out, lambda one: one.child("web"))
    for reached in milestones:
        service = start()
        wait_until(lambda: reached(service), "the start gets that far")  # noqa: B023
        family = service.descendants()
        code = service.stop(signal.SIGINT)
        # Before our first line it is Python that answers, with what it was just importing.
        if family or "KeyboardInterrupt" not in service.err or "bridge" in service.err:
            assert code in {0, 130, -signal.SIGINT}
            assert "Traceback" not in service.err
        assert not [pid for pid in family if is_alive(pid)]


def test_killing_the_parent_takes_the_children_along(start: Start) -> None:
    service = start()
    service.wait_ready()
    family = service.descendants()
    assert len(family) == 6, "web and router, sandbox and phone, these two with a worker each"
    service.stop(signal.SIGKILL)
    wait_until(lambda: not [pid for pid in family if is_alive(pid)], "the children end")


@pytest.mark.parametrize("name", ["web", "sandbox"])
def test_a_child_that_dies_comes_back(start: Start, name: str) -> None:
    service = start()
    service.wait_ready()
    before = service.child(name)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: service.child(name) not in {0, before}, f"{name} is started again")
    service.wait_ready()
    assert f"ERROR   serve: {name}: killed by signal 9; starting it again in 0.5 s" in service.err


def test_no_connection_is_refused_while_the_web_process_restarts(start: Start) -> None:
    service = start()
    service.wait_ready()
    before = service.child("web")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not is_alive(before), "nobody answers")
    answer = requests.get(f"{service.url}/api/instance/list", timeout=30)
    assert answer.status_code == 401


def test_a_child_that_keeps_dying_is_waited_for_longer_and_longer(start: Start) -> None:
    service = start(BRIDGE_SANDBOX="false")
    service.wait_ready()
    for delay in ("0.5", "1", "2"):
        wait_until(lambda: service.child("web"), "web is there")
        os.kill(service.child("web"), signal.SIGKILL)
        line = f"web: killed by signal 9; starting it again in {delay} s"
        wait_until(lambda: line in service.err, line)  # noqa: B023
    # A stop does not wait for what is due later.
    assert service.stop() == 0


def test_a_port_in_use_is_said_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        service = start("serve", "--port", str(port))
        assert service.process.wait(30) == 1
    assert service.err == (
        f"chatwoot-bridge: port {port} on 127.0.0.1 is in use already: stop the program that "
        "listens there, or choose another port with --port (BRIDGE_PORT)\n"
    )
    assert not (service.folder / "instance").exists()


def test_a_sandbox_port_in_use_names_the_setting(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        service = start(BRIDGE_SANDBOX_PORT=str(port))
        assert service.process.wait(30) == 1
    assert re.fullmatch(
        rf"chatwoot-bridge: the sandbox Chatwoot cannot use port {port}: .*"
        r"BRIDGE_SANDBOX_PORT, or do without it: BRIDGE_SANDBOX=false\n",
        service.err,
    )


def test_an_address_that_is_not_ours_is_said_in_one_line(start: Start) -> None:
    service = start("serve", "--host", "192.0.2.1")
    assert service.process.wait(30) == 2
    assert re.fullmatch(r"chatwoot-bridge: cannot listen on 192\.0\.2\.1 .*\n", service.err)


def test_a_wrong_key_stops_the_start_and_changes_nothing(start: Start) -> None:
    first = start(BRIDGE_SANDBOX="false")
    first.wait_ready()
    assert first.stop() == 0
    database = first.folder / "instance" / "bridge.db"
    with sqlite3.connect(database) as connection:
        before = list(connection.iterdump())
    connection.close()

    second = start(BRIDGE_ENCRYPTION_KEY="A" * 43 + "=")
    assert second.process.wait(30) == 2
    assert second.err.startswith("chatwoot-bridge: the key in BRIDGE_ENCRYPTION_KEY is not the one")
    assert second.err.count("\n") == 1
    with sqlite3.connect(database) as connection:
        assert list(connection.iterdump()) == before
    connection.close()


def test_without_the_sandbox_there_is_none(start: Start) -> None:
    service = start(BRIDGE_PUBLIC_URL="https://bridge.example.com")
    service.wait_ready()
    assert set(service.descendants().values()) == {"bridge-web", "bridge-router"}
    assert "Open https://bridge.example.com/\n" in service.out
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{service.sandbox_url}/api", timeout=5)
