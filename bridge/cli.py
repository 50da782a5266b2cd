"""The terminal door. One function per command; the work itself is done on lower floors.

Exit codes: 0 done; 1 it could not be done (a port in use, say); 2 it was asked for wrongly
(command line, settings, a key that does not fit): starting it again would not help.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO, Any

import click

from bridge import __version__, settings, supervisor
from bridge.errors import BridgeError, StartupError
from bridge.supervisor import PortTaken

COMMAND = "chatwoot-bridge"


class _Failed(click.ClickException):
    """A failure of ours on its way to the terminal: one line on stderr, never a traceback."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{COMMAND}: {self.message}", file=file, err=True)


class _Wrong(_Failed):
    exit_code = 2


class _Commands(click.Group):
    """Without a command, or with options alone, it is `serve`; our failures become one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in {"--help", "-h", "--version"}):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            hopeless = isinstance(error, StartupError) and not isinstance(error, PortTaken)
            raise (_Wrong if hopeless else _Failed)(error.message) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, name=COMMAND)
@click.version_option(__version__, prog_name=COMMAND, message="%(prog)s %(version)s")
def commands() -> None:
    """Connects a WhatsApp gateway to Chatwoot. Without a command: serve."""


_instance_dir = click.option(
    "--instance-dir",
    metavar="FOLDER",
    help="Folder of all run-time state (BRIDGE_INSTANCE_DIR; otherwise ./instance).",
)


@commands.command()
@click.option("--host", help="Address to listen on (BRIDGE_HOST; otherwise 127.0.0.1).")
@click.option("--port", help="Port to listen on (BRIDGE_PORT; otherwise 8080).")
@_instance_dir
def serve(**options: str | None) -> None:
    """Starts the service: API, wizard and, on loopback, the sandbox. Ctrl-C stops it."""
    supervisor.serve(settings.load(**options))


@commands.command("settings")
@_instance_dir
@click.option("--json", "as_json", is_flag=True, help="Prints JSON for other programs.")
def show_settings(as_json: bool, **options: str | None) -> None:
    """Lists every setting with its value, where that comes from and what it means."""
    loaded = settings.load(**options)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in loaded.shown], indent=2))
    else:
        click.echo(_table([(one.name, one.value, one.source, one.meaning) for one in loaded.shown]))
    for warning in loaded.warnings:
        click.echo(f"{COMMAND}: {warning}", err=True)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell, the last one as it is."""
    rows = [("SETTING", "VALUE", "SOURCE", "MEANING"), *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
