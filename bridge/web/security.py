"""What every response says to the browser about trust, and the guard against forged forms."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

#: No inline script or style, nothing from elsewhere, no framing.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TWO_YEARS_S = 2 * 365 * 24 * 3600
_YEAR_S = 365 * 24 * 3600


def register(app: Flask) -> CSRFProtect:
    """Headers on every response, CSRF on every form; gives back the guard for its exemptions."""
    app.config.update(
        # As long as the session: a draft may lie for a day, and its forms with it.
        WTF_CSRF_TIME_LIMIT=None,
        # The token and SameSite=Lax decide; browsers that send no Referer are let in.
        WTF_CSRF_SSL_STRICT=False,
        WTF_I18N_ENABLED=False,
    )
    app.after_request(_protect)
    _version_static_files(app)
    return CSRFProtect(app)


def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_TWO_YEARS_S}")
    if request.endpoint == "static" and "v" in request.args:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
    elif request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _version_static_files(app: Flask) -> None:
    """Names each static file by its content, so that browsers may keep it and never show an old."""
    versions: dict[str, str] = {}

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint != "static" or "v" in values:
            return
        name = str(values.get("filename", ""))
        if name not in versions:
            path = Path(app.static_folder or "") / name
            content = path.read_bytes() if path.is_file() else b""
            versions[name] = sha256(content).hexdigest()[:10]
        values["v"] = versions[name]
