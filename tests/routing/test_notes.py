"""The bridge's own words are there in every language that can be set."""

import string

import pytest

from bridge.routing.notes import _TEXTS, LANGUAGES, note


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_note_is_there_with_the_same_blanks(language: str) -> None:
    assert _TEXTS[language].keys() == _TEXTS["en"].keys()
    for key, text in _TEXTS[language].items():
        assert blanks(text) == blanks(_TEXTS["en"][key])


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "[A file of the message is too large to be brought here: a.mp4]"),
        ("pt_BR", "[Um arquivo da mensagem é grande demais para chegar aqui: a.mp4]"),
        ("es", "[Un archivo del mensaje es demasiado grande para traerlo aquí: a.mp4]"),
    ],
)
def test_a_note_is_filled_in(language: str, said: str) -> None:
    assert note(language, "too_large", name="a.mp4") == said
