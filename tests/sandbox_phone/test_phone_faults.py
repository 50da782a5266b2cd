"""Webhook delivery under failure, selectable faults, WebSocket, and a restart."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from tests.sandbox_phone.phone_client import JOAO, MARIA, TOKEN, PhoneServer, Receiver, eventually


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"]["content"] for event in events]


def test_a_webhook_is_repeated_until_it_is_acknowledged(
    phone: PhoneServer, receiver: Receiver
) -> None:
    refusals = iter([500, 503, 404])
    receiver.answer = lambda request: next(refusals, 200)
    phone.webhook(receiver)
    phone.customer(text="hi")
    assert texts(receiver.wait(4)) == ["hi"] * 4
    eventually(lambda: phone.control("deliveries")["waiting"] == 0)


def test_an_event_waits_for_the_earlier_ones_of_its_chat_and_for_no_other(
    phone: PhoneServer, receiver: Receiver
) -> None:
    failing = {"hi 0": 3}

    def answer(request: dict[str, Any]) -> int:
        text = request["body"]["data"]["message"]["content"]
        if failing.get(text, 0):
            failing[text] -= 1
            return 503
        return 200

    receiver.answer = answer
    phone.webhook(receiver, events=["message.exchange"])
    for number in range(5):
        phone.customer(text=f"hi {number}")
    phone.customer(chat=MARIA, text="other")
    events = receiver.wait(9)
    here = [text for text in texts(events) if text != "other"]
    assert here == ["hi 0"] * 4 + [f"hi {number}" for number in range(1, 5)]
    assert texts(events).index("other") < texts(events).index("hi 1")


def test_events_for_a_listener_that_is_away_wait_for_it(
    phone: PhoneServer, receiver: Receiver
) -> None:
    away = Receiver()
    phone.webhook(away, events=["message.exchange"])
    away.close()
    for number in range(3):
        phone.customer(text=str(number))
    eventually(lambda: phone.control("deliveries")["retrying"])
    phone.webhook(receiver, events=["message.exchange"])
    assert texts(receiver.wait(3)) == ["0", "1", "2"]


def test_no_echo_means_accepted_and_lost(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver)
    phone.fault("no_echo", path="/message/text")
    lost = phone.send(message="lost")
    assert (lost.status_code, lost.json()["status"]) == (200, "sent")
    phone.send(message="found")
    assert texts(receiver.wait()) == ["found"]
    assert [message["text"] for message in phone.messages()] == ["found"]


def test_drop_after_accepts_and_says_nothing(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver)
    phone.fault("drop_after", method="POST", path="/api/message/")
    with pytest.raises(requests.ConnectionError):
        phone.send(message="once", source="mine")
    assert [message["text"] for message in phone.messages()] == ["once"]
    assert receiver.wait()[0]["message"]["source"] == "mine"
    sends = [
        entry["status"]
        for entry in phone.control("requests")["requests"]
        if entry["method"] == "POST" and entry["path"].startswith("/api/message/")
    ]
    assert sends == [0]


def test_drop_before_accepts_nothing(phone: PhoneServer) -> None:
    phone.fault("drop_before", path="/api/message/", times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            phone.send()
    assert phone.messages() == []
    assert phone.send().ok


def test_dropped_and_lost_together_leave_no_trace(phone: PhoneServer) -> None:
    phone.fault("no_echo")
    phone.fault("drop_after")
    with pytest.raises(requests.ConnectionError):
        phone.send()
    assert phone.messages() == []


def test_a_status_fault_has_its_text_and_headers_and_ends(phone: PhoneServer) -> None:
    phone.fault("status", status=503)
    assert phone.send().json()["error"]["message"] == "Instance is not connected to WhatsApp"
    phone.fault("status", status=429, seconds=30, headers={"Retry-After": "30"})
    limited = phone.send()
    assert limited.status_code == 429
    assert limited.headers["Retry-After"] == "30"
    assert limited.headers["X-RateLimit-Remaining"] == "0"
    assert 25 <= int(limited.headers["X-RateLimit-Reset"]) - time.time() <= 31
    assert phone.send().ok
    assert len(phone.messages()) == 1


def test_a_fault_may_aim_at_one_message_and_be_taken_back(phone: PhoneServer) -> None:
    fault = phone.fault("status", body="poison", times=None)
    assert phone.send(message="poison").status_code == 500
    assert phone.send(message="water").ok
    phone.control(f"faults/{fault['id']}", method="DELETE")
    assert phone.send(message="poison").ok


@pytest.mark.parametrize(("kind", "arrived"), [("slow_before", 0), ("slow_after", 1)])
def test_slow_before_and_after_acting(phone: PhoneServer, kind: str, arrived: Any) -> None:
    phone.fault(kind, path="/message/", seconds=0.8)
    with pytest.raises(requests.ReadTimeout):
        phone.call(
            "POST",
            "/api/message/text/sandbox-phone",
            json={"number": JOAO, "message": "hi"},
            timeout=0.3,
        )
    assert len(phone.messages()) == arrived
    eventually(lambda: len(phone.messages()) == 1)


def test_a_webhook_may_come_twice_or_late(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver, events=["message.exchange"])
    phone.fault("webhook_double")
    phone.customer(text="twice")
    assert texts(receiver.wait(2)) == ["twice", "twice"]
    phone.fault("webhook_delay", seconds=0.5)
    before = time.time()
    phone.customer(text="late")
    receiver.wait(3)
    assert time.time() - before > 0.5


def test_webhooks_may_come_in_any_order(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver, events=["message.exchange"])
    phone.fault("webhook_shuffle", seconds=0.5, times=None)
    phone.control("customer", [{"chat": JOAO, "text": str(number)} for number in range(20)])
    found = texts(receiver.wait(20))
    assert sorted(found, key=int) == [str(number) for number in range(20)]
    assert found != sorted(found, key=int)


def test_an_impossible_fault_is_refused(phone: PhoneServer) -> None:
    answer = phone.call("POST", "/sandbox/api/faults", json={"kind": "explode"})
    assert answer.status_code == 400
    answer = phone.call("POST", "/sandbox/api/faults", json={"kind": "status", "path": "("})
    assert answer.status_code == 400


def test_requests_are_remembered_without_their_tokens(
    phone: PhoneServer, receiver: Receiver
) -> None:
    phone.webhook(receiver, authorization="Bearer secret")
    phone.send(message="hi")
    told = phone.control("requests")
    assert told["counts"]["POST /api/message/text"] == 1
    [sent] = [entry for entry in told["requests"] if entry["route"] == "/api/message/text"]
    assert sent["body"]["message"] == "hi"
    assert "secret" not in json.dumps(told)
    assert "sandbox-gateway-token" not in json.dumps(told)
    assert phone.control("requests", method="DELETE")["requests"] == []


# -- WebSocket ---------------------------------------------------------------------------


def connect(phone: PhoneServer, query: str = "") -> Any:
    url = phone.url.replace("http", "ws") + "/ws/sandbox-phone" + query
    return websocket.create_connection(url, header=[] if query else TOKEN, timeout=5)


def test_a_websocket_must_be_enabled_first(phone: PhoneServer) -> None:
    answer = phone.call("GET", "/ws/sandbox-phone")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "WebSocket is not enabled for this instance. Configure it first using"
        " POST /api/events/websocket/sandbox-phone"
    )
    answer = phone.call("GET", "/ws/sandbox-phone", headers={})
    assert answer.json()["error"]["message"] == (
        "Missing token in header, Authorization header, or query parameter"
    )


def test_a_websocket_gets_the_same_envelope(phone: PhoneServer) -> None:
    enabled = {"enabled": True, "events": ["message.exchange"]}
    phone.call("POST", "/api/events/websocket/sandbox-phone", json=enabled)
    link = connect(phone, "?token=sandbox-gateway-token")
    phone.send(message="hi", source="mine")
    frame = json.loads(link.recv())
    assert frame["event"] == "message.exchange"
    assert frame["data"]["message"]["source"] == "mine"
    assert frame["instanceData"]["instance"] == "sandbox-phone"
    link.close()
    phone.customer(text="missed")
    link = connect(phone)
    phone.customer(text="seen")
    assert json.loads(link.recv())["data"]["message"]["content"] == "seen"
    link.close()


def test_a_large_frame_arrives_whole_and_a_hang_up_closes(phone: PhoneServer) -> None:
    phone.call(
        "POST",
        "/api/events/websocket/sandbox-phone",
        json={"enabled": True, "mediaBase64": True},
    )
    link = connect(phone)
    phone.customer(kind="video", media_base64="QUJD" * 500_000, mime="video/mp4")
    assert len(json.loads(link.recv())["data"]["message"]["media"]["base64"]) == 2_000_000
    assert phone.control("sockets/hang-up", {})["closed"] == 1
    assert link.recv() == ""
    link.shutdown()
    eventually(lambda: phone.control("instances")["instances"][0]["sockets"] == 0)


# -- restart -----------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PhoneServer]:
    started = PhoneServer(tmp_path / "phone.db")
    yield started
    started.stop()


def test_messages_settings_and_the_queue_survive_a_kill(server: Any, receiver: Receiver) -> None:
    gone = Receiver()
    server.webhook(gone, events=["message.exchange"])
    gone.close()
    server.control("switches", {"shape": "catalogue"})
    server.control("customer", [{"chat": JOAO, "text": str(number)} for number in range(5)])
    voice = server.customer(kind="voice")
    before = server.messages()
    server.kill()
    server.start()
    assert server.messages() == before
    assert server.control("deliveries")["waiting"] == 6
    assert server.call("GET", voice["media"]["url"].removeprefix(server.url)).ok
    server.webhook(receiver, events=["message.exchange"])
    found = [event["message"]["content"]["text"] for event in receiver.wait(6)]
    assert found == ["0", "1", "2", "3", "4", ""]


def test_it_stops_at_once_although_a_socket_is_open(server: Any) -> None:
    server.call("POST", "/api/events/websocket/sandbox-phone", json={"enabled": True})
    link = connect(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert server.log.read_text() == ""
    assert time.monotonic() - began < 5
    link.close()


def test_a_worker_does_not_outlive_its_parent(server: Any, receiver: Receiver) -> None:
    server.call("POST", "/api/events/websocket/sandbox-phone", json={"enabled": True})
    link = connect(server)
    server.process.kill()
    server.process.wait()
    eventually(lambda: _refused(server.port))
    link.close()
    server.start()
    assert server.send().ok


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_new_customers_and_new_groups_at_once_do_not_block_each_other(phone: PhoneServer) -> None:
    def write(first: Any) -> None:
        with requests.Session() as session:
            for number in range(25):
                action = {"chat": f"34600{first}{number:05}", "text": "hi"}
                assert session.post(f"{phone.url}/sandbox/api/customer", json=action, timeout=20).ok
                group = {"jid": "120363000000000009@g.us", "members": [action["chat"]]}
                assert session.post(f"{phone.url}/sandbox/api/groups", json=group, timeout=20).ok

    threads = [threading.Thread(target=write, args=(first,)) for first in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(phone.control("contacts")["contacts"]) == 3 + 6 * 25


def test_many_sends_at_once_are_all_echoed_in_order(phone: PhoneServer, receiver: Receiver) -> None:
    phone.webhook(receiver, events=["message.exchange"])
    numbers = [JOAO, MARIA]

    def send(number: int) -> None:
        with requests.Session() as session:
            for text in range(100):
                body = {"number": number, "message": str(text)}
                url = phone.url + "/api/message/text/sandbox-phone"
                assert session.post(url, json=body, headers=TOKEN, timeout=20).ok

    threads = [threading.Thread(target=send, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = receiver.wait(200)
    for number in numbers:
        here = [event for event in events if event["chat"]["jid"].startswith(number)]
        assert texts(here) == [str(text) for text in range(100)]
