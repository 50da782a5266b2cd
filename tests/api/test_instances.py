"""Instances: making, listing, deleting; the inline block.

Source: docs/contracts/ryzeapi.md, Chatwoot module and Instances.
"""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.api import Instance, activations, assert_error, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def a_name() -> str:
    return f"new-{secrets.token_hex(6)}"


def inline(sandbox: SandboxChatwoot | str, **changes: Any) -> dict[str, Any]:
    """The body of `instance/new` with a block that succeeds at the sandbox, or is changed."""
    block = wish(sandbox, **changes)
    return {"name": a_name(), "chatwootEnabled": True, **block}


def test_a_new_instance_is_answered_with_its_token_in_both_places(shared_bridge: Bridge) -> None:
    name = a_name()
    answer = shared_bridge.api("POST", "/api/instance/new", {"name": name})
    assert answer.status_code == 201
    token = answer.json()["instance"]["token"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
    assert answer.json() == {
        "success": True,
        "message": "Instance created successfully",
        "instance": {"name": name, "token": token, "status": "disconnected"},
        "data": {"token": token},
    }


def test_a_token_of_ones_own_is_taken(shared_bridge: Bridge) -> None:
    mine = f"my-own-{secrets.token_hex(4)}"
    instance = new_instance(shared_bridge, token=mine)
    assert instance.token == mine
    answer = instance.list(headers={"token": mine})
    assert_error(answer, 404, "no chatwoot integration for this instance")


def test_a_name_that_is_taken_is_refused(instance: Instance) -> None:
    answer = instance.bridge.api("POST", "/api/instance/new", {"name": instance.name})
    assert_error(answer, 409, "Instance already exists")


@pytest.mark.parametrize("whose", ["instance", "account"])
def test_a_token_that_is_taken_is_refused_and_makes_no_instance(
    instance: Instance, whose: str
) -> None:
    token = instance.token if whose == "instance" else instance.bridge.account_token
    name = a_name()
    answer = instance.bridge.api("POST", "/api/instance/new", {"name": name, "token": token})
    assert_error(answer, 409, "Instance token already in use")
    listed = instance.bridge.api("GET", "/api/instance/list", params={"instanceName": name})
    assert listed.status_code == 404


def test_of_two_simultaneous_instances_of_one_name_one_is_made(shared_bridge: Bridge) -> None:
    body = {"name": a_name()}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: shared_bridge.api("POST", "/api/instance/new", body), range(8))
        )
    assert sorted(one.status_code for one in answers) == [201] + [409] * 7


def test_the_list_shows_each_instance_without_secrets(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    gateway = {"kind": "ryzeapi", "baseUrl": "http://gw.test/", "token": "gateway-secret"}
    other = new_instance(instance.bridge, gateway=gateway)
    assert instance.set(wish(sandbox, inboxName="Sales")).status_code == 201
    names = f"{instance.name},{other.name},unknown"
    answer = instance.bridge.api("GET", "/api/instance/list", params={"instanceName": names})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"success", "message", "instances"}
    assert body["success"] is True
    assert body["message"] == "2 Instances found"
    by_name = {one.pop("name"): one for one in body["instances"]}
    stored = instance.list().json()
    for one in by_name.values():
        assert re.fullmatch(RFC3339, one.pop("created_at"))
    assert by_name == {
        instance.name: {
            "status": "disconnected",
            "connection": {"state": "disconnected", "numberJid": None},
            "gateway": None,
            "chatwoot": {
                "enabled": True,
                "status": "active",
                "bridge_integration_id": stored["bridge_integration_id"],
                "base_url": sandbox.base_url,
                "account_id": 1,
                "inbox_id": stored["chatwoot_inbox_id"],
                "inbox_name": "Sales",
                "last_error": "",
            },
        },
        other.name: {
            "status": "disconnected",
            "connection": {"state": "disconnected", "numberJid": None},
            "gateway": {"kind": "ryzeapi", "baseUrl": "http://gw.test"},
            "chatwoot": {"enabled": False},
        },
    }
    assert "gateway-secret" not in answer.text
    assert sandbox.admin not in answer.text


def test_the_filter_finds_one_passes_over_unknown_names_and_misses_a_single_one(
    instance: Instance,
) -> None:
    bridge = instance.bridge

    def listed(names: str) -> Any:
        return bridge.api("GET", "/api/instance/list", params={"instanceName": names})

    assert listed(instance.name).json()["message"] == "1 Instance found"
    assert listed("unknown,missing").json()["message"] == "0 Instances found"
    assert_error(listed("unknown"), 404, "Instance not found")
    assert listed("").status_code == 200


def test_the_token_of_an_instance_lists_itself_whatever_the_filter_says(
    instance: Instance,
) -> None:
    new_instance(instance.bridge)
    answer = instance.bridge.api(
        "GET",
        "/api/instance/list",
        headers={"token": instance.token},
        params={"instanceName": "unknown"},
    )
    assert answer.json()["message"] == "1 Instance found"
    assert [one["name"] for one in answer.json()["instances"]] == [instance.name]


def test_a_deleted_instance_is_gone_with_its_integration_and_the_inbox_stays(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    assert instance.set(wish(sandbox)).status_code == 201
    answer = instance.bridge.api("DELETE", f"/api/instance/delete/{instance.name}")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Instance deleted",
        "instance": {"status": "deleted"},
    }
    assert_error(instance.list(), 404, "instance not found")
    again = instance.bridge.api("DELETE", f"/api/instance/delete/{instance.name}")
    assert_error(again, 404, "Instance not found")
    assert [one["name"] for one in sandbox.inboxes()] == ["RyzeAPI"]


def test_an_instance_can_be_deleted_while_chatwoot_is_down(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    assert instance.set(wish(sandbox)).status_code == 201
    sandbox.fault("drop")
    answer = instance.bridge.api("DELETE", f"/api/instance/delete/{instance.name}")
    assert answer.status_code == 200


def test_a_name_can_be_used_again_after_deletion_and_starts_afresh(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    first = instance.set(wish(sandbox)).json()["bridge_integration_id"]
    assert instance.bridge.api("DELETE", f"/api/instance/delete/{instance.name}").ok
    again = new_instance(instance.bridge, name=instance.name)
    assert_error(again.list(), 404, "no chatwoot integration for this instance")
    assert again.set(wish(sandbox)).json()["bridge_integration_id"] != first


# -- the inline block ------------------------------------------------------------------------------


def test_an_inline_block_activates(shared_bridge: Bridge, sandbox: SandboxChatwoot) -> None:
    body = inline(
        sandbox,
        chatwootInboxName="Inline",
        chatwootSignMessages=True,
        chatwootIgnoreGroups=True,
        chatwootStartAsPending=True,
        chatwootReopenResolved=True,
    )
    answer = shared_bridge.api("POST", "/api/instance/new", body)
    assert answer.status_code == 201
    chatwoot = answer.json()["chatwoot"]
    assert chatwoot == {
        "enabled": True,
        "instance": body["name"],
        "status": "active",
        "bridge_integration_id": chatwoot["bridge_integration_id"],
        "message": "chatwoot integration activated",
    }
    assert [one["name"] for one in sandbox.inboxes()] == ["Inline"]
    listed = shared_bridge.api("GET", f"/api/chatwoot/list/{body['name']}").json()
    flags = ("sign_messages", "ignore_groups", "start_as_pending", "reopen_resolved")
    assert all(listed[flag] is True for flag in flags)


def test_an_inline_block_that_is_not_enabled_is_not_even_read(
    shared_bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    body = {**inline(sandbox), "chatwootEnabled": False, "chatwootAccountId": "nonsense"}
    answer = shared_bridge.api("POST", "/api/instance/new", body)
    assert answer.status_code == 201
    assert "chatwoot" not in answer.json()
    assert activations(sandbox) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"chatwootAccountId": 0, "chatwootInboxName": 1, "chatwootSignMessages": "no"},
            "invalid body: chatwootAccountId must be greater than 0 and at most "
            "9223372036854775807; chatwootInboxName must be a text; chatwootSignMessages must be "
            "true or false",
        ),
        (
            {"chatwootApiToken": "wrong"},
            "Chatwoot rejected the API token - verify chatwootApiToken. Detail: "
            '{url}/api/v1/profile HTTP 401: {{"error":"Invalid Access Token"}}',
        ),
        (
            {"chatwootAccountId": 77},
            "Chatwoot account or endpoint not found - verify chatwootBaseUrl ({url}) and "
            "chatwootAccountId (77). Detail: {url}/api/v1/accounts/77/inboxes HTTP 404: "
            '{{"error":"Resource could not be found"}}',
        ),
    ],
    ids=["body", "token", "account"],
)
def test_a_failing_inline_block_never_undoes_the_instance_and_set_repairs_it(
    shared_bridge: Bridge, sandbox: SandboxChatwoot, changes: dict[str, Any], said: str
) -> None:
    body = inline(sandbox, **changes)
    answer = shared_bridge.api("POST", "/api/instance/new", body)
    assert answer.status_code == 201
    assert answer.json()["chatwoot"] == {
        "enabled": False,
        "status": "error",
        "error": said.format(url=sandbox.base_url),
    }
    made = Instance(shared_bridge, body["name"], answer.json()["instance"]["token"])
    assert made.set(wish(sandbox), headers={"token": made.token}).status_code == 201


def test_an_inline_name_that_an_old_chatwoot_refuses_is_named_as_the_inline_field(
    shared_bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    sandbox.options(version="4.2.0")
    body = inline(sandbox, chatwootInboxName="Sales <3")
    answer = shared_bridge.api("POST", "/api/instance/new", body)
    assert answer.json()["chatwoot"]["error"] == (
        'invalid body: chatwootInboxName must not contain "<": Chatwoot 4.2.0 does not allow it '
        "(versions from 4.3.0 do)"
    )
