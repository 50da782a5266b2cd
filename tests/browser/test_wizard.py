"""The wizard in a real browser, with scripts and without, in three languages."""

import re
from collections.abc import Callable

import pytest

from tests.browser.operator import Operator
from tests.support.processes import Bridge, SandboxChatwoot, free_port

SignIn = Callable[..., Operator]
ACTIVE = {
    "en-US": "The integration is active.",
    "pt-BR": "A integração está ativa.",
    "es-ES": "La integración está activa.",
}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("locale", ACTIVE)
def test_the_whole_way(
    operator: SignIn, sandbox: SandboxChatwoot, locale: str, scripts: bool
) -> None:
    somebody = operator(locale=locale, java_script_enabled=scripts)
    somebody.start().answer_until("review", sandbox).go_on()
    somebody.page.wait_for_url("**/instances/support")
    assert ACTIVE[locale] in somebody.page.inner_text("main")
    assert somebody.page.get_attribute("html", "lang") == {"en-US": "en", "es-ES": "es"}.get(
        locale, locale
    )
    assert [one["name"] for one in sandbox.inboxes()] == ["WhatsApp"]
    assert somebody.faults == []
    assert somebody.foreign == []


def test_the_way_through_the_sandbox_takes_few_clicks(
    operator: SignIn, start_bridge: Callable[..., Bridge]
) -> None:
    ports = {"BRIDGE_SANDBOX_PORT": str(free_port()), "BRIDGE_SANDBOX_PHONE_PORT": str(free_port())}
    bridge = start_bridge(BRIDGE_SANDBOX="true", **ports)
    somebody = operator(bridge).go("/wizard")
    somebody.page.click("button[name=sandbox]")
    somebody.go_on()
    assert somebody.path == "/wizard/inbox"
    somebody.go_on()
    somebody.go_on()
    somebody.page.wait_for_url("**/instances/*")
    assert ACTIVE["en-US"] in somebody.page.inner_text("main")


def test_two_clicks_make_one_inbox(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    for scripts in (True, False):
        sandbox.reset()
        somebody = operator(java_script_enabled=scripts)
        name = f"twice-{scripts}".lower()
        somebody.start()
        if somebody.page.query_selector("#choice-new"):
            somebody.page.check("#choice-new")
        somebody.answer_until("review", sandbox, name=name)
        sandbox.fault("slow", method="POST", path="/inboxes$", seconds=1, times=1)
        somebody.page.dblclick("main form .actions > button")
        somebody.page.wait_for_url(f"**/instances/{name}")
        assert len(sandbox.inboxes()) == 1


def test_progress_is_shown_step_by_step(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    somebody = operator().start().answer_until("review", sandbox)
    sandbox.fault("slow", method="POST", path="/inboxes$", seconds=3, times=1)
    somebody.go_on()
    progress = somebody.page.locator("#progress")
    progress.locator("[data-step=inbox][data-state=now]").wait_for()
    assert progress.locator("[data-step=token]").inner_text().endswith("done")
    assert somebody.page.evaluate("document.activeElement.textContent") == "Activating..."
    somebody.page.wait_for_url("**/instances/support")


def test_going_back_keeps_the_answers(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    page = operator().start().answer_until("inbox", sandbox).page
    page.go_back()
    page.go_back()
    assert page.is_checked("#account_id-0")
    page.go_back()
    assert page.input_value("#address") == sandbox.base_url
    page.go_forward()
    page.reload()
    assert page.is_checked("#account_id-0")
    page.goto(page.url.replace("/account", "/instance"))
    assert page.input_value("#name") == "support"


def test_a_change_returns_to_the_review(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    somebody = operator().start().answer_until("review", sandbox)
    somebody.page.click("text=Change the inbox name")
    somebody.page.fill("#inbox_name", "Another name")
    somebody.page.check("#ignore_groups")
    somebody.go_on()
    assert somebody.path == "/wizard/review"
    assert "Another name" in somebody.page.inner_text("dl")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(
    ("step", "field", "typed", "said"),
    [
        ("address", "address", "http://127.0.0.1:9", "Chatwoot is unreachable at"),
        ("token", "token", "wrong-token-0123", "Chatwoot rejected the API token"),
        ("token", "token", SandboxChatwoot.agent, "The owner of this token is an agent"),
    ],
)
def test_an_error_is_on_top_with_the_focus_and_at_its_field(
    operator: SignIn,
    sandbox: SandboxChatwoot,
    scripts: bool,
    step: str,
    field: str,
    typed: str,
    said: str,
) -> None:
    somebody = operator(java_script_enabled=scripts).start().answer_until(step, sandbox)
    page = somebody.page
    page.fill(f"#{field}", typed)
    somebody.go_on()
    page.wait_for_selector(".summary")
    assert page.title().startswith("Error: ")
    assert said in page.inner_text(".summary")
    assert page.get_attribute(f"#{field}", "aria-invalid") == "true"
    described = (page.get_attribute(f"#{field}", "aria-describedby") or "").split()
    assert said in page.inner_text(f"#{described[-1]}") + page.inner_text(".summary")
    page.wait_for_function("document.activeElement.className === 'summary'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.activeElement.id === '{field}'")
    assert page.input_value(f"#{field}") == (typed if field == "address" else "")


def test_a_wrong_account_becomes_a_choice(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    somebody = operator().start()
    somebody.answer_until("token", sandbox, account="2")
    somebody.page.fill("#token", sandbox.admin)
    somebody.go_on()
    assert somebody.path == "/wizard/account"
    assert "does not belong to account 2" in somebody.page.inner_text(".summary")
    assert somebody.focused == "summary"
    somebody.page.check("#account_id-0")
    somebody.go_on()
    assert somebody.path == "/wizard/inbox"


def test_checks_speak_while_one_types(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    page = operator().start().answer_until("address", sandbox).page
    page.fill("#address", f"{sandbox.base_url}/app/accounts/1/dashboard")
    page.keyboard.press("Tab")
    region = page.locator("#address-live")
    region.locator(".found").first.wait_for()
    assert f"Chatwoot 4.15.1 found at {sandbox.base_url}" in region.inner_text()
    assert "The link names account 1." in region.inner_text()
    page.fill("#address", "http://127.0.0.1:9")
    page.keyboard.press("Tab")
    region.locator(".unsure").wait_for()
    assert page.locator(".summary").count() == 0


def test_a_secret_can_be_looked_at_but_is_not_sent_in_sight(
    operator: SignIn, sandbox: SandboxChatwoot
) -> None:
    somebody = operator().start().answer_until("token", sandbox)
    page = somebody.page
    page.fill("#token", sandbox.admin)
    page.click("button:has-text('Show')")
    assert page.get_attribute("#token", "type") == "text"
    assert page.get_attribute("[data-reveal]", "aria-label") == "Hide the token"
    page.click("[data-reveal]")
    assert page.get_attribute("#token", "type") == "password"
    assert page.get_attribute("#token", "autocomplete") == "off"
    somebody.go_on()
    somebody.go("/wizard/token")
    assert sandbox.admin not in page.content()
    assert "ends in oken" in page.inner_text("#token-hint")
    without = operator(java_script_enabled=False)
    assert without.go("/sign-in").page.locator("[data-reveal]").count() in {0, 1}


def test_the_keyboard_alone_is_enough(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    page = operator().go("/wizard").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/wizard/instance**")
    page.focus("#name")
    page.keyboard.type("support")
    page.keyboard.press("Enter")
    page.wait_for_url("**/wizard/address**")
    page.focus("#address")
    page.keyboard.type(sandbox.base_url)
    page.keyboard.press("Enter")
    page.wait_for_url("**/wizard/account**")


def test_the_language_switch_stays_on_the_step(operator: SignIn, sandbox: SandboxChatwoot) -> None:
    somebody = operator().start().answer_until("account", sandbox)
    somebody.page.click("text=Português (Brasil)")
    assert somebody.path == "/wizard/account"
    assert re.match("Qual é o ID da sua conta", somebody.page.inner_text("h1"))
