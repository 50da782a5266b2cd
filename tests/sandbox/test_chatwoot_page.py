"""The agent page: by plain forms, and in a real browser."""

import html
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.sandbox.conftest import Chatwoot, wait_until
from tests.support.processes import SandboxChatwoot

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self' ws:; form-action 'self'; base-uri 'none'; "
    "frame-src 'self' http://127.0.0.1:* http://localhost:*; "
    "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
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

    def send(what: str, **form: Any) -> requests.Response:
        """Sends the first form of the page whose address has this in it, as a browser does."""
        [action, *_] = [
            one for one in re.findall(r'action="(/sandbox/api/[^"]*)"', shown.text)
            if re.search(what, one)
        ]  # fmt: skip
        header = {"Accept": "text/html", "Referer": url}
        address = sandbox.base_url + html.unescape(action)
        return requests.post(address, headers=header, timeout=30, **form)

    for text in ("Good morning", "<strong>you</strong>", "Private note", "no such number", "Read"):
        assert text in shown.text
    quoted = chatwoot.thread(number)[0]["id"]
    form = {"content": "by form\r\ntwo", "content_attributes[in_reply_to]": quoted}
    files = [("attachments[]", ("a.txt", b"text", "text/plain"))]
    back = send(r"\d/messages\?", data=form, files=files)
    assert back.url == url
    sent = chatwoot.thread(number)[-1]
    assert (sent["content"], sent["attachments"][0]["file_type"]) == ("by form\ntwo", "file")
    assert sent["content_attributes"]["in_reply_to"] == quoted
    assert send(r"\d/messages\?", data={"content": " "}).status_code == 422
    send(r"\d/messages\?", data={"content": "note", "private": "on"})
    assert chatwoot.thread(number)[-1]["private"] is True
    send("toggle_status", data={"status": "resolved"})
    assert chatwoot.ok("GET", f"/conversations/{number}")["status"] == "resolved"
    assert "Not sent:" not in send("retry").text
    before = len(chatwoot.thread(number))
    assert "This message was deleted" in send(r"messages/\d+\?_method=DELETE").text
    assert len(chatwoot.thread(number)) == before
    blocked = {"name": "Renamed", "blocked": ["false", "true"]}
    assert "Renamed" in send("contacts", data=blocked).text
    sender = chatwoot.ok("GET", f"/conversations/{number}")["meta"]["sender"]
    assert (sender["name"], sender["blocked"]) == ("Renamed", True)


def test_the_faults_that_administrators_rehearse_have_buttons(sandbox: SandboxChatwoot) -> None:
    shown = requests.get(f"{sandbox.base_url}/", timeout=30).text
    words = re.findall(r'name="fault" value="([^"]+)"', shown)
    assert len(words) == 4
    header = {"Accept": "text/html", "Referer": f"{sandbox.base_url}/?status=open"}
    for word in words:
        url = f"{sandbox.base_url}/sandbox/api/faults"
        back = requests.post(url, data={"fault": word}, headers=header, timeout=30)
        assert back.url == header["Referer"]
        assert [fault["kind"] for fault in sandbox.control("GET", "faults")["faults"]] == [word]
        requests.post(f"{url}?_method=DELETE", headers=header, timeout=30)
        assert sandbox.control("GET", "faults")["faults"] == []


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
    for path in ("/", f"/sandbox/conversations/1/{number}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    context.close()
