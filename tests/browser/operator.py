"""Somebody who sits in front of the pages. Works with ids and names, so in any language."""

from playwright.sync_api import Page

from tests.support.processes import Bridge, SandboxChatwoot


class Operator:
    """Fills in and clicks. `faults` are what the browser complained about."""

    def __init__(self, page: Page, bridge: Bridge) -> None:
        self.page, self.bridge = page, bridge
        self.faults: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        # A status of 422 is a "failed" load to the console, and is meant so.
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.faults.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(self.bridge.base_url) and not url.startswith("data:"):
            self.foreign.append(url)

    def go(self, path: str) -> "Operator":
        """Opens a page."""
        self.page.goto(self.bridge.base_url + path)
        return self

    @property
    def path(self) -> str:
        """Where the browser is."""
        return self.page.url.removeprefix(self.bridge.base_url)

    def sign_in(self) -> "Operator":
        """Through the form."""
        self.go("/sign-in")
        self.page.fill("#token", self.bridge.account_token)
        self.go_on()
        assert self.path == "/"
        return self

    def go_on(self) -> None:
        """The first button of the page's main form."""
        self.page.click("main form .actions > button >> nth=0")

    def start(self) -> "Operator":
        """A new wizard, at its first question."""
        self.go("/wizard")
        self.page.click("form[action='/wizard'] button, form:not([action]) .actions button")
        return self

    def answer_until(self, step: str, sandbox: SandboxChatwoot, **other: str) -> "Operator":
        """Answers as usual until a step; `other` replaces what is typed."""
        typed = {
            "instance": ("#name", other.get("name", "support")),
            "address": ("#address", other.get("address", sandbox.base_url)),
            "account": ("#account_id", other.get("account", "1")),
            "token": ("#token", other.get("token", sandbox.admin)),
            "inbox": ("#inbox_name", other.get("inbox", "WhatsApp")),
        }
        while self.path != f"/wizard/{step}":
            here = self.path.rpartition("/")[2]
            field, text = typed[here]
            self.page.fill(field, text)
            self.go_on()

            def is_elsewhere(url: str, here: str = here) -> bool:
                return not url.endswith(f"/{here}")

            self.page.wait_for_url(is_elsewhere)
        return self

    @property
    def focused(self) -> str:
        """The classes of what has the focus."""
        return str(self.page.evaluate("document.activeElement.className"))
