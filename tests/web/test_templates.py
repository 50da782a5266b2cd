"""Templates say nothing rather than something wrong: a renamed attribute fails, and is seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import UndefinedError

from bridge.config.settings import load
from bridge.services import Services
from bridge.web.app import create_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    services = Services.open(load({"BRIDGE_INSTANCE_DIR": str(tmp_path)}))
    yield create_app(services=services)
    services.close()


@pytest.mark.parametrize("text", ["{{ a.gone }}", "{% if a.gone %}{% endif %}", "{{ a['gone'] }}"])
def test_an_attribute_that_is_not_there_fails(app: Flask, text: str) -> None:
    with pytest.raises(UndefinedError):
        app.jinja_env.from_string(text).render(a=Path("x"))


def test_a_key_or_a_variable_may_be_missing(app: Flask) -> None:
    assert app.jinja_env.from_string("{{ a.gone }}{{ gone }}").render(a={}) == ""
