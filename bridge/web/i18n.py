"""The language of a page: from the cookie, else from the browser, else English.

The English sentence is the key (`bridge.config.languages`).
"""

from flask import Blueprint, Flask, Response, g, redirect, request

from bridge.config import languages
from bridge.domain.errors import Problem
from bridge.web.paths import local_path

COOKIE = "language"
_YEAR_S = 365 * 24 * 3600
#: Each language in its own name; the code is what stands in `lang`.
LANGUAGES = {"en": "English", "pt-BR": "Português (Brasil)", "es": "Español"}

blueprint = Blueprint("i18n", __name__)


def register(app: Flask) -> None:
    """Gives the templates of `app` their languages."""
    for code in LANGUAGES:
        languages.catalog(code)  # now, and not while somebody waits for a page
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True
    )
    app.jinja_env.filters["translated"] = translated
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES})
    app.register_blueprint(blueprint)


def language() -> str:
    """The code of this request's language."""
    if "language" not in g:
        wanted = request.cookies.get(COOKIE, "")
        g.language = wanted if wanted in LANGUAGES else _of_browser()
    return str(g.language)


def gettext(text: str) -> str:
    return str(languages.catalog(language()).gettext(text))


def ngettext(one: str, many: str, count: int) -> str:
    return str(languages.catalog(language()).ngettext(one, many, count))


def translated(problem: Problem) -> str:
    """A problem in the language of this request; its values are filled in afterwards."""
    return languages.say(problem, language())


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
        secure = request.is_secure
        response.set_cookie(
            COOKIE, code, max_age=_YEAR_S, httponly=True, samesite="Lax", secure=secure
        )
    return response  # type: ignore[return-value]
