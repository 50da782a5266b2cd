"""What a file is: its first bytes decide, not the name or the type that somebody gave it.

Only what WhatsApp or Chatwoot treats in a way of its own is told apart; of everything else what
was said about it stands. Source: docs/contracts/chatwoot.md, Files.
"""

import mimetypes
from pathlib import Path

from bridge.domain.messages import Kind

#: How much of a file is looked at, in bytes.
_HEAD = 1024
VOICE = "audio/ogg; codecs=opus"
#: Bytes at the beginning of a file, and what it is then.
_BEGINNINGS = (
    ((b"\xff\xd8\xff",), "image/jpeg"),
    ((b"\x89PNG\r\n\x1a\n",), "image/png"),
    ((b"GIF87a", b"GIF89a"), "image/gif"),
    ((b"%PDF-",), "application/pdf"),
    ((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"), "audio/mpeg"),
    ((b"\xff\xf1", b"\xff\xf9"), "audio/aac"),
    ((b"#!AMR",), "audio/amr"),
    ((b"fLaC",), "audio/flac"),
    ((b"PK\x03\x04",), "application/zip"),
    ((b"MZ",), "application/x-msdownload"),
)
#: Types of which each is also what many others are made of: what was said is more exact, unless it
#: speaks of a picture or sound.
_WRAPPERS = {"application/zip", "application/x-msdownload"}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
#: The brand of an ISO file, in four letters, where it is no MP4.
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
}
#: What WhatsApp shows in the chat itself; other pictures and films are documents.
_IMAGES = {"image/jpeg", "image/png", "image/webp", "image/gif"}
_VIDEOS = {"video/mp4", "video/3gpp"}
#: Says nothing about what a file is.
_ANYTHING = "application/octet-stream"


def kind_of(mime_type: str) -> Kind:
    """As what a file of that type goes to WhatsApp; every sound as a voice note, if it can."""
    plain = bare(mime_type)
    if plain in _IMAGES:
        return Kind.IMAGE
    if plain in _VIDEOS:
        return Kind.VIDEO
    return Kind.VOICE if plain.startswith("audio/") else Kind.DOCUMENT


def type_of(path: Path, claimed: str) -> str:
    """The type of a file by its bytes, else the one that was claimed for it."""
    with path.open("rb") as file:
        sniffed = _sniffed(file.read(_HEAD))
    if not sniffed or bare(sniffed) == bare(claimed) and "codecs" not in sniffed:
        return claimed
    is_sound = _family(claimed) == "audio" and sniffed in {"video/mp4", "video/webm"}
    is_more_exact = sniffed in _WRAPPERS and _family(claimed) not in {"image", "video", "audio", ""}
    return claimed if is_sound or is_more_exact else sniffed


def named_for(name: str, mime_type: str) -> str:
    """The name with an ending that opens it: the phone goes by that. Added where it has none that
    anybody knows, and another one where it speaks of another sort of file."""
    guessed = mimetypes.guess_type(name)[0] or ""
    ending = mimetypes.guess_extension(bare(mime_type)) or ""
    if not name or not ending or bare(mime_type) == _ANYTHING:
        return name
    own = name[name.rfind(".") :].lower() if "." in name else ""
    if own in mimetypes.guess_all_extensions(bare(mime_type)):
        return name
    if not guessed:
        return name + ending
    if _sort(guessed) == _sort(mime_type):
        return name
    return name.rpartition(".")[0] + ending


def is_still(path: Path) -> bool:
    """Whether it is a whole GIF of one picture."""
    pictures, mark = 0, b""
    with path.open("rb") as file:
        head = file.read(13)
        if head[:6] not in {b"GIF87a", b"GIF89a"} or len(head) < 13:
            return False
        file.seek(_colours(head[10]), 1)
        while (mark := file.read(1)) in {b"!", b","}:
            if mark == b",":
                pictures += 1
                place = file.read(9)
                if pictures > 1 or len(place) < 9:
                    return False
                file.seek(_colours(place[8]), 1)
            file.seek(1, 1)  # the sort of extension, or the size of the codes
            while (size := file.read(1)) not in {b"", b"\0"}:
                file.seek(size[0], 1)
    return pictures == 1 and mark == b";"


def _colours(flags: int) -> int:
    """The bytes of a GIF's table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _sniffed(head: bytes) -> str:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand, "video/3gpp" if brand[:2] == b"3g" else "video/mp4")
    if head[:4] == b"OggS":
        if b"OpusHead" in head[:64]:
            return VOICE
        return "video/ogg" if b"theora" in head[:64] else "audio/ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head else "video/x-matroska"
    return next((kind for starts, kind in _BEGINNINGS if head.startswith(starts)), "")


def bare(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()


def _family(mime_type: str) -> str:
    return bare(mime_type).partition("/")[0]


def _sort(mime_type: str) -> str:
    """Pictures, films and sounds are told apart from each other, PDFs from all other documents."""
    family = _family(mime_type)
    if family in {"image", "video", "audio"}:
        return family
    return "pdf" if bare(mime_type) == "application/pdf" else "other"
