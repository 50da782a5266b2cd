"""What every command shares: its installation, JSON or a table, questions only on a terminal."""

import functools
import getpass
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from typing import Any

import click

from bridge.config import settings
from bridge.config.settings import Settings
from bridge.domain.errors import BridgeError, StartupError
from bridge.domain.models import Actor
from bridge.runtime import logs
from bridge.services import Services

COMMAND = "chatwoot-bridge"

instance_dir = click.option(
    "--instance-dir",
    metavar="FOLDER",
    help="Folder of all run-time state (BRIDGE_INSTANCE_DIR; otherwise ./instance).",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Prints JSON for other programs.")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The installation that a command works on, and the form in which it prints its result."""

    folder: str | None
    as_json: bool

    def load(self, *, must_exist: bool = True) -> Settings:
        """The settings of the installation. Raises StartupError where there is none."""
        loaded = settings.load(instance_dir=self.folder)
        for secret in (loaded.account_token, *loaded.encryption_key.replace(",", " ").split()):
            logs.register_secret(secret)
        if must_exist:
            _require_installation(loaded)
        return loaded

    @contextmanager
    def opened(self, *, must_exist: bool = True) -> Iterator[Services]:
        """The installation, beside the running service or without one. Raises StartupError."""
        services = Services.open(self.load(must_exist=must_exist))
        try:
            yield services
        finally:
            services.close()

    def say(self, data: object, text: str) -> None:
        """Prints the result: `data` for programs, `text` for people."""
        click.echo(json.dumps(data, indent=2, default=_plain) if self.as_json else text)


def with_terminal(function: Callable[..., None]) -> Callable[..., None]:
    """Adds --instance-dir and --json to a command, which gets both as a `Terminal`."""

    @functools.wraps(function)
    def run(*, instance_dir: str | None, as_json: bool, **given: Any) -> None:
        function(Terminal(instance_dir, as_json), **given)

    return instance_dir(_as_json(run))


def _require_installation(loaded: Settings) -> None:
    folder = loaded.instance_dir
    if not loaded.database.exists():
        raise StartupError(
            reason=f"there is no installation in {folder}: name its folder with --instance-dir"
        )
    # As root, files would appear that the service's own user can no longer write.
    owner = folder.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise StartupError(
            reason=f"{folder} belongs to {name}: run this as that user, with sudo -u {name}"
        )


def actor() -> Actor:
    """Who uses this terminal, for the audit trail."""
    try:
        return Actor("cli", getpass.getuser())
    except (KeyError, OSError):
        return Actor("cli")


def is_asked() -> bool:
    """Whether a person can answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Continues after a yes; without a terminal that must be given as an option."""
    if yes:
        return
    if not is_asked():
        raise click.UsageError("this needs a yes: add --yes")
    click.confirm(question, abort=True, err=True)


def note(text: str) -> None:
    click.echo(text, err=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, the last one as it is."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    widths[-1] = 0
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def moment(seconds: float) -> str:
    """A time for people, UTC; `-` for never."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}" if seconds else "-"


def age(seconds: float) -> str:
    """A span for people."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def words(error: BridgeError | None) -> str:
    """What an error says, empty for none."""
    return error.message if error else ""


def one_line(text: str, width: int = 60) -> str:
    """A text as it fits into a table, without what would play with a terminal."""
    plain = "".join(char if char.isprintable() else " " for char in text).strip()
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
