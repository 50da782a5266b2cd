"""Backup and restore: taken while it works, proven, and gone on from without loss."""

import json
import secrets
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from tests.ops.loop import Operator, run, until


def _installation(folder: Path, **environ: str) -> dict[str, str]:
    """A folder with one instance, and the variables that name it."""
    given = {"BRIDGE_INSTANCE_DIR": str(folder), **environ}
    done = run("instance", "add", "suporte", **given)
    assert done.returncode == 0, done.stderr
    return given


def test_a_backup_under_load_goes_on_without_loss_or_doubles(
    operator: Operator, tmp_path: Path
) -> None:
    file, mark = tmp_path / "bridge.tgz", secrets.token_hex(3)
    texts = [f"load-{mark}-{number:03}" for number in range(60)]
    stop = threading.Event()

    def customers() -> None:
        for text in texts:
            operator.customer_writes(text)
            stop.wait(0.02)

    writing = threading.Thread(target=customers)
    writing.start()
    until(lambda: operator.shown(texts[5]))
    taken = operator.run("backup", str(file))
    assert taken.returncode == 0, taken.stderr
    assert "It was opened again and is whole." in taken.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Sent and delivered after the backup was taken: the bridge will not know, Chatwoot does.
    later = f"later-{mark}"
    operator.agent_writes(later)
    until(lambda: operator.status(later) in {"delivered", "read"})
    # The machine dies; what was not in the backup, Chatwoot has already or the gateway repeats.
    writing.join()
    until(lambda: operator.shown(texts[-1]))
    bridge = operator.loop.bridge
    bridge.kill()
    refused = operator.run("restore", str(file))
    assert refused.returncode == 2
    assert "is there already" in refused.stderr
    restored = operator.ok("restore", str(file), "--force")
    assert restored["instances"] == 1
    (aside,) = bridge.instance_dir.glob("replaced-*")
    assert (aside / "bridge.db").exists(), "nothing is deleted"
    bridge.start()
    after = f"after-{mark}"
    operator.customer_writes(after)
    until(lambda: operator.shown(after))
    assert [operator.shown(text) for text in texts] == [1] * len(texts)
    reply = f"reply-{mark}"
    operator.agent_writes(reply)
    until(lambda: operator.arrived(reply))
    assert operator.arrived(later) == 1, "it is not sent again"


def test_a_backup_holds_all_that_a_restore_needs(tmp_path: Path) -> None:
    given = _installation(tmp_path / "old")
    (tmp_path / "old" / "config.toml").write_text('language = "es"\n')
    (tmp_path / "old" / "spool").mkdir(exist_ok=True)
    (tmp_path / "old" / "spool" / "abc123").write_bytes(b"a file of a message")
    file = tmp_path / "b.tgz"
    taken = run("backup", str(file), "--json", **given)
    assert json.loads(taken.stdout)["with_key"] is True
    with tarfile.open(file) as tar:
        assert set(tar.getnames()) == {
            *("manifest.json", "bridge.db", "encryption.key", "account-token", "config.toml"),
            "spool/abc123",
        }
    again = run("backup", str(file), **given)
    assert again.returncode == 2
    assert "is there already" in again.stderr

    moved = {"BRIDGE_INSTANCE_DIR": str(tmp_path / "new")}
    done = run("restore", str(file), **moved)
    assert done.returncode == 0, done.stderr
    assert "1 instances" in done.stdout
    for name in ("account-token", "encryption.key", "config.toml", "spool/abc123"):
        old, new = tmp_path / "old" / name, tmp_path / "new" / name
        assert old.read_bytes() == new.read_bytes()
    assert stat.S_IMODE((tmp_path / "new" / "bridge.db").stat().st_mode) == 0o600
    assert "suporte" in run("instance", "list", **moved).stdout
    assert not list((tmp_path / "new").glob("restore-*"))


def test_a_key_from_the_settings_stays_out_of_the_backup(tmp_path: Path) -> None:
    key = "A" * 43 + "="
    given = _installation(tmp_path / "old", BRIDGE_ENCRYPTION_KEY=key)
    file = tmp_path / "b.tgz"
    taken = run("backup", str(file), **given)
    assert "keep BRIDGE_ENCRYPTION_KEY too" in taken.stdout
    moved = {"BRIDGE_INSTANCE_DIR": str(tmp_path / "new")}
    for wrong in ({}, {"BRIDGE_ENCRYPTION_KEY": "B" * 43 + "="}):
        refused = run("restore", str(file), **moved, **wrong)
        assert refused.returncode == 2
        assert "BRIDGE_ENCRYPTION_KEY" in refused.stderr
        assert not (tmp_path / "new" / "bridge.db").exists()
    done = run("restore", str(file), **moved, BRIDGE_ENCRYPTION_KEY=key)
    assert done.returncode == 0, done.stderr


def test_nothing_is_restored_under_a_running_service(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "b.tgz"
    assert operator.run("backup", str(file)).returncode == 0
    for more in ([], ["--force"]):
        refused = operator.run("restore", str(file), *more)
        assert refused.returncode == 2
    assert "stop that first" in refused.stderr
    until(lambda: operator.ok("status")["router"])


@pytest.mark.parametrize("harm", ["cut", "other", "missing", "strange"])
def test_what_is_no_whole_backup_is_refused(tmp_path: Path, harm: str) -> None:
    given = _installation(tmp_path / "old")
    file = tmp_path / "b.tgz"
    run("backup", str(file), **given)
    match harm:
        case "cut":
            file.write_bytes(file.read_bytes()[:-200])
        case "other":
            file.write_bytes(b"no archive at all")
        case "missing":
            file.unlink()
        case "strange":
            with tarfile.open(file, "w:gz") as tar:
                tar.add(__file__, "../../etc/passwd")
    done = run("restore", str(file), BRIDGE_INSTANCE_DIR=str(tmp_path / "new"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(file) in done.stderr
    assert not (tmp_path / "new" / "bridge.db").exists()
