"""Media: read from base64, from an address or from a sample, and stored."""

import base64
import binascii
import mimetypes
import struct
import urllib.error
import urllib.request
import uuid
import zlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.whatsapp.store import Store

MEDIA_KINDS = ("image", "video", "audio", "voice", "document", "sticker")
LIMIT = 100 * 1024 * 1024
FETCH_TIMEOUT_S = 30.0
_OPUS = "audio/ogg; codecs=opus"
_DEFAULT_MIME = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": _OPUS,
    "voice": _OPUS,
    "document": "application/octet-stream",
    "sticker": "image/webp",
}


@dataclass(frozen=True)
class Media:
    """One file.  `name` is empty for the kinds WhatsApp sends without a file name."""

    id: str
    mime: str
    name: str
    size: int

    @property
    def path(self) -> str:
        """Where this server offers it, unencrypted."""
        return f"/sandbox/media/{self.id}"


@dataclass(frozen=True)
class File:
    """Bytes that are not stored yet, with what is known about them."""

    body: bytes
    mime: str = ""
    name: str = ""


def from_base64(text: str, *, may_be_empty: bool = False) -> File:
    """Read raw base64 or a data URI; ValueError when it is neither."""
    mime = ""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ValueError("a data URI must be base64")
        mime = head[len("data:") : -len(";base64")]
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("invalid base64") from error
    return bounded(File(body, mime), may_be_empty=may_be_empty)


def fetch(address: str) -> File:
    """Download a file; ValueError says why it could not be had."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError("only http and https addresses can be downloaded")
    request = urllib.request.Request(address, headers={"User-Agent": "sandbox-phone"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310
            body = answer.read(LIMIT + 1)
            mime = answer.headers.get("Content-Type") or ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ValueError(f"{address}: {error}") from error
    return bounded(File(body, mime))


def bounded(file: File, *, may_be_empty: bool = False) -> File:
    if not file.body and not may_be_empty:
        raise ValueError("the file is empty")
    if len(file.body) > LIMIT:
        raise ValueError(f"the file is larger than {LIMIT} bytes")
    return file


def save(store: Store, file: File, kind: str) -> Media:
    """Keep a file; its MIME type comes from the file, its name, or the kind of message."""
    guessed = mimetypes.guess_type(file.name)[0] or _DEFAULT_MIME.get(kind, "")
    mime = file.mime if file.mime.partition(";")[0] not in ("", "application/octet-stream") else ""
    media = Media(uuid.uuid4().hex, mime or guessed, file.name, len(file.body))
    store.run(
        "insert into media values (?, ?, ?, ?, ?)",
        media.id, media.mime, media.name, media.size, file.body,
    )  # fmt: skip
    return media


def load(store: Store, media_id: str | None) -> Media | None:
    """What is known about a stored file, without its bytes."""
    row = store.row("select id, mime, name, size from media where id = ?", media_id)
    return Media(row["id"], row["mime"], row["name"], row["size"]) if row else None


def body(store: Store, media_id: str) -> bytes:
    """The bytes of a stored file; empty when there is none of that id."""
    row = store.row("select body from media where id = ?", media_id)
    return bytes(row["body"]) if row else b""


def sample(kind: str) -> File:
    """A small genuine file of that kind, made on the spot; ValueError for a kind without one."""
    if kind in ("image", "sticker"):
        return File(_picture(), "image/png", "")
    if kind in ("audio", "voice"):
        return File(_ogg_opus(seconds=3), _OPUS, "")
    if kind == "document":
        return File(_PDF, "application/pdf", "Sandbox document.pdf")
    raise ValueError(f"there is no sample {kind}; send a file")


def _picture(width: int = 320, height: int = 200) -> bytes:
    """A sky over a hill, so that a newcomer sees a picture rather than a grey square."""
    lines = bytearray()
    for y in range(height):
        lines.append(0)
        for x in range(width):
            hill = 120 + (x - 110) * (x - 110) / 400
            sun = (x - 235) ** 2 + (y - 55) ** 2 < 900
            if y > hill:
                lines += bytes((46, 125 - (y - 120) // 3, 80))
            else:
                lines += bytes((255, 214, 90)) if sun else bytes((110 + y // 2, 180 + y // 4, 240))
    return png(width, height, bytes(lines), colour=2)


def png(width: int, height: int, lines: bytes, *, colour: int) -> bytes:
    """A PNG of unfiltered lines; `colour` is 0 for grey, 2 for red, green and blue."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    )  # fmt: skip


def _ogg_opus(seconds: int) -> bytes:
    """A valid Ogg Opus file of silence: the form in which WhatsApp sends voice notes."""
    silence = b"\xf8\xff\xfe"  # one 20 ms frame, RFC 6716
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 7) + b"sandbox" + struct.pack("<I", 0)
    pages = [_ogg_page(0, 2, 0, [head]), _ogg_page(1, 0, 0, [tags])]
    for second in range(1, seconds + 1):
        flags = 4 if second == seconds else 0
        pages.append(_ogg_page(second + 1, flags, second * 48000, [silence] * 50))
    return b"".join(pages)


def _ogg_page(number: int, flags: int, position: int, packets: list[bytes]) -> bytes:
    """One Ogg page, RFC 3533; its checksum is a CRC-32 without reflection or inversion."""
    sizes = bytes(len(packet) for packet in packets)
    page = bytearray(
        b"OggS" + struct.pack("<BBqIIIB", 0, flags, position, 7, number, 0, len(sizes)) + sizes
        + b"".join(packets)
    )  # fmt: skip
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
    page[22:26] = struct.pack("<I", checksum)
    return bytes(page)


_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 120]/Contents 4 0 R\
/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 52>>stream
BT /F1 18 Tf 40 56 Td (Hello from the sandbox) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R/Size 6>>
%%EOF
"""
