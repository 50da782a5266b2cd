"""The single file of `make dist`, in an empty folder, with nothing but python3 on the path."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.processes import free_port, wait_for

BUILT = os.environ.get("DIST_FILE", "")

pytestmark = pytest.mark.skipif(
    not BUILT, reason="DIST_FILE is not set: make dist, then make test DIST_FILE=dist/..."
)


class OneFile:
    """The copied file, run as an operator would who knows nothing about Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "chatwoot-bridge"
        self.program.write_bytes(Path(BUILT).read_bytes())
        self.program.chmod(0o755)
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "BRIDGE_PORT": str(self.port),
            "BRIDGE_SANDBOX_PORT": str(self.sandbox_port),
            "BRIDGE_SANDBOX_PHONE_PORT": str(free_port()),
        }

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [str(self.program), *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> OneFile:
    return OneFile(tmp_path_factory.mktemp("one-file"))


@pytest.fixture
def served(one_file: OneFile) -> Iterator[OneFile]:
    log = one_file.folder / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [str(one_file.program)],
            cwd=one_file.folder,
            env=one_file.environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        ) as process,
    ):
        try:
            wait_for(f"{one_file.url}/api/openapi.json", process, log)
            wait_for(f"{one_file.sandbox_url}/api", process, log)
            yield one_file
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_it_lists_its_settings(one_file: OneFile) -> None:
    assert "BRIDGE_INSTANCE_DIR" in one_file.run("settings")


def test_it_activates_an_integration(served: OneFile) -> None:
    token = (served.folder / "instance" / "account-token").read_text().strip()
    headers = {"token": token}
    made = requests.post(
        f"{served.url}/api/instance/new", headers=headers, json={"name": "shop"}, timeout=60
    )
    assert made.status_code == 201, made.text

    started = time.monotonic()
    body = {
        "chatwootBaseUrl": served.sandbox_url,
        "chatwootAccountId": 1,
        "chatwootApiToken": "sandbox-admin-token",
    }
    activated = requests.post(
        f"{served.url}/api/chatwoot/set/shop", headers=headers, json=body, timeout=60
    )
    assert time.monotonic() - started < 60
    assert activated.status_code == 201, activated.text
    answer = activated.json()
    assert answer.pop("bridge_integration_id").startswith("int_")
    assert answer == {
        "instance": "shop",
        "status": "active",
        "message": "chatwoot integration activated",
    }
    inboxes = requests.get(
        f"{served.sandbox_url}/api/v1/accounts/1/inboxes",
        headers={"api-access-token": "sandbox-admin-token"},
        timeout=60,
    )
    assert [one["name"] for one in inboxes.json()["payload"]].count("RyzeAPI") == 1


@pytest.mark.parametrize("language", ["en", "pt-BR", "es"])
def test_pages_styles_and_translations_are_inside(served: OneFile, language: str) -> None:
    page = requests.get(served.url, headers={"Accept-Language": language}, timeout=60)
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert requests.get(f"{served.url}/static/app.css", timeout=60).status_code == 200
