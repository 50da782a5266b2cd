"""Chromium for the tests of the pages: a real one, that makes no calls of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.operator import Operator
from tests.support.processes import Bridge

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of this folder."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "these tests need Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a fresh profile: open_page(locale="es", java_script_enabled=False)."""
    contexts = []

    def open_one(**options: Any) -> Page:
        contexts.append(chromium.new_context(**{"locale": "en-US", **options}))
        return contexts[-1].new_page()

    yield open_one
    for one in contexts:
        one.close()


@pytest.fixture
def empty_bridge(shared_bridge: Bridge) -> Bridge:
    """A running bridge without instances."""
    for one in shared_bridge.api("GET", "/api/instance/list").json()["instances"]:
        shared_bridge.api("DELETE", f"/api/instance/delete/{one['name']}")
    return shared_bridge


@pytest.fixture
def operator(empty_bridge: Bridge, open_page: Callable[..., Page]) -> Callable[..., Operator]:
    """Signs somebody in: operator(locale="pt-BR", color_scheme="dark")."""

    def sign_in(bridge: Bridge = empty_bridge, **options: Any) -> Operator:
        return Operator(open_page(**options), bridge).sign_in()

    return sign_in
