"""Base64 both ways, piece by piece."""

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.gateways import base64_files
from bridge.gateways.base64_files import JsonWithFile, TooLarge, spool_field, spool_text

PIECE = base64_files._PIECE
FILES = [b"", b"a", b"ab", b"abc", bytes(range(256)) * 40, b"x" * (PIECE - 1), b"y" * (PIECE + 2)]


@pytest.mark.parametrize("content", FILES, ids=len)
def test_a_file_becomes_a_field_of_known_length(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    body = JsonWithFile({"é": 1}, "data", file)
    for _ in range(2):
        sent = b"".join(body)
        assert len(sent) == len(body)
        read = json.loads(sent)
        assert read["é"] == 1
        assert base64.b64decode(read["data"]) == content
    assert json.loads(b"".join(JsonWithFile({}, "data", file))) == {
        "data": base64.b64encode(content).decode()
    }


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_request(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"long enough")
    body = JsonWithFile({}, "data", file)
    file.write_bytes(b"short")
    with pytest.raises(OSError, match="shorter"):
        list(body)


@pytest.mark.parametrize("content", FILES[1:], ids=len)
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_text_becomes_a_file(content: bytes, prefix: str, tmp_path: Path) -> None:
    text = base64.b64encode(content).decode()
    wrapped = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    for written in (text, wrapped, text.rstrip("="), text.replace("+", "-").replace("/", "_")):
        path = spool_text(prefix + written, tmp_path)
        assert path is not None
        assert path.read_bytes() == content


def test_a_file_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    document = tmp_path / "answer"
    document.write_text(json.dumps({"base64": base64.b64encode(b"x" * 1001).decode()}))
    with pytest.raises(TooLarge):
        spool_field(document, "base64", tmp_path, limit=1000)
    assert list(tmp_path.iterdir()) == [document]
    assert spool_field(document, "base64", tmp_path, limit=1001)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: json.dumps({"message": '"base64": "no"', "base64": text}),
        lambda text: json.dumps({"data": {"base64": text}, "success": True}, indent=1),
        lambda text: json.dumps({"base64": {"mime_type": "a/b", "base64": text}}),
        lambda text: json.dumps({"base64": text}).replace("/", "\\/").replace("+", "\\u002B"),
    ],
)
def test_a_field_of_a_document_on_disk_becomes_a_file(write: Any, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1500
    document = tmp_path / "answer"
    document.write_text(write(base64.b64encode(content).decode()))
    path = spool_field(document, "base64", tmp_path, limit=10**6)
    assert path is not None
    assert path.read_bytes() == content


@pytest.mark.parametrize("text", ["", "{}", '{"base64": ""}', '{"base64": "abc', '{"base64": 1}'])
def test_a_document_without_the_field_gives_no_file(text: str, tmp_path: Path) -> None:
    document = tmp_path / "answer"
    document.write_text(text)
    assert spool_field(document, "base64", tmp_path, limit=100) is None
    assert list(tmp_path.iterdir()) == [document]


def test_no_file_is_in_memory_whole(tmp_path: Path) -> None:
    file, document = tmp_path / "file", tmp_path / "answer"
    file.write_bytes(b"0123456789abcdef" * 1024 * 1024)
    tracemalloc.start()
    with document.open("wb") as written:
        for piece in JsonWithFile({}, name="base64", file=file):
            written.write(piece)
    path = spool_field(document, "base64", tmp_path, limit=10**9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path is not None
    assert path.stat().st_size == file.stat().st_size
    assert peak < 4 * 1024 * 1024


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=50))
def test_any_text_is_a_file_or_none(text: str, tmp_path: Path) -> None:
    path = spool_text(text, tmp_path)
    assert path is None or path.stat().st_size > 0
