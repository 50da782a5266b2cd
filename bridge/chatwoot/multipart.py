"""A form with one file, sent as it is read: never in memory as a whole."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge.domain.texts import clean, file_name

#: How long Chatwoot may be busy storing a file, in seconds.
STORE_S = 120.0
_CHUNK = 64 * 1024


class Multipart:
    """multipart/form-data of some fields and one file; its length is known before it is sent.

    `field` is the form's name of the file; it and the names of `fields` are plain words. The file
    must not change until it is sent.
    """

    def __init__(
        self, fields: Mapping[str, str], field: str, path: Path, *, name: str, mime_type: str
    ) -> None:
        boundary = f"bridge-{secrets.token_hex(16)}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        begin = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [f'{begin}"{key}"\r\n\r\n{clean(text)}\r\n' for key, text in fields.items()]
        parts.append(
            f'{begin}"{field}"; filename="{file_name(name) or "file"}"\r\n'
            f"Content-Type: {_mime_type(mime_type)}\r\n\r\n"
        )
        self._head = "".join(parts).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._path, self._size = path, path.stat().st_size

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self._size
        with self._path.open("rb") as file:
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk
        yield self._tail


def _mime_type(text: str) -> str:
    good = text.isascii() and text.isprintable() and "/" in text
    return text if good else "application/octet-stream"
