"""The phone's page: by forms and links alone, and in a real browser."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.sandbox_phone.phone_client import FAMILY, JOAO, MARIA, PhoneServer, eventually

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
CHAT = f"/chat/{JOAO}@s.whatsapp.net"


def page(phone: PhoneServer, path: str = "/") -> str:
    answer = phone.call("GET", path, headers=None)
    assert answer.status_code == 200
    return answer.text


def act(
    phone: PhoneServer, who: str = "customer", chat: str = CHAT, files: Any = None, **form: Any
) -> requests.Response:
    return phone.call("POST", f"{chat}?as={who}", headers=None, data=form, files=files)


# -- forms and links ---------------------------------------------------------------------


def test_the_list_shows_every_chat_with_its_last_message(phone: PhoneServer) -> None:
    phone.customer(text="Bom dia")
    text = page(phone, "/?as=owner")
    assert all(name in text for name in ("João da Silva", "Maria", "Carlos (México)", "Família"))
    assert "Bom dia" in text
    assert '1<span class="hidden"> unread</span>' in text


def test_the_policy_allows_no_inline_code(phone: PhoneServer) -> None:
    answer = phone.call("GET", CHAT, headers=None)
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " media-src 'self'; connect-src 'self' ws:; form-action 'self'; base-uri 'none';"
        " frame-src 'self' http://127.0.0.1:* http://localhost:*; "
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
    )
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", answer.text)


def test_writing_as_the_customer_and_as_the_owner(phone: PhoneServer) -> None:
    answer = act(phone, text="Olá <b>*todos*</b>")
    assert answer.history[0].status_code == 303
    assert "Olá &lt;b&gt;<strong>todos</strong>&lt;/b&gt;" in answer.text
    act(phone, "owner", text="Oi")
    assert [(each["text"], each["from_me"]) for each in phone.messages()] == [
        ("Olá <b>*todos*</b>", False),
        ("Oi", True),
    ]


def test_an_empty_message_is_explained_and_nothing_is_sent(phone: PhoneServer) -> None:
    answer = act(phone, text="  ")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Write a message first" in answer.text
    assert phone.messages() == []


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "image"},
        {"kind": "voice"},
        {"kind": "document"},
        {"kind": "sticker"},
        {"kind": "location", "latitude": "-23.5", "longitude": "-46.6", "place": "Sé"},
        {"kind": "contact", "contact_name": "Ana", "contact_phone": "+55 11 3333-4444"},
        {"kind": "poll", "title": "When?", "options": "now\r\nlater\r\n"},
        {"kind": "buttons_response", "button_id": "yes", "title": "Yes"},
        {"kind": "list_response", "button_id": "row", "title": "Row"},
    ],
    ids=lambda form: form["kind"],
)
def test_every_attachment_has_a_form(phone: PhoneServer, form: Any) -> None:
    assert act(phone, **form).status_code == 200
    assert phone.messages()[0]["kind"] == form["kind"]


@pytest.mark.parametrize(
    ("chosen", "mime", "kind"),
    [
        ("file", "image/png", "image"),
        ("file", "audio/mpeg", "audio"),
        ("file", "text/plain", "document"),
        ("document", "image/png", "document"),
        ("voice", "audio/webm", "voice"),
    ],
)
def test_a_file_goes_as_what_it_is_or_as_chosen(
    phone: PhoneServer, chosen: Any, mime: str, kind: str
) -> None:
    act(phone, kind=chosen, text="see", files={"file": ("a.bin", b"bytes", mime)})
    (message,) = phone.messages()
    assert (message["kind"], message["media"]["mime"], message["text"]) == (kind, mime, "see")


def test_reply_react_edit_and_delete(phone: PhoneServer) -> None:
    first = phone.owner(text="How many?")["id"]
    assert "Reply to" in page(phone, f"{CHAT}?reply={first}")
    act(phone, text="tow", quote=first)
    second = phone.messages()[1]["id"]
    assert "Edit your message" in page(phone, f"{CHAT}?edit={second}")
    act(phone, kind="edit", target=second, text="two")
    assert "👍" in act(phone, kind="reaction", target=first, emoji="👍").text
    act(phone, kind="reaction", target=first, emoji="")
    found = phone.messages()
    assert (found[1]["text"], found[1]["edited"], found[1]["quote"]) == ("two", True, first)
    assert "Message deleted" in act(phone, kind="revoke", target=second).text


def test_opening_a_chat_as_the_customer_reads_it_and_the_switch_stops_that(
    phone: PhoneServer,
) -> None:
    phone.send()
    page(phone, "/")
    assert phone.messages()[0]["status"] == "delivered"
    page(phone, CHAT)
    assert phone.messages()[0]["status"] == "read"
    phone.control("switches", {"read_on_open": False})
    phone.send()
    page(phone, CHAT)
    assert phone.messages()[1]["status"] == "delivered"


def test_in_a_group_one_chooses_who_one_is(phone: PhoneServer) -> None:
    maria = MARIA + "@s.whatsapp.net"
    act(phone, chat=f"/chat/{FAMILY}", sender=maria, text="oi")
    assert phone.messages(FAMILY)[0]["sender"] == maria


def test_connection_and_faults_have_buttons(phone: PhoneServer) -> None:
    phone.call("POST", "/state", headers=None, data={"state": "disconnected"})
    assert phone.send().status_code == 503
    assert "disconnected" in page(phone)
    phone.call("POST", "/state", headers=None, data={"state": "connected"})
    phone.call("POST", "/faults", headers=None, data={"fault": "fail"})
    assert "1 fault in force" in page(phone)
    assert phone.send().status_code == 500
    assert phone.send().ok


def test_a_new_customer_gets_a_chat(phone: PhoneServer) -> None:
    form = {"number": "+34 600 11 12 22", "name": "Lucía"}
    answer = phone.call("POST", "/chats", headers=None, data=form)
    assert "Lucía" in answer.text
    assert phone.send(number="34600111222").ok


def test_an_unknown_chat_is_a_page_that_says_so(phone: PhoneServer) -> None:
    answer = phone.call("GET", "/chat/1@s.whatsapp.net", headers=None)
    assert answer.status_code == 404
    assert "There is no chat" in answer.text


# -- in a browser ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, phone: PhoneServer) -> Iterator[Callable[..., Any]]:
    contexts: list[BrowserContext] = []

    def open_at(path: str, **options: Any) -> Any:
        contexts.append(chromium.new_context(**options))
        tab: Any = contexts[-1].new_page()
        tab.complaints = []
        tab.on("console", lambda line: tab.complaints.append(line.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(phone.url + path)
        return tab

    yield open_at
    for context in contexts:
        context.close()


def test_both_phones_see_each_other_at_once(phone: PhoneServer, open_page: Any) -> None:
    customer, owner = open_page(CHAT), open_page(CHAT + "?as=owner")
    customer.get_by_label("Message", exact=True).fill("Is it there?")
    customer.keyboard.press("Enter")
    owner.get_by_text("Is it there?").wait_for()
    owner.get_by_label("Message", exact=True).fill("It is")
    owner.get_by_role("button", name="Send", exact=True).click()
    customer.get_by_text("It is", exact=True).wait_for()
    owner.locator(".tick-read").wait_for()
    assert customer.get_by_label("Message", exact=True).input_value() == ""
    assert customer.complaints + owner.complaints == []


def test_an_answer_through_the_gateway_appears_without_a_reload(
    phone: PhoneServer, open_page: Any
) -> None:
    tab = open_page(CHAT)
    phone.send(message="*Bruno*:\nHello", source="bridge")
    tab.get_by_text("Hello").wait_for()
    assert tab.locator(".bubble strong", has_text="Bruno").count() == 1
    tab.wait_for_timeout(200)
    assert phone.messages()[0]["status"] == "read"
    phone.call("POST", "/api/chat/presence/sandbox-phone", json={"number": JOAO, "state": "typing"})
    tab.get_by_text("Sandbox Shop is typing").wait_for()
    assert tab.complaints == []


def test_everything_works_without_javascript(phone: PhoneServer, open_page: Any) -> None:
    tab = open_page("/", java_script_enabled=False)
    tab.get_by_role("link", name="João da Silva").click()
    tab.get_by_label("Message", exact=True).fill("no script")
    tab.get_by_role("button", name="Send", exact=True).click()
    tab.locator("summary", has_text="Attach").click()
    tab.get_by_role("button", name="Voice note").click()
    tab.locator(".menu summary").first.click()
    tab.get_by_role("button", name="Delete for everyone").first.click()
    tab.get_by_text("Message deleted").wait_for()
    assert [each["kind"] for each in phone.messages()] == ["text", "voice", "revoke"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("path", ["/", CHAT, CHAT + "?as=owner", f"/chat/{FAMILY}"])
def test_pages_are_accessible_and_fit(
    phone: PhoneServer, open_page: Any, path: str, width: int, scheme: str
) -> None:
    target = phone.customer(text="a https://example.org/" + "long" * 30)["id"]
    phone.customer(kind="image")
    phone.customer(kind="document", quote=target)
    phone.customer(kind="poll", title="When?", options=["now", "later"])
    phone.send(message="hello", source="bridge")
    phone.customer(chat=FAMILY, sender=MARIA, text="oi")
    tab = open_page(path, viewport={"width": width, "height": 700}, color_scheme=scheme)
    for summary in tab.locator("main details > summary:visible").all():
        summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    assert tab.complaints == []


def test_escape_closes_a_menu_and_gives_the_focus_back(phone: PhoneServer, open_page: Any) -> None:
    phone.customer(text="hi")
    tab = open_page(CHAT)
    tab.locator(".menu summary").click()
    tab.keyboard.press("Escape")
    eventually(lambda: tab.evaluate("document.activeElement.tagName") == "SUMMARY")
    assert tab.locator(".menu[open]").count() == 0


def test_a_long_chat_scrolls_between_the_bar_and_the_message_field(
    phone: PhoneServer, open_page: Any
) -> None:
    for number in range(40):
        phone.customer(text=f"line {number}")
    tab = open_page("/?as=customer", viewport={"width": 1280, "height": 900})
    tab.get_by_role("link", name="João da Silva").click()
    tab.get_by_text("line 39").wait_for()
    for part in (".bar", ".write", "#end"):
        assert tab.locator(part).evaluate(
            """part => {
              const it = part.getBoundingClientRect();
              const phone = part.closest('.phone').getBoundingClientRect();
              return it.top >= phone.top && it.bottom <= phone.bottom;
            }"""
        ), part
