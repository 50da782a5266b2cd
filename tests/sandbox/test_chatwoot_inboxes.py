"""Inboxes (docs/contracts/chatwoot.md, Inboxes)."""

from typing import Any

import pytest

from tests.sandbox.conftest import Chatwoot
from tests.support.processes import SandboxChatwoot


def test_a_new_inbox_has_chatwoots_defaults_and_tokens(chatwoot: Chatwoot) -> None:
    inbox = chatwoot.inbox("http://bridge.test/hook", name="WhatsApp (Sales)")
    assert inbox["channel_type"] == "Channel::Api"
    assert inbox["avatar_url"] == ""
    assert inbox["enable_auto_assignment"] is True
    assert inbox["lock_to_single_conversation"] is False
    assert inbox["allow_messages_after_resolved"] is True
    assert inbox["timezone"] == "UTC"
    assert len(inbox["working_hours"]) == 7
    assert inbox["callback_webhook_url"] is None
    assert inbox["webhook_url"] == "http://bridge.test/hook"
    assert {len(inbox[name]) for name in ("secret", "hmac_token", "inbox_identifier")} == {24}


def test_unknown_attributes_are_dropped_silently(chatwoot: Chatwoot) -> None:
    channel = {"type": "api", "callback_url": "x", "secret": "mine", "identifier": "mine"}
    inbox = chatwoot.ok("POST", "/inboxes", {"name": "x", "channel": channel, "nonsense": 1})
    assert inbox["secret"] != "mine"
    assert inbox["inbox_identifier"] != "mine"


@pytest.mark.parametrize(
    ("given", "message", "attribute"),
    [
        ({"name": ""}, "Name can't be blank", "name"),
        ({"name": None}, "Name can't be blank", "name"),
        ({"name": "null"}, "Name can't be blank", "name"),
        ({"name": "x" * 256}, "Name is too long (maximum is 255 characters)", "name"),
        ({"timezone": "Mars"}, "Timezone is not included in the list", "timezone"),
        ({"channel": {"type": "fax"}}, "Channel must exist", "channel"),
        (
            {"channel": {"type": "api", "webhook_url": "h" * 2049}},
            "Webhook url is too long (maximum is 2048 characters)",
            "webhook_url",
        ),
    ],
)
def test_validation_is_422_with_message_and_attributes(
    chatwoot: Chatwoot, given: dict[str, Any], message: str, attribute: str
) -> None:
    answer = chatwoot("POST", "/inboxes", {"name": "x", "channel": {"type": "api"}, **given})
    wanted = {"message": message, "attributes": [attribute]}
    assert (answer.status_code, answer.json()) == (422, wanted)
    assert chatwoot.ok("GET", "/inboxes") == {"payload": []}


def test_a_missing_channel_crashes(chatwoot: Chatwoot) -> None:
    answer = chatwoot("POST", "/inboxes", {"name": "x"})
    wanted = {"status": 500, "error": "Internal Server Error"}
    assert (answer.status_code, answer.json()) == (500, wanted)


@pytest.mark.parametrize("url", ["webhook.test", "", None])
def test_a_webhook_url_is_not_checked(chatwoot: Chatwoot, url: str | None) -> None:
    channel = {"type": "api", "webhook_url": url}
    inbox = chatwoot.ok("POST", "/inboxes", {"name": "x", "channel": channel})
    assert inbox["webhook_url"] == url


def test_the_list_is_sorted_by_name_and_names_may_repeat(chatwoot: Chatwoot) -> None:
    for name in ("beta", "Alpha", "beta"):
        chatwoot.inbox(name=name)
    names = [one["name"] for one in chatwoot.ok("GET", "/inboxes")["payload"]]
    assert names == ["Alpha", "beta", "beta"]


def test_an_update_is_partial(chatwoot: Chatwoot) -> None:
    inbox = chatwoot.inbox("http://a.test/")
    changed = chatwoot.ok(
        "PATCH", f"/inboxes/{inbox['id']}", {"channel": {"webhook_url": "http://b.test/"}}
    )
    assert changed == inbox | {"webhook_url": "http://b.test/"}
    renamed = chatwoot.ok("PUT", f"/inboxes/{inbox['id']}", {"name": "New"})
    assert renamed["name"] == "New"
    assert renamed["webhook_url"] == "http://b.test/"
    refused = chatwoot("PATCH", f"/inboxes/{inbox['id']}", {"name": " "})
    assert refused.status_code == 422


def test_the_marker_in_additional_attributes_comes_back(chatwoot: Chatwoot) -> None:
    channel = {"type": "api", "additional_attributes": {"bridge": "abc"}}
    chatwoot.ok("POST", "/inboxes", {"name": "x", "channel": channel})
    listed = chatwoot.ok("GET", "/inboxes")["payload"][0]
    assert listed["additional_attributes"] == {"bridge": "abc"}


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("WhatsApp main", True), ("WhatsApp (Sales)", False), ("+55 11", False), ("a@b", False)],
)
def test_before_4_3_names_were_strict(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, name: str, allowed: bool
) -> None:
    sandbox.options(version="4.2.0")
    answer = chatwoot("POST", "/inboxes", {"name": name, "channel": {"type": "api"}})
    assert answer.status_code == (200 if allowed else 422)
    if not allowed:
        assert "should not start or end with symbols" in answer.json()["message"]


def test_the_secret_exists_since_4_13_and_can_be_reset(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    inbox = chatwoot.inbox()
    fresh = chatwoot.ok("POST", f"/inboxes/{inbox['id']}/reset_secret")
    assert fresh["secret"] != inbox["secret"]
    sandbox.options(version="4.12.0")
    assert "secret" not in chatwoot.ok("GET", f"/inboxes/{inbox['id']}")
    answer = chatwoot("POST", f"/inboxes/{inbox['id']}/reset_secret")
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})
