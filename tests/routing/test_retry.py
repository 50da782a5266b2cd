"""Only what Chatwoot shows of a message now is the agent's Retry: what it tells may be older than
the failure that the agent was shown."""

import hashlib
import hmac
import json
import time

import pytest
import requests

from tests.routing.desk import Desk, Json, now, party, until

_REFUSED: Json = {"kind": "status", "status": 400, "message": "No", "path": "/text/"}


def tells(desk: Desk, body: Json) -> None:
    """A webhook with Chatwoot's own signature, of now."""
    [(key,)] = desk.rows("select webhook_key from integration")
    secret, stamp = desk.api("GET", f"inboxes/{desk.inbox()}")["secret"], str(int(time.time()))
    raw = json.dumps(body).encode()
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={mac}"}
    url = f"{desk.bridge.base_url}/hooks/chatwoot/{key}"
    assert requests.post(url, data=raw, headers=headers, timeout=10).status_code == 200


def update(desk: Desk, conversation: int, message: Json, **shown: object) -> Json:
    """The message once more, as Chatwoot tells that something about it changed."""
    return {
        "event": "message_updated",
        "id": message["id"],
        "content": message["content"],
        "message_type": "outgoing",
        "private": False,
        "account": {"id": 1},
        "inbox": {"id": desk.inbox()},
        "conversation": {"id": conversation, "inbox_id": desk.inbox(), "status": "open"},
        **shown,
    }


def asked(desk: Desk, conversation: int) -> None:
    """Chatwoot was asked about it, and nothing is left to be asked."""
    until(lambda: desk.calls_to_chatwoot(conversation), "the question")
    until(lambda: not desk.rows("select 1 from lookup"), "the answer")


@pytest.mark.parametrize(
    "shown", [{"status": "sent"}, {}, {"status": "sent", "content_attributes": {}}]
)
def test_an_update_from_before_the_failure_is_not_taken_for_retry(desk: Desk, shown: Json) -> None:
    number, conversation = desk.meet("hi")
    desk.phone.control("POST", "faults", _REFUSED)
    written = desk.reply(conversation, "please")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    desk.phone.control("DELETE", "faults")
    for _ in range(2):
        desk.forget_calls()
        tells(desk, update(desk, conversation, written, **shown))
        asked(desk, conversation)
    desk.settled(number)
    assert desk.sent(number) == []
    assert desk.status(conversation, written["id"]) == "failed"

    desk.chatwoot.control("POST", f"agent/messages/{written['id']}/retry")
    desk.gets(number, "please")


def test_an_update_from_before_whatsapp_failed_is_not_taken_for_retry(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    written = desk.reply(conversation, "please")
    [sent] = desk.gets(number, "please")
    until(lambda: desk.status(conversation, written["id"]) == "delivered", "the receipt")
    event = {"event": "message.status"}
    failed = {"chat": party(number), "status": "error", "messageIds": [sent["id"]]}
    desk.phone.control("POST", "events", event | {"data": failed | {"timestamp": now()}})
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    desk.forget_calls()
    tells(desk, update(desk, conversation, written, status="sent"))
    asked(desk, conversation)
    desk.settled(number)
    desk.gets(number, "please")


def test_an_update_of_a_reply_that_never_failed_asks_nothing(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    written = desk.reply(conversation, "please")
    desk.gets(number, "please")
    until(lambda: desk.status(conversation, written["id"]) == "delivered", "the receipt")
    desk.forget_calls()
    for _ in range(3):
        tells(desk, update(desk, conversation, written, status="sent"))
    desk.settled(number)
    assert not desk.rows("select 1 from lookup")
    desk.gets(number, "please")
