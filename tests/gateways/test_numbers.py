"""One number, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.gateways import numbers


@pytest.mark.parametrize(
    ("digits", "others"),
    [
        # Brazil: mobiles of before the ninth digit have both forms, landlines have one.
        ("5511988887777", {"551188887777"}),
        ("551133334444", set()),
        # Mexico: ten digits, with or without the 1.
        ("525512345678", {"5215512345678"}),
        ("5255123456789", set()),
        ("521551234567", set()),
        # Argentina: the 9 before the area code, or the 15 after it, whose place the area decides.
        ("5491123456789", {"541123456789", "54111523456789", "549111523456789"}),
        ("5493516123456", {"543516123456", "54351156123456", "549351156123456"}),
        ("5492972412345", {"542972412345", "54297215412345", "549297215412345"}),
        ("5492974123456", {"542974123456", "54297154123456", "549297154123456"}),
        ("54111512345678", {"5491112345678", "541112345678", "549111512345678"}),
        ("5415123456", set()),
        # Countries without a row have one form.
        ("4915112345678", set()),
        ("351912345678", set()),
        ("", set()),
    ],
)
def test_the_spellings_of_a_number(digits: str, others: set[str]) -> None:
    found = numbers.spellings(digits)
    assert found[0] == digits
    assert set(found[1:]) == others


@pytest.mark.parametrize(
    ("digits", "shown"),
    [
        ("551188887777", "5511988887777"),
        ("525512345678", "525512345678"),
        ("5215512345678", "5215512345678"),
        ("541143211234", "541143211234"),
        ("54111512345678", "5491112345678"),
        ("4915112345678", "4915112345678"),
    ],
)
def test_a_contact_is_shown_the_number_that_can_be_dialled_from_abroad(
    digits: str, shown: str
) -> None:
    assert numbers.shown(digits) == shown


_PARTS = st.sampled_from(["15", "11", "9", "1", "220", "2202", "343", "3435", "5", "0", "77"])


@given(st.sampled_from(["55", "52", "521", "54", "549", "49"]), st.lists(_PARTS, max_size=9))
def test_spellings_are_the_same_seen_from_each_of_them(country: str, parts: list[str]) -> None:
    found = numbers.spellings(country + "".join(parts))
    for other in found:
        assert set(numbers.spellings(other)) == set(found)
        assert numbers.canonical(other) == numbers.canonical(found[0])
        assert numbers.canonical(other) in found
    assert numbers.shown(found[0]) in found
