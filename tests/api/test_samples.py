"""The samples of the documents run as they stand there; only the hosts are other ones."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.api import Instance, new_instance
from tests.support.processes import ROOT, Bridge, SandboxChatwoot

SAMPLES = ROOT / "docs" / "samples"
BRIDGE, CHATWOOT = "http://127.0.0.1:8080", "http://127.0.0.1:8090"
COMMANDS = {
    "activate.sh": ["sh"],
    "activate.py": [sys.executable],
    "activate.mjs": ["node"],
    "activate.go": ["go", "run"],
}
#: What each needs besides; these two are everywhere, or to be installed.
NEEDS = {"activate.sh": "curl", "activate.mjs": "node", "activate.go": "go"}
MUST = {"curl"}


def test_every_sample_is_run_here() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == set(COMMANDS)


@pytest.mark.parametrize("whose", ["account", "instance"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_sample_activates(
    start_bridge: Callable[..., Bridge],
    sandbox: SandboxChatwoot,
    tmp_path: Path,
    name: str,
    whose: str,
) -> None:
    tool = NEEDS.get(name)
    if tool and not shutil.which(tool) and not (tool in MUST and os.environ.get("CI") == "true"):
        pytest.skip(f"{tool} is not installed")
    instance = new_instance(start_bridge(), name="suporte")
    sample = tmp_path / name
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert BRIDGE in text
    assert CHATWOOT in text
    hosts = {BRIDGE: instance.bridge.base_url, CHATWOOT: sandbox.base_url}
    for host, other in hosts.items():
        text = text.replace(host, other)
    sample.write_text(text, encoding="utf-8")
    assert_activates(instance, [*COMMANDS[name], str(sample)], whose)
    assert [one["name"] for one in sandbox.inboxes()] == ["WhatsApp - Suporte"]


def assert_activates(instance: Instance, command: list[str], whose: str) -> None:
    token = instance.token if whose == "instance" else instance.bridge.account_token
    done = subprocess.run(
        command, env={**os.environ, "TOKEN": token}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["instance"], said["status"]) == ("suporte", "active")
    stored = instance.list().json()
    assert stored["bridge_integration_id"] == said["bridge_integration_id"]
    assert (stored["sign_messages"], stored["reopen_resolved"]) == (True, True)


def test_a_sample_tells_what_went_wrong(
    start_bridge: Callable[..., Bridge], tmp_path: Path
) -> None:
    bridge = start_bridge()
    text = (SAMPLES / "activate.py").read_text(encoding="utf-8").replace(BRIDGE, bridge.base_url)
    sample = tmp_path / "activate.py"
    sample.write_text(text, encoding="utf-8")
    environ = {**os.environ, "TOKEN": "wrong"}
    done = subprocess.run(
        [sys.executable, str(sample)], env=environ, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.strip()) == (1, "Invalid token")
