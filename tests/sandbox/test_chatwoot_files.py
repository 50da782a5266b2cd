"""What a file is, what it is called and in which order several come back (run 4.16.2)."""

import pytest

from tests.sandbox.conftest import Chatwoot, wait_until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
ZIP = b"PK\x03\x04" + bytes(30)
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def sent(chatwoot: Chatwoot, number: int, *files: tuple[str, bytes, str]) -> list[dict[str, str]]:
    parts = [("attachments[]", file) for file in files]
    message = chatwoot.ok("POST", f"/conversations/{number}/messages", None, files=parts)
    attachments: list[dict[str, str]] = message["attachments"]
    return attachments


@pytest.mark.parametrize(
    ("file", "content_type", "file_type"),
    [
        (("a.bin", b"\xff\xd8\xff\xe0" + bytes(20), ""), "image/jpeg", "file"),
        (("a.jpg", PNG, "image/jpeg"), "image/png", "image"),
        (("a.xlsx", ZIP, SHEET), SHEET, "file"),
        (("a.xlsx", ZIP, ""), SHEET, "file"),
        (("a.pdf", ZIP, "application/pdf"), "application/zip", "file"),
        (("a.ogg", b"OggS" + bytes(24) + b"OpusHead", "audio/ogg"), "audio/opus", "audio"),
        (("a.txt", b"plain", "Text/Plain; charset=x"), "text/plain", "file"),
        (("a.csv", b"a;b", ""), "text/csv", "file"),
        (("nameless", b"\x00", "image"), "application/octet-stream", "file"),
    ],
)
def test_bytes_say_what_a_file_is_and_its_kind_is_declared(
    chatwoot: Chatwoot, file: tuple[str, bytes, str], content_type: str, file_type: str
) -> None:
    _, number = chatwoot.chat()
    [shown] = sent(chatwoot, number, file)
    assert (shown["content_type"], shown["file_type"]) == (content_type, file_type)
    stored = chatwoot("GET", shown["data_url"])
    assert (stored.content, stored.headers["Content-Type"]) == (file[1], content_type)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\fakepath\\photo.png", "photo.png"),
        ("/tmp/a;b|c.png", "a-b-c.png"),
        ("50%25 off.PNG", "50- off.PNG"),
    ],
)
def test_names_are_cleaned(chatwoot: Chatwoot, name: str, kept: str) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/messages"
    part = f'Content-Disposition: form-data; name="attachments[]"; filename="{name}"'
    body = (
        b"--x\r\n" + part.encode() + b"\r\nContent-Type: image/png\r\n\r\n" + PNG + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    [shown] = chatwoot.ok("POST", path, None, data=body, headers=headers)["attachments"]
    stored = chatwoot("GET", shown["data_url"])
    assert stored.headers["Content-Disposition"].endswith(kept.replace(" ", "%20"))


def test_only_pictures_have_a_thumbnail_and_it_can_be_fetched(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    picture, fake, text = sent(
        chatwoot,
        number,
        ("a.png", PNG, "image/png"),
        ("b.png", b"%PDF-1.4", "image/png"),
        ("c.txt", b"c", "text/plain"),
    )
    assert "/representations/" in picture["thumb_url"]
    assert chatwoot("GET", picture["thumb_url"]).content == PNG
    assert fake["thumb_url"] == text["thumb_url"] == ""


def test_a_picture_moves_behind_the_other_files(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    first = sent(chatwoot, number, ("a.png", PNG, "image/png"), ("b.txt", b"b", "text/plain"))
    assert [one["file_type"] for one in first] == ["image", "file"]

    def order() -> list[str]:
        return [one["file_type"] for one in chatwoot.thread(number)[0]["attachments"]]

    wait_until(lambda: order() == ["file", "image"])


@pytest.mark.parametrize(
    "body",
    [
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\nshort\r\n--x',
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\n\xc3(\r\n--x--\r\n',
    ],
)
def test_a_broken_form_is_refused_before_anything(chatwoot: Chatwoot, body: bytes) -> None:
    _, number = chatwoot.chat()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = chatwoot("POST", f"/conversations/{number}/messages", data=body, headers=headers)
    assert answer.status_code == 400
    assert chatwoot.thread(number) == []


def test_the_sign_for_unreadable_bytes_may_be_sent(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    form = {"content": (None, "a\ufffdb")}
    chatwoot.ok("POST", f"/conversations/{number}/messages", None, files=form)
    assert chatwoot.thread(number)[0]["content"] == "a\ufffdb"
