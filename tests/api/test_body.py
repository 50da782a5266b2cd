"""Bodies that are wrong, ambiguous or hostile: a clear 400, 413 or 415, never a 500."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.api import Instance, activations, assert_error, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

MEGABYTE = "x" * 1024 * 1024
GOOD = wish("https://chatwoot.example.com")


@pytest.fixture(scope="module")
def somebody(shared_bridge: Bridge) -> Instance:
    """An instance that no test of this file changes."""
    return new_instance(shared_bridge)


def post(instance: Instance, raw: bytes | Iterator[bytes], **headers: str) -> requests.Response:
    """POST set with these bytes, announced as JSON unless told otherwise."""
    kind = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return instance.bridge.api("POST", f"/api/chatwoot/set/{instance.name}", data=raw, headers=kind)


def with_raw(field: str, raw: str) -> bytes:
    """A good body in which one field is replaced by raw JSON text."""
    body = json.dumps({**GOOD, field: "@@@"})
    return body.replace('"@@@"', raw).encode()


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "is not valid JSON: expecting value at line 1, column 1"),
        (b"{", "is not valid JSON: expecting property name enclosed in double quotes at line 1, "
               "column 2"),
        (b"{'a': 1}", "is not valid JSON: expecting property name enclosed in double quotes at "
                      "line 1, column 2"),
        (b"{} {}", "is not valid JSON: extra data at line 1, column 4"),
        (b"\xef\xbb\xbf{}", "is not valid JSON: unexpected utf-8 bom (decode using utf-8-sig) at "
                            "line 1, column 1"),
        (b'{"a": "\x00"}', "is not valid JSON: invalid control character at at line 1, column 8"),
        (b'{"a": "\xff"}', "must be UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "must be UTF-8"),
        ('{"a": "é"}'.encode("utf-16"), "must be UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"7", "must be a JSON object"),
        (b'{"a": NaN}', "must not contain NaN"),
        (b'{"a": Infinity}', "must not contain Infinity"),
        (b'{"a": -Infinity}', "must not contain -Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "holds a number that is too long"),
        (b'{"a": ' + b"[" * 17 + b"]" * 17 + b"}", "must not be nested deeper than 16 levels"),
        (b"[" * 60_000, "must not be nested deeper than 16 levels"),
        (b'{"a":' * 10_000, "must not be nested deeper than 16 levels"),
    ],
    ids=str,
)  # fmt: skip
def test_a_body_that_is_no_clear_json_object_is_refused(
    somebody: Instance, raw: bytes, rule: str
) -> None:
    assert_error(post(somebody, raw), 400, f"invalid body: {rule}")


def test_a_key_that_stands_twice_is_refused_by_name(somebody: Instance) -> None:
    raw = json.dumps(GOOD)[:-1] + ', "chatwootAccountId": 2}'
    said = "invalid body: chatwootAccountId stands twice in the body"
    assert_error(post(somebody, raw.encode()), 400, said)
    nested = b'{"gateway": {"kind": "a", "kind": "b"}}'
    assert_error(post(somebody, nested), 400, "invalid body: kind stands twice in the body")


def test_a_doubled_key_of_broken_characters_is_answered_in_clean_json(somebody: Instance) -> None:
    answer = post(somebody, b'{"\\ud800": 1, "\\ud800": 2}')
    assert_error(answer, 400, "invalid body: ? stands twice in the body")


def test_nesting_within_texts_is_no_nesting(somebody: Instance) -> None:
    name = '[{"' * 60 + "\\"
    answer = post(
        somebody, json.dumps({**GOOD, "inboxName": name, "chatwootAccountId": 0}).encode()
    )
    assert "nested" not in answer.text
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("field", "raw", "rule"),
    [
        ("chatwootBaseUrl", "null", "is required"),
        ("chatwootBaseUrl", '""', "is required"),
        ("chatwootBaseUrl", '"  "', "is required"),
        ("chatwootBaseUrl", "1", "must be a text"),
        ("chatwootBaseUrl", '"chat.example.com"', "must begin with http:// or https://"),
        ("chatwootBaseUrl", '"ftp://chat.example.com"', "must begin with http:// or https://"),
        ("chatwootBaseUrl", '"file:///etc/passwd"', "must begin with http:// or https://"),
        ("chatwootBaseUrl", '"https://u:p@chat.example.com"',
         "must not hold a user name or password"),
        ("chatwootBaseUrl", '"https://"', "must name a host, such as https://chat.example.com"),
        ("chatwootBaseUrl", '"https://a..b"', "must name a host, such as https://chat.example.com"),
        ("chatwootBaseUrl", '"https://a b"', "must not contain spaces or control characters"),
        ("chatwootBaseUrl", '"https://a\\u0000b"', "must not contain NUL or broken characters"),
        ("chatwootBaseUrl", '"https://\\ud800"', "must not contain NUL or broken characters"),
        ("chatwootBaseUrl", '"https://a:0"', "must have a port from 1 to 65535"),
        ("chatwootBaseUrl", '"https://a:70000"',
         "must be an address such as https://chat.example.com"),
        ("chatwootBaseUrl", '"https://[::1"',
         "must be an address such as https://chat.example.com"),
        ("chatwootBaseUrl", f'"https://{"x" * 3000}"', "must be at most 2048 characters long"),
        ("chatwootAccountId", "null", "is required"),
        ("chatwootAccountId", '"1"', "must be a whole number"),
        ("chatwootAccountId", "true", "must be a whole number"),
        ("chatwootAccountId", "1.0", "must be a whole number"),
        ("chatwootAccountId", "1e2", "must be a whole number"),
        ("chatwootAccountId", "1e999", "must be a whole number"),
        ("chatwootAccountId", "[1]", "must be a whole number"),
        ("chatwootAccountId", "0", "must be greater than 0 and at most 9223372036854775807"),
        ("chatwootAccountId", "-1", "must be greater than 0 and at most 9223372036854775807"),
        ("chatwootAccountId", "9223372036854775808",
         "must be greater than 0 and at most 9223372036854775807"),
        ("chatwootAccountId", "9" * 4000, "must be greater than 0 and at most 9223372036854775807"),
        ("chatwootApiToken", "null", "is required"),
        ("chatwootApiToken", '" "', "is required"),
        ("chatwootApiToken", "5", "must be a text"),
        ("chatwootApiToken", '"a b"', "must hold only visible ASCII characters, without spaces"),
        ("chatwootApiToken", '"a\\r\\nX: 1"',
         "must hold only visible ASCII characters, without spaces"),
        ("chatwootApiToken", '"\\u00e9"',
         "must hold only visible ASCII characters, without spaces"),
        ("chatwootApiToken", '"a\\u0000"', "must not contain NUL or broken characters"),
        ("chatwootApiToken", f'"{"x" * 513}"', "must be at most 512 characters long"),
        ("inboxName", "5", "must be a text"),
        ("inboxName", "{}", "must be a text"),
        ("inboxName", '"a\\u0000b"', "must not contain NUL or broken characters"),
        ("inboxName", '"a\\udc00b"', "must not contain NUL or broken characters"),
        ("inboxName", '"a\\nb"', "must not contain control characters"),
        ("inboxName", '"null"', 'must not be "null"'),
        ("inboxName", f'"{"n" * 256}"', "must be at most 255 characters long"),
        ("signMessages", '"true"', "must be true or false"),
        ("ignoreGroups", "1", "must be true or false"),
        ("startAsPending", "0", "must be true or false"),
        ("reopenResolved", "[]", "must be true or false"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_a_rule_is_named_with_the_rule(
    somebody: Instance, field: str, raw: str, rule: str
) -> None:
    assert_error(post(somebody, with_raw(field, raw)), 400, f"invalid body: {field} {rule}")


def test_all_broken_fields_are_named_at_once(somebody: Instance) -> None:
    answer = somebody.set({"chatwootAccountId": True, "signMessages": 1})
    assert_error(
        answer,
        400,
        "invalid body: chatwootBaseUrl is required; chatwootAccountId must be a whole number; "
        "chatwootApiToken is required; signMessages must be true or false",
    )


@pytest.mark.parametrize("path", ["app/accounts/5/inbox/3", "app/accounts/5/settings/inboxes/new"])
def test_a_link_from_the_dashboard_is_answered_with_the_right_values(
    somebody: Instance, path: str
) -> None:
    answer = somebody.set(wish(f"https://chat.example.com/{path}"))
    assert_error(
        answer,
        400,
        "invalid body: chatwootBaseUrl must be the address alone: send https://chat.example.com "
        "here and 5 as chatwootAccountId",
    )


@pytest.mark.parametrize("tail", ["/app", "/app/login", "?x=1", "/#top", "/api/v1/profile"])
def test_other_addresses_below_chatwoot_are_answered_with_the_right_value(
    somebody: Instance, tail: str
) -> None:
    answer = somebody.set(wish(f"https://chat.example.com{tail}"))
    said = "invalid body: chatwootBaseUrl must be the address alone: send https://chat.example.com"
    assert_error(answer, 400, said)


def test_a_path_in_front_of_chatwoot_belongs_to_the_address(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    answer = instance.set(wish(f"{sandbox.base_url}/support/"))
    assert_error(
        answer,
        400,
        f"Chatwoot account or endpoint not found - verify chatwootBaseUrl "
        f"({sandbox.base_url}/support) and chatwootAccountId (1). Detail: "
        f'{sandbox.base_url}/support/api HTTP 404: {{"status":404,"error":"Not Found"}}',
    )


# -- sizes and kinds -------------------------------------------------------------------------------

TOO_LARGE = "request body is larger than 65536 bytes"


def test_a_megabyte_in_a_field_is_too_large(somebody: Instance) -> None:
    assert_error(somebody.set({**GOOD, "inboxName": MEGABYTE}), 413, TOO_LARGE)


def test_a_large_body_without_an_announced_length_is_too_large(somebody: Instance) -> None:
    chunks = (b'{"a": "' if not number else b"x" * 8192 for number in range(20))
    assert_error(post(somebody, chunks), 413, TOO_LARGE)


def test_a_body_of_exactly_the_limit_is_read(somebody: Instance) -> None:
    raw = json.dumps({**GOOD, "inboxName": 1}).encode()
    fits, larger = raw.ljust(65_536), raw.ljust(65_537)
    for body in (fits, iter([fits])):
        assert_error(post(somebody, body), 400, "invalid body: inboxName must be a text")
    for body in (larger, iter([larger])):
        assert_error(post(somebody, body), 413, TOO_LARGE)


def test_a_body_in_chunks_is_read(instance: Instance, sandbox: SandboxChatwoot) -> None:
    raw = json.dumps(wish(sandbox)).encode()
    assert post(instance, iter([raw[:10], raw[10:]])).status_code == 201


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_a_body_that_is_not_announced_as_json_is_refused(somebody: Instance, kind: str) -> None:
    answer = post(somebody, json.dumps(GOOD).encode(), Content_Type=kind)
    assert_error(answer, 415, "Content-Type must be application/json")


def test_a_charset_beside_the_kind_is_no_matter(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    kind = "application/json; charset=utf-8"
    raw = json.dumps(wish(sandbox)).encode()
    assert post(instance, raw, Content_Type=kind).status_code == 201


def raw_exchange(bridge: Bridge, request: bytes) -> bytes:
    """What comes back for these very bytes."""
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=20) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while piece := sock.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{}", b"-1\r\n"])
def test_chunks_that_are_malformed_are_never_an_internal_error(
    somebody: Instance, body: bytes
) -> None:
    head = (
        f"POST /api/chatwoot/set/{somebody.name} HTTP/1.1\r\nHost: x\r\n"
        f"token: {somebody.token}\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer = raw_exchange(somebody.bridge, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"invalid body: breaks off, or its chunks are malformed" in answer


def test_a_body_that_breaks_off_is_not_acted_on(
    somebody: Instance, sandbox: SandboxChatwoot
) -> None:
    raw = json.dumps(wish(sandbox)).encode()
    head = (
        f"POST /api/chatwoot/set/{somebody.name} HTTP/1.1\r\nHost: x\r\n"
        f"token: {somebody.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw) + 10}\r\n\r\n"
    )
    answer = raw_exchange(somebody.bridge, head.encode() + raw)
    assert b"invalid body: breaks off, or its chunks are malformed" in answer
    assert activations(sandbox) == []


# -- instance/new ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "name is required"),
        ({"name": None}, "name is required"),
        ({"name": "  "}, "name is required"),
        ({"name": 5}, "name must be a text"),
        ({"name": "a b"}, "name must be 1 to 100 letters, digits, hyphens or underscores"),
        ({"name": "a/b"}, "name must be 1 to 100 letters, digits, hyphens or underscores"),
        ({"name": "n" * 101}, "name must be 1 to 100 letters, digits, hyphens or underscores"),
        ({"name": "é"}, "name must be 1 to 100 letters, digits, hyphens or underscores"),
        ({"name": "a", "token": "short"}, "token must be at least 8 characters long"),
        ({"name": "a", "token": "white space"},
         "token must hold only visible ASCII characters, without spaces"),
        ({"name": "a", "token": 12345678}, "token must be a text"),
        ({"name": "a", "chatwootEnabled": "yes"}, "chatwootEnabled must be true or false"),
        ({"name": "a", "gateway": []}, "gateway must be an object with kind, baseUrl and token"),
        ({"name": "a", "gateway": {"baseUrl": "x", "token": 1}},
         "gateway.kind is required; gateway.baseUrl must begin with http:// or https://; "
         "gateway.token must be a text"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_wish_for_an_instance_is_refused_and_makes_none(
    shared_bridge: Bridge, body: dict[str, Any], said: str
) -> None:
    before = shared_bridge.api("GET", "/api/instance/list").json()["message"]
    answer = shared_bridge.api("POST", "/api/instance/new", body)
    assert_error(answer, 400, f"invalid body: {said}")
    assert shared_bridge.api("GET", "/api/instance/list").json()["message"] == before
