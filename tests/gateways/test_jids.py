"""One spelling for each address, and the ninth digit (docs/contracts/ryzeapi.md, Addresses)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.messages import Address, ChatKind
from bridge.gateways import jids, numbers
from bridge.gateways.jids import JidKind

DIGITS = st.text(alphabet="0123456789", min_size=5, max_size=15)


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("5511988887777", "5511988887777@s.whatsapp.net"),
        ("+5511988887777", "5511988887777@s.whatsapp.net"),
        (" 5511988887777 ", "5511988887777@s.whatsapp.net"),
        ("5511988887777:12", "5511988887777@s.whatsapp.net"),
        ("5511988887777:12@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        ("5511988887777.0:12@s.whatsapp.net", "5511988887777@s.whatsapp.net"),
        ("5511988887777@c.us", "5511988887777@s.whatsapp.net"),
        ("5511988887777@S.WhatsApp.Net", "5511988887777@s.whatsapp.net"),
        ("123:57@lid", "123@lid"),
        ("123@lid", "123@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("5511988887777-1600000000@g.us", "5511988887777-1600000000@g.us"),
        ("120363111111111111@newsletter", "120363111111111111@newsletter"),
        ("status@broadcast", "status@broadcast"),
        ("", ""),
        ("@lid", ""),
        ("joão@lid", ""),
        ("١٢٣٤٥٦@lid", ""),
        ("1234567890123456", ""),
        ("someone@example.com", ""),
        ("5511988887777-1600000000", ""),
    ],
)
def test_each_address_has_one_spelling(written: Any, full: Any) -> None:
    assert jids.normal(written) == full


@pytest.mark.parametrize(
    ("address", "sort", "kind"),
    [
        ("5511988887777@s.whatsapp.net", JidKind.PHONE, ChatKind.PRIVATE),
        ("123@lid", JidKind.LID, ChatKind.PRIVATE),
        ("120363000000000001@g.us", JidKind.GROUP, ChatKind.GROUP),
        ("120363111111111111@newsletter", JidKind.NEWSLETTER, ChatKind.OTHER),
        ("status@broadcast", JidKind.BROADCAST, ChatKind.OTHER),
        ("5511988887777", JidKind.UNKNOWN, ChatKind.OTHER),
    ],
)
def test_the_ending_says_what_an_address_leads_to(address: str, sort: str, kind: str) -> None:
    assert jids.kind_of(address) is sort
    assert jids.chat_kind(Address(address)) is kind


@pytest.mark.parametrize(
    ("jid", "lid", "expected"),
    [
        ("5511988887777@s.whatsapp.net", "9:3@lid", ("5511988887777@s.whatsapp.net", "9@lid")),
        ("9@lid", "5511988887777@s.whatsapp.net", ("5511988887777@s.whatsapp.net", "9@lid")),
        ("123456789:57@lid", "123456789@lid", ("", "123456789@lid")),
        ("123456789", "123456789@lid", ("", "123456789@lid")),
        ("123456789", "123456789", ("", "123456789@lid")),
        ("5511988887777", "", ("5511988887777@s.whatsapp.net", "")),
        ("5511988887777", "100@s.whatsapp.net", ("5511988887777@s.whatsapp.net", "")),
        ("", "123456789", ("", "123456789@lid")),
        ("", "", ("", "")),
    ],
)
def test_two_fields_make_one_address_whichever_holds_which_form(
    jid: str, lid: str, expected: tuple[str, str]
) -> None:
    found = jids.address(jid, lid)
    assert (found.jid, found.lid) == expected


def test_a_recipient_is_bare_digits_only_where_there_is_a_phone() -> None:
    assert jids.recipient("5511988887777@s.whatsapp.net") == "5511988887777"
    for address in ("123@lid", "120363000000000001@g.us", "120363111111111111@newsletter"):
        assert jids.recipient(address) == address
        assert jids.phone(address) == ""


@pytest.mark.parametrize(
    ("digits", "expected", "stored"),
    [
        ("5511988887777", ("5511988887777", "551188887777"), "5511988887777"),
        ("551188887777", ("551188887777", "5511988887777"), "5511988887777"),
        ("551168887777", ("551168887777", "5511968887777"), "5511968887777"),
        ("551133334444", ("551133334444",), "551133334444"),  # a landline
        ("5511933334444", ("5511933334444",), "5511933334444"),  # without the 9: a landline
        ("351912345678", ("351912345678",), "351912345678"),  # Portugal
        ("5501988887777", ("5501988887777",), "5501988887777"),  # no such area
        ("", ("",), ""),
    ],
)
def test_brazilian_mobiles_have_two_spellings_and_landlines_one(
    digits: str, expected: tuple[str, ...], stored: str
) -> None:
    assert numbers.spellings(digits) == expected
    assert numbers.canonical(digits) == stored


@given(DIGITS)
def test_variants_are_the_same_seen_from_each_side(digits: str) -> None:
    found = numbers.spellings(digits)
    assert found[0] == digits
    for other in found:
        assert set(numbers.spellings(other)) == set(found)
        assert numbers.canonical(other) == numbers.canonical(digits)
    assert numbers.canonical(numbers.canonical(digits)) == numbers.canonical(digits)


@given(DIGITS, st.integers(0, 99))
def test_a_normal_address_stays_and_no_lid_ever_becomes_a_phone(digits: str, device: Any) -> None:
    full = jids.normal(f"{digits}:{device}@s.whatsapp.net")
    assert jids.normal(full) == full == f"{digits}@s.whatsapp.net"
    lid = jids.normal(f"{digits}:{device}@lid")
    assert (jids.phone(lid), jids.recipient(lid)) == ("", f"{digits}@lid")
    assert jids.address(lid).jid == ""
    assert jids.address(digits, lid).jid == ""


@given(st.text(max_size=30), st.sampled_from([JidKind.PHONE, JidKind.LID, JidKind.GROUP]))
def test_any_text_has_a_normal_form_or_none(text: str, bare: Any) -> None:
    full = jids.normal(text, bare=bare)
    assert full == "" or jids.normal(full) == full


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_make_an_address(jid: str, lid: str) -> None:
    found = jids.address(jid, lid)
    assert not found.jid.endswith("@lid")
    assert found.lid == "" or found.lid.endswith("@lid")


def test_people_meet_by_lid_by_phone_and_across_the_ninth_digit() -> None:
    joao = Address("5511988887777@s.whatsapp.net", "9@lid")
    assert jids.is_same(joao, Address("", "9@lid"))
    assert jids.is_same(joao, Address("551188887777@s.whatsapp.net"))
    assert not jids.is_same(joao, Address("5511988887778@s.whatsapp.net"))
    assert not jids.is_same(Address("", "9@lid"), Address("5511988887777@s.whatsapp.net"))
    assert not jids.is_same(Address(), Address())
