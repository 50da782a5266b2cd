"""The language of a page: from the cookie, else from the browser, else English.

The English sentence is the key. Catalogs are read from their .po files at the start, so that
nothing has to be compiled and nothing can be out of date.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Blueprint, Flask, Response, current_app, g, redirect, request

from bridge.errors import Problem
from bridge.web.paths import local_path

COOKIE = "language"
_YEAR_S = 365 * 24 * 3600
#: Each language in its own name; the code is what stands in `lang`.
LANGUAGES = {"en": "English", "pt-BR": "Português (Brasil)", "es": "Español"}
LOCALES = Path(__file__).parent / "locales"

blueprint = Blueprint("i18n", __name__)


def catalog(language: str) -> NullTranslations:
    """The translations into a language."""
    path = LOCALES / language.replace("-", "_") / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language.replace("-", "_")))
    compiled.seek(0)
    return Translations(compiled)


def register(app: Flask) -> None:
    """Gives the templates of `app` their languages."""
    app.extensions["catalogs"] = {language: catalog(language) for language in LANGUAGES}
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True
    )
    app.jinja_env.filters["said"] = said
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES})
    app.register_blueprint(blueprint)


def language() -> str:
    """The code of this request's language."""
    if "language" not in g:
        wanted = request.cookies.get(COOKIE, "")
        g.language = wanted if wanted in LANGUAGES else _of_browser()
    return str(g.language)


def gettext(text: str) -> str:
    """A text in the language of this request."""
    return str(_catalog().gettext(text))


def ngettext(one: str, many: str, count: int) -> str:
    """A text that depends on a number."""
    return str(_catalog().ngettext(one, many, count))


def said(problem: Problem) -> str:
    """A problem in the language of this request; its values are filled in afterwards."""
    values = {
        name: said(one) if isinstance(one, Problem) else one for name, one in problem.values.items()
    }
    return gettext(problem.sentence).format(**values)


def _catalog() -> NullTranslations:
    found: NullTranslations = current_app.extensions["catalogs"][language()]
    return found


def _of_browser() -> str:
    for wanted, _ in request.accept_languages:
        short = wanted.lower().replace("_", "-").partition("-")[0]
        for code in LANGUAGES:
            if code.lower().partition("-")[0] == short:
                return code
    return "en"


@blueprint.get("/language/<code>")
def choose(code: str) -> Response:
    """Keeps the choice in a cookie and goes back to the page that the reader was on."""
    response = redirect(local_path(request.args.get("back")))
    if code in LANGUAGES:
        response.set_cookie(
            COOKIE,
            code,
            max_age=_YEAR_S,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    return response  # type: ignore[return-value]
