"""How commands speak: JSON or a table, one line for a failure, questions only on a terminal."""

import getpass
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from bridge.config import settings
from bridge.config.settings import Settings
from bridge.domain.errors import BridgeError, StartupError
from bridge.domain.models import Actor
from bridge.runtime import logs
from bridge.services import Services

COMMAND = "chatwoot-bridge"
F = TypeVar("F", bound=Callable[..., Any])

instance_dir = click.option(
    "--instance-dir",
    metavar="FOLDER",
    help="Folder of all run-time state (BRIDGE_INSTANCE_DIR; otherwise ./instance).",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Prints JSON for other programs.")


def actor() -> Actor:
    """Who sits at this terminal, for the audit trail."""
    try:
        return Actor("cli", getpass.getuser())
    except (KeyError, OSError):
        return Actor("cli")


def load(folder: str | None, *, must_exist: bool = True) -> Settings:
    """The settings of an installation. Raises StartupError where there is none."""
    found = settings.load(instance_dir=folder)
    for secret in (found.account_token, *found.encryption_key.replace(",", " ").split()):
        logs.register_secret(secret)
    if must_exist and not found.database.exists():
        raise StartupError(
            reason=f"there is no installation in {found.instance_dir}: name its folder with "
            "--instance-dir"
        )
    if must_exist:
        _require_owner(found)
    return found


def _require_owner(found: Settings) -> None:
    """As root, files would appear that the service's own user can no longer write."""
    owner = found.instance_dir.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise StartupError(
            reason=f"{found.instance_dir} belongs to {name}: run this as that user, with "
            f"sudo -u {name}"
        )


@contextmanager
def opened(folder: str | None, *, must_exist: bool = True) -> Iterator[Services]:
    """An installation, beside the running service or without one. Raises StartupError."""
    services = Services.open(load(folder, must_exist=must_exist))
    try:
        yield services
    finally:
        services.close()


def is_asked() -> bool:
    """Whether a person can answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Goes on after a yes; without a terminal it must have been given as an option."""
    if yes:
        return
    if not is_asked():
        raise click.UsageError("this needs a yes: add --yes")
    click.confirm(question, abort=True, err=True)


def say(data: object, text: str, *, as_json: bool) -> None:
    """The result, for programs or for people."""
    click.echo(json.dumps(data, indent=2, default=_plain) if as_json else text)


def note(text: str) -> None:
    """Something beside the result, for people."""
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
    if not seconds:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


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
    plain = "".join(one if one.isprintable() else " " for one in text).strip()
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
