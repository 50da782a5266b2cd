"""What lies in deploy/ is checked by the tools that it is made for, where they are installed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli.main import commands
from bridge.config.settings import SETTINGS
from tests.ops.service import ROOT, Service, free_port

DEPLOY = ROOT / "deploy"
#: Runs a program that may never make memory executable: MemoryDenyWriteExecute, from Linux 6.3.
_MDWE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def _tool(name: str) -> str:
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it would be installed here."""
    text = (DEPLOY / "chatwoot-bridge.service").read_text()
    shutil.copy(DEPLOY / "chatwoot-bridge.socket", tmp_path)
    copy = tmp_path / "chatwoot-bridge.service"
    copy.write_text(text.replace("/usr/local/bin/chatwoot-bridge", sys.executable))
    return copy


def test_systemd_understands_the_unit(unit: Path) -> None:
    socket = unit.with_suffix(".socket")
    done = _run(_tool("systemd-analyze"), "verify", str(unit), str(socket))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_may_do_little(unit: Path) -> None:
    """systemd counts exposure in tenths: below 2.0 is the best class that it has."""
    arguments = ["security", "--offline=true", "--threshold=19", str(unit)]
    done = _run(_tool("systemd-analyze"), *arguments)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_service_runs_without_executable_memory(tmp_path: Path) -> None:
    probe = _run(sys.executable, "-c", _MDWE, "-c", "pass")
    if probe.returncode == 77:
        pytest.skip("this kernel cannot forbid it")
    (tmp_path / "mdwe.py").write_text(_MDWE)

    class Confined(Service):
        program = (str(tmp_path / "mdwe.py"), "-P", "-m", "bridge")

    service = Confined(tmp_path)
    try:
        service.wait_ready()
        assert service.stop() == 0
        assert service.err == ""
    finally:
        service.process.kill()
        service.process.wait()


def test_caddy_understands_its_file() -> None:
    caddy = _tool("caddy")
    file = str(DEPLOY / "Caddyfile")
    done = _run(caddy, "validate", "--adapter", "caddyfile", "--config", file)
    assert done.returncode == 0, done.stderr
    assert _run(caddy, "fmt", file).stdout == (DEPLOY / "Caddyfile").read_text()


def test_nginx_understands_its_file(tmp_path: Path) -> None:
    nginx, openssl = _tool("nginx"), _tool("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = _run(
        *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=example.com"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    assert made.returncode == 0, made.stderr
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"/etc/letsencrypt\S+/fullchain.pem", str(certificate), text)
    text = re.sub(r"/etc/letsencrypt\S+/privkey.pem", str(key), text)
    text = re.sub(r"\b443 ", f"{free_port()} ", text)
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    done = _run(nginx, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@pytest.mark.parametrize(
    "path",
    [*sorted(DEPLOY.iterdir()), ROOT / "docs" / "operations.md", ROOT / "SECURITY.md"],
    ids=lambda path: path.name,
)
def test_only_settings_that_exist_are_named(path: Path) -> None:
    known = {option.name for option in SETTINGS}
    assert set(re.findall(r"BRIDGE_[A-Z_]+", path.read_text())) <= known


def test_every_command_in_the_handbook_exists() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"(?:chatwoot-bridge|bridge) ([a-z-]+)(?= |`|$)", text))
    known = set(commands.commands)
    assert known & named >= {"backup", "doctor", "restore", "rotate-key", "rotate-token", "trace"}
    for line in re.findall(r"(?m)^(?:chatwoot-bridge|bridge) ([a-z-]+)", text):
        assert line in known, line


def test_the_image_is_made_of_what_is_here() -> None:
    """Every path that the Dockerfile copies is there, and is let through to the build."""
    text = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", text):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in ignored
    assert "\nUSER bridge\n" in text
    assert "HEALTHCHECK" in text
