"""The console in a real browser: news without reload, and whole without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from bridge.domain.errors import dump
from bridge.gateways.base import GatewayRefuses
from tests.browser.operator import Operator
from tests.support.api import Instance, new_instance, wish
from tests.support.journal import Journal
from tests.support.processes import Bridge, SandboxChatwoot
from tests.support.visitor import Visitor

SignIn = Callable[..., Operator]


@pytest.fixture
def support(empty_bridge: Bridge, sandbox: SandboxChatwoot) -> Instance:
    """An active integration."""
    instance = new_instance(empty_bridge, name="support")
    assert instance.set(wish(sandbox)).status_code == 201
    return instance


def test_news_come_by_themselves_and_disturb_nobody(operator: SignIn, support: Instance) -> None:
    journal = Journal(support.bridge)
    reason = dump(GatewayRefuses(reason="no", detail="http://gw.example HTTP 400"))
    journal.add("m1:0", job="reply", state="dead", reason=reason, phone="5511999990009")
    somebody = operator().go("/waiting")
    page = somebody.page
    page.evaluate("window.isTheSamePage = true")
    page.click(".rows details summary")
    page.focus(".rows a.button.second")
    journal.add("m2:0", job="reply", state="unconfirmed", reason="no answer", name="Ana")
    expect(page.locator("#held-messages")).to_contain_text("appears there twice", timeout=15_000)
    expect(page.locator(".top nav .count")).to_contain_text("2")
    assert page.evaluate("window.isTheSamePage")
    assert page.evaluate("document.activeElement.textContent").startswith("Discard")
    assert page.locator(".rows details[open]").count() == 1
    assert somebody.faults == []
    # A form that was brought along works, and so does one that was there before.
    page.click("button[name=sent][value=yes]")
    expect(page.locator(".notice.good")).to_contain_text("counts as sent")
    assert somebody.path == "/waiting"


def test_news_can_be_stopped(operator: SignIn, support: Instance) -> None:
    somebody = operator().go("/")
    page = somebody.page
    button = page.get_by_role("button", name="Stop updating")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    Journal(support.bridge).add("3EB0NEWS")
    page.wait_for_timeout(4000)
    assert "No message in the last hour." in page.inner_text("#cards")
    button.click()
    expect(page.locator("#cards")).to_contain_text("1 from WhatsApp")


def test_a_bridge_that_was_away_is_asked_again(operator: SignIn, support: Instance) -> None:
    somebody = operator()
    page = somebody.page
    page.route("**/live", lambda route: route.abort())
    somebody.go("/")
    Journal(support.bridge).add("3EB0NEWS")
    page.wait_for_event("requestfailed", timeout=15_000)
    assert "No message in the last hour." in page.inner_text("#cards")
    page.unroute("**/live")
    expect(page.locator("#cards")).to_contain_text("1 from WhatsApp", timeout=15_000)


def test_who_is_signed_out_elsewhere_is_sent_to_the_sign_in(
    operator: SignIn, support: Instance
) -> None:
    page = operator().go("/").page
    other = Visitor(support.bridge).sign_in()
    other.get("/audit")
    other.send({}, path="/sessions/end-others")
    page.wait_for_url("**/sign-in**", timeout=15_000)


def test_without_scripts_a_link_renews(operator: SignIn, support: Instance) -> None:
    somebody = operator(java_script_enabled=False).go("/")
    page = somebody.page
    assert page.get_by_role("button", name="Stop updating").count() == 0
    entry_id = Journal(support.bridge).add("3EB0NEWS", text="Blue shoes")
    page.click(".fresh a")
    assert "1 from WhatsApp" in page.inner_text("#cards")
    page.click(".top nav a[href='/messages']")
    page.fill("#q", "blue shoes")
    page.press("#q", "Enter")
    page.click("#found a")
    assert somebody.path == f"/messages/{entry_id}"
    expect(page.locator(".way li").nth(1)).to_be_visible()


def test_pausing_and_resuming(operator: SignIn, support: Instance) -> None:
    page = operator().go("/").page
    page.get_by_role("button", name="Pause support").click()
    expect(page.locator("#cards .pill")).to_have_text("Paused")
    page.get_by_role("button", name="Resume support").click()
    expect(page.locator("#cards .pill")).to_have_text("Active")
