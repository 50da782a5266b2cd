"""Signing in and out, and what the cookie holds."""

import base64
import contextlib
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from flask.sessions import SecureCookieSessionInterface

from bridge.config.settings import load
from bridge.domain.errors import StartupError
from bridge.web.app import create_app
from tests.support.journal import services_of
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


# -- where a session lives, and how it ends --------------------------------------------------------


def _copy(visitor: Visitor) -> Visitor:
    """Another browser with the same cookie, such as a thief's."""
    other = Visitor(visitor.bridge)
    other.session.cookies.update(visitor.session.cookies)
    return other


def _rows(bridge: Bridge, sql: str, *values: object) -> list[tuple[object, ...]]:
    path = bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return list(connection.execute(sql, values))


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(bridge: Bridge) -> None:
    visitor = Visitor(bridge).sign_in()
    copy = _copy(visitor)
    assert copy.get("/audit").path == "/audit"
    visitor.get("/")
    visitor.send({}, path="/sign-out")
    for path in ("/", "/audit", "/messages", "/wizard", "/live"):
        assert copy.get(path).path.startswith("/sign-in"), path
    assert _rows(bridge, "select * from session") == []


def test_signing_out_ends_no_other_session(bridge: Bridge) -> None:
    visitor, other = Visitor(bridge).sign_in(), Visitor(bridge).sign_in()
    visitor.get("/")
    visitor.send({}, path="/sign-out")
    assert other.get("/audit").path == "/audit"


def test_a_session_ends_a_day_after_its_beginning_however_much_it_is_used(bridge: Bridge) -> None:
    visitor = Visitor(bridge).sign_in()
    for age_s, goes_on in ((3600, True), (24 * 3600 - 60, True), (24 * 3600 + 1, False)):
        _rows(bridge, "update session set began_at = ?", time.time() - age_s)
        assert visitor.get("/audit").path.startswith("/audit") == goes_on, age_s


def test_sessions_say_who_since_when_and_from_where(bridge: Bridge) -> None:
    before = time.time()
    visitor = Visitor(bridge).sign_in()
    other = Visitor(bridge).sign_in()
    rows = _rows(bridge, "select who, address, began_at, seen_at, hash from session")
    assert len(rows) == 2
    for who, address, began_at, seen_at, hashed in rows:
        assert who == "account"
        assert str(address).startswith("127.")
        assert before - 1 <= float(str(began_at)) <= float(str(seen_at)) <= time.time() + 1
        assert str(hashed) not in str(dict(visitor.session.cookies))
    page = visitor.get("/audit")
    assert page.text.count("Account token") >= 2
    assert page.text.count("this browser") == 1
    visitor.send({}, path="/sessions/end-others")
    assert other.get("/audit").path.startswith("/sign-in")
    assert visitor.get("/audit").path == "/audit"
    assert "ended the other sessions" in visitor.get("/audit").text


def test_a_session_survives_a_restart(start_bridge: Callable[..., Bridge]) -> None:
    bridge = start_bridge()
    visitor = Visitor(bridge).sign_in()
    bridge.stop()
    bridge.start()
    assert visitor.get("/audit").path == "/audit"


@pytest.mark.parametrize("key", ["", "nonsense", None, 7, ["a"], {"a": 1}])
def test_a_session_that_was_never_begun_is_none(bridge: Bridge, key: object) -> None:
    """Also in a cookie that is rightly signed."""
    with services_of(bridge) as services:
        app = create_app(services=services)
        sessions = app.session_interface
        assert isinstance(sessions, SecureCookieSessionInterface)
        signer = sessions.get_signing_serializer(app)
        assert signer is not None
        cookie = signer.dumps({"key": key, "_permanent": True})
    visitor = Visitor(bridge)
    visitor.session.cookies["chatwoot_bridge"] = cookie
    assert visitor.get("/audit").path.startswith("/sign-in")


# -- names that are ours ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def named_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """One that knows its public name, and another."""
    bridge = Bridge(
        tmp_path_factory.mktemp("named"),
        BRIDGE_PUBLIC_URL="https://bridge.example.com",
        BRIDGE_HOSTS="intern.example.net",
        BRIDGE_RATE_LIMIT="100000/minute",
    )
    yield bridge
    bridge.stop()


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("bridge.example.com", True),
        ("BRIDGE.example.com:443", True),
        ("bridge.example.com.", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.168.3.4", True),
        ("localhost:8080", True),
        ("bridge", True),
        ("intern.example.net", True),
        ("evil.example", False),
        ("bridge.example.com.evil.example", False),
        ("xbridge.example.com", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_pages_answer_to_our_own_names_alone(
    named_bridge: Bridge, host: str, is_ours: bool
) -> None:
    for path in ("/sign-in", "/", "/docs", "/static/app.css", "/nothing-here"):
        url = named_bridge.base_url + path
        answer = requests.get(url, headers={"Host": host}, allow_redirects=False, timeout=30)
        assert (answer.status_code != 400) == is_ours, path
    # Who shows a token, or asks only whether we live, may know us by any name.
    listed = named_bridge.api("GET", "/api/instance/list", headers={"Host": host})
    assert listed.status_code == 200
    health = requests.get(f"{named_bridge.base_url}/healthz", headers={"Host": host}, timeout=30)
    assert health.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "bridge.local", "127.0.0.1"])
def test_a_bridge_that_knows_no_name_answers_to_any(shared_bridge: Bridge, host: str) -> None:
    url = f"{shared_bridge.base_url}/sign-in"
    assert requests.get(url, headers={"Host": host}, timeout=30).status_code == 200


def test_names_that_are_none_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="BRIDGE_HOSTS"):
        load({"BRIDGE_INSTANCE_DIR": str(tmp_path), "BRIDGE_HOSTS": "a.example, https://b"})
