"""Every page for everybody: axe finds nothing, in light and dark, on the narrowest screen."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from bridge.domain.errors import dump
from bridge.gateways.base import GatewayRefuses
from tests.browser.operator import Operator
from tests.support.journal import Journal
from tests.support.processes import SandboxChatwoot

VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1100, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1100, "height": 800}},
    "narrow, in Portuguese": {
        "viewport": {"width": 320, "height": 640},
        "locale": "pt-BR",
        "reduced_motion": "reduce",
    },
    "narrow and dark, in Spanish": {
        "color_scheme": "dark",
        "viewport": {"width": 320, "height": 640},
        "locale": "es-ES",
    },
}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def _pages(somebody: Operator, sandbox: SandboxChatwoot) -> Iterator[str]:
    """Every page once, with its errors, and with all that is folded away laid open."""
    page = somebody.page
    for path in ("/", "/no-such-page", "/wizard"):
        somebody.go(path)
        yield path
    somebody.start()
    somebody.go_on()
    yield "instance with an error"
    for step in ("address", "account", "token", "inbox", "review"):
        somebody.answer_until(step, sandbox, account="99")
        yield step
        if step in {"address", "token"}:
            page.fill(f"#{step}", "http://127.0.0.1:9")
            somebody.go_on()
            page.wait_for_selector(".summary")
            yield f"{step} with an error"
        if step == "token":
            page.fill("#token", sandbox.admin)
            page.click("button[name=check]")
            somebody.go("/wizard/account")
            yield "account as a choice"
            page.check("#account_id-0")
            somebody.go_on()
    sandbox.fault("refuse", method="POST", status=503)
    somebody.go_on()
    page.wait_for_url("**/wizard/trouble")
    yield "trouble"
    sandbox.control("DELETE", "faults")
    somebody.go_on()
    page.wait_for_url("**/instances/support")
    yield "result"
    yield from _console(somebody)
    sandbox.fault("suspended")
    somebody.go("/instances/support")
    yield "instance page with an error"
    for path in ("/", "/instances/support/deactivate", "/instances/support/delete", "/docs"):
        somebody.go(path)
        yield path
    page.context.clear_cookies()
    somebody.go("/sign-in")
    somebody.go_on()
    yield "sign-in with an error"


def _console(somebody: Operator) -> Iterator[str]:
    """The pages about messages, with one in every state."""
    journal = Journal(somebody.bridge)
    refused = dump(GatewayRefuses(reason="no such number", detail="http://gw.example HTTP 400"))
    for minute in range(9):
        journal.add(f"3EB0{minute}", ago=60 * minute, text="a" * 300)
    dead = journal.add("m1:0", job="reply", state="dead", reason=refused, tries=2)
    journal.add("3EB0D", state="dead", reason="something else", phone="5511999990002", name="")
    unsure = journal.add("m2:0", job="reply", state="unconfirmed", reason="no answer came")
    journal.pair("3EB01", 77, 4)
    paths = ["/", "/messages", "/messages?q=Maria", "/messages?q=nothing", "/waiting", "/audit"]
    paths += [f"/messages/{dead}", f"/messages/{dead}/discard", f"/messages/{unsure}"]
    for path in (*paths, "/instances/support", "/instances/support/gateway"):
        somebody.go(path)
        yield f"console: {path}"
    somebody.page.fill("#gateway_url", "gw.example")
    somebody.go_on()
    yield "gateway with an error"


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    operator: Callable[..., Operator], sandbox: SandboxChatwoot, view: str
) -> None:
    somebody = operator(**VIEWS[view])
    page, axe, found = somebody.page, Axe(), []
    for name in _pages(somebody, sandbox):
        page.eval_on_selector_all("main details", "all => all.forEach(one => one.open = true)")
        for one in axe.run(page, options=RULES).response["violations"]:
            places = [node["target"] for node in one["nodes"]][:3]
            found.append(f"{name}: {one['id']} at {places}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: scrolls sideways")
        for small in page.eval_on_selector_all(
            "button, .button, input:not([type=hidden]), select, summary",
            "all => all.filter(one => one.checkVisibility())"
            ".filter(one => !one.matches('.choice input'))"
            ".filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)",
        ):
            found.append(f"{name}: smaller than a finger: {small[:80]}")
        assert page.locator("h1").count() == 1, name
    assert found == []
    assert somebody.faults == []
    assert somebody.foreign == []
