"""Who may call what, and which check comes first.

Source: docs/contracts/ryzeapi.md, Tokens and Chatwoot module.
"""

from typing import Any

import pytest
import requests

from tests.support.api import Instance, activations, assert_error, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

ROUTES = [
    ("POST", "/api/chatwoot/set/{name}"),
    ("GET", "/api/chatwoot/list/{name}"),
    ("DELETE", "/api/chatwoot/delete/{name}"),
    ("POST", "/api/instance/new"),
    ("GET", "/api/instance/list"),
    ("DELETE", "/api/instance/delete/{name}"),
]
OF_ONE_INSTANCE = [route for route in ROUTES if "/chatwoot/" in route[1]]
ACCOUNT_ONLY = [ROUTES[3], ROUTES[5]]


def call(
    bridge: Bridge, route: tuple[str, str], name: str = "nobody", **more: Any
) -> requests.Response:
    """A call with exactly the headers that are given."""
    method, path = route
    return requests.request(method, bridge.base_url + path.format(name=name), timeout=30, **more)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_a_call_without_a_token_is_told_that_it_is_missing(
    shared_bridge: Bridge, route: tuple[str, str]
) -> None:
    assert_error(call(shared_bridge, route), 401, "Missing token in header")


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("headers", [{"token": "wrong"}, bearer("wrong")], ids=["token", "bearer"])
def test_a_wrong_token_is_refused(
    shared_bridge: Bridge, route: tuple[str, str], headers: dict[str, str]
) -> None:
    assert_error(call(shared_bridge, route, headers=headers), 401, "Invalid token")


def test_both_headers_carry_the_account_token(shared_bridge: Bridge) -> None:
    token = shared_bridge.account_token
    for headers in ({"token": token}, bearer(token), {"Authorization": f"bearer   {token}"}):
        assert (
            call(shared_bridge, ("GET", "/api/instance/list"), headers=headers).status_code == 200
        )


def test_the_header_token_counts_before_bearer(shared_bridge: Bridge) -> None:
    right, route = shared_bridge.account_token, ("GET", "/api/instance/list")
    good = {"token": right, **bearer("wrong")}
    bad = {"token": "wrong", **bearer(right)}
    assert call(shared_bridge, route, headers=good).status_code == 200
    assert_error(call(shared_bridge, route, headers=bad), 401, "Invalid token")


def test_an_empty_header_token_leaves_the_word_to_bearer(shared_bridge: Bridge) -> None:
    headers = {"token": "", **bearer(shared_bridge.account_token)}
    route = ("GET", "/api/instance/list")
    assert call(shared_bridge, route, headers=headers).status_code == 200


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "opaque"])
def test_an_authorization_without_a_bearer_token_counts_as_none(
    shared_bridge: Bridge, value: str
) -> None:
    answer = call(shared_bridge, ROUTES[4], headers={"Authorization": value})
    assert_error(answer, 401, "Missing token in header")


def test_a_token_in_the_address_is_no_token(shared_bridge: Bridge) -> None:
    answer = call(shared_bridge, ROUTES[4], params={"token": shared_bridge.account_token})
    assert_error(answer, 401, "Missing token in header")


@pytest.mark.parametrize("raw", [b"\xff\xfe", "ключ".encode(), b"a" * 4000])
def test_odd_bytes_in_a_token_are_just_a_wrong_token(shared_bridge: Bridge, raw: bytes) -> None:
    assert_error(call(shared_bridge, ROUTES[4], headers={"token": raw}), 401, "Invalid token")


@pytest.mark.parametrize("how", ["token", "bearer"])
def test_the_token_of_an_instance_opens_its_own_instance(
    instance: Instance, sandbox: SandboxChatwoot, how: str
) -> None:
    token = instance.token
    headers = {"token": token} if how == "token" else {"token": "", **bearer(token)}
    assert instance.set(wish(sandbox), headers=headers).status_code == 201
    assert instance.list(headers=headers).status_code == 200
    assert instance.delete(headers=headers).status_code == 200


@pytest.mark.parametrize("route", OF_ONE_INSTANCE, ids=" ".join)
def test_the_token_of_an_instance_opens_no_other_instance(
    instance: Instance, route: tuple[str, str]
) -> None:
    other = new_instance(instance.bridge)
    headers = {"token": instance.token}
    # An instance that does not exist gets the same answer, so nobody can probe for names.
    for name in (other.name, "no-such-instance"):
        answer = call(instance.bridge, route, name, headers=headers)
        assert_error(answer, 403, "Instance token does not match the instance")


@pytest.mark.parametrize("route", ACCOUNT_ONLY, ids=" ".join)
def test_the_token_of_an_instance_is_no_valid_token_where_the_account_is_needed(
    instance: Instance, route: tuple[str, str]
) -> None:
    answer = call(instance.bridge, route, instance.name, headers={"token": instance.token})
    assert_error(answer, 401, "Invalid token")


def test_the_token_of_a_deleted_instance_opens_nothing(instance: Instance) -> None:
    assert instance.bridge.api("DELETE", f"/api/instance/delete/{instance.name}").ok
    answer = instance.list(headers={"token": instance.token})
    assert_error(answer, 401, "Invalid token")


# -- order of the checks ---------------------------------------------------------------------------


def test_authentication_comes_before_everything_else(start_bridge: Any) -> None:
    bridge = start_bridge(BRIDGE_CHATWOOT_ENABLED="false", BRIDGE_RATE_LIMIT="1/minute")
    for _ in range(3):
        answer = call(bridge, ROUTES[0], headers={"token": "wrong"}, data=b"{")
        assert_error(answer, 401, "Invalid token")


def test_the_rate_limit_comes_before_the_switched_off_module(start_bridge: Any) -> None:
    bridge = start_bridge(BRIDGE_CHATWOOT_ENABLED="false", BRIDGE_RATE_LIMIT="1/minute")
    assert_error(
        bridge.api("GET", "/api/chatwoot/list/x"), 503, "integration gateway not configured"
    )
    assert_error(
        bridge.api("GET", "/api/chatwoot/list/x"), 429, "Rate limit exceeded. Try again later."
    )


def test_a_switched_off_module_answers_before_instance_and_body_are_looked_at(
    start_bridge: Any,
) -> None:
    bridge = start_bridge(BRIDGE_CHATWOOT_ENABLED="false")
    said = "integration gateway not configured"
    assert_error(bridge.api("POST", "/api/chatwoot/set/nobody", data=b"{"), 503, said)
    assert_error(bridge.api("GET", "/api/chatwoot/list/nobody"), 503, said)
    assert_error(bridge.api("DELETE", "/api/chatwoot/delete/nobody"), 503, said)
    # The instances are another module: it works on, and an inline block is told the same.
    answer = bridge.api("POST", "/api/instance/new", {"name": "one", "chatwootEnabled": True})
    assert answer.status_code == 201
    assert answer.json()["chatwoot"] == {"enabled": False, "status": "error", "error": said}


def test_the_instance_is_looked_up_before_the_body_is_read(shared_bridge: Bridge) -> None:
    answer = shared_bridge.api("POST", "/api/chatwoot/set/nobody", data=b"{")
    assert_error(answer, 404, "instance not found")


def test_the_body_is_checked_before_chatwoot_is_called(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    answer = instance.set(wish(sandbox, chatwootAccountId=0))
    assert answer.status_code == 400
    assert activations(sandbox) == []
