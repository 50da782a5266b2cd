"""An installation that has lost its database is not taken for a new one.

Rule: a key or an account token without a database is refused, with the way out, and nothing is
changed; a start that is cut short at any moment is no such thing.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ops.service import ROOT, Service

Start = Callable[..., Service]


def made(start: Start, **settings: str) -> Path:
    """The folder of a service that has run and was stopped."""
    service = start(BRIDGE_SANDBOX="false", **settings)
    service.wait_ready()
    assert service.stop() == 0
    return service.folder / "instance"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "locks" not in path.parts
    }


def _of_another(database: Path) -> None:
    database.unlink()
    sqlite3.connect(database).execute("create table other (a)").connection.close()


LOSSES: dict[str, Callable[[Path], object]] = {
    "gone": lambda database: database.unlink(),
    "empty": lambda database: database.write_bytes(b""),
    "another, without our tables": _of_another,
}


@pytest.mark.parametrize("key", ["in its file", "in a setting"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_start_without_its_database_is_refused_with_the_way_out(
    start: Start, loss: str, key: str
) -> None:
    settings = {} if key == "in its file" else {"BRIDGE_ENCRYPTION_KEY": "A" * 43 + "="}
    folder = made(start, **settings)
    database = folder / "bridge.db"
    for rest in folder.glob("bridge.db-*"):
        rest.unlink()
    LOSSES[loss](database)
    before = content(folder)

    again = start(BRIDGE_SANDBOX="false", **settings)
    assert again.process.wait(30) == 2
    assert again.err.count("\n") == 1, again.err
    assert f"but the database {database} is missing or empty" in again.err
    assert "restore" in again.err
    assert "to begin anew, remove" in again.err
    assert content(folder) == before

    for left in ("encryption.key", "account-token"):
        (folder / left).unlink(missing_ok=True)
    database.unlink(missing_ok=True)
    anew = start(BRIDGE_SANDBOX="false", **settings)
    anew.wait_ready()


def test_a_restore_brings_it_back(start: Start) -> None:
    folder = made(start)
    environ = {"PATH": os.environ["PATH"], "BRIDGE_INSTANCE_DIR": str(folder)}

    def command(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-P", "-m", "bridge", *words],
            env={**environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            timeout=60,
        )

    backup = folder.parent / "backup.tar.gz"
    command("backup", str(backup))
    (folder / "bridge.db").unlink()
    command("restore", str(backup), "--force")
    start(BRIDGE_SANDBOX="false").wait_ready()


def test_a_first_start_that_is_cut_short_at_any_moment_can_be_repeated(start: Start) -> None:
    for delay_s in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
        service = start(BRIDGE_SANDBOX="false")
        time.sleep(delay_s)
        for pid in [service.process.pid, *service.descendants()]:
            os.kill(pid, signal.SIGKILL)
        service.process.wait()
    last = start(BRIDGE_SANDBOX="false")
    last.wait_ready()
