"""Without a public address: sockets to both sides, with the same promises."""

import contextlib
import json
import os
import sqlite3
import time
from typing import Any

import pytest
import requests

from bench.loop import INSTANCE
from tests.routing.desk import Desk, Json, now, until
from tests.support.processes import SandboxPhone, free_port
from tests.support.visitor import Visitor


def test_both_directions_work_through_sockets(indoor_desk: Desk) -> None:
    number, conversation = indoor_desk.meet("in")
    written = indoor_desk.reply(conversation, "out")
    indoor_desk.gets(number, "out")
    until(lambda: indoor_desk.status(conversation, written["id"]) == "delivered", "the receipt")
    assert sockets(indoor_desk) == 1
    assert not webhooks(indoor_desk)


@pytest.mark.parametrize(
    "settings", [{"BRIDGE_GATEWAY_URL": "{base_url}"}, {}], ids=["told", "found"]
)
def test_a_gateway_beside_us_calls_us_while_chatwoot_is_listened_to(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("beside")
    with contextlib.closing(Desk(folder, public=False, **settings)) as desk:
        number, conversation = desk.meet("in")
        desk.reply(conversation, "out")
        desk.gets(number, "out")
        desk.bridge.stop()
        desk.customer(number, "while you were down")
        desk.bridge.start()
        desk.shows(conversation, "in", "out", "while you were down")
        until(lambda: not sockets(desk), "the socket to be no longer needed")


def test_an_address_that_the_gateway_does_not_reach_is_given_up_for_its_socket(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("apart"), public=False)) as desk:
        until(desk.listens, "both sockets")
        # As from inside a container, where our loopback address means another machine.
        desk.phone.control("POST", "switches", {"webhook_retry_max_s": 0.2})
        call_elsewhere(desk)
        long_ago(desk)
        number, conversation = desk.meet("by socket")
        until(lambda: not webhooks(desk), "the webhook being given up")
        desk.customer(number, "still heard")
        desk.shows(conversation, "by socket", "still heard")


def test_a_gateway_whose_webhooks_are_all_in_use_is_heard_over_its_socket(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("full")
    with contextlib.closing(Desk(folder, public=False, BRIDGE_GATEWAY_URL="none")) as desk:
        for label in ("crm", "n8n", "default"):
            call_elsewhere(desk, label)
        desk.bridge.stop()
        desk.bridge.change(BRIDGE_GATEWAY_URL="")
        desk.bridge.start()
        assert desk.join().get("warnings") is None
        until(desk.listens, "both sockets")
        number, conversation = desk.meet("in")
        desk.reply(conversation, "out")
        desk.gets(number, "out")
        assert len(webhooks(desk)) == 3


def test_an_address_that_changes_is_told_to_the_gateway_anew(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("moved"), public=False)) as desk:
        number, conversation = desk.meet("in")
        has_called = "select 1 from instance where called_at > callback_since"
        until(lambda: desk.rows(has_called), "a call of the gateway")
        desk.bridge.stop()
        call_elsewhere(desk)
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            db.execute("update instance set callback_url = 'http://10.9.8.7:1'")
        db.close()
        desk.bridge.start()
        until(lambda: desk.bridge.base_url in str(webhooks(desk)), "the new address")
        desk.customer(number, "called again")
        desk.shows(conversation, "in", "called again")


def call_elsewhere(desk: Desk, label: str = "") -> None:
    """The gateway's calls go where nobody listens: those to us, or of a webhook of that label."""
    label = label or str(ours(desk)["webhooks"][0]["label"])
    url = f"http://127.0.0.1:{free_port()}/hooks/gateway/x"
    answer = requests.post(
        f"{desk.phone.base_url}/api/events/webhook/{INSTANCE}",
        json={"label": label, "enabled": True, "url": url},
        headers={"token": SandboxPhone.instance_token},
        timeout=10,
    )
    assert answer.ok, answer.text


def long_ago(desk: Desk) -> None:
    """The gateway was told minutes ago where to call."""
    with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
        db.execute("update instance set callback_since = callback_since - 200")
    db.close()


def webhooks(desk: Desk) -> list[object]:
    """The webhooks that the gateway calls."""
    return [one for one in ours(desk)["webhooks"] if one.get("enabled")]


def sockets(desk: Desk) -> int:
    """The sockets that the gateway has open to us."""
    return int(ours(desk)["sockets"])


def ours(desk: Desk) -> Json:
    """Our instance, as the gateway has it."""
    instances = desk.phone.control("GET", "instances")["instances"]
    [found] = [one for one in instances if one["name"] == INSTANCE]
    return dict(found)


def test_a_time_in_which_the_gateway_was_not_heard_is_told_to_the_operator(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("deaf")
    with contextlib.closing(Desk(folder, public=False, BRIDGE_GATEWAY_URL="none")) as desk:
        desk.meet("heard")
        desk.bridge.stop()
        # As if the integration were old, and nothing had run for a minute.
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            db.execute("update integration set created_at = created_at - 3600")
        db.close()
        a_minute_ago = time.time() - 60
        os.utime(desk.bridge.instance_dir / "locks" / "router.beat", (a_minute_ago, a_minute_ago))
        desk.bridge.start()
        until(lambda: desk.rows("select 1 from instance where deaf_until > 0"), "the gap")
        page = Visitor(desk.bridge).sign_in().get("/")
        assert "Nothing came from the gateway between" in page.text
        assert "Check on the phone what customers wrote in that time." in page.text


def test_a_survey_brings_its_link_through_sockets_too(indoor_desk: Desk) -> None:
    number, conversation = indoor_desk.meet("in")
    body = {
        "content": "How did we do?",
        "message_type": "template",
        "content_type": "input_csat",
    }
    indoor_desk.api("POST", f"conversations/{conversation}/messages", body)
    until(lambda: indoor_desk.sent(number), "the survey")
    uuid = indoor_desk.api("GET", f"conversations/{conversation}")["uuid"]
    link = f"{indoor_desk.chatwoot.base_url}/survey/responses/{uuid}"
    indoor_desk.gets(number, f"How did we do? {link}")


def test_a_retry_that_was_pressed_while_we_were_away_is_noticed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with contextlib.closing(Desk(tmp_path_factory.mktemp("away"), public=False)) as desk:
        number, conversation = desk.meet("first")
        fault = {"kind": "status", "status": 400, "path": "/api/message/text/"}
        desk.phone.control("POST", "faults", fault)
        written = desk.reply(conversation, "refused at first")
        until(lambda: desk.status(conversation, written["id"]) == "failed", "the mark")
        desk.settled(number)
        desk.bridge.stop()
        desk.chatwoot.control("POST", f"agent/messages/{written['id']}/retry")
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            # As if nothing had moved in the conversation since the last look.
            db.execute("update integration set caught_up_at = ?", [time.time() + 600])
        db.close()
        desk.bridge.start()
        desk.gets(number, "refused at first")


def test_files_come_through_sockets(indoor_desk: Desk) -> None:
    number, conversation = indoor_desk.meet("in")
    indoor_desk.customer(number, "see", kind="image")
    assert len(indoor_desk.arrived(conversation, 2)["attachments"]) == 1
    indoor_desk.attach(conversation, "look", ("a.pdf", b"%PDF-1.4", "application/pdf"))
    indoor_desk.gets(number, "look")


def test_replies_of_a_gap_are_asked_for_when_chatwoots_socket_stands_again(
    indoor_desk: Desk,
) -> None:
    number, conversation = indoor_desk.meet("in")
    indoor_desk.chatwoot.fault("cable_silent")
    indoor_desk.chatwoot.control("POST", "cable/disconnect")
    for index in range(3):
        indoor_desk.reply(conversation, f"out {index}")
    assert indoor_desk.sent(number) == []
    indoor_desk.calm_chatwoot()
    indoor_desk.gets(number, "out 0", "out 1", "out 2")


def test_the_gateways_socket_is_opened_again(indoor_desk: Desk) -> None:
    number, conversation = indoor_desk.meet("in")
    assert indoor_desk.phone.control("POST", "sockets/hang-up", {})["closed"] >= 1
    # What is said between the end of one socket and the start of the next is not heard.
    until(lambda: not indoor_desk.listens(), "the end of the socket")
    until(indoor_desk.listens, "the socket")
    indoor_desk.customer(number, "again")
    indoor_desk.shows(conversation, "in", "again")


def test_a_lost_frame_is_made_good_by_the_next_reply(indoor_desk: Desk) -> None:
    number, conversation = indoor_desk.meet("in")
    indoor_desk.chatwoot.fault("cable_lost", times=1)
    indoor_desk.reply(conversation, "lost frame")
    indoor_desk.calm_chatwoot()
    indoor_desk.reply(conversation, "next")
    indoor_desk.gets(number, "lost frame", "next")


def test_a_send_whose_echo_may_have_been_missed_is_left_to_the_operator(
    indoor_desk: Desk,
) -> None:
    number, conversation = indoor_desk.meet("in")
    # The send happens, its answer is lost, and so is the socket that would have told of it.
    for kind in ("slow_after", "drop_after"):
        fault = {"kind": kind, "seconds": 1.0, "path": "/api/message/text/"}
        indoor_desk.phone.control("POST", "faults", fault)
    indoor_desk.phone.control("POST", "switches", {"echo_delay_s": 0.0})
    written = indoor_desk.reply(conversation, "perhaps")
    indoor_desk.kill("router")
    key = f"m{written['id']}:0"
    state = "select state from journal where key = ?"

    def is_known() -> bool:
        return indoor_desk.rows(state, key) == [("unconfirmed",)] or bool(
            indoor_desk.sent(number) and indoor_desk.rows(state, key) == [("done",)]
        )

    until(is_known, "the reply being settled or doubted")
    for _ in range(3):
        indoor_desk.customer(indoor_desk.number(), "tick")
    assert len(indoor_desk.sent(number)) <= 1


def test_two_transports_at_once_make_no_doubles(indoor_desk: Desk) -> None:
    """The socket stands, and Chatwoot calls the webhook besides."""
    number, conversation = indoor_desk.meet("in")
    [(key, inbox)] = indoor_desk.rows("select webhook_key, inbox_id from integration")
    url = f"{indoor_desk.bridge.base_url}/hooks/chatwoot/{key}"
    indoor_desk.api("PATCH", f"inboxes/{inbox}", {"channel": {"webhook_url": url}})
    texts = [f"out {index}" for index in range(6)]
    for text in texts:
        indoor_desk.reply(conversation, text)
    indoor_desk.gets(number, *texts)
    indoor_desk.settled(number)
    indoor_desk.gets(number, *texts)
    indoor_desk.api("PATCH", f"inboxes/{inbox}", {"channel": {"webhook_url": ""}})


def test_a_gateways_event_through_both_transports_arrives_once(desk: Desk) -> None:
    """The same event by webhook, and once more by whoever replays it."""
    number, conversation = desk.meet("in")
    sent = desk.customer(number, "once")
    desk.shows(conversation, "in", "once")
    party = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": number}
    data = {
        "id": sent["id"],
        "direction": "incoming",
        "timestamp": now(),
        "chat": {**party, "type": "private"},
        "sender": party,
        "message": {"type": "text", "content": "once", "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    desk.customer(number, "then")
    desk.shows(conversation, "in", "once", "then")


# -- the doors themselves --------------------------------------------------------------------------


def test_a_webhook_that_chatwoot_did_not_sign_is_answered_and_ignored(desk: Desk) -> None:
    number, conversation = desk.meet("in")
    [(key, inbox)] = desk.rows("select webhook_key, inbox_id from integration")
    body = {
        "event": "message_created",
        "id": 999_999,
        "content": "forged",
        "message_type": "outgoing",
        "private": False,
        "conversation": {"id": conversation},
        "inbox": {"id": inbox},
    }
    answer = requests.post(
        f"{desk.bridge.base_url}/hooks/chatwoot/{key}", data=json.dumps(body), timeout=10
    )
    assert answer.status_code == 200
    desk.reply(conversation, "genuine")
    desk.gets(number, "genuine")


def test_chatwoot_is_answered_200_whatever_it_sends(desk: Desk) -> None:
    [(key,)] = desk.rows("select webhook_key from integration")
    for raw in (b"", b"[]", b"{", b'{"event": 7}', b"\xff\xfe", b'{"event":"message_created"}'):
        url = f"{desk.bridge.base_url}/hooks/chatwoot/{key}"
        assert requests.post(url, data=raw, timeout=10).status_code == 200


def test_a_gateways_call_without_its_secret_is_refused(desk: Desk) -> None:
    [(key,)] = desk.rows("select hook_key from instance where hook_key is not null")
    url = f"{desk.bridge.base_url}/hooks/gateway/{key}"
    body = {"event": "message.exchange", "data": {}}
    assert requests.post(url, json=body, timeout=10).status_code == 401
    wrong = {"Authorization": "Bearer guess"}
    assert requests.post(url, json=body, headers=wrong, timeout=10).status_code == 401
    unknown = f"{desk.bridge.base_url}/hooks/gateway/unknown"
    assert requests.post(unknown, json=body, timeout=10).status_code == 404
