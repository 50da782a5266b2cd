"""Every row of the error table, provoked for real (docs/contracts/ryzeapi.md, Chatwoot module,
docs/contracts/chatwoot.md, Answers).

A failed activation stores nothing and makes no inbox; each test ends with that.
"""

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Patience
from tests.api.servers import OddServer, odd_server, says, self_signed
from tests.support.api import Instance, assert_error, assert_error_like, new_instance, wish
from tests.support.processes import Bridge, Process, SandboxChatwoot, free_port

REJECTED = "Chatwoot rejected the API token - verify chatwootApiToken. Detail: "
INVALID = (
    "Chatwoot rejected the request as invalid - verify inboxName and the limits of the account. "
    "Detail: "
)


def not_found(base_url: str, account_id: int = 1) -> str:
    return (
        f"Chatwoot account or endpoint not found - verify chatwootBaseUrl ({base_url}) "
        f"and chatwootAccountId ({account_id}). Detail: "
    )


def denied(account_id: int = 1) -> str:
    return (
        "Chatwoot denied the request - verify the API token has admin scope on account "
        f"{account_id}. Detail: "
    )


def unreachable(base_url: str) -> str:
    return (
        f"Chatwoot is unreachable at {base_url} - verify chatwootBaseUrl and that the host is "
        "reachable from the server. Detail: "
    )


@pytest.fixture
def fails(instance: Instance, sandbox: SandboxChatwoot) -> Iterator[Callable[..., None]]:
    """Activates and expects this error; afterwards nothing may be left behind."""
    before = sandbox.inboxes()

    def attempt(
        status: int, message: str, *, at: str = "", like: bool = False, **changes: Any
    ) -> None:
        answer = instance.set(wish(at or sandbox, **changes))
        check = assert_error_like if like else assert_error
        check(answer, status, message)

    yield attempt
    sandbox.control("DELETE", "faults")
    assert_error(instance.list(), 404, "no chatwoot integration for this instance")
    assert sandbox.inboxes() == before


@pytest.fixture
def server() -> Iterator[Callable[..., OddServer]]:
    """Starts odd servers: server(says("200 OK"))."""
    with contextlib.ExitStack() as stack:
        yield lambda answer, tls=None: stack.enter_context(odd_server(answer, tls))


# -- 401 and 403: four troubles that Chatwoot answers alike ----------------------------------------


def test_a_wrong_token(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    cause = f'{sandbox.base_url}/api/v1/profile HTTP 401: {{"error":"Invalid Access Token"}}'
    fails(401, REJECTED + cause, chatwootApiToken="no-such-token")


def test_the_token_of_an_agent(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    cause = f'{sandbox.base_url}/api/v1/profile HTTP 200: {{"role":"agent"}}'
    fails(403, denied() + cause, chatwootApiToken=sandbox.agent)


def test_the_token_of_a_bot(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    cause = (
        f"{sandbox.base_url}/api/v1/profile HTTP 401: "
        '{"error":"Access to this endpoint is not authorized for bots"}'
    )
    fails(403, denied() + cause, chatwootApiToken=sandbox.bot)


def test_an_account_of_others(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    cause = (
        f"{sandbox.base_url}/api/v1/accounts/2/inboxes HTTP 401: "
        '{"error":"You are not authorized to access this account"}'
    )
    fails(403, denied(2) + cause, chatwootAccountId=2)


def test_a_suspended_account(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    cause = (
        f'{sandbox.base_url}/api/v1/accounts/3/inboxes HTTP 401: {{"error":"Account is suspended"}}'
    )
    fails(403, denied(3) + cause, chatwootAccountId=3)


def test_a_proxy_that_takes_the_token_away(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    body = '{"errors":["You need to sign in or sign up before continuing."]}'
    sandbox.fault("refuse", status=401, path="profile", body=body)
    fails(403, f"{denied()}{sandbox.base_url}/api/v1/profile HTTP 401: {body}")


def test_a_403_of_something_in_front(fails: Callable[..., None], sandbox: SandboxChatwoot) -> None:
    sandbox.fault("refuse", status=403, path="profile", body="<h1>Forbidden</h1>")
    fails(403, f"{denied()}{sandbox.base_url}/api/v1/profile HTTP 403: <h1>Forbidden</h1>")


def test_chatwoot_behind_a_proxy_that_drops_underscores_is_no_trouble(
    instance: Instance, tmp_path: Path
) -> None:
    port = free_port()
    arguments = ["-m", "sandbox.chatwoot", "--port", str(port), "--drop-underscores"]
    strict = Process(arguments, environ={}, log=tmp_path / "sandbox.log")
    try:
        strict.ready(f"http://127.0.0.1:{port}/api")
        assert instance.set(wish(f"http://127.0.0.1:{port}")).status_code == 201
    finally:
        strict.stop()


# -- 400: the address or the account ---------------------------------------------------------------


def test_an_account_that_does_not_exist(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    cause = (
        f"{sandbox.base_url}/api/v1/accounts/404/inboxes HTTP 404: "
        '{"error":"Resource could not be found"}'
    )
    fails(400, not_found(sandbox.base_url, 404) + cause, chatwootAccountId=404)


def test_an_address_with_nothing_of_chatwoot(
    fails: Callable[..., None], server: Callable[..., OddServer]
) -> None:
    other = server(says("404 Not Found", b"nothing here", kind="text/plain"))
    cause = f"{other.base_url}/api HTTP 404: nothing here"
    fails(400, not_found(other.base_url) + cause, at=other.base_url)


def test_a_dashboard_that_answers_html_to_everything(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("html")
    pattern = re.escape(f"{not_found(sandbox.base_url)}{sandbox.base_url}/api HTTP 200: ")
    fails(400, pattern + r"<!DOCTYPE html>.*", like=True)


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"[]", b"{}", b'{"version":5}', b'{"version":"nightly"}', b"[" * 10_000, b"\xff"],
    ids=str,
)
def test_a_success_that_does_not_read_like_chatwoot(
    fails: Callable[..., None], server: Callable[..., OddServer], body: bytes
) -> None:
    other = server(says("200 OK", body))
    pattern = re.escape(f"{not_found(other.base_url)}{other.base_url}/api HTTP 200: ") + ".*"
    fails(400, pattern, at=other.base_url, like=True)


@pytest.mark.parametrize("path", ["profile", "inboxes"])
def test_html_at_a_later_step(
    fails: Callable[..., None], sandbox: SandboxChatwoot, path: str
) -> None:
    sandbox.fault("html", path=path)
    start = f"{not_found(sandbox.base_url)}{sandbox.base_url}/api/v1/"
    fails(400, re.escape(start) + r"\S+ HTTP 200: <!DOCTYPE html>.*", like=True)


def test_a_redirect_to_another_origin_names_it_and_no_credential_follows(
    fails: Callable[..., None], sandbox: SandboxChatwoot, server: Callable[..., OddServer]
) -> None:
    elsewhere = server(says("200 OK", b'{"version":"4.15.1"}'))
    for path in ("^/api$", "profile", "inboxes"):
        sandbox.fault("redirect", path=path, location=elsewhere.base_url)
        pattern = (
            re.escape(f"{not_found(sandbox.base_url)}{sandbox.base_url}/api")
            + r"\S* HTTP 301: redirects to "
            + re.escape(f"{elsewhere.base_url}/api")
            + r"\S*"
        )
        fails(400, pattern, like=True)
        sandbox.control("DELETE", "faults")
    assert elsewhere.received == []


def test_a_redirect_within_the_origin_is_not_followed_either(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("redirect", path="^/api$", location=f"{sandbox.base_url}/other")
    cause = f"{sandbox.base_url}/api HTTP 301: redirects to {sandbox.base_url}/other/api"
    fails(400, not_found(sandbox.base_url) + cause)


# -- 400: what Chatwoot rejects --------------------------------------------------------------------


def test_a_request_that_chatwoot_finds_invalid(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("refuse", status=422, method="POST", path="inboxes")
    url = f"{sandbox.base_url}/api/v1/accounts/1/inboxes"
    fails(400, INVALID + url + ' HTTP 422: {"error":"Refused by the sandbox"}')


def test_an_account_that_may_have_no_more_inboxes(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("inbox_limit")
    fails(
        400,
        f"{INVALID}{sandbox.base_url}/api/v1/accounts/1/inboxes HTTP 402: "
        '{"error":"Account limit exceeded. Upgrade to a higher plan"}',
    )


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Sales <3", 'must not contain "<"'),
        ("a/b", 'must not contain "/"'),
        ("me@home", 'must not contain "@"'),
        ("WhatsApp (Sales)", 'must not begin or end with ")"'),
        ("+55 11 99999", 'must not begin or end with "+"'),
    ],
)
def test_before_4_3_0_a_name_is_refused_with_the_character_that_offends(
    fails: Callable[..., None], sandbox: SandboxChatwoot, name: str, rule: str
) -> None:
    sandbox.options(version="4.2.0")
    said = f"invalid body: inboxName {rule}: Chatwoot 4.2.0 does not allow it "
    fails(400, f"{said}(versions from 4.3.0 do)", inboxName=name)


def test_from_4_3_0_on_any_name_will_do(instance: Instance, sandbox: SandboxChatwoot) -> None:
    sandbox.options(version="4.3.0")
    for name in ("Sales <3", "+55 (11)", "Ação / 漢字 🙂"):
        assert instance.set(wish(sandbox, inboxName=name)).status_code == 201
        assert instance.list().json()["chatwoot_inbox_name"] == name


# -- 502: nobody there, or not well ----------------------------------------------------------------


def test_a_name_that_does_not_resolve(fails: Callable[..., None]) -> None:
    url = "https://chatwoot.invalid"
    cause = (
        rf'Get "{url}/api": dial tcp: lookup chatwoot\.invalid: '
        "(no such host|temporary failure in name resolution)"
    )
    fails(502, re.escape(unreachable(url)) + cause, at=url, like=True)


def test_a_port_that_nobody_listens_on(fails: Callable[..., None]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    dial = f"dial tcp {url.removeprefix('http://')}: connect: connection refused"
    fails(502, f'{unreachable(url)}Get "{url}/api": {dial}', at=url)


def test_a_port_that_nobody_listens_on_over_ipv6(fails: Callable[..., None]) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    url = f"http://[::1]:{free_port()}"
    pattern = rf'Get "{re.escape(url)}/api": dial tcp \[::1\]:\d+: connect: [a-z ]+'
    fails(502, re.escape(unreachable(url)) + pattern, at=url, like=True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_chatwoot_that_fails(
    fails: Callable[..., None], sandbox: SandboxChatwoot, status: int
) -> None:
    sandbox.fault("refuse", status=status, path="^/api$")
    pattern = re.escape(f"{unreachable(sandbox.base_url)}{sandbox.base_url}/api HTTP {status}: ")
    fails(502, pattern + r".+", like=True)


@pytest.mark.parametrize("path", ["^/api$", "profile", "inboxes$"])
def test_a_connection_that_is_dropped(
    fails: Callable[..., None], sandbox: SandboxChatwoot, path: str
) -> None:
    sandbox.fault("drop", path=path)
    pattern = re.escape(f'{unreachable(sandbox.base_url)}Get "{sandbox.base_url}/api')
    fails(502, pattern + r'\S*": (EOF|read: connection reset by peer)', like=True)


def test_a_connection_that_is_reset(
    fails: Callable[..., None], server: Callable[..., OddServer]
) -> None:
    def reset(sock: socket.socket, _: bytes) -> None:
        # SO_LINGER with no time: closing sends RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    other = server(reset)
    cause = f'Get "{other.base_url}/api": read: connection reset by peer'
    fails(502, unreachable(other.base_url) + cause, at=other.base_url)


@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 64])
def test_something_that_does_not_speak_http(
    fails: Callable[..., None], server: Callable[..., OddServer], raw: bytes
) -> None:
    other = server(lambda sock, _: sock.sendall(raw))
    pattern = re.escape(f'{unreachable(other.base_url)}Get "{other.base_url}/api": ')
    fails(502, pattern + r"(malformed HTTP response .*|EOF)", at=other.base_url, like=True)


def test_an_answer_without_end_is_cut_off(
    fails: Callable[..., None], server: Callable[..., OddServer]
) -> None:
    def endless(sock: socket.socket, request: bytes) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(200):
            sock.sendall(b" " * 65_536)

    other = server(endless)
    cause = f'Get "{other.base_url}/api": the answer is larger than 4194304 bytes'
    fails(502, unreachable(other.base_url) + cause, at=other.base_url)


def test_a_certificate_that_nobody_signed(
    fails: Callable[..., None], server: Callable[..., OddServer], tmp_path: Path
) -> None:
    other = server(says("200 OK", b"{}"), self_signed(tmp_path))
    pattern = re.escape(f'{unreachable(other.base_url)}Get "{other.base_url}/api": tls: ')
    fails(
        502,
        pattern + "failed to verify certificate: self-signed certificate",
        at=other.base_url,
        like=True,
    )
    assert other.received == []


def test_a_certificate_of_an_authority_of_ones_own_is_trusted_by_setting(
    start_bridge: Callable[..., Bridge], server: Callable[..., OddServer], tmp_path: Path
) -> None:
    other = server(says("404 Not Found", b"{}"), self_signed(tmp_path))
    bridge = start_bridge(BRIDGE_CA_FILE=str(tmp_path / "cert.pem"))
    answer = new_instance(bridge).set(wish(other.base_url))
    assert_error(answer, 400, f"{not_found(other.base_url)}{other.base_url}/api HTTP 404: {{}}")


@pytest.mark.parametrize("scheme", ["https to http", "http to https"])
def test_the_wrong_scheme(
    fails: Callable[..., None],
    sandbox: SandboxChatwoot,
    server: Callable[..., OddServer],
    tmp_path: Path,
    scheme: str,
) -> None:
    if scheme == "https to http":
        url = sandbox.base_url.replace("http://", "https://")
        cause = "tls: [a-z0-9 ]+"
    else:
        tls = server(says("200 OK", b"{}"), self_signed(tmp_path))
        url = tls.base_url.replace("https://", "http://")
        cause = "(EOF|read: connection reset by peer|malformed HTTP response .*)"
    pattern = re.escape(f'{unreachable(url)}Get "{url}/api": ') + cause
    fails(502, pattern, at=url, like=True)


def test_a_throttle_that_ends_in_time_only_delays(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("refuse", status=429, times=2, path="profile")
    sandbox.fault("refuse", status=429, times=1, method="POST", path="inboxes")
    assert instance.set(wish(sandbox)).status_code == 201
    assert len(sandbox.inboxes()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("throttling", "{url}/api HTTP 429: Retry later"),
        ("silent", 'Get "{url}/api": i/o timeout'),
        ("dripping", 'Get "{url}/api": i/o timeout'),
    ],
)
def test_whatever_chatwoot_does_the_answer_comes_within_sixty_seconds(
    patience: Patience, kind: str, cause: str
) -> None:
    answer, url = patience.of(kind)
    assert_error(answer, 502, unreachable(url) + cause.format(url=url))
    assert answer.elapsed.total_seconds() < 60


# -- private addresses -----------------------------------------------------------------------------


def test_private_addresses_are_refused_where_the_setting_says_so(
    start_bridge: Callable[..., Bridge], server: Callable[..., OddServer]
) -> None:
    bridge = start_bridge(BRIDGE_BLOCK_PRIVATE_ADDRESSES="true")
    instance = new_instance(bridge)
    private = server(says("200 OK", b'{"version":"4.15.1"}'))
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"):
        said = assert_error_like(
            instance.set(wish(f"http://{host}:{private.port}")),
            502,
            r"Chatwoot is unreachable at http://\S+ - verify chatwootBaseUrl and that the host is "
            r'reachable from the server\. Detail: Get "http://\S+/api": .*',
        )
        assert said.endswith("has no public address") or "no such host" in said, said
    assert private.received == []


# -- what is shown of the cause --------------------------------------------------------------------


def test_the_detail_is_bounded_and_printable(
    fails: Callable[..., None], server: Callable[..., OddServer]
) -> None:
    noise = b"\x1b[31m\x00" + "é\u202e".encode() * 400 + b"x" * 5000
    other = server(says("500 Internal Server Error", noise, kind="text/plain"))
    pattern = re.escape(f"{unreachable(other.base_url)}{other.base_url}/api HTTP 500: ")
    fails(502, pattern + r"[^\x00-\x1f\u202e]{100,450}", at=other.base_url, like=True)


@pytest.mark.parametrize("padding", [0, 290, 1175])
def test_a_token_that_chatwoot_echoes_is_never_shown_not_even_in_part(
    fails: Callable[..., None], sandbox: SandboxChatwoot, padding: int
) -> None:
    echo = " " * padding + f"your token {sandbox.admin} is odd"
    sandbox.fault("refuse", status=500, path="profile", body=echo)
    pattern = re.escape(
        f"{unreachable(sandbox.base_url)}{sandbox.base_url}/api/v1/profile HTTP 500"
    )
    fails(502, rf"{pattern}:( your token \*\*\* is odd)?", like=True)


def test_other_secrets_in_an_odd_answer_are_masked(
    fails: Callable[..., None], sandbox: SandboxChatwoot
) -> None:
    body = '{"pubsub_token":"pubsub-ana","hmac_token":"hush","accounts":null}'
    sandbox.fault("refuse", status=200, path="profile", body=body)
    pattern = re.escape(
        f"{not_found(sandbox.base_url)}{sandbox.base_url}/api/v1/profile HTTP 200: "
    )
    fails(400, pattern + r"((?!pubsub-ana|hush).)*", like=True)
