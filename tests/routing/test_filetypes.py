"""What a file is, by its bytes and whatever it is called."""

from pathlib import Path

import pytest

from bridge.messages import Kind
from bridge.routing.filetypes import VOICE, kind_of, named_for, type_of

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
        (THEORA, "audio/ogg", "video/ogg", Kind.VIDEO),
        (b"ID3\x04", "audio/mpeg", "audio/mpeg", Kind.VOICE),
        (b"\xff\xfb\x90\x64", "audio/mp3", "audio/mpeg", Kind.VOICE),
        (b"#!AMR\n", "application/octet-stream", "audio/amr", Kind.VOICE),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav", "audio/wav", Kind.VOICE),
        (iso(b"M4A "), "video/mp4", "audio/mp4", Kind.VOICE),
        (iso(b"mp42"), "audio/mp4", "audio/mp4", Kind.VOICE),
        (iso(b"mp42"), "application/pdf", "video/mp4", Kind.VIDEO),
        (iso(b"isom"), "video/mp4", "video/mp4", Kind.VIDEO),
        (iso(b"3gp4"), "application/octet-stream", "video/3gpp", Kind.VIDEO),
        (iso(b"qt  "), "video/mp4", "video/quicktime", Kind.VIDEO),
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
        ("notes.v2", "application/pdf", "notes.v2"),
        ("voice.opus", "audio/ogg; codecs=opus", "voice.opus"),
        ("", "image/png", ""),
        ("odd.png", "application/x-unheard-of", "odd.png"),
    ],
)
def test_a_name_gets_another_ending_only_where_it_speaks_of_another_sort_of_file(
    name: str, mime_type: str, named: str
) -> None:
    assert named_for(name, mime_type) == named
