"""Seals and opens secrets; the only place that knows about ciphers.

AES-256-GCM with a fresh 96-bit nonce. The associated data holds the row and column, so that a
ciphertext that was moved elsewhere does not open; the key id in front lets keys rotate.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.domain.models import Secret

_NONCE_BYTES = 12
KEY_BYTES = 32
#: Secrets that a process keeps open: every event needs those of its instance.
_KEPT_OPEN = 4096


class SealBroken(Exception):
    """A sealed value does not open: another key, another row, or it was changed."""


def decode_key(text: str) -> bytes:
    """The 32 bytes of a key in base64. Raises ValueError with a sentence for a person."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64 (make one with: openssl rand -base64 32)") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes, these are {len(key)}")
    return key


def encode_key(key: bytes) -> str:
    """The text form that `decode_key` reads."""
    return base64.b64encode(key).decode()


def key_id(key: bytes) -> str:
    """A short public name of a key; says nothing about the key itself."""
    return hashlib.sha256(b"chatwoot-bridge key id\0" + key).hexdigest()[:8]


def decode_keys(text: str) -> list[bytes]:
    """The keys of a ring, newest first, between commas or white space. Raises ValueError."""
    return [decode_key(key) for key in text.replace(",", " ").split()] or [decode_key("")]


class Vault:
    """Seals with the first key, opens with whichever key a value names."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._newest = key_id(keys[0])
        self._keys = {key_id(key): key for key in keys}
        # Safe to keep: the same sealed text in the same place is the same secret for ever.
        self._opened = functools.lru_cache(_KEPT_OPEN)(self._open)

    def __repr__(self) -> str:
        return "Vault(***)"

    def seal(self, secret: str, *, where: str) -> str:
        """The sealed form of `secret`; `where` is its place, as `integration/7/api_token`."""
        nonce = os.urandom(_NONCE_BYTES)
        box = AESGCM(self._keys[self._newest]).encrypt(
            nonce, secret.encode(), _bound(self._newest, where)
        )
        return f"v1.{self._newest}.{base64.urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, *, where: str) -> Secret:
        """The secret again. Raises SealBroken when key, place or content is not the one sealed."""
        return self._opened(sealed, where)

    def _open(self, sealed: str, where: str) -> Secret:
        version, _, rest = sealed.partition(".")
        named, _, packed = rest.partition(".")
        key = self._keys.get(named)
        if version != "v1" or key is None:
            raise SealBroken(f"{where} was sealed with the key {named[:16]!r}, which is not here")
        try:
            raw = base64.urlsafe_b64decode(packed)
            plain = AESGCM(key).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(named, where)
            )
        except (InvalidTag, ValueError):
            raise SealBroken(f"{where} was changed or moved since it was sealed") from None
        return Secret(plain.decode())

    def is_newest(self, sealed: str) -> bool:
        """Whether it was sealed with the key that seals now."""
        return sealed.startswith(f"v1.{self._newest}.")

    def derive(self, purpose: str) -> bytes:
        """A key of its own for another purpose, such as signing cookies; 32 bytes."""
        info = f"chatwoot-bridge {purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self._keys[self._newest])


def _bound(named: str, where: str) -> bytes:
    return f"v1|{named}|{where}".encode()


def token_hash(token: str) -> str:
    """What is stored of a token of ours: tokens are long and random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(hashed: str, other: str) -> bool:
    """Compares two hashes in constant time."""
    return hmac.compare_digest(hashed.encode(), other.encode())
