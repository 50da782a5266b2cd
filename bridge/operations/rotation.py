"""Replaces the key and the tokens.

A rotation of the key that is cut short leaves a ring of two keys that opens everything; the next
one continues it.
"""

import os
import secrets
from dataclasses import dataclass

from bridge.config.settings import Settings
from bridge.domain.errors import N_, StartupError
from bridge.domain.models import Actor, Instance, Secret
from bridge.services import Services
from bridge.store import credentials, snapshot
from bridge.store.audit import Audit
from bridge.store.sqlite import SqliteStore
from bridge.store.vault import KEY_BYTES, Vault, decode_keys, encode_key, token_hash


@dataclass(frozen=True, slots=True)
class Rotated:
    """`resealed` values are under the new key; `broken` are the places of those that open with
    neither; `resumed`: an earlier rotation had been cut short; `in_settings`: the old key is still
    in BRIDGE_ENCRYPTION_KEY and can be removed."""

    resealed: int
    broken: tuple[str, ...]
    resumed: bool
    in_settings: bool


def rotate_key(settings: Settings, *, by: Actor, now: float) -> Rotated:
    """Seals everything with a new key: made here where the key is in its file, else the first one
    of BRIDGE_ENCRYPTION_KEY. Raises StartupError, also while the folder is in use.
    """
    vault = credentials.open_vault(settings)
    store = SqliteStore.open(settings.database, alone=True)
    try:
        if settings.encryption_key:
            keys, resumed = _ring_of_settings(settings), False
        else:
            keys, resumed = _ring_of_file(settings)
        vault = Vault(keys)
        credentials.leave_check(store, vault)
        resealed, broken = snapshot.reseal(store, vault)
        Audit(store).note(by, N_("rotated the key"), "bridge", f"{resealed} values", at=now)
    finally:
        store.close()
    if not settings.encryption_key:
        # Only now: everything is on the disk under the new key.
        credentials.replace_secret(settings.encryption_key_file, encode_key(keys[0]))
    return Rotated(resealed, tuple(broken), resumed, bool(settings.encryption_key))


def rotate_account_token(settings: Settings, *, by: Actor, now: float) -> Secret:
    """A new account token, in its file and given back; running processes learn it at their next
    start. Raises StartupError where the token comes from the settings."""
    if settings.account_token:
        raise StartupError(
            reason="the account token comes from BRIDGE_ACCOUNT_TOKEN: change it there and restart"
        )
    token = Secret(secrets.token_urlsafe(32))
    store = SqliteStore.open(settings.database)
    try:
        credentials.replace_secret(settings.account_token_file, token)
        Audit(store).note(by, N_("rotated the account token"), "bridge", at=now)
    finally:
        store.close()
    return token


def rotate_instance_token(instance: Instance, services: Services, *, by: Actor) -> Secret:
    """A new token of one instance; the old one is refused from now on."""
    token = Secret(secrets.token_urlsafe(24))
    services.instances.replace_token(instance.id, token_hash(token), at=services.clock())
    services.note(by, N_("rotated the token"), instance.name)
    return token


def _ring_of_settings(settings: Settings) -> list[bytes]:
    keys = decode_keys(settings.encryption_key)
    if len(keys) < 2:
        raise StartupError(
            reason="the key comes from BRIDGE_ENCRYPTION_KEY: put the new one, a comma and the old "
            "one there (make one with: openssl rand -base64 32), then rotate again"
        )
    return keys


def _ring_of_file(settings: Settings) -> tuple[list[bytes], bool]:
    """The new key and the old one, both in the file before anything is sealed with the new."""
    path = settings.encryption_key_file
    keys = decode_keys(path.read_text(encoding="ascii"))
    if len(keys) > 1:
        return keys, True
    keys = [os.urandom(KEY_BYTES), *keys]
    credentials.replace_secret(path, "\n".join(map(encode_key, keys)))
    return keys, False
