"""`doctor` finds planted faults and names the remedy of each."""

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from bridge.config.settings import load
from bridge.operations.doctor import machine
from tests.api.servers import odd_server
from tests.ops.loop import Operator, run, until
from tests.support.processes import SandboxChatwoot
from tests.support.visitor import Visitor

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
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
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


@pytest.mark.smoke
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
    (one,) = [one for one in found if one["check"] == "messages" and one["level"] == "warning"]
    assert one["what"] == "dead letters: 1"
    assert "dead replay" in one["remedy"]


@contextlib.contextmanager
def _owner_with(operator: Operator, roles: dict[str, str], *, member: bool) -> Iterator[None]:
    """The owner of the token has these roles meanwhile, and is a member of the inbox or not."""
    chatwoot = operator.loop.chatwoot
    members = {"inbox_id": chatwoot.inboxes()[0]["id"], "user_ids": [1]}
    if member:
        _chatwoot_api(chatwoot, "POST", "inbox_members", members)
    before = {"1": "administrator", "3": "administrator"}
    chatwoot.control("PATCH", "users/1", {"roles": roles})
    try:
        yield
    finally:
        chatwoot.control("PATCH", "users/1", {"roles": before})
        _chatwoot_api(chatwoot, "DELETE", "inbox_members", members)
        assert operator.run("doctor").returncode == 0, "well again, without a person"


def _chatwoot_api(chatwoot: SandboxChatwoot, method: str, path: str, body: object) -> None:
    url = f"{chatwoot.base_url}/api/v1/accounts/1/{path}"
    headers = {"api-access-token": chatwoot.admin}
    requests.request(method, url, json=body, headers=headers, timeout=30).raise_for_status()


def test_a_token_owner_who_is_no_administrator_any_more_is_a_warning(operator: Operator) -> None:
    with _owner_with(operator, {"1": "agent"}, member=True):
        code, found = _examined(**_loop_env(operator))
    assert code == 0, "messages go on"
    [owner] = [one for one in found if one["check"] == "token"]
    assert owner["level"] == "warning"
    assert "Ana Admin, whose token this is, is no administrator of account 1" in owner["what"]
    assert f"chatwoot-bridge activate {operator.name}" in owner["remedy"]


@pytest.mark.parametrize("roles", [{"1": "agent"}, {"2": "administrator"}, {}])
def test_a_token_owner_who_lost_the_inbox_or_left_the_account_is_named(
    operator: Operator, roles: dict[str, str]
) -> None:
    with _owner_with(operator, roles, member=False):
        code, found = _examined(**_loop_env(operator))
    assert code == 1
    assert "administrator" in _wrong(found, "chatwoot")["remedy"]


def test_of_an_administrator_nothing_is_said(operator: Operator) -> None:
    _, found = _examined(**_loop_env(operator))
    assert not [one for one in found if one["check"] == "token"]


def test_surveys_without_a_link_are_named_by_doctor_page_and_activation(
    operator: Operator,
) -> None:
    chatwoot = operator.loop.chatwoot
    path = f"inboxes/{chatwoot.inboxes()[0]['id']}"
    _chatwoot_api(chatwoot, "PATCH", path, {"csat_survey_enabled": True})
    told = "Surveys may leave without their link"
    try:
        _, found = _examined(**_loop_env(operator))
        [survey] = [one for one in found if one["check"] == "survey"]
        assert (survey["level"], survey["what"][: len(told)]) == ("warning", told)
        assert survey["remedy"] == f"chatwoot-bridge activate {operator.name} --public-url URL"
        assert told in _page(operator)
        activated = operator.ok("activate", operator.name)
        assert any(warning.startswith(told) for warning in activated["warnings"])
        operator.ok("activate", operator.name, "--public-url", "https://chat.example.com")
        assert told not in _page(operator)
    finally:
        operator.ok("activate", operator.name, "--public-url", "none")
        _chatwoot_api(chatwoot, "PATCH", path, {"csat_survey_enabled": False})
    assert told not in _page(operator)


def _page(operator: Operator) -> str:
    return str(Visitor(operator.loop.bridge).sign_in().get(f"/instances/{operator.name}").text)


def test_what_is_not_brought_to_chatwoot_is_counted_on_the_overview_too(
    operator: Operator,
) -> None:
    def overview() -> str:
        return str(Visitor(operator.loop.bridge).sign_in().get("/").text)

    assert "Not brought to Chatwoot" not in overview()
    addresses = ("status@broadcast", "120363111111111111@newsletter", "5511900000077@interop")
    for address in (*addresses, "120363222222222222@newsletter"):
        _comes_from(operator, address)

    def counted() -> str:
        text = overview()
        return text if "newsletters 2" in text else ""

    page = until(counted)
    assert "Kept out of Chatwoot: interop 1, newsletters 2, stories 1" in page
    said = operator.run("doctor").stdout
    assert "not brought to Chatwoot: interop 1, newsletter 2, story 1" in said


def _comes_from(operator: Operator, address: str) -> None:
    data = {
        "id": f"NO{address}",
        "direction": "incoming",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "chat": {"type": "private", "jid": address},
        "sender": {"jid": address},
        "message": {"type": "text", "content": "words", "source": ""},
    }
    event = {"event": "message.exchange", "data": data}
    operator.loop.phone.control("POST", "events", event)


def test_what_it_says_to_programs_holds_no_secret(operator: Operator) -> None:
    bridge, chatwoot = operator.loop.bridge, operator.loop.chatwoot
    said = operator.run("doctor", "--json").stdout
    key = (bridge.instance_dir / "encryption.key").read_text().strip()
    secrets = [bridge.account_token, chatwoot.admin, operator.loop.phone.instance_token, key]
    secrets += [inbox["secret"] for inbox in chatwoot.inboxes()]
    assert all(secrets)
    assert not [secret for secret in secrets if secret in said]


def test_it_tells_people_in_lines(operator: Operator) -> None:
    done = operator.run("doctor")
    assert "ok       router: it runs" in done.stdout
