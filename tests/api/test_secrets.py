"""Stored secrets: sealed to their row, readable with one key only, and never written elsewhere."""

import base64
import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Instance, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

UNREADABLE = "the stored token cannot be opened: it was changed or moved in the database"


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def sql(bridge: Bridge, statement: str, *params: object) -> list[tuple[Any, ...]]:
    """Runs a statement in the database of a bridge."""
    path = bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, params).fetchall()


def sealed(bridge: Bridge, instance: Instance, column: str = "api_token") -> str:
    """A sealed value as it lies in the row of an instance."""
    found = sql(
        bridge,
        f"select {column} from integration where instance_id = "
        "(select id from instance where name = ?)",
        instance.name,
    )
    return str(found[0][0])


def put(bridge: Bridge, instance: Instance, value: str, column: str = "api_token") -> None:
    sql(
        bridge,
        f"update integration set {column} = ? where instance_id = "
        "(select id from instance where name = ?)",
        value,
        instance.name,
    )


@pytest.fixture
def pair(bridge: Bridge, sandbox: SandboxChatwoot) -> tuple[Instance, Instance]:
    """Two active instances of one bridge."""
    found = new_instance(bridge), new_instance(bridge)
    for instance in found:
        assert instance.set(wish(sandbox)).status_code == 201
    return found


def assert_unreadable(instance: Instance, sandbox: SandboxChatwoot) -> None:
    """Listed as broken, without the token, and Chatwoot is not called with it."""
    sandbox.control("DELETE", "requests")
    said = instance.list().json()
    assert (said["status"], said["last_error"]) == ("error", UNREADABLE)
    assert said["chatwoot_api_token"] == ""
    # Others look with tokens that are good; this one has none that could be.
    assert not any(one["status"] == 401 for one in sandbox.requests())


def test_a_ciphertext_that_is_moved_to_another_row_is_refused(
    pair: tuple[Instance, Instance], sandbox: SandboxChatwoot
) -> None:
    first, second = pair
    put(first.bridge, second, sealed(first.bridge, first))
    assert_unreadable(second, sandbox)
    assert first.list().json()["status"] == "active"
    # The rest of the bridge goes on, and what is broken can be repaired or deleted.
    listed = first.bridge.api("GET", "/api/instance/list")
    assert listed.status_code == 200
    assert second.set(wish(sandbox)).status_code == 201
    assert second.list().json()["status"] == "active"
    assert len(sandbox.inboxes()) == 2


def test_a_ciphertext_that_is_moved_to_another_column_is_refused(
    pair: tuple[Instance, Instance], sandbox: SandboxChatwoot
) -> None:
    instance = pair[0]
    put(instance.bridge, instance, sealed(instance.bridge, instance, "webhook_secret"))
    assert_unreadable(instance, sandbox)
    assert instance.delete().json() == {"message": "chatwoot integration deactivated"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: value[:-4] + ("AAAA" if not value.endswith("AAAA") else "BBBB"),
        lambda value: value[:40],
        lambda value: value.replace("v1.", "v2.", 1),
        lambda value: "v1.00000000." + value.rpartition(".")[2],
        lambda _: "",
        lambda _: "plain text",
    ],
    ids=["changed", "cut", "version", "key id", "empty", "plain"],
)
def test_a_ciphertext_that_was_changed_is_refused(
    pair: tuple[Instance, Instance], sandbox: SandboxChatwoot, damage: Callable[[str], str]
) -> None:
    instance = pair[0]
    put(instance.bridge, instance, damage(sealed(instance.bridge, instance)))
    assert_unreadable(instance, sandbox)


def test_two_installations_never_share_ciphertexts(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot
) -> None:
    key = new_key()
    # Even with one key between them: an integration's id belongs to its installation.
    ours, theirs = start_bridge(BRIDGE_ENCRYPTION_KEY=key), start_bridge(BRIDGE_ENCRYPTION_KEY=key)
    one, other = new_instance(ours), new_instance(theirs)
    for instance in (one, other):
        assert instance.set(wish(sandbox)).status_code == 201
    assert sealed(ours, one) != sealed(theirs, other)
    put(theirs, other, sealed(ours, one))
    assert_unreadable(other, sandbox)


def test_the_same_token_is_sealed_differently_each_time(
    pair: tuple[Instance, Instance], sandbox: SandboxChatwoot
) -> None:
    instance = pair[0]
    before = sealed(instance.bridge, instance)
    assert instance.set(wish(sandbox)).status_code == 201
    assert sealed(instance.bridge, instance) != before
    assert instance.list().json()["chatwoot_api_token"] == sandbox.admin


# -- the key ---------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refuses_to_start(bridge: Bridge, reason: str) -> None:
    """The start fails with one line that gives the reason, and changes nothing."""
    before = contents(bridge.instance_dir)
    length = len(bridge.log_text())
    with pytest.raises(AssertionError):
        bridge.start()
    said = bridge.log_text()[length:].strip()
    assert said.count("\n") == 0, said
    assert said.startswith("chatwoot-bridge: ")
    assert reason in said
    assert contents(bridge.instance_dir) == before


def test_the_key_and_the_folder_are_for_their_owner_only(bridge: Bridge) -> None:
    folder = bridge.instance_dir
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "encryption.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "bridge.db").stat().st_mode & 0o777 == 0o600


def test_a_missing_key_stops_the_start_and_changes_nothing(bridge: Bridge) -> None:
    bridge.stop()
    key = bridge.instance_dir / "encryption.key"
    kept = key.read_bytes()
    key.unlink()
    refuses_to_start(bridge, "holds sealed tokens, but their key is missing")
    key.write_bytes(kept)
    bridge.start()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (new_key(), "is not the one that sealed"),
        ("short", "must be base64"),
        (base64.b64encode(b"x" * 16).decode(), "must be base64 of 32 bytes, these are 16"),
        ("", "is empty"),
        ("\udcff", "it is not a text file"),
    ],
    ids=["another", "malformed", "too short", "empty", "binary"],
)
def test_a_wrong_key_stops_the_start_and_changes_nothing(
    bridge: Bridge, content: str, reason: str
) -> None:
    bridge.stop()
    key = bridge.instance_dir / "encryption.key"
    key.write_bytes(content.encode("utf-8", "surrogateescape"))
    refuses_to_start(bridge, reason)


def test_a_wrong_key_in_the_environment_stops_the_start_and_is_not_shown(
    start_bridge: Callable[..., Bridge],
) -> None:
    right, wrong = new_key(), new_key()
    bridge = start_bridge(BRIDGE_ENCRYPTION_KEY=right)
    bridge.stop()
    assert not (bridge.instance_dir / "encryption.key").exists()
    bridge.change(BRIDGE_ENCRYPTION_KEY=wrong)
    refuses_to_start(bridge, "BRIDGE_ENCRYPTION_KEY is not the one that sealed")
    for key in (right, wrong):
        assert key not in bridge.log_text()


# -- the database ----------------------------------------------------------------------------------


def test_a_database_of_a_newer_program_is_refused_and_left_alone(bridge: Bridge) -> None:
    bridge.stop()
    sql(
        bridge,
        "insert into _sqlite_migrations (migration_set, name, applied_at) values (?, ?, ?)",
        "bridge",
        "m999_from_the_future",
        "2030-01-01",
    )
    refuses_to_start(
        bridge, "was written by a newer version of this program (m999_from_the_future)"
    )


def test_a_file_that_is_no_database_is_refused_and_left_alone(bridge: Bridge) -> None:
    bridge.stop()
    (bridge.instance_dir / "bridge.db").write_bytes(b"not a database" * 100)
    refuses_to_start(bridge, "cannot use the database")


def test_a_restart_finds_everything_as_it_was(
    pair: tuple[Instance, Instance], sandbox: SandboxChatwoot
) -> None:
    bridge = pair[0].bridge
    before = [one.list().json() for one in pair]
    bridge.kill()
    bridge.start()
    assert [one.list().json() for one in pair] == before
    headers = {"token": pair[0].token}
    assert pair[0].list(headers=headers).status_code == 200


# -- nothing leaks ---------------------------------------------------------------------------------


def test_no_secret_reaches_the_log_or_the_files(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot
) -> None:
    bridge = start_bridge(BRIDGE_LOG_LEVEL="debug")
    gateway_token = "gateway-token-0123456789"
    gateway = {"kind": "ryzeapi", "baseUrl": "http://127.0.0.1:9", "token": gateway_token}
    instance = new_instance(bridge, gateway=gateway)
    assert instance.set(wish(sandbox)).status_code == 201
    assert instance.list().status_code == 200
    sandbox.fault("refuse", path="inboxes")
    assert instance.set(wish(sandbox)).status_code == 502
    sandbox.control("DELETE", "faults")
    for wrong in ("wrong-token-9876543210", sandbox.agent):
        assert instance.set(wish(sandbox, chatwootApiToken=wrong)).status_code in {401, 403}
    put(bridge, instance, "v1.broken")
    assert instance.list().status_code == 200
    inbox_secret = sandbox.inboxes()[0]["secret"]
    bridge.stop()

    secrets = {
        "chatwoot": sandbox.admin,
        "agent": sandbox.agent,
        "wrong": "wrong-token-9876543210",
        "gateway": gateway_token,
        "instance": instance.token,
        "account": bridge.account_token,
        "inbox": inbox_secret,
    }
    written = {"the log": bridge.log_text().encode(), **contents(bridge.instance_dir)}
    assert "bridge.db" in written
    for name, secret in secrets.items():
        for place, content in written.items():
            assert secret.encode() not in content, f"{name} token in {place}"
