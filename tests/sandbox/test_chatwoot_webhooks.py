"""Webhooks of an API inbox (docs/contracts/chatwoot.md, Webhooks)."""

import hashlib
import hmac
import json
import socketserver
import threading
import time

import pytest
import requests

from tests.sandbox.conftest import Chatwoot, Receiver, wait_until
from tests.support.processes import SandboxChatwoot


def test_payloads_mix_types_as_chatwoot_does(chatwoot: Chatwoot, receiver: Receiver) -> None:
    _, number = chatwoot.chat(receiver.url)
    message = chatwoot.say(number, "oi", source_id="WA1", echo_id="e1")
    body = receiver.wait("message_created")[0]
    assert body["id"] == message["id"]
    assert body["message_type"] == "incoming"
    assert body["created_at"].endswith("Z")
    assert body["conversation"]["id"] == number
    assert body["conversation"]["contact_inbox"]["source_id"] == "5511"
    assert body["conversation"]["account"] == {"id": 1, "name": "Sandbox"}
    assert isinstance(body["conversation"]["updated_at"], float)
    nested = body["conversation"]["messages"][0]
    assert (nested["message_type"], nested["status"]) == (0, "sent")
    assert isinstance(nested["created_at"], int)
    assert "type" not in body["sender"]
    assert body["sender"]["name"] == "João"
    assert not {"status", "echo_id", "changed_attributes", "updated_at"} & set(body)
    chatwoot.say(number, "hello", "outgoing")
    reply = receiver.wait("message_created", 2)[-1]
    assert reply["sender"] == {
        "id": 1,
        "name": "Ana Admin",
        "email": "ana@sandbox.test",
        "type": "user",
    }


def test_everything_is_echoed_but_activities(chatwoot: Chatwoot, receiver: Receiver) -> None:
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "in")
    chatwoot.say(number, "out", "outgoing")
    chatwoot.say(number, "note", "outgoing", private=True)
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    chatwoot.ok("POST", f"/conversations/{number}/toggle_typing_status", {"typing_status": "on"})
    receiver.wait("conversation_typing_on")
    wait_until(lambda: len(receiver.events("message_created")) == 3)
    sent = {body["content"]: body["private"] for body in receiver.events("message_created")}
    assert sent == {"in": False, "out": False, "note": True}
    assert [one["message_type"] for one in chatwoot.thread(number)] == [0, 1, 1, 2]
    changed = receiver.wait("conversation_status_changed")[0]
    assert changed["id"] == number
    wanted = {"status": {"previous_value": "open", "current_value": "resolved"}}
    assert changed["changed_attributes"] is None
    assert wanted in receiver.wait("conversation_updated")[-1]["changed_attributes"]
    assert receiver.events("conversation_created")[0]["id"] == number
    assert receiver.wait("conversation_updated")


def test_reopening_is_told(chatwoot: Chatwoot, receiver: Receiver) -> None:
    _, number = chatwoot.chat(receiver.url)
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    receiver.wait("conversation_status_changed")
    chatwoot.say(number, "again")
    receiver.wait("conversation_status_changed", 2)


def test_templates_have_no_sender(chatwoot: Chatwoot, receiver: Receiver) -> None:
    greeting = {
        "greeting_enabled": True,
        "greeting_message": "Welcome",
        "csat_survey_enabled": True,
    }
    _, number = chatwoot.chat(receiver.url, **greeting)
    chatwoot.say(number, "oi")
    receiver.wait("message_created", 2)
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    created = receiver.wait("message_created", 3)
    templates = [body for body in created if body["message_type"] == "template"]
    assert [body["sender"] for body in templates] == [None, None]
    survey = next(body for body in templates if body["content_type"] == "input_csat")
    assert "/survey/responses/" in survey["content"]


def test_signatures_cover_timestamp_and_raw_body(chatwoot: Chatwoot, receiver: Receiver) -> None:
    inbox_id, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "a < b & é")
    receiver.wait("message_created")
    secret = chatwoot.ok("GET", f"/inboxes/{inbox_id}")["secret"]
    for headers, raw in receiver.received:
        signed = headers["X-Chatwoot-Timestamp"].encode() + b"." + raw
        mac = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Chatwoot-Signature"] == f"sha256={mac}"
        assert len(headers["X-Chatwoot-Delivery"]) == 36
    raw = next(raw for _, raw in receiver.received if b"message_created" in raw)
    assert b"\\u003c" in raw
    assert "é".encode() in raw


def test_before_4_13_nothing_is_signed(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    sandbox.options(version="4.12.0")
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "x")
    receiver.wait("message_created")
    assert all("X-Chatwoot-Signature" not in headers for headers, _ in receiver.received)


def test_a_refused_webhook_marks_even_a_customers_message_failed_once(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    _, number = chatwoot.chat(receiver.url)
    receiver.answer = 404
    chatwoot.say(number, "oi")
    wait_until(lambda: chatwoot.thread(number)[-1]["status"] == "failed")
    failed = chatwoot.thread(number)[-1]
    assert failed["content_attributes"] == {"external_error": "404 Not Found"}
    receiver.wait("message_updated")
    time.sleep(0.3)
    assert len(receiver.events("message_created")) == 1
    assert len(receiver.events("message_updated")) == 1


def test_a_slow_receiver_fails_after_the_timeout(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    sandbox.options(webhook_timeout_s=0.3)
    _, number = chatwoot.chat(receiver.url)
    receiver.delay_s = 1.0
    chatwoot.say(number, "oi")
    wait_until(lambda: chatwoot.thread(number)[-1]["status"] == "failed")
    error = chatwoot.thread(number)[-1]["content_attributes"]["external_error"]
    assert error == "Net::ReadTimeout with #<TCPSocket:(closed)>"


def test_nobody_listening_fails_with_the_reason(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat("http://127.0.0.1:9/none")
    chatwoot.say(number, "oi")
    wait_until(lambda: chatwoot.thread(number)[-1]["status"] == "failed")
    error = chatwoot.thread(number)[-1]["content_attributes"]["external_error"]
    assert "Connection refused" in error


def test_private_addresses_are_blocked_from_4_14(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    sandbox.options(allow_private_network=False)
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "oi")
    wait_until(lambda: chatwoot.thread(number)[-1]["status"] == "failed")
    error = chatwoot.thread(number)[-1]["content_attributes"]["external_error"]
    assert error == "Hostname '127.0.0.1' has no public ip addresses"
    assert receiver.received == []
    sandbox.options(version="4.13.0")
    chatwoot.say(number, "again")
    receiver.wait("message_created")


def test_updates_deletions_and_retries_are_told(chatwoot: Chatwoot, receiver: Receiver) -> None:
    _, number = chatwoot.chat(receiver.url)
    message = chatwoot.say(number, "x", "outgoing")
    path = f"/conversations/{number}/messages/{message['id']}"
    chatwoot.ok("PATCH", path, {"status": "failed", "external_error": "no"})
    receiver.wait("message_updated", 1)
    chatwoot.ok("POST", f"{path}/retry")
    receiver.wait("message_updated", 3)
    chatwoot.ok("PATCH", path, {"status": "nonsense"})
    chatwoot.ok("DELETE", path)
    deleted = receiver.wait("message_updated", 4)[-1]
    assert deleted["content_attributes"] == {"deleted": True}
    assert deleted["content"] == "This message was deleted"
    assert len(receiver.events("message_created")) == 1


def test_an_empty_url_sends_nothing(chatwoot: Chatwoot, receiver: Receiver) -> None:
    inbox_id, number = chatwoot.chat(receiver.url)
    receiver.wait("conversation_created")
    chatwoot.ok("PATCH", f"/inboxes/{inbox_id}", {"channel": {"webhook_url": ""}})
    assert chatwoot.say(number, "x")["status"] == "sent"
    time.sleep(0.2)
    assert receiver.events("message_created") == []


def test_hard_breaks_are_stripped_since_4_13(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "one\\\ntwo\n\n", "outgoing")
    assert receiver.wait("message_created")[0]["content"] == "one\ntwo"
    sandbox.options(version="4.12.0")
    chatwoot.say(number, "one\\\ntwo", "outgoing")
    assert receiver.wait("message_created", 2)[-1]["content"] == "one\\\ntwo"


def test_account_webhooks_get_all_inboxes(chatwoot: Chatwoot, receiver: Receiver) -> None:
    wanted = {"url": receiver.url, "subscriptions": ["message_created", "contact_created"]}
    created = chatwoot.ok("POST", "/webhooks", {"webhook": wanted})["payload"]["webhook"]
    assert chatwoot("POST", "/webhooks", wanted).status_code == 422
    _, number = chatwoot.chat()
    chatwoot.say(number, "x")
    assert receiver.wait("contact_created")[0]["name"] == "João"
    assert receiver.wait("message_created")
    assert not receiver.events("conversation_created")
    chatwoot.ok("DELETE", f"/webhooks/{created['id']}")


def test_attachments_can_be_late(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    sandbox.fault("attachment_late", seconds=0.3)
    sandbox.fault("attachment_delay", seconds=0.5)
    _, number = chatwoot.chat(receiver.url)
    files = [("attachments[]", ("a.png", b"x", "image/png"))]
    chatwoot.ok("POST", f"/conversations/{number}/messages", data={}, files=files)
    assert "attachments" not in receiver.wait("message_created")[0]
    late = receiver.wait("message_updated")[0]
    url = late["attachments"][0]["data_url"]
    assert requests.get(url, timeout=30).status_code == 404
    wait_until(lambda: requests.get(url, timeout=30).content == b"x")


def test_webhooks_can_be_doubled_lost_delayed_and_shuffled(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    _, number = chatwoot.chat(receiver.url)
    sandbox.fault("webhook_lost", path="message_created", times=1)
    sandbox.fault("webhook_double", path="message_created", times=1)
    for text in ("lost", "twice"):
        chatwoot.say(number, text)
    receiver.wait("message_created", 2)
    time.sleep(0.2)
    texts = [body["content"] for body in receiver.events("message_created")]
    assert texts == ["twice", "twice"]
    ids = [
        head["X-Chatwoot-Delivery"]
        for head, raw in receiver.received
        if json.loads(raw)["event"] == "message_created"
    ]
    assert ids[0] == ids[1]
    sandbox.fault("webhook_shuffle", seconds=0.5)
    for index in range(12):
        chatwoot.say(number, str(index))
    receiver.wait("message_created", 14)
    order = [body["content"] for body in receiver.events("message_created")][2:]
    assert sorted(order, key=int) == [str(index) for index in range(12)]
    assert order != sorted(order, key=int)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 451 No\r\nContent-Length: 0\r\n\r\n", "451 No"),
        (b"HTTP/1.1 307 Away\r\nContent-Length: 0\r\n\r\n", "307 Away"),
        (b"garbage\r\n\r\n", 'wrong status line: "garbage"'),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno",
            "incorrect header check",
        ),
    ],
)
def test_what_an_answer_means_is_said_in_the_words_of_ruby(
    chatwoot: Chatwoot, answer: bytes, error: str | None
) -> None:
    asked = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while line := self.rfile.readline().strip().lower():
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            self.wfile.write(answer)
            asked.set()

    _, number = chatwoot.chat()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        inbox_id = chatwoot.ok("GET", f"/conversations/{number}")["inbox_id"]
        chatwoot.ok("PATCH", f"/inboxes/{inbox_id}", {"channel": {"webhook_url": url}})
        chatwoot.say(number, "x")
        assert asked.wait(10)
        if error:
            wait_until(lambda: chatwoot.thread(number)[-1]["status"] == "failed")
        # The failed mark is told to the webhook too: what it meets must still be this server.
        told = chatwoot.thread(number)[-1]["content_attributes"].get("external_error")
        server.shutdown()
    assert told == error


def test_an_update_of_a_contact_says_what_changed(chatwoot: Chatwoot, receiver: Receiver) -> None:
    hook = {"url": receiver.url, "subscriptions": ["contact_updated"]}
    chatwoot.ok("POST", "/webhooks", hook)
    inbox_id, number = chatwoot.chat()
    contact_id = chatwoot.contact(inbox_id, "99")["id"]
    chatwoot.ok("PATCH", f"/contacts/{contact_id}", {"name": "João"})
    chatwoot.ok("PATCH", f"/contacts/{contact_id}", {"custom_attributes": {"a": 1}})
    chatwoot.say(number, "hi")
    told = [
        [key for one in body["changed_attributes"] for key in one]
        for body in receiver.wait("contact_updated", 2)
    ]
    assert sorted(told) == [["custom_attributes", "updated_at"], ["last_activity_at", "updated_at"]]
