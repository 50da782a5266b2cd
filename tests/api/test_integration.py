"""set, list, delete: the contract's shapes, and what a second call does.

Source: docs/contracts/ryzeapi.md, Chatwoot module.
"""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.api.conftest import Patience
from tests.support.api import Instance, assert_error, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

ID = r"int_[a-z0-9]{9}"
FLAGS = {
    "signMessages": "sign_messages",
    "ignoreGroups": "ignore_groups",
    "startAsPending": "start_as_pending",
    "reopenResolved": "reopen_resolved",
    "ignoreCalls": "ignore_calls",
    "keepDeleted": "keep_deleted",
}


def activated(instance: Instance, body: dict[str, Any]) -> dict[str, Any]:
    answer = instance.set(body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_set_answers_exactly_what_the_contract_says(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    said = activated(instance, wish(sandbox))
    assert re.fullmatch(ID, said["bridge_integration_id"])
    assert said == {
        "instance": instance.name,
        "status": "active",
        "bridge_integration_id": said["bridge_integration_id"],
        "message": "chatwoot integration activated",
    }


def test_list_answers_exactly_what_the_contract_says(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    made = activated(
        instance, wish(f"{sandbox.base_url}/", inboxName="WhatsApp - Orion", signMessages=True)
    )
    answer = instance.list()
    assert answer.status_code == 200
    said = answer.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["created_at"])
    assert said == {
        "instance_name": instance.name,
        "status": "active",
        "bridge_integration_id": made["bridge_integration_id"],
        "chatwoot_base_url": sandbox.base_url,
        "chatwoot_account_id": 1,
        "chatwoot_api_token": sandbox.admin,
        "chatwoot_inbox_id": sandbox.inboxes()[0]["id"],
        "chatwoot_inbox_name": "WhatsApp - Orion",
        "last_error": "",
        "created_at": said["created_at"],
        "sign_messages": True,
        "ignore_groups": False,
        "start_as_pending": False,
        "reopen_resolved": False,
        "ignore_calls": False,
        "keep_deleted": False,
        "chatwoot_public_url": "",
    }
    assert list(said)[:3] == ["instance_name", "status", "bridge_integration_id"]


def test_delete_answers_exactly_what_the_contract_says_and_keeps_the_inbox(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox))
    answer = instance.delete()
    assert answer.status_code == 200
    assert answer.json() == {"message": "chatwoot integration deactivated"}
    assert [one["name"] for one in sandbox.inboxes()] == ["RyzeAPI"]
    assert sandbox.inboxes()[0]["webhook_url"] == ""
    assert_error(instance.list(), 404, "no chatwoot integration for this instance")
    assert_error(instance.delete(), 404, "no chatwoot integration to delete")


@pytest.mark.parametrize("method", ["list", "delete"])
def test_an_unknown_instance_is_not_found(instance: Instance, method: str) -> None:
    nobody = Instance(instance.bridge, "nobody", "")
    assert_error(getattr(nobody, method)(), 404, "instance not found")


def test_set_after_delete_makes_a_new_inbox(instance: Instance, sandbox: SandboxChatwoot) -> None:
    first = activated(instance, wish(sandbox))
    assert instance.delete().ok
    second = activated(instance, wish(sandbox))
    assert second["bridge_integration_id"] != first["bridge_integration_id"]
    assert len(sandbox.inboxes()) == 2


def test_without_a_name_the_inbox_is_called_ryzeapi_and_flags_are_false(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    nothing = dict.fromkeys(["inboxName", *FLAGS])
    assert instance.set({**wish(sandbox), **nothing}).status_code == 201
    said = instance.list().json()
    assert said["chatwoot_inbox_name"] == "RyzeAPI"
    assert not any(said[flag] for flag in FLAGS.values())


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_is_stored_and_the_next_set_replaces_it(
    instance: Instance, sandbox: SandboxChatwoot, flag: str
) -> None:
    activated(instance, wish(sandbox, **{flag: True}))
    said = instance.list().json()
    assert {name for name in FLAGS.values() if said[name]} == {FLAGS[flag]}
    locked = sandbox.inboxes()[0]["lock_to_single_conversation"]
    assert locked is (flag == "reopenResolved")
    activated(instance, wish(sandbox))
    assert not any(instance.list().json()[name] for name in FLAGS.values())
    assert sandbox.inboxes()[0]["lock_to_single_conversation"] is False


def test_the_public_address_is_shown_without_its_last_slash(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox, chatwootPublicUrl="https://chat.example.com/"))
    assert instance.list().json()["chatwoot_public_url"] == "https://chat.example.com"
    activated(instance, wish(sandbox))
    assert instance.list().json()["chatwoot_public_url"] == ""


def test_a_second_set_keeps_inbox_and_id_and_changes_the_rest(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    first = activated(instance, wish(sandbox, inboxName="One"))
    before = instance.list().json()
    second = activated(instance, wish(f"{sandbox.base_url}/", inboxName="Two", ignoreGroups=True))
    after = instance.list().json()
    assert second["bridge_integration_id"] == first["bridge_integration_id"]
    changed = {"chatwoot_inbox_name": "Two", "ignore_groups": True}
    assert after == {**before, **changed}
    assert [one["name"] for one in sandbox.inboxes()] == ["Two"]


def test_a_failing_set_changes_nothing_of_what_works(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox, inboxName="One"))
    before = instance.list().json()
    assert instance.set(wish(sandbox, chatwootApiToken="wrong", inboxName="Two")).status_code == 401
    assert instance.list().json() == before


def test_another_account_gets_an_inbox_of_its_own_and_the_old_one_is_unlinked(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    first = activated(instance, wish(sandbox))
    second = activated(instance, wish(sandbox, chatwootAccountId=2, chatwootApiToken=sandbox.other))
    assert second["bridge_integration_id"] != first["bridge_integration_id"]
    assert len(sandbox.inboxes()) == 1
    assert len(sandbox.inboxes(2, sandbox.other)) == 1
    said = instance.list().json()
    assert said["chatwoot_account_id"] == 2
    assert said["chatwoot_inbox_id"] == sandbox.inboxes(2, sandbox.other)[0]["id"]


def test_another_address_gets_an_inbox_of_its_own(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    first = activated(instance, wish(sandbox))
    second = activated(instance, wish(f"http://localhost:{sandbox.port}"))
    assert second["bridge_integration_id"] != first["bridge_integration_id"]
    assert len(sandbox.inboxes()) == 2


def test_the_way_back_to_the_first_account_finds_the_first_inbox(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    first = activated(instance, wish(sandbox))
    activated(instance, wish(sandbox, chatwootAccountId=2, chatwootApiToken=sandbox.other))
    third = activated(instance, wish(sandbox))
    assert third["bridge_integration_id"] == first["bridge_integration_id"]
    assert len(sandbox.inboxes()) == 1


def test_an_inbox_that_was_deleted_in_chatwoot_is_made_again(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    sandbox.options(deletion_s=0.0)
    first = activated(instance, wish(sandbox))
    old = instance.list().json()["chatwoot_inbox_id"]
    delete_inbox(sandbox, old)
    lost = instance.list().json()
    assert lost["status"] == "error"
    assert lost["last_error"].startswith(
        f"inbox {old} no longer exists in Chatwoot account 1. Detail: {sandbox.base_url}"
        f"/api/v1/accounts/1/inboxes/{old} HTTP 404: "
    )
    second = activated(instance, wish(sandbox))
    assert second["bridge_integration_id"] == first["bridge_integration_id"]
    said = instance.list().json()
    assert said["status"] == "active"
    assert said["last_error"] == ""
    assert said["chatwoot_inbox_id"] != old
    assert [one["id"] for one in sandbox.inboxes()] == [said["chatwoot_inbox_id"]]


def delete_inbox(sandbox: SandboxChatwoot, inbox_id: int) -> None:
    """As an administrator would in Chatwoot; returns when it is gone."""
    url = f"{sandbox.base_url}/api/v1/accounts/1/inboxes/{inbox_id}"
    requests.delete(url, headers={"api-access-token": sandbox.admin}, timeout=10)
    until = time.monotonic() + 10
    while any(one["id"] == inbox_id for one in sandbox.inboxes()) and time.monotonic() < until:
        time.sleep(0.05)


def test_a_renamed_inbox_is_listed_by_its_new_name(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox))
    inbox_id = instance.list().json()["chatwoot_inbox_id"]
    requests.patch(
        f"{sandbox.base_url}/api/v1/accounts/1/inboxes/{inbox_id}",
        headers={"api-access-token": sandbox.admin},
        json={"name": "Renamed"},
        timeout=10,
    )
    assert instance.list().json()["chatwoot_inbox_name"] == "Renamed"


def test_two_instances_have_two_inboxes_in_one_account(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    other = new_instance(instance.bridge)
    activated(instance, wish(sandbox))
    activated(other, wish(sandbox))
    ids = {one.list().json()["chatwoot_inbox_id"] for one in (instance, other)}
    assert len(ids) == 2
    assert len(sandbox.inboxes()) == 2


def test_inboxes_of_others_are_left_alone(instance: Instance, sandbox: SandboxChatwoot) -> None:
    body = {"name": "RyzeAPI", "channel": {"type": "api", "webhook_url": "https://other.test"}}
    foreign = requests.post(
        f"{sandbox.base_url}/api/v1/accounts/1/inboxes",
        headers={"api-access-token": sandbox.admin},
        json=body,
        timeout=10,
    ).json()
    activated(instance, wish(sandbox))
    assert foreign in sandbox.inboxes()
    assert len(sandbox.inboxes()) == 2


# -- the live view ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "refuse"])
def test_list_answers_the_stored_view_while_chatwoot_is_down(
    instance: Instance, sandbox: SandboxChatwoot, kind: str
) -> None:
    activated(instance, wish(sandbox, inboxName="Kept"))
    before = instance.list().json()
    sandbox.fault(kind)
    answer = instance.list()
    assert answer.status_code == 200
    assert answer.json() == before


@pytest.mark.slow
def test_list_waits_ten_seconds_for_chatwoot_and_no_longer(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox))
    sandbox.fault("slow", seconds=14, times=1)
    answer = instance.list()
    assert answer.status_code == 200
    assert answer.json()["status"] == "active"
    assert answer.elapsed.total_seconds() < 12


def test_list_tells_the_trouble_and_forgets_it_when_it_is_over(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox))
    sandbox.control("PATCH", "accounts/1", {"suspended": True})
    said = instance.list().json()
    assert said["status"] == "error"
    assert said["last_error"] == (
        "Chatwoot denied the request - verify the API token has admin scope on account 1. Detail: "
        f"{sandbox.base_url}/api/v1/accounts/1/inboxes/{said['chatwoot_inbox_id']} HTTP 401: "
        '{"error":"Account is suspended"}'
    )
    sandbox.control("PATCH", "accounts/1", {"suspended": False})
    well = instance.list().json()
    assert (well["status"], well["last_error"]) == ("active", "")


@pytest.mark.parametrize("kind", ["drop", "refuse", "html"])
def test_delete_succeeds_while_chatwoot_is_down(
    instance: Instance, sandbox: SandboxChatwoot, kind: str
) -> None:
    activated(instance, wish(sandbox))
    sandbox.fault(kind)
    assert instance.delete().json() == {"message": "chatwoot integration deactivated"}
    assert_error(instance.list(), 404, "no chatwoot integration for this instance")


@pytest.mark.slow
def test_delete_waits_thirty_seconds_for_chatwoot_and_no_longer(patience: Patience) -> None:
    answer, _ = patience.of("deletion")
    assert answer.json() == {"message": "chatwoot integration deactivated"}
    assert answer.elapsed.total_seconds() < 35


# -- the webhook -----------------------------------------------------------------------------------


def test_the_inbox_calls_an_unguessable_address_of_ours_and_a_second_set_renews_it(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot
) -> None:
    sandbox.options(version="4.13.0")  # calls any address
    bridge = start_bridge(BRIDGE_PUBLIC_URL="http://192.0.2.1/bridge/")
    instance = new_instance(bridge)
    activated(instance, wish(sandbox))
    first = sandbox.inboxes()[0]["webhook_url"]
    assert re.fullmatch(r"http://192\.0\.2\.1/bridge/hooks/chatwoot/[A-Za-z0-9_-]{32}", first)
    bridge.stop()
    bridge.change(BRIDGE_PUBLIC_URL="http://192.0.2.2")
    bridge.start()
    activated(instance, wish(sandbox))
    second = sandbox.inboxes()[0]["webhook_url"]
    assert second == first.replace("http://192.0.2.1/bridge", "http://192.0.2.2")
    assert instance.delete().ok
    assert sandbox.inboxes()[0]["webhook_url"] == ""


def test_without_a_public_address_the_inbox_gets_no_webhook(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    activated(instance, wish(sandbox))
    assert sandbox.inboxes()[0]["webhook_url"] == ""


@pytest.mark.parametrize(
    ("version", "said"), [("4.14.0", "calls no private"), ("4.15.1", "unless it is told to")]
)
def test_from_4_14_0_on_a_private_public_address_is_left_out_of_the_inbox(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot, version: str, said: str
) -> None:
    sandbox.options(version=version)
    instance = new_instance(start_bridge(BRIDGE_PUBLIC_URL="http://127.0.0.1:9"))
    answer = activated(instance, wish(sandbox))
    assert answer["status"] == "active"
    assert sandbox.inboxes()[0]["webhook_url"] == ""
    [warning] = answer["warnings"]
    assert warning.startswith(f"Chatwoot {version} ")
    assert said in warning
    assert "http://127.0.0.1:9 is one: it is heard over its socket" in warning
