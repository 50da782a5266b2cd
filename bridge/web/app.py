"""The web application: pages, JSON API and webhooks."""

from pathlib import Path
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from jinja2 import Undefined
from jinja2.utils import missing
from werkzeug.middleware.proxy_fix import ProxyFix

from bridge.config import assets
from bridge.config.settings import Settings, load
from bridge.services import Services
from bridge.web import guard, i18n, pages, problems, security, session, times
from bridge.web.api import health, routes
from bridge.web.api.docs import docs
from bridge.web.api.limits import Limits
from bridge.web.console import dashboard, live, messages
from bridge.web.hooks import Hooks
from bridge.web.hosts import Hosts
from bridge.web.paths import RowId
from bridge.web.wizard import activation, steps


class _Strict(Undefined):
    """What a template asks an object for must be there; a key of a dict may be missing, and so may
    a variable."""

    def __init__(self, hint: Any = None, obj: Any = missing, name: Any = None, **more: Any) -> None:
        super().__init__(hint, obj, name, **more)
        if obj is not missing and not isinstance(obj, dict):
            self._fail_with_undefined_error()


class _Sessions(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """The web application over an opened installation. Raises StartupError.

    Makes no call to others and starts no thread.
    """
    services = services or Services.open(settings or load())
    settings = services.settings
    static = assets.folder("static")
    app = Flask(
        "bridge.web.app",
        root_path=str(Path(__file__).parent),
        template_folder=str(assets.folder("templates")),
        static_folder=str(static),
        instance_path=str(settings.instance_dir),
    )
    app.config.update(
        SECRET_KEY=services.vault.derive("session cookie"),
        SESSION_COOKIE_NAME="chatwoot_bridge",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    app.session_interface = _Sessions()
    app.jinja_env.undefined = _Strict
    app.url_map.converters["int"] = RowId
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["services"] = services
    app.extensions["limits"] = Limits(settings)
    # What a gateway says is heard from here on; the router counts on it (`Router._is_settled`).
    services.store.beat("web-opened")
    hooks = Hooks(services, Hosts(settings, app.wsgi_app))
    app.extensions["most_bytes"] = hooks.most_bytes
    app.wsgi_app = hooks  # type: ignore[method-assign]
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    app.before_request(guard.forms_only)
    app.before_request(routes.guard)
    app.after_request(routes.add_limit_headers)
    forms_only = security.register(app)
    for machines in (routes.api, docs):
        # No cookie opens these, so no forged form can use one.
        forms_only.exempt(machines)
        app.register_blueprint(machines)
    for part in (guard, live, health, i18n, pages, session, times, messages):
        part.register(app)
    for blueprint in (steps.blueprint, activation.blueprint, dashboard.blueprint):
        app.register_blueprint(blueprint)
    problems.register(app, pages.problem_page)
    return app
