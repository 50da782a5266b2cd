"""Three languages, whole: chosen by the browser, switchable, nothing untranslated."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bridge.config.languages import LOCALES
from bridge.web.i18n import LANGUAGES
from bridge.web.paths import local_path
from tests.support.processes import ROOT, Bridge
from tests.support.visitor import Visitor

TRANSLATED = [language.replace("-", "_") for language in LANGUAGES if language != "en"]


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)[sd]", text))


def test_the_catalogs_are_what_make_messages_writes(tmp_path: Path) -> None:
    """So they hold every text of program and pages, and no other."""
    copy = shutil.copytree(LOCALES, tmp_path / "locales")
    subprocess.run([sys.executable, "-P", ROOT / "docs" / "messages.py", copy], check=True)
    for code in TRANSLATED:
        name = f"{code}/LC_MESSAGES/messages.po"
        assert (copy / name).read_text("utf-8") == (LOCALES / name).read_text("utf-8"), name


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_with_its_placeholders(code: str) -> None:
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    for message in (one for one in catalog if one.id):
        assert message.string is not None
        texts = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(strings), f"{texts[0]!r} is not translated"
        assert not message.fuzzy
        assert _placeholders(strings[0]) == _placeholders(texts[0])
        assert _placeholders(strings[-1]) == _placeholders(texts[-1])


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
