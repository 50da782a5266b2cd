"""The two secrets of an installation: the key that seals, and the operator's token."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from bridge.config.settings import Settings
from bridge.domain.errors import StartupError
from bridge.store import Store
from bridge.store.sqlite import SqliteStore, is_made, peek_meta
from bridge.store.vault import KEY_BYTES, SealBroken, Vault, decode_keys, encode_key

_CHECK = "key_check"
_CHECK_PLACE = f"meta/{_CHECK}"
_CHECK_TEXT = "this database opens with this key"


def account_token(settings: Settings) -> tuple[str, bool]:
    """The operator's token, and whether it was made just now. Raises StartupError."""
    if settings.account_token:
        return settings.account_token, False
    return _secret_in(settings.account_token_file, lambda: secrets.token_urlsafe(32))


def open_vault(settings: Settings) -> Vault:
    """The vault of this installation, proven to open what the database holds already.

    A new folder gets its database first and its secrets afterwards, so that a start that is cut
    short leaves no secret without a database.

    Raises StartupError, with nothing changed, when the key is missing, malformed or another one, or
    when the database is missing beside what only an installation has.
    """
    _expect_database(settings)
    sealed = peek_meta(settings.database, _CHECK)
    name, text = "BRIDGE_ENCRYPTION_KEY", settings.encryption_key
    if not text:
        name = str(settings.encryption_key_file)
        if sealed is not None and not settings.encryption_key_file.exists():
            raise StartupError(
                reason=f"{settings.database} holds sealed tokens, but their key is missing: set "
                f"BRIDGE_ENCRYPTION_KEY or put {name} back (nothing was changed)"
            )
        if not is_made(settings.database):
            SqliteStore.open(settings.database).close()
        text, _ = _secret_in(
            settings.encryption_key_file, lambda: encode_key(os.urandom(KEY_BYTES))
        )
    try:
        vault = Vault(decode_keys(text))
    except ValueError as error:
        raise StartupError(reason=f"{name} {error}") from None
    if sealed is not None and not opens(vault, sealed):
        raise StartupError(
            reason=f"the key in {name} is not the one that sealed {settings.database}: "
            "put the right key back (nothing was changed)"
        )
    return vault


def _expect_database(settings: Settings) -> None:
    """Raises StartupError for an installation that has lost its database: an empty one in its place
    would look like a service that has forgotten everything."""
    # Asked before the database is: of two first starts at once, one may be just making both.
    secret_files = (settings.encryption_key_file, settings.account_token_file)
    left = [path for path in secret_files if path.exists()]
    if left and not is_made(settings.database):
        raise StartupError(
            reason=f"{left[0]} is here, but the database {settings.database} is missing or empty: "
            "put it back, or restore a backup with `chatwoot-bridge restore FILE --force`; to "
            f"begin anew, remove {' and '.join(map(str, left))} (nothing was changed)"
        )


def opens(vault: Vault, check: str) -> bool:
    """Whether the vault has the key of the database that left this check."""
    try:
        vault.open(check, where=_CHECK_PLACE)
    except SealBroken:
        return False
    return True


def check_of(database: Path) -> str | None:
    """What a database holds to prove its key, None in a new one. Raises StartupError."""
    return peek_meta(database, _CHECK)


def replace_secret(path: Path, text: str) -> None:
    """Writes a secret file anew: the old content or the new one is there, never half of it.

    Raises StartupError.
    """
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(made, text)
        made.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise StartupError(
            reason=f"cannot write the secret file {path}: {error.strerror}"
        ) from None


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def leave_check(store: Store, vault: Vault) -> None:
    """Leaves in a new database what proves the key at the next start."""
    if store.meta(_CHECK) is None:
        sealed = vault.seal(_CHECK_TEXT, where=_CHECK_PLACE)
        store.set_meta(_CHECK, sealed, replace=False)


def _secret_in(path: Path, make: Callable[[], str]) -> tuple[str, bool]:
    """The secret in a file that only its owner reads; made on first use, once among processes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        fresh = False
        if not path.exists():
            _write(made, make())
            # A link appears whole or not at all, and the first of two processes wins.
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
                fresh = True
            made.unlink()
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise StartupError(reason=f"cannot keep the secret file {path}: {reason}") from None
    if not text:
        raise StartupError(reason=f"{path} is empty: put its content back, or remove the file")
    return text, fresh
