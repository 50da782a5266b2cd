"""A copy of an installation in one file, from which it can be restored.

It holds the database, the account token, config.toml, the files of queued messages, and the key
unless that comes from the settings: whoever has the file can read the tokens in it.
"""

import gzip
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bridge import __version__
from bridge.chatwoot.versions import Can
from bridge.config.settings import Settings
from bridge.domain.errors import N_, BeforeRestore, StartupError, dump
from bridge.domain.models import Actor
from bridge.store import Store, credentials, snapshot
from bridge.store.audit import Audit
from bridge.store.committer import Committer
from bridge.store.search import Search
from bridge.store.sessions import Sessions
from bridge.store.sqlite import SqliteStore, use
from bridge.store.vault import Vault, decode_keys

_MANIFEST, _DATABASE, _KEY = "manifest.json", "bridge.db", "encryption.key"
_FILES = (_KEY, "account-token", "config.toml")
_SPOOLED = re.compile(r"spool/[A-Za-z0-9][A-Za-z0-9._-]{0,200}", re.ASCII)
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds. `taken_at` is UTC seconds; `size` bytes of its file."""

    path: Path
    size: int
    taken_at: float
    with_key: bool
    instances: int
    messages: int


def make(settings: Settings, target: Path, *, now: float, overwrite: bool = False) -> Backup:
    """Takes a backup while the service runs, and opens it again to prove it.

    Raises StartupError; then no file is left at `target` that was not there.
    """
    if target.exists() and not overwrite:
        raise StartupError(reason=f"{target} is there already: choose another name, or use --force")
    if not settings.database.exists():
        raise StartupError(reason=f"there is no installation in {settings.instance_dir}")
    part = target.with_name(f".{target.name}.part")
    try:
        with (
            use(settings.instance_dir),
            tempfile.TemporaryDirectory(dir=settings.instance_dir, prefix="backup-") as name,
        ):
            folder = Path(name)
            # Linked before and after: a file that a message in the copy needs is in one of both.
            _link_spool(settings.spool, folder)
            snapshot.copy(settings.database, folder / _DATABASE)
            _link_spool(settings.spool, folder)
            _pack(settings, folder, part, now)
        facts = check(settings, part)
        part.replace(target)
    except OSError as error:
        raise StartupError(reason=f"cannot write {target}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return Backup(target, target.stat().st_size, *facts)


def check(settings: Settings, source: Path) -> tuple[float, bool, int, int]:
    """Opens a backup as a restore would. Raises StartupError when it would not do."""
    with _unpacked(source, settings) as folder:
        return _proven(settings, folder, source)


def restore(
    settings: Settings, source: Path, *, by: Actor, now: float, force: bool = False
) -> Backup:
    """Puts a backup into the instance folder, which must be empty of an installation.

    With `force` one that is there is moved aside into a folder `replaced-...`, nothing is deleted.
    Raises StartupError, then nothing was changed; always while a service runs on the folder.
    """
    present = [path for path in (settings.database, settings.encryption_key_file) if path.exists()]
    if present and not force:
        raise StartupError(
            reason=f"{present[0]} is there already: choose another folder with --instance-dir, "
            "or use --force, which moves it aside"
        )
    try:
        settings.instance_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with use(settings.instance_dir, alone=True), _unpacked(source, settings) as folder:
            facts = _proven(settings, folder, source)
            _prepare(settings, folder, by=by, now=now, taken_at=facts[0])
            if present:
                _set_aside(settings, now)
            _move_in(settings, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartupError(reason=f"cannot restore {source}: {reason}") from None
    return Backup(source, source.stat().st_size, *facts)


# -- packing ---------------------------------------------------------------------------------------


def _link_spool(spool: Path, folder: Path) -> None:
    target = folder / "spool"
    target.mkdir(exist_ok=True)
    for file in spool.glob("*"):
        if file.is_file() and _SPOOLED.fullmatch(f"spool/{file.name}"):
            try:
                os.link(file, target / file.name)
            except (FileExistsError, FileNotFoundError):
                continue  # linked before, or delivered meanwhile


def _pack(settings: Settings, folder: Path, part: Path, now: float) -> None:
    with_key = not settings.encryption_key
    manifest = {"format": _FORMAT, "version": __version__, "taken_at": now, "with_key": with_key}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    names = [name for name in _FILES if name != _KEY or with_key]
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with (
            gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for name in (_MANIFEST, _DATABASE):
                tar.add(folder / name, name)
            for name in filter(lambda name: (settings.instance_dir / name).exists(), names):
                tar.add(settings.instance_dir / name, name)
            for spooled in sorted((folder / "spool").iterdir()):
                tar.add(spooled, f"spool/{spooled.name}")
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _unpacked(source: Path, settings: Settings) -> Iterator[Path]:
    """The content in a new folder beside its later place: nothing else may be writable."""
    with tempfile.TemporaryDirectory(dir=settings.instance_dir, prefix="restore-") as name:
        folder = Path(name)
        (folder / "spool").mkdir()
        try:
            with tarfile.open(source, "r:gz") as tar:
                for member in tar:
                    known = member.name in {_MANIFEST, _DATABASE, *_FILES}
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is None or not (known or _SPOOLED.fullmatch(member.name)):
                        raise StartupError(reason=f"{source} is no backup of this program")
                    with (folder / member.name).open("xb") as file:
                        os.fchmod(file.fileno(), 0o600)
                        shutil.copyfileobj(content, file)
                        os.fsync(file.fileno())
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, FileNotFoundError) as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else error
            raise StartupError(reason=f"cannot read the backup {source}: {reason}") from None
        yield folder


def _proven(settings: Settings, folder: Path, source: Path) -> tuple[float, bool, int, int]:
    """When it was taken, whether the key is in it, and how much; all of it proven to open."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        taken_at, with_key = float(manifest["taken_at"]), bool(manifest["with_key"])
        is_known = manifest["format"] == _FORMAT and (folder / _DATABASE).exists()
    except (OSError, ValueError, KeyError, TypeError):
        raise StartupError(reason=f"{source} is no backup of this program") from None
    if not is_known:
        raise StartupError(reason=f"{source} was made by another version: use that one")
    wrong = snapshot.troubles(folder / _DATABASE)
    if wrong:
        raise StartupError(reason=f"the database in {source} is damaged: {wrong[0]}")
    text = settings.encryption_key
    if not text and with_key:
        text = (folder / _KEY).read_text(encoding="ascii")
    if not text:
        raise StartupError(
            reason=f"{source} holds no key, because it came from BRIDGE_ENCRYPTION_KEY: set it"
        )
    sealed = credentials.check_of(folder / _DATABASE)
    try:
        vault = Vault(decode_keys(text))
    except ValueError as error:
        raise StartupError(reason=f"the key for {source} {error}") from None
    if sealed is None or not credentials.opens(vault, sealed):
        raise StartupError(
            reason=f"the key in BRIDGE_ENCRYPTION_KEY is not the one of {source}: "
            + ("unset it, the right one is in the backup" if with_key else "set the right one")
        )
    return taken_at, with_key, *snapshot.counts(folder / _DATABASE)


# -- putting it in place ---------------------------------------------------------------------------


def _prepare(settings: Settings, folder: Path, *, by: Actor, now: float, taken_at: float) -> None:
    """Migrates the copy, names the files where they will be, and doubts what was open."""
    store = SqliteStore.open(folder / _DATABASE)
    try:
        Search(store, Committer(store)).doubt_all(
            _unproven(store), doubt=dump(BeforeRestore()), now=now
        )
        Sessions(store).end_others("")  # whoever signed out after the backup stays signed out
        snapshot.move_spool(store, settings.spool)
        taken = datetime.fromtimestamp(taken_at, UTC).isoformat(timespec="seconds")
        Audit(store).note(by, N_("restored a backup"), "bridge", f"taken {taken}", at=now)
        store.db.execute("pragma journal_mode = delete")
    finally:
        store.close()


def _unproven(store: Store) -> list[int]:
    """The instances whose Chatwoot could not be shown what became of a reply when the backup was
    taken: it cannot tell which replies were sent after that."""
    rows = store.db.rows("select instance_id, chatwoot_version, refused from integration")
    return [
        row["instance_id"]
        for row in rows
        if not Can.SHOW_STATUS.in_version(row["chatwoot_version"])
        or Can.SHOW_STATUS.name in row["refused"].split()
    ]


def _set_aside(settings: Settings, now: float) -> None:
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    aside = settings.instance_dir / f"replaced-{stamp}"
    aside.mkdir(mode=0o700)
    for name in (_DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm", *_FILES, "spool"):
        path = settings.instance_dir / name
        if path.exists():
            path.rename(aside / name)


def _move_in(settings: Settings, folder: Path) -> None:
    settings.spool.mkdir(mode=0o700, exist_ok=True)
    for spooled in (folder / "spool").iterdir():
        spooled.replace(settings.spool / spooled.name)
    # The database last: before it is there, no service takes the folder for an installation.
    for name in (*_FILES, _DATABASE):
        if (folder / name).exists():
            (folder / name).replace(settings.instance_dir / name)
    descriptor = os.open(settings.instance_dir, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
