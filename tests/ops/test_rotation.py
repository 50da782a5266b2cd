"""Another key and other tokens: everything opens throughout, a kill in the middle included."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from bridge.config.settings import load
from bridge.domain.models import GatewayConfig, Secret
from bridge.services import Services
from bridge.store import snapshot
from tests.ops.loop import ROOT, run
from tests.support.processes import Bridge

OLD, NEW = "A" * 43 + "=", "B" * 43 + "="


def _services(folder: Path, **environ: str) -> Services:
    return Services.open(load({"BRIDGE_INSTANCE_DIR": str(folder), **environ}))


def _fill(services: Services, count: int) -> None:
    for number in range(count):
        gateway = GatewayConfig("ryzeapi", "http://127.0.0.1:1", Secret(f"token-{number}"))
        services.instances.add(f"n{number}", token_hash=str(number), gateway=gateway, created_at=0)


def _sealed_with_newest(services: Services) -> list[bool]:
    rows = services.store.db.rows("select gateway_token from instance")
    return [services.vault.is_newest(row["gateway_token"]) for row in rows]


def test_everything_is_sealed_anew_and_the_old_key_is_gone(tmp_path: Path) -> None:
    services = _services(tmp_path)
    _fill(services, 3)
    services.instances.hook(1)
    services.drafts.begin({"token": "x"}, now=time.time())
    services.close()
    before = (tmp_path / "encryption.key").read_text()
    done = run("rotate-key", BRIDGE_INSTANCE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 values were sealed with the new key.\n"
    after = (tmp_path / "encryption.key").read_text()
    assert before.strip() not in after
    services = _services(tmp_path)
    assert snapshot.unreadable(services.store, services.vault) == []
    instance = services.instances.find("n2")
    assert instance is not None
    assert instance.gateway is not None
    assert instance.gateway.token == "token-2"
    assert all(_sealed_with_newest(services))
    services.close()


def test_a_rotation_killed_in_the_middle_reads_everything_and_goes_on(tmp_path: Path) -> None:
    services = _services(tmp_path)
    _fill(services, 2000)
    services.close()
    environ = {**os.environ, "BRIDGE_INSTANCE_DIR": str(tmp_path)}
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "rotate-key"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
        )
        database = tmp_path / "bridge.db"
        while process.poll() is None:
            if len((tmp_path / "encryption.key").read_text().split()) == 2:
                wal = database.with_name("bridge.db-wal")
                if wal.exists() and wal.stat().st_size > 200_000:
                    process.send_signal(signal.SIGKILL)
                    break
        process.wait()
        services = _services(tmp_path)
        done = _sealed_with_newest(services)
        assert snapshot.unreadable(services.store, services.vault) == []
        services.close()
        if any(done) and not all(done):
            break
    else:
        raise AssertionError("it was never caught in the middle")
    doctor = run("doctor", BRIDGE_INSTANCE_DIR=str(tmp_path))
    assert "a rotation is not finished" in doctor.stdout
    finished = run("rotate-key", "--json", BRIDGE_INSTANCE_DIR=str(tmp_path))
    assert finished.returncode == 0, finished.stderr
    assert '"resumed": true' in finished.stdout
    assert len((tmp_path / "encryption.key").read_text().split()) == 1
    services = _services(tmp_path)
    assert all(_sealed_with_newest(services))
    services.close()


def test_a_key_from_the_settings_rotates_by_a_ring_of_two(tmp_path: Path) -> None:
    folder = {"BRIDGE_INSTANCE_DIR": str(tmp_path)}
    services = _services(tmp_path, BRIDGE_ENCRYPTION_KEY=OLD)
    _fill(services, 2)
    services.close()
    alone = run("rotate-key", **folder, BRIDGE_ENCRYPTION_KEY=OLD)
    assert alone.returncode == 2
    assert "put the new one, a comma and the old one there" in alone.stderr
    done = run("rotate-key", **folder, BRIDGE_ENCRYPTION_KEY=f"{NEW},{OLD}")
    assert done.returncode == 0, done.stderr
    assert "Now take the old key out of BRIDGE_ENCRYPTION_KEY." in done.stdout
    assert not (tmp_path / "encryption.key").exists()
    services = _services(tmp_path, BRIDGE_ENCRYPTION_KEY=NEW)
    assert snapshot.unreadable(services.store, services.vault) == []
    services.close()
    assert run("status", **folder, BRIDGE_ENCRYPTION_KEY=OLD).returncode == 2


def test_it_waits_for_the_service_to_be_stopped(bridge: Bridge) -> None:
    done = run("rotate-key", BRIDGE_INSTANCE_DIR=str(bridge.instance_dir))
    assert done.returncode == 2
    assert "stop that first" in done.stderr


def test_the_token_of_an_instance_changes_at_once(bridge: Bridge) -> None:
    made = bridge.api("POST", "/api/instance/new", {"name": "suporte"}).json()
    done = run("rotate-token", "suporte", BRIDGE_INSTANCE_DIR=str(bridge.instance_dir))
    assert done.returncode == 0, done.stderr
    new = done.stdout.split()[3]
    for token, status in ((made["data"]["token"], 401), (new, 200)):
        answer = requests.get(
            f"{bridge.base_url}/api/instance/list", headers={"token": token}, timeout=30
        )
        assert answer.status_code == status


def test_the_account_token_changes_with_the_next_start(tmp_path: Path) -> None:
    _services(tmp_path).close()
    before = (tmp_path / "account-token").read_text().strip()
    done = run("rotate-token", BRIDGE_INSTANCE_DIR=str(tmp_path))
    after = (tmp_path / "account-token").read_text().strip()
    assert after != before
    assert after in done.stdout
    refused = run("rotate-token", BRIDGE_INSTANCE_DIR=str(tmp_path), BRIDGE_ACCOUNT_TOKEN="x" * 20)
    assert refused.returncode == 2
    assert "BRIDGE_ACCOUNT_TOKEN: change it there" in refused.stderr
