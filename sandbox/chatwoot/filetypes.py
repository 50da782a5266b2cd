"""What a file is called and what it is, as Rails finds out (run 4.16.2).

Its first bytes decide; where they tell nothing, the type that was declared; then its name.
"""

import mimetypes
import re

from werkzeug.datastructures import FileStorage

UNKNOWN = "application/octet-stream"
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp3gp", "video/3gpp"),
    (4, b"ftyp", "video/mp4"),
    (29, b"pusHead", "audio/opus"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"MZ", "application/x-dosexec"),
)
#: Types that count although the bytes tell only what contains them.
_CONTAINED = {
    "application/zip": ("application/vnd.", "application/epub", "application/java"),
    "audio/ogg": ("audio/opus", "video/ogg"),
}
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("\u202e%$|:;/\t\r\n\\", "-"))


def content_type(body: bytes, declared: str | None, name: str) -> str:
    """The type that is stored and shown."""
    wanted = re.split(r"[;,\s]", (declared or "").lower())[0]
    if "/" not in wanted or wanted == UNKNOWN:
        wanted = mimetypes.guess_type(name)[0] or UNKNOWN
    for offset, start, kind in _MAGIC:
        if body.startswith(start, offset):
            return wanted if wanted.startswith(_CONTAINED.get(kind, ())) else kind
    return wanted


def file_name(upload: FileStorage) -> str:
    """What is left of the sent name: its last part, without signs that are no good in a path."""
    head = upload.headers.get("Content-Disposition", "")
    # Werkzeug takes backslashes for escapes, Rack for folders.
    raw = re.search(r'filename="((?:[^"\\]|\\.)*)"', head)
    name = raw[1].replace('\\"', '"') if raw else upload.filename or ""
    name = re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), name)
    return re.split(r"[/\\]", name)[-1].strip().translate(_NOT_IN_NAMES) or "file"
