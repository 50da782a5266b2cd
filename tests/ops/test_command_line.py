"""The command line: help, version, the list of settings and where each value comes from."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bridge import __version__
from bridge.cli import main
from bridge.config.settings import SETTINGS


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    monkeypatch.chdir(tmp_path)
    for option in SETTINGS:
        monkeypatch.delenv(option.name, raising=False)
    return Run()


class Run:
    def __call__(self, *arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main.commands, list(arguments), env=environ)

    def listed(self, *arguments: str, **environ: str) -> dict[str, dict[str, str]]:
        result = self("settings", "--json", *arguments, **environ)
        assert result.exit_code == 0, result.output
        return {one["name"]: one for one in json.loads(result.stdout)}


def test_the_version_is_said(run: Run) -> None:
    assert run("--version").output == f"chatwoot-bridge {__version__}\n"


def _every_command(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from _every_command(command, f"{path}{name} ")


EVERY_COMMAND = dict(_every_command(main.commands))


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_command_and_option_has_help(name: str) -> None:
    command = EVERY_COMMAND[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts


def test_without_a_command_it_serves(run: Run) -> None:
    result = run(BRIDGE_PORT="none")
    assert result.exit_code == 2
    assert result.stderr.startswith("chatwoot-bridge: BRIDGE_PORT must be a port number")
    assert run("--port", "0").stderr.startswith("chatwoot-bridge: BRIDGE_PORT must be a port")


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    result = run("serv")
    assert result.exit_code == 2
    assert "No such command 'serv'" in result.stderr


def test_every_setting_is_listed_with_value_source_and_meaning(run: Run) -> None:
    listed = run.listed()
    assert list(listed) == [one.name for one in SETTINGS]
    assert {one["source"] for one in listed.values()} == {"default"}
    assert all(one["meaning"] and one["value"] for one in listed.values())
    table = run("settings").output
    assert table.splitlines()[0].split() == ["SETTING", "VALUE", "SOURCE", "MEANING"]
    assert all(name in table for name in listed)


def test_command_line_wins_over_environment_over_file_over_default(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "config.toml").write_text('port = 3000\nlog_level = "debug"\nproxies = 1\n')
    listed = run.listed(
        "--instance-dir",
        str(folder),
        BRIDGE_PORT="2000",
        BRIDGE_INSTANCE_DIR="x",
        BRIDGE_PROXIES="",
    )
    seen = {name: (one["value"], one["source"]) for name, one in listed.items()}
    assert seen["BRIDGE_INSTANCE_DIR"] == (str(folder), "command line")
    assert seen["BRIDGE_PORT"] == ("2000", "environment")
    assert seen["BRIDGE_LOG_LEVEL"] == ("debug", "config.toml")
    assert seen["BRIDGE_PROXIES"] == ("1", "config.toml"), "an empty value counts as unset"
    assert seen["BRIDGE_HOST"] == ("127.0.0.1", "default")


def test_secrets_are_masked_wherever_they_come_from(run: Run, tmp_path: Path) -> None:
    secret = "quite-a-secret-account-token"
    (tmp_path / "token.txt").write_text(secret)
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "config.toml").write_text(
        f'rate_limit_storage = "redis://:{secret}@h"'
    )
    for environ in (
        {"BRIDGE_ACCOUNT_TOKEN": secret},
        {"BRIDGE_ACCOUNT_TOKEN_FILE": str(tmp_path / "token.txt")},
    ):
        for arguments in (["settings"], ["settings", "--json"]):
            output = run(*arguments, **environ).output
            assert secret not in output
            assert "***" in output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRIDGE_PORT", "65536"),
        ("BRIDGE_PORT", "80 80"),
        ("BRIDGE_PUBLIC_URL", "bridge.example.com"),
        ("BRIDGE_PUBLIC_URL", "https://user:pw@bridge.example.com"),
        ("BRIDGE_CHATWOOT_ENABLED", "maybe"),
        ("BRIDGE_SANDBOX", "perhaps"),
        ("BRIDGE_BLOCK_PRIVATE_ADDRESSES", "2"),
        ("BRIDGE_RATE_LIMIT", "100"),
        ("BRIDGE_RATE_LIMIT", "0/minute"),
        ("BRIDGE_RATE_LIMIT_STORAGE", "mysql://localhost"),
        ("BRIDGE_ACCOUNT_TOKEN", "short"),
        ("BRIDGE_ACCOUNT_TOKEN_FILE", "/nonexistent/token"),
        ("BRIDGE_PROXIES", "-1"),
        ("BRIDGE_CA_FILE", "/nonexistent/ca.pem"),
        ("BRIDGE_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_stops_with_one_clear_line(run: Run, name: str, value: str) -> None:
    result = run("settings", **{name: value})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"chatwoot-bridge: {name}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("port = ", "is not valid TOML"),
        ("prot = 8080", "prot is not a setting of this program"),
        ("port = [8080]", "port must be a text, a number or true/false"),
        ("port = 0", "BRIDGE_PORT must be a port number"),
    ],
)
def test_a_wrong_config_file_stops_with_one_clear_line(
    run: Run, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "config.toml").write_text(content)
    result = run("settings")
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_mistyped_setting_is_pointed_out(run: Run) -> None:
    result = run("settings", BRIDGE_PROT="8081")
    assert result.exit_code == 0
    assert "BRIDGE_PROT is not a setting of this program" in result.stderr
