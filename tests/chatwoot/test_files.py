"""Files: streamed there, and fetched from nowhere but where they may lie."""

import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.multipart import Multipart
from bridge.chatwoot.refusals import FileNotThere, FileRefused, FileTooLarge
from tests.chatwoot.conftest import Desk

Chat = tuple[Chatwoot, int]
LIMIT = 40 * 1024 * 1024


def test_a_file_goes_there_and_comes_back_the_same(desk: Desk, chat: Chat, tmp_path: Path) -> None:
    client, number = chat
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 1000)
    posted = client.messages.post_file(
        number,
        source,
        file_name='../vídeo "1"\r\n.mp4',
        mime_type="video/mp4",
        content="legenda ção",
        incoming=True,
        source_id="WAID:1",
        in_reply_to_external_id="WAID:0",
    )
    [message] = client.messages.latest(number)
    assert (message.id, message.text, message.type) == (posted, "legenda ção", "incoming")
    assert message.own_source_id == "WAID:1"
    [file] = message.attachments
    assert (file.file_type, file.mime_type, file.size) == ("video", "video/mp4", 256_000)
    assert "vídeo" in file.file_name
    assert "/" not in file.file_name
    target = tmp_path / "target"
    assert client.files.download(file.url, to=target, max_bytes=LIMIT) == "video/mp4"
    assert target.read_bytes() == source.read_bytes()
    assert all(one["as"] is None for one in desk.sandbox.requests() if "storage" in one["path"])


def test_a_large_file_is_never_in_memory_as_a_whole(chat: Chat, tmp_path: Path) -> None:
    client, number = chat
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(30 * 1024 * 1024)
    tracemalloc.start()
    client.messages.post_file(number, big, file_name="big.bin", mime_type="application/zip")
    [file_] = client.messages.latest(number)[-1].attachments
    client.files.download(file_.url, to=tmp_path / "back", max_bytes=LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 1024 * 1024
    assert (tmp_path / "back").stat().st_size == 30 * 1024 * 1024


def test_the_address_in_the_event_need_not_be_the_one_we_know(
    desk: Desk, chat: Chat, tmp_path: Path
) -> None:
    client, number = chat
    source = tmp_path / "f"
    source.write_bytes(b"x")
    client.messages.post_file(number, source, file_name="f.txt", mime_type="text/plain")
    [file] = client.messages.latest(number)[-1].attachments
    elsewhere = file.url.replace(desk.sandbox.base_url, "http://10.1.2.3:1")
    client.files.download(elsewhere, to=tmp_path / "back", max_bytes=LIMIT)
    assert (tmp_path / "back").read_bytes() == b"x"


def test_a_file_may_come_later(desk: Desk, chat: Chat, tmp_path: Path) -> None:
    client, number = chat
    source = tmp_path / "f"
    source.write_bytes(b"x")
    client.messages.post_file(number, source, file_name="f.txt", mime_type="text/plain")
    [file] = client.messages.latest(number)[-1].attachments
    desk.sandbox.fault("attachment_delay", seconds=60)
    with pytest.raises(FileNotThere) as caught:
        client.files.download(file.url, to=tmp_path / "back", max_bytes=LIMIT)
    assert caught.value.retryable


def test_a_file_beyond_the_limit_is_not_fetched(chat: Chat, tmp_path: Path) -> None:
    client, number = chat
    source = tmp_path / "f"
    source.write_bytes(b"x" * 100_000)
    client.messages.post_file(number, source, file_name="f.bin", mime_type="application/zip")
    [file] = client.messages.latest(number)[-1].attachments
    with pytest.raises(FileTooLarge):
        client.files.download(file.url, to=tmp_path / "back", max_bytes=99_999)


class Redirecting(ThreadingHTTPServer):
    """A Chatwoot whose storage is wherever `location` says."""

    location = ""
    hits = 0


@pytest.fixture
def redirecting() -> Iterator[Redirecting]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.hits += 1
            self.send_response(302)
            self.send_header("Location", server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = Redirecting(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:1/x",
        "http://localhost:1/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://user:pass@127.0.0.1/x",
    ],
)
def test_chatwoot_cannot_send_us_to_private_addresses(
    desk: Desk, redirecting: Redirecting, location: str, tmp_path: Path
) -> None:
    redirecting.location = location
    base_url = f"http://127.0.0.1:{redirecting.server_port}"
    url = f"{base_url}/rails/active_storage/blobs/redirect/a/b.png"
    with pytest.raises(FileRefused):
        desk.client(base_url=base_url).files.download(url, to=tmp_path / "f", max_bytes=LIMIT)
    assert not (tmp_path / "f").exists()


def test_a_loop_of_redirects_ends(desk: Desk, redirecting: Redirecting, tmp_path: Path) -> None:
    redirecting.location = "/rails/active_storage/again"
    base_url = f"http://127.0.0.1:{redirecting.server_port}"
    with pytest.raises(FileRefused):
        desk.client(base_url=base_url).files.download(
            f"{base_url}/rails/active_storage/x", to=tmp_path / "f", max_bytes=LIMIT
        )
    assert redirecting.hits == 6


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/secret", "http://localhost/x", "", "x", "javascript:1", "http://["]
)
def test_other_addresses_in_events_are_not_called(desk: Desk, url: str, tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        desk.client().files.download(url, to=tmp_path / "f", max_bytes=LIMIT)


# -- the form --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\a.txt", "a.txt"),
        ("a\x00b\r\n.txt", "a_b__.txt"),
        ("", "file"),
        ("..", "file"),
        ("é" * 300 + ".pdf", "é" * 116 + ".pdf"),
    ],
)
def test_file_names_are_safe(given: str, kept: str, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    form = b"".join(Multipart({}, "f", file, name=given, mime_type="text/plain"))
    assert f'; filename="{kept}"\r\n'.encode() in form


def test_the_length_of_a_form_is_known_before(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * 200_000)
    form = Multipart({"a": "ção"}, "f", file, name='q".txt', mime_type="bad\r\nX: y")
    body = b"".join(form)
    assert len(form) == len(body)
    assert b"application/octet-stream" in body
    assert b'filename="q_.txt"' in body
