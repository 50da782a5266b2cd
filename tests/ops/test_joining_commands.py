"""The command line that joins: `instance` and `activate`, with and without a terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.api.servers import odd_server, says
from tests.ops.loop import ROOT, Operator, run
from tests.support.processes import SandboxChatwoot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def _in(folder: Path) -> dict[str, str]:
    return {"BRIDGE_INSTANCE_DIR": str(folder)}


def test_an_instance_is_made_activated_changed_and_removed(
    folder: Path, sandbox: SandboxChatwoot
) -> None:
    made = run("instance", "add", "suporte", **_in(folder))
    assert made.returncode == 0, made.stderr
    assert "suporte was made. Its token, shown this once: " in made.stdout
    joined = run(
        "activate",
        "suporte",
        "--url",
        sandbox.base_url,
        "--account",
        "1",
        "--ignore-groups",
        CHATWOOT_API_TOKEN=SandboxChatwoot.admin,
        **_in(folder),
    )
    assert joined.returncode == 0, joined.stderr
    assert joined.stdout == f"suporte is active: inbox 'RyzeAPI' in {sandbox.base_url}\n"
    steps = [line for line in joined.stderr.splitlines() if line.endswith(" ...")]
    assert len(steps) == 6, "each step is shown"
    # What is not given stays as it is: no token is needed to change an option.
    changed = run("activate", "suporte", "--inbox", "Vendas", "--json", **_in(folder))
    assert changed.returncode == 0, changed.stderr
    assert '"inbox_name": "Vendas"' in changed.stdout
    assert [one["name"] for one in sandbox.inboxes()] == ["Vendas"]
    listed = run("instance", "list", **_in(folder))
    assert "suporte" in listed.stdout
    assert run("instance", "remove", "suporte", **_in(folder)).returncode == 2, "it wants a yes"
    gone = run("instance", "remove", "suporte", "--yes", **_in(folder))
    assert gone.stdout == "suporte was removed.\n"
    assert run("instance", "list", "--json", **_in(folder)).stdout == "[]\n"


def test_a_saved_token_goes_to_no_other_chatwoot(folder: Path, sandbox: SandboxChatwoot) -> None:
    assert run("instance", "add", "suporte", **_in(folder)).returncode == 0
    place = ("activate", "suporte", "--url", sandbox.base_url, "--account", "1")
    joined = run(*place, CHATWOOT_API_TOKEN=SandboxChatwoot.admin, **_in(folder))
    assert joined.returncode == 0, joined.stderr
    with odd_server(says("200 OK", b"{}")) as elsewhere:
        moved = run("activate", "suporte", "--url", elsewhere.base_url, **_in(folder))
    assert moved.returncode == 2
    assert "--token" in moved.stderr
    assert not elsewhere.received


def test_a_failure_is_one_line_with_its_remedy(folder: Path, sandbox: SandboxChatwoot) -> None:
    run("instance", "add", "suporte", **_in(folder))
    arguments = ["activate", "suporte", "--url", sandbox.base_url, "--account", "1", "--json"]
    done = run(*arguments, CHATWOOT_API_TOKEN="wrong", **_in(folder))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [one for one in done.stderr.splitlines() if not one.endswith(" ...")]
    assert line.startswith("chatwoot-bridge: Chatwoot rejected the API token - verify chatwootApi")
    assert "In Chatwoot open Profile Settings, Access Token, and copy the token again." in line
    twice = run("instance", "add", "suporte", **_in(folder))
    assert twice.returncode == 1
    assert twice.stderr.startswith("chatwoot-bridge: Instance already exists. Choose another name")


def test_without_a_terminal_what_is_missing_is_a_usage_error(folder: Path) -> None:
    run("instance", "add", "suporte", **_in(folder))
    done = run("activate", "suporte", **_in(folder))
    assert done.returncode == 2
    assert "--url is missing, and there is no terminal to ask on" in done.stderr


def test_a_folder_without_an_installation_is_said(folder: Path) -> None:
    for command in (["status"], ["trace", "x"], ["backup", "x.tgz"], ["rotate-key"]):
        done = run(*command, **_in(folder))
        assert done.returncode == 2
        assert done.stderr.startswith(f"chatwoot-bridge: there is no installation in {folder}")
        assert not folder.exists()


def test_on_a_terminal_it_asks_for_what_is_missing(folder: Path, sandbox: SandboxChatwoot) -> None:
    talk = _Terminal("activate", BRIDGE_INSTANCE_DIR=str(folder))
    talk.answer("Instance", "suporte")
    talk.answer("There is no instance suporte. Make it?", "y")
    talk.answer("Address of the gateway", "")
    talk.answer("Address of Chatwoot", "http://127.0.0.1:1")
    talk.hears("Chatwoot is unreachable at http://127.0.0.1:1")
    talk.answer("Address of Chatwoot", f"{sandbox.base_url}/app/accounts/1/dashboard")
    talk.hears(f"found at {sandbox.base_url}")
    talk.answer("Access token", "wrong")
    talk.hears("copy the token again")
    talk.answer("Access token", SandboxChatwoot.admin)
    talk.hears("The token belongs to Ana Admin")
    talk.answer("Name of the inbox", "Vendas")
    talk.hears("suporte is active: inbox 'Vendas'")
    assert talk.end() == 0
    assert SandboxChatwoot.admin not in talk.heard, "what is secret is not shown"


def test_the_trail_tells_who_did_it_at_which_door(operator: Operator) -> None:
    """The loop was activated through the API; what the command line does is told apart."""
    operator.ok("pause", operator.name)
    operator.ok("resume", operator.name)
    path = operator.loop.bridge.instance_dir / "bridge.db"
    script = (
        "import sqlite3, sys; rows = sqlite3.connect(sys.argv[1]).execute("
        "'select who, action, subject from audit order by id').fetchall(); print(rows)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert f"('account', 'made the instance', '{operator.name}')" in told
    assert f"('account', 'activated', '{operator.name}')" in told
    assert f"('cli', 'paused', '{operator.name}'), ('cli', 'resumed', '{operator.name}')" in told


class _Terminal:
    """A person at a terminal."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self.heard = ""
        pid, self._file = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.environ.update(environ)
            os.execv(sys.executable, [sys.executable, "-m", "bridge", *arguments])
        self._pid, self._seen = pid, 0

    def hears(self, text: str) -> None:
        """Waits until the program has said that, after what was heard before."""
        deadline = time.monotonic() + 60
        while text not in self.heard[self._seen :]:
            assert time.monotonic() < deadline, self.heard
            if select.select([self._file], [], [], 0.2)[0]:
                try:
                    self.heard += os.read(self._file, 4096).decode().replace("\r\n", "\n")
                except OSError:
                    assert text in self.heard[self._seen :], self.heard
        self._seen = self.heard.index(text, self._seen) + len(text)

    def answer(self, question: str, text: str) -> None:
        """Waits for a question and types."""
        self.hears(question)
        os.write(self._file, f"{text}\n".encode())

    def end(self) -> int:
        """The exit code."""
        _, status = os.waitpid(self._pid, 0)
        os.close(self._file)
        return os.waitstatus_to_exitcode(status)
