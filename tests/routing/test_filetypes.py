"""What a file is, by its bytes and whatever it is called."""

from pathlib import Path

import pytest

from bridge.domain.messages import Kind
from bridge.routing.files import safe_name
from bridge.routing.filetypes import VOICE, is_still, kind_of, named_for, type_of

OPUS = b"OggS\0\x02" + bytes(22) + b"OpusHead\x01"
VORBIS = b"OggS\0\x02" + bytes(22) + b"\x01vorbis"
THEORA = b"OggS\0\x02" + bytes(22) + b"\x80theora"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
PDF = b"%PDF-1.7\n"
ZIP = b"PK\x03\x04" + bytes(20)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def iso(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + bytes(20)


@pytest.mark.parametrize(
    ("body", "told", "found", "kind"),
    [
        (OPUS, "audio/opus", VOICE, Kind.VOICE),
        (OPUS, "audio/ogg", VOICE, Kind.VOICE),
        (OPUS, "application/octet-stream", VOICE, Kind.VOICE),
        (OPUS, "", VOICE, Kind.VOICE),
        (VORBIS, "audio/opus", "audio/ogg", Kind.VOICE),
        (THEORA, "audio/ogg", "video/ogg", Kind.DOCUMENT),
        (b"ID3\x04", "audio/mpeg", "audio/mpeg", Kind.VOICE),
        (b"\xff\xfb\x90\x64", "audio/mp3", "audio/mpeg", Kind.VOICE),
        (b"#!AMR\n", "application/octet-stream", "audio/amr", Kind.VOICE),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav", "audio/wav", Kind.VOICE),
        (iso(b"M4A "), "video/mp4", "audio/mp4", Kind.VOICE),
        (iso(b"mp42"), "audio/mp4", "audio/mp4", Kind.VOICE),
        (iso(b"mp42"), "application/pdf", "video/mp4", Kind.VIDEO),
        (iso(b"isom"), "video/mp4", "video/mp4", Kind.VIDEO),
        (iso(b"3gp4"), "application/octet-stream", "video/3gpp", Kind.VIDEO),
        (iso(b"qt  "), "video/mp4", "video/quicktime", Kind.DOCUMENT),
        (iso(b"heic"), "image/jpeg", "image/heic", Kind.DOCUMENT),
        (b"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", "audio/webm", "audio/webm", Kind.VOICE),
        (
            b"\x1a\x45\xdf\xa3\x01\x42\x82\x88matroska",
            "video/mp4",
            "video/x-matroska",
            Kind.DOCUMENT,
        ),
        (PNG, "application/pdf", "image/png", Kind.IMAGE),
        (PNG, "IMAGE/PNG", "IMAGE/PNG", Kind.IMAGE),
        (JPEG, "image/png", "image/jpeg", Kind.IMAGE),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/png", "image/webp", Kind.IMAGE),
        (b"GIF89a", "video/mp4", "image/gif", Kind.IMAGE),
        (PDF, "image/jpeg", "application/pdf", Kind.DOCUMENT),
        (PDF, "audio/ogg", "application/pdf", Kind.DOCUMENT),
        (ZIP, DOCX, DOCX, Kind.DOCUMENT),
        (ZIP, "application/zip", "application/zip", Kind.DOCUMENT),
        (ZIP, "image/png", "application/zip", Kind.DOCUMENT),
        (b"MZ\x90\0", "image/png", "application/x-msdownload", Kind.DOCUMENT),
        (b"<svg xmlns=", "image/svg+xml", "image/svg+xml", Kind.DOCUMENT),
        (b"plain words", "text/plain", "text/plain", Kind.DOCUMENT),
        (b"no sound at all", "audio/mpeg", "audio/mpeg", Kind.VOICE),
        (b"?", "", "", Kind.DOCUMENT),
    ],
)
def test_the_bytes_decide_what_a_file_is(
    tmp_path: Path, body: bytes, told: str, found: str, kind: Kind
) -> None:
    path = tmp_path / "file"
    path.write_bytes(body)
    assert type_of(path, told) == found
    assert kind_of(found) is kind


@pytest.mark.parametrize(
    ("name", "mime_type", "named"),
    [
        ("scan.pdf", "image/png", "scan.png"),
        ("photo.png", "application/pdf", "photo.pdf"),
        ("photo.png", "image/jpeg", "photo.png"),
        ("photo.jpg", "image/jpeg", "photo.jpg"),
        ("letter.docx", "application/zip", "letter.docx"),
        ("notes.v2", "application/pdf", "notes.v2.pdf"),
        ("Invoice No. 12", "application/pdf", "Invoice No. 12.pdf"),
        ("no ending", "image/png", "no ending.png"),
        ("scan.PDF", "application/pdf", "scan.PDF"),
        ("table.csv", "text/plain", "table.csv"),
        ("data.v2", "application/octet-stream", "data.v2"),
        ("k.json", "application/json; charset=utf-8", "k.json"),
        ("voice.opus", "audio/ogg; codecs=opus", "voice.opus"),
        ("", "image/png", ""),
        ("odd.png", "application/x-unheard-of", "odd.png"),
    ],
)
def test_a_name_gets_the_ending_that_opens_it_unless_it_has_one(
    name: str, mime_type: str, named: str
) -> None:
    assert named_for(name, mime_type) == named


@pytest.mark.parametrize(
    ("name", "mime_type", "safe"),
    [
        ("família \U0001f468\u200d\U0001f469\u200d\U0001f467.pdf", "application/pdf", ...),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf", "application/pdf", ...),
        ("\u0915\u094d\u200d\u0937.pdf", "application/pdf", ...),
        ("a\u200d\u200db.pdf", "application/pdf", "ab.pdf"),
        ("\u200da\u200d.pdf", "application/pdf", "a.pdf"),
        ("a\u200c b\u200d", "application/pdf", "a b.pdf"),
        ("a\u202efdp.exe", "application/pdf", "afdp.pdf"),
        ("\u2060\ufeffa\u200b.pdf", "application/pdf", "a.pdf"),
        ("\u200d", "application/pdf", "document.pdf"),
        ("../../etc/passwd", "text/plain", "_.._etc_passwd.txt"),
        ("x" * 300 + ".pdf", "application/pdf", "x" * 111 + ".pdf"),
        ("x" * 300, "application/pdf", "x" * 111 + ".pdf"),
    ],
)
def test_a_file_name_keeps_what_is_seen_and_nothing_else(
    name: str, mime_type: str, safe: object
) -> None:
    assert safe_name(name, Kind.DOCUMENT, mime_type) == (name if safe is ... else safe)


def gif(*pictures: bytes, comment: bytes = b"") -> bytes:
    """A GIF of one by one dots, with a table of two colours."""
    head = b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6)
    told = b"!\xfe" + bytes([len(comment)]) + comment + b"\0" if comment else b""
    shown = b"".join(
        b"!\xf9\x04\0\x0a\0\0\0" + b",\0\0\0\0\x01\0\x01\0\0\x02\x02" + one + b"\0"
        for one in pictures
    )
    return head + told + shown + b";"


@pytest.mark.parametrize(
    ("body", "still"),
    [
        (gif(b"\x44\x01"), True),
        (gif(b"\x44\x01", comment=b",,,!,;"), True),
        (gif(b"\x44\x01", b"\x4c\x01"), False),
        (gif(), False),
        (gif(b"\x44\x01")[:-1], False),
        (gif(b"\x44\x01")[:22], False),
        (b"GIF89a", False),
        (b"not a picture at all", False),
        (b"", False),
    ],
)
def test_a_gif_of_one_picture_is_told_from_one_that_moves(
    tmp_path: Path, body: bytes, still: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(body)
    assert is_still(path) is still
