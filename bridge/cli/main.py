"""The entry point of the command line; the work itself is done on lower floors.

Exit codes: 0 done; 1 it could not be done (a port in use, say); 2 the command line, a setting or
the key is wrong, and starting again would not help.
"""

from dataclasses import asdict
from typing import IO, Any

import click

from bridge import __version__
from bridge.cli import instances, maintenance, messages, serve
from bridge.cli.serve import PortTaken
from bridge.cli.terminal import COMMAND, Terminal, instance_dir, note, table, with_terminal
from bridge.config import settings
from bridge.domain.errors import BridgeError, StartupError


class _Failed(click.ClickException):
    """A failure of ours as one line on stderr, never a traceback."""

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
        except StartupError as error:
            raise (_Failed if isinstance(error, PortTaken) else _Wrong)(error.message) from None
        except BridgeError as error:
            remedy = error.remedy.format(**error.values)
            raise _Failed(f"{error.message}. {remedy}") from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, name=COMMAND)
@click.version_option(__version__, prog_name=COMMAND, message="%(prog)s %(version)s")
def commands() -> None:
    """Connects a WhatsApp gateway to Chatwoot. Without a command: serve."""


@commands.command("serve")
@click.option("--host", help="Address to listen on (BRIDGE_HOST; otherwise 127.0.0.1).")
@click.option("--port", help="Port to listen on (BRIDGE_PORT; otherwise 8080).")
@instance_dir
def start(**options: str | None) -> None:
    """Starts the service: API, wizard and, on loopback, the sandbox. Ctrl-C stops it."""
    serve.serve(settings.load(**options))


@commands.command("settings")
@with_terminal
def show_settings(terminal: Terminal) -> None:
    """Lists every setting with its value, where that comes from and what it means."""
    loaded = settings.load(instance_dir=terminal.folder)
    shown = [asdict(setting) for setting in loaded.shown]
    text = table(("SETTING", "VALUE", "SOURCE", "MEANING"), [[*row.values()] for row in shown])
    terminal.say(shown, text)
    for warning in loaded.warnings:
        note(f"{COMMAND}: {warning}")


for command in (
    instances.instance_group,
    instances.join,
    instances.webhook,
    messages.status,
    messages.trace,
    messages.dead_group,
    messages.pause,
    messages.resume,
    maintenance.make_backup,
    maintenance.restore_backup,
    maintenance.rotate_key,
    maintenance.rotate_token,
    maintenance.examine,
):
    commands.add_command(command)
