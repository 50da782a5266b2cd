"""Which versions of Chatwoot are taken, and what is said of those that cannot do everything."""

import contextlib
import sqlite3
from collections.abc import Callable

import pytest
import requests

from tests.support.api import Instance, assert_error, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

PUBLIC = {"BRIDGE_PUBLIC_URL": "http://127.0.0.1:9"}


def told(instance: Instance, sandbox: SandboxChatwoot) -> list[str]:
    answer = instance.set(wish(sandbox))
    assert answer.status_code == 201, answer.text
    return list(answer.json().get("warnings", []))


@pytest.mark.parametrize("version", ["3.3.0", "3.3.99", "2.18.0", "1.0.0"])
def test_a_version_below_the_lowest_is_refused_with_both_named(
    instance: Instance, sandbox: SandboxChatwoot, version: str
) -> None:
    sandbox.options(version=version)
    assert_error(
        instance.set(wish(sandbox)),
        400,
        f"Chatwoot {version} is too old: the bridge works with 3.4.0 and later",
    )
    assert sandbox.inboxes() == []


@pytest.mark.parametrize("version", ["4.16.2", "4.99.0", "12.0.1"])
def test_a_version_that_is_new_or_not_known_yet_can_do_everything(
    instance: Instance, sandbox: SandboxChatwoot, version: str
) -> None:
    sandbox.options(version=version)
    assert told(instance, sandbox) == []


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        ("3.4.0", ["shows no receipts", "no symbols", "quote", "token owner's", "sign"]),
        ("4.1.9", ["shows no receipts", "no symbols", "quote", "token owner's", "sign"]),
        ("4.2.0", ["no symbols", "quote", "token owner's", "sign"]),
        ("4.3.0", ["survey without its link", "quote", "token owner's", "sign"]),
        ("4.3.9", ["survey without its link", "quote", "token owner's", "sign"]),
        ("4.8.0", ["quote", "token owner's", "sign"]),
        ("4.9.0", ["token owner's", "sign"]),
        ("4.12.1", ["sign"]),
        ("4.13.0", []),
    ],
)
def test_set_says_what_a_version_cannot_do_and_from_when_on_another_can(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot, version: str, parts: list[str]
) -> None:
    sandbox.options(version=version)
    said = told(new_instance(start_bridge(**PUBLIC)), sandbox)
    assert len(said) == len(parts), said
    for sentence, part in zip(said, parts, strict=True):
        assert sentence.startswith(f"Chatwoot {version} ")
        assert part in sentence
        assert "; from 4." in sentence


@pytest.mark.parametrize("listens", ["true", "false"])
def test_typing_by_webhook_is_missed_only_where_nothing_else_tells_it(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot, listens: str
) -> None:
    sandbox.options(version="3.16.0")
    more = {"BRIDGE_SHOW_TYPING": "true", "BRIDGE_CHATWOOT_SOCKET": listens}
    said = told(new_instance(start_bridge(**PUBLIC, **more)), sandbox)
    sentence = "Chatwoot 3.16.0 does not tell by webhook that an agent is typing; from 4.2.0"
    assert (sentence in said) == (listens == "false")


def test_one_that_is_active_already_is_not_stopped_by_a_new_activation_that_is_refused(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    told(instance, sandbox)
    sandbox.options(version="3.0.0")
    assert instance.set(wish(sandbox)).status_code == 400
    assert instance.list().json()["status"] == "active"


def test_the_list_goes_on_when_the_version_that_is_known_is_too_old(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    told(instance, sandbox)
    place = instance.bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute(
            "update integration set chatwoot_version = '3.3.0' where instance_id = "
            "(select id from instance where name = ?)",
            [instance.name],
        )
    assert instance.list().json()["status"] == "active"


def test_surveys_whose_link_would_not_open_are_told_with_the_remedy(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    told(instance, sandbox)
    [inbox] = sandbox.inboxes()
    path = f"{sandbox.base_url}/api/v1/accounts/1/inboxes/{inbox['id']}"
    headers = {"api-access-token": sandbox.admin}
    change = {"csat_survey_enabled": True}
    requests.patch(path, json=change, headers=headers, timeout=30).raise_for_status()
    [said] = told(instance, sandbox)
    assert sandbox.base_url in said
    assert "chatwootPublicUrl" in said
    answer = instance.set(wish(sandbox, chatwootPublicUrl="https://chat.example.com/"))
    assert "warnings" not in answer.json()


@pytest.mark.parametrize(
    "wrong", ["chat.example.com", "ftp://chat.example.com", "https://user:no@example.com", 7]
)
def test_a_public_address_that_is_none_is_refused_by_its_name(
    instance: Instance, sandbox: SandboxChatwoot, wrong: object
) -> None:
    answer = instance.set(wish(sandbox, chatwootPublicUrl=wrong))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("invalid body: chatwootPublicUrl must ")
