"""The translations: catalogs whose keys are the English sentences.

They are read from their .po files, so that nothing has to be compiled and nothing can be out of
date.
"""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from bridge.domain.errors import Problem

LOCALES = Path(__file__).resolve().parents[1] / "web" / "locales"


@cache
def catalog(language: str) -> NullTranslations:
    """The translations into a language such as `pt-BR` or `pt_BR`; none for one without a file."""
    code = language.replace("-", "_")
    path = LOCALES / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def say(problem: Problem, language: str) -> str:
    """A problem in a language; its values are filled in afterwards."""
    values = {
        name: say(value, language) if isinstance(value, Problem) else value
        for name, value in problem.values.items()
    }
    return str(catalog(language).gettext(problem.sentence)).format(**values)
