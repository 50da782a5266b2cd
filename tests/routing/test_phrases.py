"""The bridge's own words are there in every language that can be set."""

import string

import pytest

from bridge.config.languages import catalog
from bridge.routing.to_chatwoot.phrases import _PHRASES, file_size, phrase


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["pt_BR", "es"])
def test_every_phrase_has_the_same_blanks_in_every_language(language: str) -> None:
    for text in _PHRASES.values():
        assert blanks(catalog(language).gettext(text)) == blanks(text)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "[A file of the message is too large to be brought here: a.mp4, 41 MB]"),
        ("pt_BR", "[Um arquivo da mensagem é grande demais para chegar aqui: a.mp4, 41 MB]"),
        ("es", "[Un archivo del mensaje es muy grande para llegar aquí: a.mp4, 41 MB]"),
    ],
)
def test_a_phrase_is_filled_in(language: str, said: str) -> None:
    assert phrase(language, "too_large", name="a.mp4", size="41 MB") == said


@pytest.mark.parametrize(
    ("language", "size", "said"),
    [
        ("en", 1, "1 kB"),
        ("en", 900 * 1024, "900 kB"),
        ("en", 1024**2, "1 MB"),
        ("en", 43 * 1024**2 + 600_000, "43.6 MB"),
        ("pt_BR", 43 * 1024**2 + 600_000, "43,6 MB"),
        ("es", 2 * 1024**2, "2 MB"),
    ],
)
def test_the_size_of_a_file_is_said_as_people_write_it(language: str, size: int, said: str) -> None:
    assert file_size(language, size) == said
