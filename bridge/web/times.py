"""Moments and lengths of time, as a person reads them in the language of the page."""

from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from flask import Flask
from markupsafe import Markup, escape

from bridge.web.i18n import language
from bridge.web.pages import services


def register(app: Flask) -> None:
    """Gives the templates `ago(at)`, `moment(at)` and `lasted(seconds)`."""
    app.jinja_env.globals.update(ago=ago, moment=moment, lasted=lasted)


def ago(at: float) -> Markup:
    """A moment (UTC seconds) such as "2 minutes ago", with the exact one in its title."""
    # A clock that was set back must not make a message of the future.
    passed = timedelta(seconds=min(at - services().clock(), -1))
    text = format_timedelta(passed, add_direction=True, locale=_locale())
    return _time(at, text, title=exact(at))


def exact(at: float) -> str:
    """A moment (UTC seconds) to the second, in the time zone of this machine."""
    moment = datetime.fromtimestamp(at).astimezone()
    return f"{format_datetime(moment, 'medium', locale=_locale())} {moment.tzname()}"


def lasted(seconds: float) -> str:
    """A short length of time, such as "0.12 s"."""
    return f"{format_decimal(round(seconds, 3), locale=_locale())} s"


def moment(at: float) -> Markup:
    """A moment (UTC seconds) to the second, readable for machines too."""
    return _time(at, exact(at))


def _time(at: float, text: str, title: str = "") -> Markup:
    machine = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    named = Markup(' title="{}"').format(title) if title else Markup("")
    return Markup('<time datetime="{}"{}>{}</time>').format(machine, named, escape(text))


def _locale() -> str:
    return language().replace("-", "_")
