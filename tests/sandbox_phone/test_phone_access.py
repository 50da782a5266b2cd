"""Tokens, envelopes, limits, instances and event settings of the sandbox phone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_phone.phone_client import ACCOUNT, ROOT, TOKEN, PhoneServer, Receiver, eventually

LIST = "/api/instance/list"
TEXT = "/api/message/text/sandbox-phone"


def assert_error(answer: Any, status: int, message: Any) -> None:
    assert (answer.status_code, answer.json()) == (
        status,
        {"success": False, "error": {"message": message}},
    )
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(
        answer.headers
    )


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Missing token in header"),
        ({"token": "wrong"}, "Invalid token"),
        ({"Authorization": "Bearer wrong"}, "Invalid token"),
        ({"Authorization": "Basic sandbox-gateway-token"}, "Missing token in header"),
    ],
)
def test_a_request_without_a_good_token_is_401(
    phone: PhoneServer, headers: Any, message: Any
) -> None:
    assert_error(phone.call("GET", LIST, headers=headers), 401, message)


def test_header_and_bearer_are_accepted_and_the_query_is_not(phone: PhoneServer) -> None:
    assert phone.call("GET", LIST, headers=TOKEN).ok
    assert phone.call("GET", LIST, headers={"Authorization": "Bearer sandbox-gateway-token"}).ok
    answer = phone.call("GET", LIST + "?token=sandbox-gateway-token", headers={})
    assert_error(answer, 401, "Missing token in header")


def test_an_instance_token_opens_its_own_instance_only(phone: PhoneServer) -> None:
    new = {"name": "second", "token": "second-token"}
    created = phone.call("POST", "/api/instance/new", headers=ACCOUNT, json=new)
    assert created.status_code == 201
    assert created.json()["instance"]["token"] == "second-token"
    assert created.json()["instance"]["connection"]["state"] == "disconnected"
    answer = phone.call("POST", TEXT, headers={"token": "second-token"}, json={})
    assert_error(answer, 403, "Instance token does not match the requested instance")
    listed = phone.call(
        "GET", LIST + "?instanceName=sandbox-phone", headers={"token": "second-token"}
    )
    assert [each["name"] for each in listed.json()["instances"]] == ["second"]
    assert listed.json()["message"] == "1 Instance found"


def test_the_list_counts_and_filters(phone: PhoneServer) -> None:
    phone.call("POST", "/api/instance/new", headers=ACCOUNT, json={"name": "second"})
    assert phone.call("GET", LIST, headers=ACCOUNT).json()["message"] == "2 Instances found"
    some = phone.call("GET", LIST + "?instanceName=second,nobody", headers=ACCOUNT)
    assert some.json()["message"] == "1 Instance found"
    one = phone.call("GET", LIST + "?instanceName=nobody", headers=ACCOUNT)
    assert_error(one, 404, "Instance not found")


def test_creating_needs_the_account_and_a_new_name(phone: PhoneServer) -> None:
    new = {"name": "sandbox-phone"}
    answer = phone.call("POST", "/api/instance/new", json=new)
    assert_error(answer, 401, "Invalid token")
    answer = phone.call("POST", "/api/instance/new", headers=ACCOUNT, json=new)
    assert_error(answer, 409, "Instance name or token already exists")


def test_deleting_needs_the_account_and_removes_the_token(phone: PhoneServer) -> None:
    phone.call("POST", "/api/instance/new", headers=ACCOUNT, json={"name": "b", "token": "b"})
    answer = phone.call("DELETE", "/api/instance/delete/b", headers={"token": "b"})
    assert_error(answer, 401, "Invalid token")
    answer = phone.call("DELETE", "/api/instance/delete/b", headers=ACCOUNT)
    assert answer.json()["instance"] == {"status": "deleted"}
    assert_error(phone.call("GET", LIST, headers={"token": "b"}), 401, "Invalid token")
    answer = phone.call("DELETE", "/api/instance/delete/b", headers=ACCOUNT)
    assert_error(answer, 404, "Instance not found")


def test_a_new_instance_is_paired_by_qr_code_or_number(phone: PhoneServer) -> None:
    phone.call("POST", "/api/instance/new", headers=ACCOUNT, json={"name": "new"})
    answer = phone.call("GET", "/api/instance/connect/new", headers=ACCOUNT).json()
    assert answer["qrCodeBase64"].startswith("data:image/png;base64,")
    answer = phone.call("GET", "/api/instance/connect/new?number=5511", headers=ACCOUNT).json()
    assert len(answer["pairingCode"]) == 8
    phone.control("state", {"instance": "new", "state": "connected"})
    found = phone.call("GET", LIST + "?instanceName=new", headers=ACCOUNT).json()["instances"][0]
    assert found["connection"]["state"] == "connected"
    assert found["connection"]["numberJid"] == "5511900000002@s.whatsapp.net"


def test_unknown_routes_and_broken_bodies_use_the_envelope(phone: PhoneServer) -> None:
    assert_error(phone.call("GET", "/api/nothing"), 404, "Not Found")
    assert_error(phone.call("GET", TEXT), 405, "Method Not Allowed")
    answer = phone.call("POST", TEXT, data="{")
    assert answer.json()["error"]["message"].startswith("Invalid request body: malformed JSON")
    answer = phone.call("POST", "/api/message/text/", json={})
    assert_error(answer, 400, "Instance name is required")


def test_the_rate_limit_is_per_token_and_has_its_text(phone: PhoneServer) -> None:
    phone.control("switches", {"rate_limit": 3})
    remaining = [phone.call("GET", LIST).headers["X-RateLimit-Remaining"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]
    assert_error(phone.call("GET", LIST), 429, "Rate limit exceeded. Try again later.")
    assert phone.call("GET", LIST, headers=ACCOUNT).ok


def test_at_most_three_webhooks_are_enabled(phone: PhoneServer, receiver: Receiver) -> None:
    for label in "abc":
        phone.webhook(receiver, label=label)
    fourth = {"label": "d", "enabled": True, "url": receiver.url}
    answer = phone.call("POST", "/api/events/webhook/sandbox-phone", json=fourth)
    assert_error(answer, 400, "At most 3 enabled webhooks per instance")
    off = {"label": "a", "enabled": False, "url": receiver.url, "authorization": "Bearer x"}
    answer = phone.call("POST", "/api/events/webhook/sandbox-phone", json=off).json()
    assert (answer["webhook"]["url"], answer["webhook"]["authorization"]) == ("", None)
    phone.webhook(receiver, label="d")
    listed = phone.call("GET", "/api/events/getWebhook/sandbox-phone").json()["webhooks"]
    assert [(hook["label"], hook["enabled"]) for hook in listed] == [
        ("a", False), ("b", True), ("c", True), ("d", True),
    ]  # fmt: skip


def test_a_webhook_reads_back_as_it_was_written(phone: PhoneServer, receiver: Receiver) -> None:
    written = {
        "label": "default",
        "enabled": True,
        "url": receiver.url,
        "authorization": "Bearer secret",
        "byEvents": True,
        "events": ["message.exchange"],
        "mediaBase64": True,
    }
    phone.webhook(receiver, **written)
    read = phone.call("GET", "/api/events/getWebhook/sandbox-phone?label=")
    assert read.json()["webhook"] == written
    answer = phone.call("GET", "/api/events/getWebhook/sandbox-phone?label=x")
    assert_error(answer, 404, "Webhook not found")


def test_a_websocket_is_unconfigured_then_disabled(phone: PhoneServer) -> None:
    path = "/api/events/getWebsocket/sandbox-phone"
    assert_error(phone.call("GET", path), 404, "WebSocket not configured for this instance")
    phone.call("POST", "/api/events/websocket/sandbox-phone", json={"enabled": False})
    assert phone.call("GET", path).json()["websocket"]["enabled"] is False


def test_strangers_by_name_or_form_are_kept_out(phone: PhoneServer) -> None:
    answer = phone.call("GET", "/sandbox/api/hello", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    answer = phone.call("POST", "/sandbox/api/reset", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_it_refuses_to_listen_for_others(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.whatsapp", "--host", "0.0.0.0"]
    done = subprocess.run(
        [*command, "--database", str(tmp_path / "x.db")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "loopback only" in done.stderr


def test_a_reset_may_keep_instances_and_webhooks(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver)
    phone.send()
    phone.control("switches", {"shape": "catalogue"})
    phone.control("state", {"state": "disconnected"})
    phone.control("reset", {"keep_instances": True})
    assert phone.messages() == []
    assert phone.control("switches")["shape"] == "live"
    sent = phone.send(message="again").json()["data"]["messageId"]
    eventually(lambda: sent in [event.get("id") for event in receiver.events()])
