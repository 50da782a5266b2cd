"""A browser without scripts, made of requests: keeps cookies, reads forms, sends them back."""

import html
import random
import re
from html.parser import HTMLParser
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.support.processes import Bridge


class _Reader(HTMLParser):
    """Gathers the forms of a page, and its words as a person reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), {}))
        if tag == "select" and self.forms:
            self._select = found.get("name", "")
        if tag == "option" and self.forms and self._select:
            self.forms[-1][1].setdefault(self._select, found.get("value", ""))
            if "selected" in found:
                self.forms[-1][1][self._select] = found.get("value", "")
        if tag == "input" and self.forms:
            picked = found.get("type") not in {"radio", "checkbox"} or "checked" in found
            if picked and found.get("name"):
                self.forms[-1][1][found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Page:
    """An answer, read."""

    def __init__(self, answer: requests.Response) -> None:
        self.status, self.html, self.headers = answer.status_code, answer.text, answer.headers
        self.path = "/" + answer.url.split("/", 3)[3]
        reader = _Reader()
        reader.feed(self.html)
        self.forms = reader.forms
        self.text = " ".join(" ".join(reader.words).split())

    @property
    def summary(self) -> str:
        """The summary of errors on top, empty without one."""
        found = re.search(r'<div class="summary".*?</div>', self.html, re.DOTALL)
        said = html.unescape(re.sub("<[^>]+>", " ", found[0])) if found else ""
        return " ".join(said.split())

    def has_error_at(self, field: str) -> bool:
        """Whether a field says that it is wrong."""
        return f'id="{field}-error"' in self.html


def _host() -> int:
    return random.randrange(2, 255)


class _From(HTTPAdapter):
    """Connects from a given loopback address."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


class Visitor:
    """Goes through the pages of a bridge."""

    def __init__(self, bridge: Bridge, language: str = "en") -> None:
        self.bridge = bridge
        self.session = requests.Session()
        # An address of its own, so that visitors of one bridge do not share its limits.
        self.session.mount("http://", _From(f"127.{random.randrange(1, 255)}.0.{_host()}"))
        self.session.trust_env = False
        self.session.headers["Accept-Language"] = language
        self.page: Page | None = None

    def get(self, path: str, **more: Any) -> Page:
        """A page, after all redirects."""
        answer = self.session.get(self.bridge.base_url + path, timeout=90, **more)
        self.page = Page(answer)
        return self.page

    def send(self, values: dict[str, Any], *, path: str | None = None, **more: Any) -> Page:
        """Fills in the form of the present page (the one with action `path`) and sends it."""
        assert self.page is not None
        wanted = [one for one in self.page.forms if one[0] == (path or "")]
        hidden = wanted[0][1] if wanted else self.page.forms[-1][1]
        answer = self.session.post(
            self.bridge.base_url + (path or self.page.path),
            data={**hidden, **values},
            timeout=90,
            **more,
        )
        self.page = Page(answer)
        return self.page

    def sign_in(self) -> "Visitor":
        """Signs in as the operator."""
        self.get("/sign-in")
        page = self.send({"token": self.bridge.account_token})
        assert page.path == "/", page.text
        return self

    def answer_until(self, step: str, **answers: Any) -> Page:
        """Goes through a new wizard up to a step, answering what is given or what is usual."""
        self.get("/wizard")
        page = self.send({}, path="/wizard")
        while not page.path.endswith(f"/{step}"):
            here = page.path.rpartition("/")[2]
            page = self.send(answers[here])
            assert not page.path.endswith(f"/{here}"), page.summary or page.text
        return page
