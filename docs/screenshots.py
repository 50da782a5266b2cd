"""Makes the pictures of the documents by driving the real pages: `make screenshots`.

Starts the bridge with its sandbox in a folder of its own, goes through the wizard, has customers
and agents write to each other, and photographs what an operator sees.
"""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from bridge.domain.errors import dump  # noqa: E402
from bridge.gateways.base import GatewayRefuses  # noqa: E402
from tests.support.journal import Journal  # noqa: E402
from tests.support.processes import ACCOUNT_TOKEN, Bridge, free_port  # noqa: E402

WIDTH = 1100
CUSTOMERS = {
    "5511987650001": ("Maria Souza", "Hello! Where is my order?"),
    "5511987650002": ("João Lima", "Do you have the blue shoes in 41?"),
    "5511987650003": ("Ana Prado", "Thank you, it arrived today."),
    "4915112345678": ("Jens Albers", "May I pay by card?"),
}
ANSWERS = (
    "It left this morning and arrives tomorrow.",
    "Yes, two pairs are left.",
    "With pleasure!",
)


def main() -> None:
    """All pictures, into docs/images."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    ports = {"BRIDGE_SANDBOX_PORT": _port(8090), "BRIDGE_SANDBOX_PHONE_PORT": _port(8091)}
    with tempfile.TemporaryDirectory(prefix="bridge-pictures-") as folder:
        settings: dict[str, Any] = {name: str(port) for name, port in ports.items()}
        bridge = Bridge(Path(folder), BRIDGE_SANDBOX="true", **settings)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                _photograph(browser, bridge, *ports.values())
                browser.close()
        finally:
            bridge.stop()


def _photograph(browser: Browser, bridge: Bridge, chatwoot: int, phone: int) -> None:
    page = _signed_in(browser, bridge)
    page.goto(f"{bridge.base_url}/wizard")
    page.click("button[name=sandbox]")
    name = page.input_value("#name")
    page.click("main form .actions > button >> nth=0")
    _shoot(page, "wizard-inbox")
    page.click("main form .actions > button >> nth=0")
    _shoot(page, "wizard-review")
    page.click("main form .actions > button >> nth=0")
    page.wait_for_url("**/instances/*")
    _pretend_an_hour(Journal(bridge, name))
    _talk(f"http://127.0.0.1:{chatwoot}", f"http://127.0.0.1:{phone}")
    page.goto(bridge.base_url)
    _shoot(page, "overview")
    page.goto(f"{bridge.base_url}/messages?q=Maria")
    _shoot(page, "messages", whole=False)
    page.click("#found a >> nth=0")
    _shoot(page, "message")
    reason = dump(GatewayRefuses(reason="the number is not on WhatsApp"))
    Journal(bridge, name).add(
        "m900:0", job="reply", state="dead", reason=reason, text="Your parcel is here.", tries=1
    )
    page.goto(f"{bridge.base_url}/waiting")
    _shoot(page, "waiting")
    page.goto(f"{bridge.base_url}/audit")
    _shoot(page, "audit")


def _signed_in(browser: Browser, bridge: Bridge) -> Page:
    context = browser.new_context(locale="en-US", viewport={"width": WIDTH, "height": 720})
    page = context.new_page()
    page.goto(f"{bridge.base_url}/sign-in")
    page.fill("#token", ACCOUNT_TOKEN)
    page.click("main form .actions > button")
    return page


def _talk(chatwoot: str, phone: str) -> None:
    """Customers write, agents answer, through both sandboxes and the bridge between them."""
    # A socket replays nothing: one message goes round first, so that all stands.
    first = next(iter(CUSTOMERS))
    _until(lambda: _say(phone, first) and _conversations(chatwoot))
    for number in list(CUSTOMERS)[1:]:
        _say(phone, number)
    _until(lambda: len(_conversations(chatwoot)) == len(CUSTOMERS))
    for one, answer in zip(_conversations(chatwoot), ANSWERS, strict=False):
        url = f"{chatwoot}/sandbox/api/agent/conversations/{one['id']}/messages"
        requests.post(url, json={"content": answer}, timeout=30).raise_for_status()
    time.sleep(3)


def _say(phone: str, number: str) -> bool:
    name, text = CUSTOMERS[number]
    body = {"chat": number, "name": name, "text": text}
    return requests.post(f"{phone}/sandbox/api/customer", json=body, timeout=30).ok


def _conversations(chatwoot: str) -> list[dict[str, int]]:
    answer = requests.get(f"{chatwoot}/sandbox/api/agent/conversations", timeout=30)
    found: list[dict[str, int]] = answer.json()
    return found


def _pretend_an_hour(journal: Journal) -> None:
    """What would have come in within the last hour: nobody wants to wait for a picture."""
    customers = [(number, name) for number, (name, _) in CUSTOMERS.items()]
    dice = Random(4)  # noqa: S311 - the same picture every time
    for place in range(110):
        minutes = 58 * dice.random() ** 1.4 + 1
        number, name = customers[place % len(customers)]
        is_reply = place % 3 == 2
        journal.add(
            f"m{1000 + place}:0" if is_reply else f"3EB0{place:04}",
            job="reply" if is_reply else "in",
            ago=minutes * 60.0,
            phone=number,
            name=name,
        )


def _shoot(page: Page, name: str, *, whole: bool = True) -> None:
    page.evaluate("document.fonts.ready")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=whole)


def _port(usual: int) -> int:
    """The one that the reader will see, unless it is taken."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", usual)):
        return usual
    return free_port()


def _until(stands: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not stands():
        if time.monotonic() > until:
            raise TimeoutError("the sandbox does not answer")
        time.sleep(1)


if __name__ == "__main__":
    main()
