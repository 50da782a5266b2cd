"""Values from outside: names, times, file names, contact cards."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.messages import ContactCard
from bridge.domain.texts import file_name
from bridge.gateways import vcards
from bridge.gateways.fields import Fields, mime_type, timestamp

NOW = 1_790_700_000.0


@pytest.mark.parametrize("name", ["mimeType", "mimetype", "mime_type", "MimeType"])
def test_a_field_is_found_however_it_is_spelt(name: str) -> None:
    assert Fields({name: "image/png"}).text("mimeType") == "image/png"


def test_an_empty_spelling_does_not_hide_a_filled_one() -> None:
    assert Fields({"message_id": "A", "messageId": ""}).text("messageId") == "A"
    assert Fields({"a": 0, "b": False}).merged(Fields({"a": None, "b": True})).get("a") == 0


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-09-28T14:03:05-03:00", 1_790_614_985.0),
        ("2026-09-28T17:03:05Z", 1_790_614_985.0),
        ("2026-09-28T17:03:05.123456789Z", 1_790_614_985.123456),
        ("2026-09-28T17:03:05", 1_790_614_985.0),
        (1_790_614_985, 1_790_614_985.0),
        ("1790614985", 1_790_614_985.0),
        (1_790_614_985_000, 1_790_614_985.0),
        (1_790_614_985_000_000_000, 1_790_614_985.0),
        ("1999-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("yesterday", None),
        (0, None),
        (10**400, None),
        (float("nan"), None),
        (True, None),
        (None, None),
    ],
)
def test_a_time_is_read_in_each_form_and_an_absurd_one_is_none(written: Any, seconds: Any) -> None:
    assert timestamp(written, now=NOW) == (seconds and pytest.approx(seconds, abs=0.001))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ana\\foto.png", "foto.png"),
        ("a\r\nContent-Type: x.txt", "a__Content-Type_ x.txt"),
        ("gpj\u202e.exe", "gpj_.exe"),
        ("..", ""),
        ("Orçamento 2026.pdf", "Orçamento 2026.pdf"),
    ],
)
def test_a_file_name_can_harm_nobody(written: Any, kept: Any) -> None:
    assert file_name(written) == kept


@given(st.text(max_size=300))
def test_any_file_name_is_short_and_plain(text: str) -> None:
    kept = file_name(text)
    assert len(kept) <= 120
    assert not set(kept) & set('/\\\r\n\0"')


def test_a_long_file_name_keeps_its_ending() -> None:
    kept = file_name("x" * 300 + ".pdf")
    assert (len(kept), kept[-4:]) == (120, ".pdf")


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("audio/ogg; codecs=opus", "audio/ogg"),
        ("Image/PNG", "image/png"),
        ("application/octet-stream", ""),
        ("image", ""),
        ("image/png\r\nX: y", ""),
    ],
)
def test_a_mime_type_is_bare_or_nothing(written: Any, bare: Any) -> None:
    assert mime_type(written) == bare


def test_an_old_card_with_folded_and_quoted_lines_is_read() -> None:
    text = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Concei=C3=A7=C3=A3o;Ana;;;\r\n"
        "TEL;CELL:+55 11\r\n  97777-6666\r\nEND:VCARD"
    )
    assert vcards.parse(text) == ContactCard("Ana Conceição", ("+55 11 97777-6666",))


@pytest.mark.parametrize(
    ("text", "known", "card"),
    [
        ("", {"name": "Rui", "phone": "+351"}, ContactCard("Rui", ("+351",))),
        ("", {"phone": "+351"}, ContactCard("+351", ("+351",))),
        ("TEL;waid=5511:", {}, ContactCard("+5511", ("+5511",))),
        ("TEL;VALUE=uri:tel:+33-01", {}, ContactCard("+33-01", ("+33-01",))),
        ("FN:Ana\nTEL:+", {}, ContactCard("Ana")),
        ("FN:Ana\nTEL:+\nTEL: - \nTEL:0800 FLORES", {}, ContactCard("Ana", ("0800 FLORES",))),
        ("TEL;waid=5511:+", {}, ContactCard("+5511", ("+5511",))),
        ("FN:Ana", {"phone": "+"}, ContactCard("Ana")),
        ("TEL:+", {}, None),
        ("FN:A\\, B\\;C\\nD", {}, ContactCard("A, B;C\nD")),
        ("", {}, None),
    ],
)
def test_a_card_is_what_is_known_of_it(text: str, known: Any, card: ContactCard | None) -> None:
    assert vcards.parse(text, **known) == card


@given(st.text())
def test_any_text_is_a_card_or_none(text: str) -> None:
    vcards.parse(text)
    vcards.parse("\n".join(f"TEL;ENCODING=QUOTED-PRINTABLE:{line}" for line in text.split()))
