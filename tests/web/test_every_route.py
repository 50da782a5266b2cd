"""Every route of the service, taken from the application itself, against strangers and nonsense.

Rules: a page asks for a session and an API route for a token, unless it is listed as open; whatever
is sent to a route, the answer is no server error and tells no stack.
"""

import contextlib
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bridge.config.settings import load
from bridge.services import Services
from bridge.web.app import create_app
from tests.support.api import new_instance, wish
from tests.support.journal import services_of
from tests.support.processes import ACCOUNT_TOKEN, Bridge, SandboxChatwoot
from tests.support.visitor import Visitor

#: Open to everybody, each for a reason that is written in bridge/web/guard.py and api.py.
OPEN = {
    "/api/openapi.json",
    "/docs",
    "/healthz",
    "/readyz",
    "/metrics",
    "/language/<code>",
    "/sign-in",
    "/sign-out",
    "/static/<path:filename>",
}
HUGE = 2**70


@pytest.fixture(scope="module")
def shared_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge of this file alone: its log may hold no traceback, whatever other tests planted."""
    limits: dict[str, Any] = {
        "BRIDGE_RATE_LIMIT": "100000/minute",
        "BRIDGE_RATE_LIMIT_NEW": "100000/minute",
    }
    running = Bridge(tmp_path_factory.mktemp("routes"), **limits)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and rule of every route."""
    folder = tmp_path_factory.mktemp("map")
    given = {"BRIDGE_INSTANCE_DIR": str(folder), "BRIDGE_ACCOUNT_TOKEN": ACCOUNT_TOKEN}
    services = Services.open(load(given))
    app = create_app(services=services)
    services.close()
    return [
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path_of(rule: str, number: object = 1, text: str = "one") -> str:
    """The rule with its places filled in."""
    found = rule.replace("<int:number>", str(number)).replace(
        "<any(pause, resume):action>", "pause"
    )
    for place in ("<name>", "<instance>", "<code>", "<path:filename>"):
        found = found.replace(place, text)
    assert "<" not in found, f"{rule}: say here what stands in its place"
    return found


@pytest.fixture(scope="module")
def operator(shared_bridge: Bridge) -> Iterator[Visitor]:
    """Signed in, with a draft begun and an instance made, so that pages have something to show."""
    visitor = Visitor(shared_bridge).sign_in()
    shared_bridge.api("POST", "/api/instance/new", {"name": "one"})
    visitor.get("/wizard")
    visitor.send({})
    yield visitor
    shared_bridge.api("DELETE", "/api/instance/delete/one")


def fine(bridge: Bridge, answer: requests.Response, said: object = "") -> None:
    assert answer.status_code < 500, (said, answer.status_code, bridge.log_text()[-3000:])
    assert "Traceback" not in answer.text, said


def test_a_stranger_gets_nothing_but_what_is_listed_as_open(
    shared_bridge: Bridge, routes: list[tuple[str, str]]
) -> None:
    for method, rule in routes:
        answer = requests.request(
            method, shared_bridge.base_url + path_of(rule), allow_redirects=False, timeout=30
        )
        fine(shared_bridge, answer, rule)
        if rule in OPEN:
            continue
        if rule.startswith("/api/"):
            assert answer.status_code == 401, rule
        elif method == "GET":
            assert answer.status_code == 302, rule
            assert answer.headers["Location"].startswith("/sign-in"), rule
        else:  # the form's token is asked for first
            assert answer.status_code in {302, 400}, rule


def test_what_is_listed_as_open_is_there(routes: list[tuple[str, str]]) -> None:
    assert {rule for _, rule in routes} >= OPEN


BODIES = {
    "no body": (b"", ""),
    "a broken object": (b"{", "application/json"),
    "a list": (b"[1, 2]", "application/json"),
    "null": (b"null", "application/json"),
    "a number": (b"7", "application/json"),
    "a huge number": (json.dumps({"token": HUGE, "number": HUGE}).encode(), "application/json"),
    "nested lists": (b"[" * 20_000, "application/json"),
    "an object of JSON's family": (b"{}", "application/vnd.api+json"),
    "broken UTF-8 in JSON": (b'{"a": "\xff"}', "application/json; charset=utf-8"),
    "an unknown charset": (b"a=b", "application/x-www-form-urlencoded; charset=nonsense"),
    "a form with NUL": (
        b"a%00b=c%00d&sent=%00&back=%00&name=%00",
        "application/x-www-form-urlencoded",
    ),
    "a form with half a pair": (b"name=%ED%A0%80&token=%ff", "application/x-www-form-urlencoded"),
    "a thousand fields": (
        b"&".join(b"a%d=b" % n for n in range(2000)),
        "application/x-www-form-urlencoded",
    ),
    "a multipart without a boundary": (b"--x", "multipart/form-data"),
    "a multipart that breaks off": (
        b"--x\r\nContent-Disposition: form-data; name=",
        "multipart/form-data; boundary=x",
    ),
    "a file where a text belongs": (
        b'--x\r\nContent-Disposition: form-data; name="token"; filename="a"\r\n\r\nb\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    "XML": (b"<a/>", "application/xml"),
    "a kind that is none": (b"a=b", "\x7f;;;"),
    "too much": (b"a=" + b"b" * 100_000, "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_is_a_server_error(
    operator: Visitor, routes: list[tuple[str, str]], what: str
) -> None:
    bridge = operator.bridge
    body, kind = BODIES[what]
    page = operator.get("/wizard")
    csrf = next(fields["csrf_token"] for _, fields in page.forms if "csrf_token" in fields)
    for method, rule in routes:
        if rule == "/sign-out" or rule.startswith("/api/instance/delete"):
            continue
        headers = {"Content-Type": kind, "X-CSRFToken": csrf, "token": ACCOUNT_TOKEN}
        answer = operator.session.request(
            method,
            bridge.base_url + path_of(rule),
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=60,
        )
        fine(bridge, answer, (method, rule, what))
        is_page = method == "POST" and not rule.startswith("/api/")
        if is_page and "json" in kind:
            assert 400 <= answer.status_code < 500, (rule, what)


@pytest.mark.parametrize(
    "number", [0, 2**31, 2**63 - 1, 2**63, HUGE, "9" * 1000, "-1", "1.5", "%00", "\u0661"]
)
def test_no_number_in_an_address_is_a_server_error(
    operator: Visitor, routes: list[tuple[str, str]], number: object
) -> None:
    for method, rule in routes:
        if "<int:" in rule:
            url = operator.bridge.base_url + path_of(rule, number)
            answer = operator.session.request(method, url, allow_redirects=False, timeout=30)
            fine(operator.bridge, answer, url)
            assert 400 <= answer.status_code < 500, url
    for query in (f"/audit?before={number}", f"/messages?q={number}", f"/messages?q=%23{number}"):
        answer = operator.session.get(operator.bridge.base_url + query, timeout=30)
        fine(operator.bridge, answer, query)


@pytest.mark.parametrize(
    "text",
    [
        "%00",
        "a%00b",
        "%ff",
        "%ED%A0%80",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/x",
        "a" * 3000,
        "%F0%9F%98%80",
        "'; drop table instance; --",
        "{{7*7}}",
        "%0d%0aX: y",
    ],
)
def test_no_name_in_an_address_is_a_server_error(
    operator: Visitor, routes: list[tuple[str, str]], text: str
) -> None:
    bridge = operator.bridge
    for method, rule in routes:
        if "<" not in rule or "<int:" in rule:
            continue
        url = bridge.base_url + path_of(rule, text=text)
        headers = {"token": ACCOUNT_TOKEN}
        answer = operator.session.request(
            method, url, headers=headers, allow_redirects=False, timeout=30
        )
        fine(bridge, answer, url)
    for name in ("q", "instance", "next", "back", "instanceName", "v"):
        for _, rule in routes:
            if "<" not in rule:
                answer = operator.session.get(
                    f"{bridge.base_url}{rule}?{name}={text}",
                    headers={"token": ACCOUNT_TOKEN},
                    allow_redirects=False,
                    timeout=30,
                )
                fine(bridge, answer, (rule, name))


def raw(bridge: Bridge, request: bytes) -> bytes:
    """What is answered to these bytes."""
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(65536):
                said += piece
        return said


HOSTS = [
    b"",
    b"[",
    b"]",
    b"[::1",
    b"[::g]",
    b"[]",
    b"a b",
    b"a:b",
    b"a:999999",
    b"a:-1",
    b"a:",
    b"@",
    b"a@b",
    b"a/b",
    b"a?b",
    b"a\\b",
    b"\xff",
    "ä".encode(),
    b"<script>",
    b"a,b",
    b"http://a",
    b".",
    b"x" * 3000,
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_malformed_host_is_refused_everywhere(
    shared_bridge: Bridge, routes: list[tuple[str, str]], host: bytes
) -> None:
    for method, rule in routes:
        path = path_of(rule)
        said = raw(
            shared_bridge,
            f"{method} {path} HTTP/1.1\r\nConnection: close\r\nHost: ".encode()
            + host
            + b"\r\n\r\n",
        )
        assert said.startswith(b"HTTP/1.1 4"), (path, said[:200])
        assert b"Traceback" not in said
    assert "Traceback" not in shared_bridge.log_text()


@pytest.mark.parametrize(
    "path",
    [
        "/" + "a" * 5000,
        "/static/" + "a" * 4000,
        "/instances/" + "a/" * 1500,
        "//",
        "/%",
        "/%zz",
        "*",
        "",
        "http://evil.example/",
        "/\\",
        "/sign-in?" + "a=b&" * 900,
        "/..",
        "/static/../../etc/passwd",
    ],
)
def test_no_path_is_a_server_error(shared_bridge: Bridge, path: str) -> None:
    said = raw(
        shared_bridge, f"GET {path} HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n".encode()
    )
    assert said[:10] in {b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4"}, said[:300]


@pytest.mark.parametrize(
    "head",
    [
        b"Cookie: chatwoot_bridge=nonsense",
        b"Cookie: chatwoot_bridge=.eJx.x.y",
        b"Cookie: ;;;=",
        b"Cookie: \xff=\xff",
        b"Accept-Language: ;;q=x,*;q=9",
        b'If-None-Match: "',
        b"If-Modified-Since: never",
        b"Range: bytes=9-1",
        b"Authorization: Bearer",
        b"Authorization: Basic %%%",
        b"token: \xff\xfe",
        b"X-Forwarded-For: ,,,",
        b"X-Forwarded-Host: [",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: -1",
        b"Expect: nonsense",
        b"Transfer-Encoding: gzip",
        b"X-Live-Check: \xff",
        b"Referer: \xff",
        b"X" * 9000 + b": a",
    ],
)
def test_no_header_is_a_server_error(
    shared_bridge: Bridge, routes: list[tuple[str, str]], head: bytes
) -> None:
    for method, rule in routes:
        said = raw(
            shared_bridge,
            f"{method} {path_of(rule)} HTTP/1.1\r\nConnection: close\r\nHost: a\r\n".encode()
            + head
            + b"\r\n\r\n",
        )
        # 501 is the very word for a transfer coding that is not known (RFC 9112 section 6.1).
        wrong = said.startswith(b"HTTP/1.1 5") and not said.startswith(b"HTTP/1.1 501")
        assert said, (rule, head[:50])
        assert not wrong, (rule, said[:300], shared_bridge.log_text()[-2000:])


def ids(value: Any) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": value,
        "account": {"id": value},
        "inbox": {"id": value},
        "conversation": {"id": value, "contact_inbox": {"source_id": value}},
        "message_type": "outgoing",
        "content": "x",
        "content_attributes": {"in_reply_to": value},
        "attachments": [{"id": value}],
    }


@pytest.mark.parametrize("value", [HUGE, -HUGE, 2**63, -1, 0, "1", "x", None, [], {}, 1.5, True])
def test_ids_that_are_none_leave_no_stack_in_the_log(
    bridge: Bridge, sandbox: SandboxChatwoot, value: Any
) -> None:
    """In webhooks of an integration that is there, signed by its Chatwoot and not; and in events
    of its gateway."""
    gateway = {"kind": "ryzeapi", "baseUrl": "http://127.0.0.1:9", "token": "gateway-token"}
    assert new_instance(bridge, name="one", gateway=gateway).set(wish(sandbox)).status_code == 201
    with services_of(bridge) as services:
        instance = services.instances.find("one")
        assert instance
        hook = services.instances.hook(instance.id)
        integration = services.integrations.of(instance.id)
        assert integration
    kinds = ["message_created", "message_updated", "conversation_updated", "contact_updated"]
    for kind in [*kinds, "conversation_status_changed", value]:
        body = json.dumps({**ids(value), "event": kind}).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(
            str(integration.webhook_secret).encode(), stamp.encode() + b"." + body, hashlib.sha256
        )
        signed = {
            "X-Chatwoot-Timestamp": stamp,
            "X-Chatwoot-Signature": f"sha256={signature.hexdigest()}",
        }
        url = f"{bridge.base_url}/hooks/chatwoot/{integration.webhook_key}"
        for headers in ({}, signed):
            assert requests.post(url, data=body, headers=headers, timeout=30).status_code == 200
    for kind in ("message.exchange", "message.receipt", "call.update", "connection.update", value):
        event = {"event": kind, "data": {**ids(value), "timestamp": value, "chat": value}}
        said = requests.post(
            f"{bridge.base_url}/hooks/gateway/{hook.key}",
            json=event,
            headers={"Authorization": str(hook.secret)},
            timeout=30,
        )
        assert said.status_code == 200, (kind, said.text)
    assert "Traceback" not in bridge.log_text()


def test_ids_that_are_none_leave_the_hooks_well(shared_bridge: Bridge) -> None:
    values: tuple[Any, ...] = (HUGE, -1, "x", None, [])
    for side in ("chatwoot", "gateway"):
        for value in values:
            answer = requests.post(
                f"{shared_bridge.base_url}/hooks/{side}/nobody", json=ids(value), timeout=30
            )
            fine(shared_bridge, answer)
