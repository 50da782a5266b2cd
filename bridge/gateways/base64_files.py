"""Files as base64, both ways, piece by piece: no file is ever in memory whole."""

import binascii
import contextlib
import json
import mmap
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bridge.domain.texts import clean_json

_PIECE = 192 * 1024  # a multiple of 3 and of 4: whole groups of base64 in both directions
_BLANK = bytes.maketrans(b"-_", b"+/")
_DATA_URI = re.compile(rb"data:[^,]{0,500},")


class TooLarge(Exception):
    """A file is larger than was allowed."""


class JsonWithFile:
    """The bytes of a JSON object with one more field, `name`: a file as base64 text.

    Of known length and iterable as often as wished. Raises OSError when the file cannot be read or
    changes meanwhile.
    """

    def __init__(self, fields: Mapping[str, object], name: str, file: Path) -> None:
        self._file, self._size = file, file.stat().st_size
        begin = json.dumps(clean_json(dict(fields)))[:-1] + (", " if fields else "")
        self._head = f'{begin}{json.dumps(name)}: "'.encode()
        self._tail = b'"}'

    def __len__(self) -> int:
        return len(self._head) + (self._size + 2) // 3 * 4 + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self._size
        with self._file.open("rb") as file:
            while left:
                piece = file.read(min(_PIECE, left))
                if len(piece) < min(_PIECE, left):
                    raise OSError(f"{self._file.name} became shorter while it was sent")
                left -= len(piece)
                yield binascii.b2a_base64(piece, newline=False)
        yield self._tail


def new_file(folder: Path) -> Path:
    """A new empty file of unguessable name that only we can read."""
    path = folder / secrets.token_hex(16)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def spool_text(text: str, folder: Path) -> Path | None:
    """Base64 text, raw or as a data URI, as a new file; None when it is empty or no base64."""
    pieces = (
        text[at : at + _PIECE].encode("ascii", "replace") for at in range(0, len(text), _PIECE)
    )
    return _written(pieces, folder, limit=None)


def spool_field(answer: Path, name: str, folder: Path, *, limit: int) -> Path | None:
    """The base64 text in the field `name` of a JSON document on disk, as a new file.

    None when there is no such field, it is empty, or it is no base64. Raises TooLarge.
    """
    if not answer.stat().st_size:
        return None
    with (
        answer.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as document,
    ):
        # Inside a text of the document the quotes would be escaped, so this is a field.
        field = re.search(rb'(?<!\\)"%s"\s*:\s*"' % re.escape(name.encode()), document)
        begin = field.end() if field else -1
        end = document.find(b'"', begin)
        if begin < 0 or end < 0:
            return None
        pieces = (document[at : min(at + _PIECE, end)] for at in range(begin, end, _PIECE))
        return _written(_unescaped(pieces), folder, limit=limit)


def _unescaped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""Without JSON's escapes, of which base64 text can hold `\/`, `\n`, `\r` and `\u002B`."""
    held = b""
    for piece in pieces:
        piece = held + piece
        # An escape may go on in the next piece.
        cut = piece.rfind(b"\\", max(0, len(piece) - 5))
        held, piece = (piece[cut:], piece[:cut]) if cut >= 0 else (b"", piece)
        yield _plain(piece)
    yield _plain(held)


def _plain(piece: bytes) -> bytes:
    if b"\\" not in piece:
        return piece
    piece = re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), piece)
    return piece.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")


def _written(pieces: Iterable[bytes], folder: Path, *, limit: int | None) -> Path | None:
    path, size = new_file(folder), 0
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(path.unlink, missing_ok=True)
        with path.open("wb") as file, contextlib.suppress(binascii.Error):
            for decoded in _decoded(pieces):
                size += len(decoded)
                if limit is not None and size > limit:
                    raise TooLarge
                file.write(decoded)
            if size:
                cleanup.pop_all()
                return path
    return None


def _decoded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Raises binascii.Error for what is no base64; padding that is missing is forgiven."""
    held, is_first = b"", True
    for piece in pieces:
        if is_first:
            head = _DATA_URI.match(piece)
            piece, is_first = piece[head.end() :] if head else piece, False
        held += piece.translate(_BLANK, b" \t\r\n")
        # The last group stays behind: only there may padding be.
        whole = (len(held) - 1) // 4 * 4 if held else 0
        if held[:whole].endswith(b"="):
            raise binascii.Error("padding in the middle")
        yield binascii.a2b_base64(held[:whole], strict_mode=True)
        held = held[whole:]
    rest = held.rstrip(b"=")
    if rest:
        yield binascii.a2b_base64(rest + b"=" * (-len(rest) % 4), strict_mode=True)
