"""Maintenance: `backup`, `restore`, `rotate-key`, `rotate-token`, `doctor`."""

import time
from dataclasses import asdict
from pathlib import Path

import click

from bridge.activation import instances
from bridge.cli.terminal import Terminal, actor, moment, note, with_terminal
from bridge.operations import backup, doctor, rotation
from bridge.operations.backup import Backup
from bridge.operations.doctor import Level

_MARKS = {Level.OK: "ok", Level.WARNING: "WARNING", Level.WRONG: "WRONG"}
_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command("backup")
@_FILE
@click.option("--force", is_flag=True, help="Writes over a file that is there.")
@with_terminal
def make_backup(terminal: Terminal, file: Path, force: bool) -> None:
    """Takes a backup into FILE while the service runs, and opens it again to prove it.

    It holds the database, the account token, config.toml, the files of queued messages, and the key
    unless that comes from BRIDGE_ENCRYPTION_KEY: keep it as private as the folder itself.
    """
    made = backup.make(terminal.load(), file, now=time.time(), overwrite=force)
    key = "with its key" if made.with_key else "without the key: keep BRIDGE_ENCRYPTION_KEY too"
    text = (
        f"{file}: {made.size // 1024} KB, {made.instances} instances, {made.messages} messages, "
        f"{key}. It was opened again and is whole."
    )
    terminal.say(_facts(made), text)


@click.command("restore")
@_FILE
@click.option(
    "--force", is_flag=True, help="Moves an installation that is there aside (never deletes it)."
)
@with_terminal
def restore_backup(terminal: Terminal, file: Path, force: bool) -> None:
    """Puts the backup in FILE into the instance folder; the service must be stopped."""
    settings = terminal.load(must_exist=False)
    restored = backup.restore(settings, file, by=actor(), now=time.time(), force=force)
    text = (
        f"{settings.instance_dir} holds {restored.instances} instances and {restored.messages} "
        f"messages as of {moment(restored.taken_at)} UTC. Start the service."
    )
    terminal.say(_facts(restored), text)


@click.command("rotate-key")
@with_terminal
def rotate_key(terminal: Terminal) -> None:
    """Seals every stored token with a new key; the service must be stopped.

    A rotation that was cut short leaves everything readable: run it again. Where the key comes from
    BRIDGE_ENCRYPTION_KEY, put the new key, a comma and the old key there first.
    """
    done = rotation.rotate_key(terminal.load(), by=actor(), now=time.time())
    for where in done.broken:
        note(f"{where} opens with neither key and was left as it is")
    text = f"{done.resealed} values were sealed with the new key."
    if done.in_settings:
        text += " Now take the old key out of BRIDGE_ENCRYPTION_KEY."
    terminal.say(asdict(done), text)


@click.command("rotate-token")
@click.argument("instance", required=False)
@with_terminal
def rotate_token(terminal: Terminal, instance: str | None) -> None:
    """Makes a new account token, or with INSTANCE a new token of that one; prints it this once.

    The account token takes effect when the service is started again, and ends every session; the
    token of an instance takes effect at once.
    """
    if instance is None:
        token = rotation.rotate_account_token(terminal.load(), by=actor(), now=time.time())
        effect = "Start the service again: until then the old one is valid."
    else:
        with terminal.opened() as services:
            owner = instances.find(instance, services)
            token = rotation.rotate_instance_token(owner, services, by=actor())
        effect = "The old one is refused from now on."
    terminal.say({"token": str(token)}, f"The new token: {token}\n{effect}")


@click.command("doctor")
@with_terminal
def examine(terminal: Terminal) -> None:
    """Looks at everything that has to be right; says what is wrong and what to do.

    Ends with 1 when something is wrong, with 0 otherwise, warnings included.
    """
    findings = []
    for finding in doctor.examine(lambda: terminal.load(must_exist=False)):
        findings.append(finding)
        if not terminal.as_json:
            subject = f" {finding.subject}" if finding.subject else ""
            click.echo(f"{_MARKS[finding.level]:<8} {finding.check}{subject}: {finding.what}")
            if finding.remedy:
                click.echo(f"         -> {finding.remedy}")
    if terminal.as_json:
        terminal.say([asdict(finding) for finding in findings], "")
    if any(finding.level is Level.WRONG for finding in findings):
        raise click.exceptions.Exit(1)


def _facts(made: Backup) -> dict[str, object]:
    return {**asdict(made), "path": str(made.path)}
