"""`app.py`: the web part alone, under gunicorn and under Flask's own server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.ops.service import ROOT, free_port, wait_until

COMMANDS = {
    "gunicorn": ["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:{port}", "app:app"],
    "flask": ["-m", "flask", "--app", "app", "run", "--port", "{port}"],
}


def _environ(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "BRIDGE_INSTANCE_DIR": str(folder / "instance"),
    }


def _command(name: str, port: int) -> list[str]:
    return [sys.executable, *(part.format(port=port) for part in COMMANDS[name])]


@pytest.mark.parametrize("name", COMMANDS)
def test_it_serves_the_api(tmp_path: Path, name: str) -> None:
    port = free_port()

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()
        try:
            got = requests.get(f"http://127.0.0.1:{port}/api/instance/list", timeout=30)
        except requests.ConnectionError:
            return False
        return got.status_code == 401

    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            _command(name, port), cwd=ROOT, env=_environ(tmp_path), stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_until(answers, "it answers")
        finally:
            process.terminate()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_start_that_cannot_be_is_one_clear_line(tmp_path: Path, name: str) -> None:
    environ = _environ(tmp_path) | {"BRIDGE_RATE_LIMIT": "often"}
    done = subprocess.run(
        _command(name, free_port()),
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4
    said = done.stdout + done.stderr
    assert said.count("chatwoot-bridge: BRIDGE_RATE_LIMIT must look like 100/minute") == 1
    assert "Traceback" not in said
