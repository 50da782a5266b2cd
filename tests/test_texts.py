"""What is left out of a text, and where a long one is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import markup
from bridge.domain.texts import clean, clean_json, split


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("plain", "plain"),
        ("a\0b", "ab"),
        ("\0", ""),
        ("a\ud83db", "ab"),
        ("a\udc00", "a"),
        ("\ud83d\ude00", "😀"),
        ("\udc00\ud83d", ""),
        ("😀\ud83d é", "😀 é"),
    ],
)
def test_nul_and_half_characters_are_left_out(said: str, kept: str) -> None:
    assert clean(said) == kept


def test_every_text_of_an_object_is_cleaned_names_included() -> None:
    said = {"a\0": ["b\ud800", {"c": ("d\0",)}], "n": 1, "t": True, "z": None}
    assert clean_json(said) == {"a": ["b", {"c": ["d"]}], "n": 1, "t": True, "z": None}


@given(st.text(alphabet=st.characters(codec=None)))
def test_what_is_clean_can_always_be_written(said: str) -> None:
    kept = clean(said)
    assert json.loads(json.dumps(kept).encode()) == kept
    assert kept.encode().decode() == kept
    assert clean(kept) == kept


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("x" * 20, ["x" * 20]),
        ("x" * 21, ["x" * 20, "x"]),
        ("first line here\n\nsecond one", ["first line here", "second one"]),
        ("a first, line 18ch\nsecond", ["a first, line 18ch", "second"]),
        ("some words and then more", ["some words and then", "more"]),
        ("x" * 19 + "👩\u200d👩\u200d👧", ["x" * 19, "👩\u200d👩\u200d👧"]),
        ("x" * 19 + "e\u0301", ["x" * 19, "e\u0301"]),
        ("x" * 19 + "👍\U0001f3fd", ["x" * 19, "👍\U0001f3fd"]),
        ("x" * 20 + "\n\n\n", ["x" * 20]),
    ],
)
def test_a_long_text_is_cut_at_a_sensible_place(text: str, pieces: list[str]) -> None:
    assert split(text, 20) == pieces


@given(st.text(alphabet="ab {}%`\n.é\u0301", max_size=400), st.integers(60, 90))
def test_no_piece_is_too_long_in_the_form_in_which_it_is_sent(text: str, limit: int) -> None:
    pieces = split(text, limit, sent=markup.protect_liquid)
    assert all(len(markup.protect_liquid(piece)) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
