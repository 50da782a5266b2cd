"""The whole loop in a browser: wizard, then the customer's phone and the agent side by side."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page

from tests.browser.operator import Operator
from tests.ops.service import wait_until
from tests.support.processes import Bridge, free_port

CUSTOMER = "Maria Souza"
NUMBER = "5511988880001"
#: A page hears of news by itself, without being loaded again; in milliseconds.
PATIENCE_MS = 20_000


@pytest.fixture
def with_sandboxes(start_bridge: Callable[..., Bridge]) -> tuple[Bridge, str, str]:
    """What `make run` starts, and where its sandbox Chatwoot and its sandbox phone are."""
    chatwoot, phone = free_port(), free_port()
    bridge = start_bridge(
        BRIDGE_SANDBOX="true",
        BRIDGE_SANDBOX_PORT=str(chatwoot),
        BRIDGE_SANDBOX_PHONE_PORT=str(phone),
    )
    return bridge, f"http://127.0.0.1:{chatwoot}", f"http://127.0.0.1:{phone}"


@pytest.mark.slow
def test_a_newcomer_sees_a_message_go_there_and_back(
    with_sandboxes: tuple[Bridge, str, str],
    operator: Callable[..., Operator],
    open_page: Callable[..., Page],
) -> None:
    bridge, chatwoot_url, phone_url = with_sandboxes
    somebody = operator(bridge).go("/wizard")
    somebody.page.click("button[name=sandbox]")
    for _ in range(3):  # the instance, the inbox, the review: all filled in
        somebody.go_on()
    somebody.page.wait_for_url("**/instances/*")

    wait_until(lambda: _sockets(phone_url) > 0, "the socket to the gateway")

    customer, agent = open_page(), open_page()
    for page in (customer, agent):
        page.set_default_timeout(PATIENCE_MS)
    customer.request.post(
        f"{phone_url}/sandbox/api/contacts", data={"number": NUMBER, "name": CUSTOMER}
    )
    customer.goto(f"{phone_url}/chat/{NUMBER}@s.whatsapp.net")
    _write(customer, "Do you deliver on *Saturdays*?")

    agent.goto(f"{chatwoot_url}/")
    agent.get_by_role("link", name=CUSTOMER).click()
    thread = agent.get_by_role("log")
    thread.get_by_text("Do you deliver on").wait_for()
    assert thread.get_by_text("Saturdays", exact=True).evaluate("it => it.tagName") == "STRONG"
    agent.get_by_label(f"Message to {CUSTOMER}").fill("We do, until **noon**.")
    agent.get_by_role("button", name="Send", exact=True).click()

    customer.get_by_text("We do, until").wait_for()
    _write(customer, "See you then")
    thread.get_by_text("See you then").wait_for()
    assert customer.get_by_text("We do, until").count() == 1
    assert thread.get_by_text("We do, until").count() == 1

    agent.get_by_role("link", name="Beside the phone").click()
    for side in ("Agent", "Phone"):
        agent.frame_locator(f"iframe[title={side}]").get_by_text("See you then").first.wait_for()


def _sockets(phone_url: str) -> int:
    """How many listen to the sandbox phone: what is said before that is not heard."""
    instances = requests.get(f"{phone_url}/sandbox/api/instances", timeout=10).json()["instances"]
    return sum(one["sockets"] for one in instances)


def _write(phone: Page, text: str) -> None:
    phone.get_by_label("Message", exact=True).fill(text)
    phone.get_by_role("button", name="Send", exact=True).click()
