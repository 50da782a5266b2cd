"""Three languages, whole: chosen by the browser, switchable, nothing untranslated."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bridge.config.languages import LOCALES
from bridge.web.i18n import LANGUAGES
from bridge.web.paths import local_path
from tests.support.processes import ROOT, Bridge
from tests.support.visitor import Visitor

METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"encoding": "utf-8", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
TRANSLATED = [language for language in LANGUAGES if language != "en"]


def _texts() -> Iterator[str | tuple[str, ...]]:
    for folder in ("bridge", "templates"):
        found = extract_from_dir(
            ROOT / folder,
            METHODS,
            OPTIONS,
            KEYWORDS,
            directory_filter=lambda path: Path(path).name not in {"sandbox", "__pycache__"},
        )
        for _file, _line, message, _comments, _context in found:
            yield message


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)[sd]", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_with_its_placeholders(language: str) -> None:
    code = language.replace("-", "_")
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    missing = []
    for message in sorted(set(_texts()), key=str):
        singular, plural = (message, message) if isinstance(message, str) else message
        found = catalog.get(singular)
        strings = [found.string] if found and isinstance(message, str) else found and found.string
        if not strings or not all(strings) or (found and found.fuzzy):
            missing.append(singular)
        else:
            assert _placeholders(strings[0]) == _placeholders(singular)
            assert _placeholders(strings[-1]) == _placeholders(plural)
    assert not missing, f"not translated in {code}/LC_MESSAGES/messages.po"


@pytest.mark.parametrize(
    ("wanted", "language", "heading"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR", "Entre na sua bridge"),
        ("pt-PT", "pt-BR", "Entre na sua bridge"),
        ("es-MX,es;q=0.9", "es", "Inicia sesión en tu bridge"),
        ("de-DE,fr;q=0.8", "en", "Sign in to your bridge"),
        ("de,es;q=0.5", "es", "Inicia sesión en tu bridge"),
        ("", "en", "Sign in to your bridge"),
    ],
)
def test_the_browser_chooses(
    shared_bridge: Bridge, wanted: str, language: str, heading: str
) -> None:
    page = Visitor(shared_bridge, wanted).get("/sign-in")
    assert f'<html lang="{language}">' in page.html
    assert heading in page.text


def test_the_switch_keeps_the_page_and_lasts(visitor: Visitor) -> None:
    page = visitor.get("/wizard")
    link = re.search(r'href="(/language/es\?back=[^"]+)"', page.html)
    assert link
    page = visitor.get(link[1])
    assert page.path == "/wizard"
    assert "Conecta un número de WhatsApp con Chatwoot" in page.text
    assert '<html lang="es">' in visitor.get("/").html


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/\\evil", "javascript:1", "", "/ x"]
)
def test_only_paths_of_our_own_are_followed(address: str) -> None:
    assert local_path(address) == "/"
    assert local_path("/wizard/token?x=1") == "/wizard/token?x=1"
