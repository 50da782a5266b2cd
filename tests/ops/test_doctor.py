"""`doctor` finds planted faults and names the remedy of each."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.config.settings import load
from bridge.operations.doctor import machine
from tests.api.servers import odd_server
from tests.ops.loop import Operator, run, until

Finding = dict[str, str]


def _examined(**environ: str) -> tuple[int, list[Finding]]:
    done = run("doctor", "--json", **environ)
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


def _wrong(found: list[Finding], check: str) -> Finding:
    (one,) = [one for one in found if one["check"] == check and one["level"] == "wrong"]
    assert one["remedy"]
    return one


@pytest.fixture
def stopped(tmp_path: Path) -> dict[str, str]:
    """An installation without a running service."""
    given = {"BRIDGE_INSTANCE_DIR": str(tmp_path / "instance")}
    assert run("instance", "add", "suporte", **given).returncode == 0
    return given


def _loop_env(operator: Operator) -> dict[str, str]:
    return dict(operator.loop.bridge._environ)


# -- on this machine -------------------------------------------------------------------------------


def test_a_wrong_setting(stopped: dict[str, str]) -> None:
    code, found = _examined(**stopped, BRIDGE_PUBLIC_URL="bridge.example.com")
    assert code == 1
    assert "BRIDGE_PUBLIC_URL must be an address" in _wrong(found, "settings")["what"]


def test_a_mistyped_setting_is_a_warning(stopped: dict[str, str]) -> None:
    _, found = _examined(**stopped, BRIDGE_PROT="80")
    assert any("BRIDGE_PROT" in one["what"] and one["level"] == "warning" for one in found)


def test_the_wrong_folder(tmp_path: Path) -> None:
    code, found = _examined(BRIDGE_INSTANCE_DIR=str(tmp_path / "nowhere"))
    assert code == 1
    assert "--instance-dir" in _wrong(found, "folder")["remedy"]
    assert not (tmp_path / "nowhere").exists()


def test_secrets_that_others_may_read(stopped: dict[str, str]) -> None:
    key = Path(stopped["BRIDGE_INSTANCE_DIR"]) / "encryption.key"
    key.chmod(0o644)
    code, found = _examined(**stopped)
    assert code == 1
    assert _wrong(found, "permissions")["remedy"] == f"chmod 600 {key}"


def test_a_missing_and_a_wrong_key(stopped: dict[str, str]) -> None:
    _, found = _examined(**stopped, BRIDGE_ENCRYPTION_KEY="A" * 43 + "=")
    assert "is not the one that sealed" in _wrong(found, "key")["what"]
    (Path(stopped["BRIDGE_INSTANCE_DIR"]) / "encryption.key").unlink()
    _, found = _examined(**stopped)
    assert "their key is missing" in _wrong(found, "key")["what"]


def test_a_damaged_database(stopped: dict[str, str]) -> None:
    database = Path(stopped["BRIDGE_INSTANCE_DIR"]) / "bridge.db"
    size = database.stat().st_size
    with database.open("r+b") as file:
        for page in range(2, size // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(64))
    code, found = _examined(**stopped)
    assert code == 1
    assert any(one["check"] == "database" and "restore" in one["remedy"] for one in found)


def test_a_full_disk(stopped: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=50 * 1024**2)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    (found,) = machine.disk(load({**stopped}))
    assert (found.level, found.what) == ("wrong", "50 MB are free")


def test_a_service_that_does_not_run_and_a_port_that_another_holds(
    stopped: dict[str, str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, found = _examined(**stopped, BRIDGE_PORT=port)
    assert code == 1
    assert "serve" in _wrong(found, "router")["remedy"]
    assert "another program listens there" in _wrong(found, "port")["what"]


# -- outside ---------------------------------------------------------------------------------------


def test_all_is_well(operator: Operator) -> None:
    operator.customer_writes("hello")
    until(lambda: operator.shown("hello"))
    code, found = _examined(**_loop_env(operator))
    assert [one for one in found if one["level"] == "wrong"] == []
    assert code == 0
    checks = {one["check"] for one in found if one["level"] == "ok"}
    assert {"settings", "disk", "database", "key", "router", "port", "address"} <= checks
    assert {"chatwoot", "webhook", "gateway", "messages", "permissions"} <= checks


def test_a_public_address_that_leads_elsewhere_and_a_clock_that_differs(
    operator: Operator,
) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"
    )
    with odd_server(lambda sock, _: sock.sendall(answer)) as other:
        environ = {**_loop_env(operator), "BRIDGE_PUBLIC_URL": other.base_url}
        code, found = _examined(**environ)
    assert code == 1
    assert "reverse proxy" in _wrong(found, "address")["remedy"]
    assert "timedatectl" in _wrong(found, "clock")["remedy"]


def _phone_disconnected(operator: Operator) -> None:
    operator.loop.phone.control(
        "POST",
        "faults",
        {"kind": "status", "status": 503, "message": "down", "path": "^/api/", "times": None},
    )


def _chatwoot_down(operator: Operator) -> None:
    operator.loop.chatwoot.fault("drop", path="^/", times=None)


@pytest.mark.parametrize(
    ("plant", "check"),
    [(_phone_disconnected, "gateway"), (_chatwoot_down, "chatwoot")],
)
def test_a_side_that_is_down(
    operator: Operator, plant: Callable[[Operator], None], check: str
) -> None:
    plant(operator)
    try:
        code, found = _examined(**_loop_env(operator))
    finally:
        operator.loop.phone.control("DELETE", "faults")
        operator.loop.chatwoot.control("DELETE", "faults")
    assert code == 1
    assert _wrong(found, check)["subject"] == operator.name


def test_an_inbox_that_calls_another_address(operator: Operator) -> None:
    environ = _loop_env(operator)
    address = environ["BRIDGE_PUBLIC_URL"].replace("127.0.0.1", "localhost")
    code, found = _examined(**{**environ, "BRIDGE_PUBLIC_URL": address})
    assert code == 1
    assert "chatwoot-bridge activate" in _wrong(found, "webhook")["remedy"]


def test_dead_letters_are_pointed_out(operator: Operator) -> None:
    operator.customer_writes("before")
    until(lambda: operator.shown("before"))
    fault = {"kind": "status", "status": 400, "message": "No", "path": "^/api/", "times": 1}
    operator.loop.phone.control("POST", "faults", fault)
    operator.agent_writes("to nobody")
    dead = until(lambda: operator.ok("dead", "list"))
    try:
        _, found = _examined(**_loop_env(operator))
    finally:
        operator.loop.phone.control("DELETE", "faults")
        operator.ok("dead", "discard", str(dead[0]["id"]), "--yes")
    (one,) = [one for one in found if one["check"] == "messages"]
    assert one["what"] == "1 dead letters"
    assert "dead replay" in one["remedy"]


def test_it_tells_people_in_lines(operator: Operator) -> None:
    done = operator.run("doctor")
    assert "ok       router: it runs" in done.stdout
