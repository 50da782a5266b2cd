"""Looking after an installation: `backup`, `restore`, `rotate-key`, `rotate-token`, `doctor`."""

import time
from dataclasses import asdict
from pathlib import Path

import click

from bridge.activation import instances
from bridge.cli import terminal
from bridge.operations import backup as backups
from bridge.operations import doctor as examination
from bridge.operations import rotation
from bridge.operations.backup import Backup
from bridge.operations.doctor import Level

_MARKS = {Level.OK: "ok", Level.WARNING: "WARNING", Level.WRONG: "WRONG"}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Writes over a file that is there.")
@terminal.instance_dir
@terminal.as_json
def backup(file: Path, force: bool, instance_dir: str | None, as_json: bool) -> None:
    """Takes a backup into FILE while the service runs, and opens it again to prove it.

    It holds the database, the account token, config.toml, files that are on their way, and the key
    unless that comes from BRIDGE_ENCRYPTION_KEY: keep it as private as the folder itself.
    """
    found = backups.make(terminal.load(instance_dir), file, now=time.time(), overwrite=force)
    key = "with its key" if found.with_key else "without the key: keep BRIDGE_ENCRYPTION_KEY too"
    text = (
        f"{file}: {found.size // 1024} KB, {found.instances} instances, {found.messages} messages, "
        f"{key}. It was opened again and is whole."
    )
    terminal.say(_facts(found), text, as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--force", is_flag=True, help="Moves an installation that is there aside (never deletes it)."
)
@terminal.instance_dir
@terminal.as_json
def restore(file: Path, force: bool, instance_dir: str | None, as_json: bool) -> None:
    """Puts the backup in FILE into the instance folder; the service must be stopped."""
    settings = terminal.load(instance_dir, must_exist=False)
    found = backups.restore(settings, file, by=terminal.actor(), now=time.time(), force=force)
    text = (
        f"{settings.instance_dir} holds {found.instances} instances and {found.messages} messages "
        f"as of {terminal.moment(found.taken_at)} UTC. Start the service."
    )
    terminal.say(_facts(found), text, as_json=as_json)


@click.command("rotate-key")
@terminal.instance_dir
@terminal.as_json
def rotate_key(instance_dir: str | None, as_json: bool) -> None:
    """Seals every stored token with a new key; the service must be stopped.

    A rotation that was cut short leaves everything readable: run it again. Where the key comes from
    BRIDGE_ENCRYPTION_KEY, put the new key, a comma and the old key there first.
    """
    settings = terminal.load(instance_dir)
    done = rotation.rotate_key(settings, by=terminal.actor(), now=time.time())
    for where in done.broken:
        terminal.note(f"{where} opens with neither key and was left as it is")
    text = f"{done.resealed} values were sealed with the new key."
    if done.in_settings:
        text += " Now take the old key out of BRIDGE_ENCRYPTION_KEY."
    terminal.say(asdict(done), text, as_json=as_json)


@click.command("rotate-token")
@click.argument("instance", required=False)
@terminal.instance_dir
@terminal.as_json
def rotate_token(instance: str | None, instance_dir: str | None, as_json: bool) -> None:
    """Makes a new account token, or with INSTANCE a new token of that one; prints it this once.

    The account token takes effect when the service is started again, and ends every session; the
    token of an instance takes effect at once.
    """
    if instance is None:
        settings = terminal.load(instance_dir)
        token = rotation.rotate_account_token(settings, by=terminal.actor(), now=time.time())
        note = "Start the service again: until then the old one is valid."
    else:
        with terminal.opened(instance_dir) as services:
            found = instances.find(instance, services)
            token = rotation.rotate_instance_token(found, services, by=terminal.actor())
        note = "The old one is refused from now on."
    terminal.say({"token": str(token)}, f"The new token: {token}\n{note}", as_json=as_json)


@click.command()
@terminal.instance_dir
@terminal.as_json
def doctor(instance_dir: str | None, as_json: bool) -> None:
    """Looks at everything that has to be right; says what is wrong and what to do.

    Ends with 1 when something is wrong, with 0 otherwise, warnings included.
    """
    found = []
    for one in examination.examine(lambda: terminal.load(instance_dir, must_exist=False)):
        found.append(one)
        if not as_json:
            subject = f" {one.subject}" if one.subject else ""
            click.echo(f"{_MARKS[one.level]:<8} {one.check}{subject}: {one.what}")
            if one.remedy:
                click.echo(f"         -> {one.remedy}")
    if as_json:
        terminal.say([asdict(one) for one in found], "", as_json=True)
    if any(one.level is Level.WRONG for one in found):
        raise click.exceptions.Exit(1)


def _facts(found: Backup) -> dict[str, object]:
    return {**asdict(found), "path": str(found.path)}
