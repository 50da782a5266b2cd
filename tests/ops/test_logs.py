"""The log: one line per event, and nothing secret in any of them."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.runtime import logs


@pytest.fixture(autouse=True)
def _no_secrets_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_secrets", frozenset())


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("bridge")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers = []
    stream = io.StringIO()
    logs.set_up("info", "web", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_a_line_has_time_level_process_and_message(written: io.StringIO) -> None:
    logging.getLogger("bridge.web.app").info("hello %s", "there")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    web: hello there\n", written.getvalue()
    )


def test_libraries_speak_from_warning_on(written: io.StringIO) -> None:
    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("bridge").debug("detail")
    assert written.getvalue() == ""


def test_a_message_cannot_start_a_line_of_its_own(written: io.StringIO) -> None:
    logging.getLogger("bridge").warning("name: %s", "Ana\n2026 ERROR forged\x1b[31m\r")
    assert written.getvalue().count("\n") == 1
    assert r"Ana\n2026 ERROR forged\x1b[31m\r" in written.getvalue()


def test_a_traceback_is_masked_too(written: io.StringIO) -> None:
    logs.register_secret("s3cr3t-of-the-traceback")
    try:
        raise ValueError("it was s3cr3t-of-the-traceback")
    except ValueError:
        logging.getLogger("bridge").exception("it broke")
    assert "ValueError: it was ***" in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "api_access_token: SECRETVALUE",
        "api-access-token=SECRETVALUE",
        "{'api_access_token': 'SECRETVALUE', 'a': 1}",
        '{"chatwootApiToken": "SECRETVALUE"}',
        "GET /hook?token=SECRETVALUE&x=1 HTTP/1.1",
        "Authorization: Bearer SECRETVALUE",
        "Authorization: Basic SECRETVALUE",
        "sent bearer SECRETVALUE to them",
        "cookie: session=SECRETVALUE; theme=dark",
        "Set-Cookie: session=SECRETVALUE; Path=/",
        "redis://user:SECRETVALUE@localhost:6379/0",
        "https://SECRETVALUE@host/path",
        "webhook_secret = SECRETVALUE",
        "X-Api-Key: SECRETVALUE",
        "headers={b'token': b'SECRETVALUE'}",
        "Authorization: Token SECRETVALUE",
        "authorization=Digest SECRETVALUE",
        "password='correct horse'".replace("correct horse", "SECRETVALUE"),
        "{'Cookie': 'a=b; session=SECRETVALUE', 'Host': 'a'}",
        'cookie: session="SECRETVALUE"',
        "postgres://user:p@SECRETVALUE@localhost/db",
        "apiKey: SECRETVALUE",
        "token:SECRETVALUE",
        "a.b.c://SECRETVALUE@host",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = logs.mask(text)
    assert "SECRETVALUE" not in masked
    assert logs.MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "web: killed by signal 9; starting it again in 0.5 s",
        "Chatwoot 4.15.1 found at http://127.0.0.1:8090",
        "cannot keep the secret file instance/account-token: Permission denied",
        "Basic authentication is required",
        "neither basic nor bearer credentials were sent",
        "Bearer authentication failed.",
        "token: expired",
        "token: it was refused",
        "Invalid token: 401 Unauthorized",
        "Password: must be longer",
        "Authorization: required for this address",
        "cookie: refused",
        "secret: None",
        "token=null",
        "see https://example.com/?mail=a@b.example for more",
        "see https://example.com#a@b for more",
        '["https://a.example","b@c.example"]',
    ],
)
def test_ordinary_lines_stay_readable(text: str) -> None:
    assert logs.mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "cookie: a=SECRETVALUE; b=c was refused by the gateway",
            "cookie: *** was refused by the gateway",
        ),
        ("{'Cookie': 'a=SECRETVALUE', 'X': 'y'}", "{'Cookie': '***', 'X': 'y'}"),
        ("token=SECRETVALUE and then HTTP 500", "token=*** and then HTTP 500"),
        ("bearer SECRETVALUE, sent to http://a.example", "bearer ***, sent to http://a.example"),
        ("https://user:SECRETVALUE@host/path?a=b is down", "https://***@host/path?a=b is down"),
        (
            '{"token": "SECRETVALUE", "error": "it is full"}',
            '{"token": "***", "error": "it is full"}',
        ),
    ],
)
def test_the_words_beside_a_secret_stay(text: str, masked: str) -> None:
    assert logs.mask(text) == masked


@given(st.text(min_size=logs.SHORTEST_SECRET), st.text(), st.text())
def test_a_registered_secret_never_gets_through(secret: str, before: str, after: str) -> None:
    logs.register_secret(secret)
    masked = logs.mask(before + secret + after)
    assert secret not in masked or secret in logs.MASK * len(masked)


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert logs.mask(logs.mask(text)) == logs.mask(text)


def test_json_is_one_masked_object_per_line_with_the_number_of_the_message(
    written: io.StringIO,
) -> None:
    logs.set_up("info", "router", written, form="json")
    secret, named = 'a"hidden\\value', 'token="abc' + '123"'
    logs.register_secret(secret)
    with logs.about(12):
        try:
            raise ValueError(named + secret)
        except ValueError:
            logging.getLogger("bridge.x").exception("it has a\nbreak and %s", named)
    logging.getLogger("bridge.x").warning("after")
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert first["entry"] == 12
    assert first["level"] == "error"
    assert first["process"] == "router"
    assert first["message"] == 'it has a\nbreak and token="***"'
    assert "abc123" not in first["traceback"]
    assert "hidden" not in first["traceback"].rpartition("ValueError")[2]
    assert "entry" not in second


def test_a_line_of_text_carries_the_number_too(written: io.StringIO) -> None:
    with logs.about(7):
        logging.getLogger("bridge.x").info("sent")
    assert written.getvalue().endswith("web: [#7] sent\n")
