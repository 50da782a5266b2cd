"""Writes docs/reference.md from the program itself, so that it cannot drift: `make docs`."""

import sys
from collections.abc import Iterator

import click

from bridge.cli import main as cli
from bridge.config.settings import SETTINGS
from bridge.domain.options import OPTIONS
from bridge.operations.metrics import SERIES
from bridge.web.api.openapi import document

HEAD = """# Reference

Written by `make docs` from the program itself; a test holds it to that. Do not edit it by hand.

- [Settings](#settings)
- [Commands](#commands)
- [Options of an integration](#options-of-an-integration)
- [Addresses for machines](#addresses-for-machines)
- [Metrics](#metrics)
- [JSON API](#json-api)
"""

EXIT_CODES = """Exit codes: 0 done; 1 it could not be done now; 2 it was asked for wrongly (command
line, a setting, a key that does not fit), so that trying again cannot help. A failure is one line
on stderr with the next step. `--json` prints the result for programs; whatever is meant for people
beside it goes to stderr.
"""

ADDRESSES = (
    ("GET /healthz", "200 while the web process lives; `id` names the installation", "anybody"),
    (
        "GET /readyz",
        "200 when the database can be written and the router gives signs of life, else 503; "
        "`oldest_waiting_seconds` is the age of the oldest message that waits; an answer stands "
        "for 5 s",
        "anybody",
    ),
    (
        "GET /metrics",
        "Prometheus's text format",
        "the bearer of `BRIDGE_METRICS_TOKEN`; without one only this machine itself, not through "
        "a proxy",
    ),
)


def main() -> None:
    """Prints the whole page."""
    sys.stdout.write("\n".join(_page()))


def _page() -> Iterator[str]:
    yield HEAD
    yield "## Settings\n"
    yield "Environment variables, or lines of `config.toml` in the instance folder. Secrets may"
    yield "also be named by a file: `BRIDGE_ACCOUNT_TOKEN_FILE=/run/secrets/token`.\n"
    yield "| Setting | Default | Meaning |"
    yield "|---|---|---|"
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        secret = " Secret." if setting.secret else ""
        yield f"| `{setting.name}` | {default} | {setting.meaning}{secret} |"
    yield "\n## Commands\n"
    yield EXIT_CODES
    yield from _commands(cli.commands, "chatwoot-bridge")
    yield "## Options of an integration\n"
    yield "In the body of `set`, behind `activate` on the command line, and in the wizard.\n"
    yield "| Option | Command line | Meaning |"
    yield "|---|---|---|"
    for option in OPTIONS:
        yield f"| `{option.api}` | `{option.flag}` | {option.meaning} |"
    yield ""
    yield "## Addresses for machines\n"
    yield "| Address | Answers | Who may ask |"
    yield "|---|---|---|"
    for address, answers, who in ADDRESSES:
        yield f"| `{address}` | {answers} | {who} |"
    yield ""
    yield "## Metrics\n"
    yield "Computed from the database when they are asked for.\n"
    yield "| Metric | Kind | Labels | Meaning |"
    yield "|---|---|---|---|"
    for series in SERIES:
        labels = ", ".join(f"`{one}`" for one in series.labels)
        kind = "counter" if series.counts else "gauge"
        yield f"| `chatwoot_bridge_{series.name}` | {kind} | {labels} | {series.meaning} |"
    yield "\n## JSON API\n"
    yield "Described in full at `/docs` of the running service and at `/api/openapi.json`.\n"
    yield "| Call | Does |"
    yield "|---|---|"
    for path, calls in document()["paths"].items():
        for method, call in calls.items():
            if isinstance(call, dict) and "summary" in call:
                yield f"| `{method.upper()} {path}` | {call['summary']} |"
    yield ""


def _commands(group: click.Group, path: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        full = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from _commands(command, full)
            continue
        with click.Context(command, info_name=full, terminal_width=96) as context:
            yield f"### `{full}`\n"
            yield "```text"
            yield command.get_help(context)
            yield "```\n"


if __name__ == "__main__":
    main()
