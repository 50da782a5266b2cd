"""Signing in and out, and what the cookie holds."""

import base64
import zlib
from collections.abc import Callable

import pytest
import requests

from tests.support.processes import Bridge, SandboxChatwoot
from tests.support.visitor import Visitor


@pytest.mark.parametrize(
    "path", ["/", "/wizard", "/wizard/token", "/instances/x", "/wizard/review"]
)
def test_a_stranger_is_sent_to_sign_in_and_comes_back_afterwards(
    shared_bridge: Bridge, path: str
) -> None:
    visitor = Visitor(shared_bridge)
    page = visitor.get(path)
    assert page.path.startswith("/sign-in")
    after = visitor.session.post(
        shared_bridge.base_url + page.path,
        data={**page.forms[0][1], "token": shared_bridge.account_token},
        allow_redirects=False,
        timeout=30,
    )
    assert after.headers["Location"] == path


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_sent_elsewhere_after_signing_in(shared_bridge: Bridge, back: str) -> None:
    visitor = Visitor(shared_bridge)
    page = visitor.get("/sign-in", params={"next": back})
    after = visitor.session.post(
        f"{shared_bridge.base_url}/sign-in",
        params={"next": back},
        data={**page.forms[0][1], "token": shared_bridge.account_token},
        allow_redirects=False,
        timeout=30,
    )
    assert after.headers["Location"] == "/"


def test_a_wrong_token_is_told_and_not_repeated(shared_bridge: Bridge) -> None:
    visitor = Visitor(shared_bridge)
    visitor.get("/sign-in")
    page = visitor.send({"token": "this-is-not-the-token"})
    assert page.status == 422
    assert "This is not the account token of this bridge" in page.summary
    assert "this-is-not-the-token" not in page.html


def test_attempts_are_throttled_even_for_the_right_token(bridge: Bridge) -> None:
    visitor = Visitor(bridge)
    visitor.get("/sign-in")
    for _ in range(10):
        assert visitor.send({"token": "wrong-wrong-wrong"}).status == 422
    page = visitor.send({"token": bridge.account_token})
    assert page.status == 429
    assert "Too many attempts from your address" in page.summary


def test_signing_in_forgives_the_attempts_before_it(bridge: Bridge) -> None:
    for _ in range(3):
        visitor = Visitor(bridge)
        visitor.get("/sign-in")
        for _ in range(5):
            visitor.send({"token": "wrong-wrong-wrong"})
        assert visitor.send({"token": bridge.account_token}).path == "/"


def test_after_signing_out_the_old_draft_is_gone(visitor: Visitor) -> None:
    visitor.answer_until("address", instance={"name": "one"})
    assert visitor.send({}, path="/sign-out").path == "/sign-in"
    visitor.sign_in()
    assert visitor.get("/wizard/address").path == "/wizard"


def test_another_account_token_ends_every_session(
    start_bridge: Callable[..., Bridge],
) -> None:
    bridge = start_bridge()
    visitor = Visitor(bridge).sign_in()
    bridge.stop()
    bridge.change(BRIDGE_ACCOUNT_TOKEN="another-operator-token-0123")
    bridge.start()
    assert visitor.get("/").path == "/sign-in"


def test_the_cookie_is_guarded_and_holds_no_secret(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    gateway = {"gateway_url": "http://127.0.0.1:9", "gateway_token": "gateway-secret-0123"}
    visitor.answer_until(
        "inbox",
        instance={"name": "one", **gateway},
        address={"address": f"{sandbox.base_url}/app/accounts/1/inbox/2"},
        token={"token": sandbox.admin},
    )
    cookie = visitor.get("/wizard/token").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    content = _content(visitor.session.cookies["chatwoot_bridge"])
    for secret in (visitor.bridge.account_token, sandbox.admin, "gateway-secret-0123"):
        assert secret not in content


def _content(cookie: str) -> str:
    body = cookie.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    return (zlib.decompress(raw) if cookie.startswith(".") else raw).decode()


def test_a_form_without_its_token_is_refused(visitor: Visitor) -> None:
    for path in ("/wizard", "/sign-out", "/wizard/activate", "/instances/x/deactivate"):
        answer = visitor.session.post(visitor.bridge.base_url + path, data={}, timeout=30)
        assert answer.status_code == 400, path
        assert "could not be matched with your session" in answer.text


def test_the_api_needs_no_form_token_and_no_cookie_opens_it(visitor: Visitor) -> None:
    assert visitor.bridge.api("POST", "/api/instance/new", {"name": "one"}).status_code == 201
    answer = visitor.session.get(visitor.bridge.base_url + "/api/instance/list", timeout=30)
    assert answer.status_code == 401


def test_pages_carry_the_headers_of_a_careful_site(shared_bridge: Bridge) -> None:
    for path in ("/sign-in", "/", "/nothing-here", "/docs", "/static/app.css", "/api/openapi.json"):
        answer = requests.get(shared_bridge.base_url + path, timeout=30, allow_redirects=False)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        if not path.startswith("/static"):
            assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers


def test_behind_tls_the_cookie_is_secure_and_the_browser_told(
    start_bridge: Callable[..., Bridge],
) -> None:
    bridge = start_bridge(BRIDGE_PROXIES="1")
    answer = requests.get(
        f"{bridge.base_url}/sign-in", headers={"X-Forwarded-Proto": "https"}, timeout=30
    )
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]
