"""The agent page: by plain forms, and in a real browser."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.sandbox.conftest import Chatwoot, wait_until
from tests.support.processes import SandboxChatwoot

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self' ws:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium."""
    installed = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, sandbox: SandboxChatwoot) -> Iterator[Page]:
    """A page of its own; nothing may complain on its console."""
    context = browser.new_context(base_url=sandbox.base_url)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def open_chat(chatwoot: Chatwoot) -> int:
    """A conversation that shows every kind of bubble."""
    _, number = chatwoot.chat()
    first = chatwoot.say(number, "Good morning", source_id="WA1")
    path = f"/conversations/{number}/messages"
    quoting = {"in_reply_to": first["id"]}
    answered = chatwoot.say(number, "Hello **you**", "outgoing", content_attributes=quoting)
    chatwoot.ok("PATCH", f"{path}/{answered['id']}", {"status": "read"})
    chatwoot.say(number, "between us", "outgoing", private=True)
    lost = chatwoot.say(number, "lost", "outgoing")
    reason = {"status": "failed", "external_error": "no such number"}
    chatwoot.ok("PATCH", f"{path}/{lost['id']}", reason)
    files = [
        ("attachments[]", ("voice.mp3", b"mp3", "audio/mpeg")),
        ("attachments[]", ("bill.pdf", b"pdf", "application/pdf")),
    ]
    chatwoot.ok("POST", path, data={"message_type": "incoming"}, files=files)
    return number


def test_it_works_by_plain_forms(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    number = open_chat(chatwoot)
    url = f"{sandbox.base_url}/sandbox/conversations/1/{number}"
    shown = requests.get(url, timeout=30)
    assert shown.headers["Content-Security-Policy"] == POLICY
    for text in ("Good morning", "<strong>you</strong>", "Private note", "no such number", "Read"):
        assert text in shown.text
    files = [("attachments", ("a.txt", b"text", "text/plain"))]
    requests.post(f"{url}/reply", data={"content": "by form\r\ntwo"}, files=files, timeout=30)
    sent = chatwoot.thread(number)[-1]
    assert (sent["content"], sent["attachments"][0]["file_type"]) == ("by form\ntwo", "file")
    requests.post(f"{url}/reply", data={"content": "note", "private": "on"}, timeout=30)
    assert chatwoot.thread(number)[-1]["private"] is True
    requests.post(f"{url}/status", data={"status": "resolved"}, timeout=30)
    assert chatwoot.ok("GET", f"/conversations/{number}")["status"] == "resolved"
    retry = re.search(r'action="(/sandbox/messages/\d+/retry)"', shown.text)
    assert retry
    requests.post(sandbox.base_url + retry.group(1), timeout=30)
    assert "Not sent:" not in requests.get(url, timeout=30).text
    requests.post(f"{url}/contact", data={"name": "Renamed"}, timeout=30)
    assert "Renamed" in requests.get(f"{sandbox.base_url}/", timeout=30).text


def test_faults_and_settings_by_plain_forms(sandbox: SandboxChatwoot) -> None:
    base = f"{sandbox.base_url}/sandbox"
    wrong = requests.post(f"{base}/faults", data={"kind": "slow", "times": "x"}, timeout=30)
    assert wrong.status_code == 422
    assert "Times must be a number" in wrong.text
    wanted = {"kind": "refuse", "status": "503", "times": "2", "path": "/api$"}
    requests.post(f"{base}/faults", data=wanted, timeout=30)
    assert requests.get(f"{sandbox.base_url}/api", timeout=30).status_code == 503
    requests.post(f"{base}/faults/clear", timeout=30)
    assert requests.get(f"{sandbox.base_url}/api", timeout=30).status_code == 200
    missing = {"kind": "inbox-deleted", "inbox_id": "99"}
    assert "There is no such inbox" in requests.post(f"{base}/faults", missing, timeout=30).text
    requests.post(f"{base}/faults", data={"kind": "pg-down", "seconds": "60"}, timeout=30)
    told = requests.get(f"{sandbox.base_url}/api", timeout=30).json()
    assert told["data_services"] == "failing"
    requests.post(f"{base}/faults/clear", timeout=30)
    requests.post(f"{base}/options", data={"version": "4.2.0", "suspended_1": "1"}, timeout=30)
    assert sandbox.control("GET", "options")["version"] == "4.2.0"
    assert Chatwoot(sandbox, sandbox.admin)("GET", "/inboxes").status_code == 401
    assert requests.post(f"{base}/options", data={"version": "x"}, timeout=30).status_code == 422
    requests.post(f"{base}/reset", timeout=30)
    assert sandbox.control("GET", "options")["version"] == "4.15.1"


def test_it_stays_fresh_and_sends_without_reloading(chatwoot: Chatwoot, page: Page) -> None:
    number = open_chat(chatwoot)
    page.goto(f"/sandbox/conversations/1/{number}")
    page.evaluate("window.kept = true")
    chatwoot.say(number, "arrived live")
    page.get_by_role("log").get_by_text("arrived live").wait_for()
    page.get_by_label("Message to João").fill("typed here")
    page.keyboard.press("Enter")
    page.get_by_role("log").get_by_text("typed here").wait_for()
    wait_until(lambda: chatwoot.thread(number)[-1]["content"] == "typed here")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Reopen").wait_for()
    assert page.evaluate("window.kept") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_narrow(
    browser: Browser, sandbox: SandboxChatwoot, chatwoot: Chatwoot, scheme: str
) -> None:
    number = open_chat(chatwoot)
    sandbox.fault("slow", path="/none", times=3)
    context = browser.new_context(
        base_url=sandbox.base_url,
        viewport={"width": 320, "height": 640},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    for path in ("/", f"/sandbox/conversations/1/{number}", "/sandbox/faults"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    context.close()
