"""The pretend WhatsApp serves several gateways side by side; a further one is a dialect alone."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Blueprint, Response, request
from werkzeug.serving import make_server

from sandbox.gateways.ryzeapi.dialect import RyzeApi
from sandbox.kit.settings import Settings
from sandbox.whatsapp import chats
from sandbox.whatsapp.app import create_sandbox_phone
from sandbox.whatsapp.dialect import Call, Dialect, Event, Happening, MessagePosted
from sandbox.whatsapp.instances import Instance, Subscription
from sandbox.whatsapp.message import Draft
from sandbox.whatsapp.phone import EXTENSION, the_phone
from tests.sandbox_phone.phone_client import ACCOUNT, JOAO, TOKEN, Receiver, eventually

routes = Blueprint("telex", __name__, url_prefix="/telex")


@routes.post("/<name>")
def send(name: str) -> str:
    phone = the_phone()
    instance = phone.instances.get(name)
    assert instance
    draft = Draft("text", {"text": request.get_data(as_text=True)}, source="telex")
    return chats.post(phone, instance, phone.directory.meet(JOAO), None, draft).id


class Telex(Dialect):
    """A gateway of a few words: `IN text` and `OUT text`."""

    kind = "telex"
    paths = ("/telex/",)
    sends = "^/telex/"
    routes = routes
    events = ("telex",)

    def reset(self) -> None:
        self.switches = Settings()

    def encode(self, instance: Instance, happening: Happening) -> Iterator[Event]:
        if isinstance(happening, MessagePosted):
            way = "OUT" if happening.message.from_me else "IN"
            yield Event("telex", {"line": f"{way} {happening.message.text}"})

    def frame(self, instance: Instance, event: str, data: str, media: str | None) -> str:
        return data

    def call(
        self, instance: Instance, webhook: Subscription, event: str, data: str, media: str | None
    ) -> Call:
        return Call(webhook.url, {"X-Telex": instance.name}, data.encode(), repeats=False)

    def refusal(self, status: int, message: str = "") -> Response:
        return Response(f"STOP {status}", status)


@pytest.fixture
def address() -> Iterator[str]:
    """Where a phone with two gateways is."""
    app = create_sandbox_phone(None, (RyzeApi, Telex))
    app.extensions[EXTENSION].deliveries.start()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_each_instance_speaks_through_its_own_gateway(address: str, receiver: Receiver) -> None:
    def control(path: str, body: Any = None) -> Any:
        url = f"{address}/sandbox/api/{path}"
        return (requests.post(url, json=body) if body else requests.get(url)).json()

    hello = control("hello")
    assert hello["gateways"] == ["ryzeapi", "telex"]
    instances = {one["gateway"]: one for one in control("instances")["instances"]}
    assert instances["ryzeapi"]["name"] == hello["instance"]
    telex = instances["telex"]["name"]
    hook = {"enabled": True, "url": receiver.url}
    path = f"/api/events/webhook/{hello['instance']}"
    assert requests.post(address + path, json=hook, headers=TOKEN).ok
    # To RyzeAPI an instance of another gateway is none.
    for token in (ACCOUNT["token"], instances["telex"]["token"]):
        url = f"{address}/api/events/webhook/{telex}"
        assert requests.post(url, json=hook, headers={"token": token}).status_code in (401, 404)

    control("customer", {"chat": JOAO, "text": "to the first"})
    assert eventually(lambda: len(receiver.requests) == 1)
    assert receiver.requests[0]["body"]["data"]["message"]["content"] == "to the first"

    sent = requests.post(f"{address}/telex/{telex}", data="hello")
    assert [one["id"] for one in control(f"messages?instance={telex}")["messages"]] == [sent.text]
    assert requests.get(f"{address}/telex/nowhere/else").text == "STOP 404"
    control("faults", {"kind": "status", "status": 503, "path": "^/telex/"})
    assert requests.post(f"{address}/telex/{telex}", data="lost").text == "STOP 503"


def test_events_leave_in_the_words_of_the_dialect(address: str, receiver: Receiver) -> None:
    app = create_sandbox_phone(None, (RyzeApi, Telex))
    phone = app.extensions[EXTENSION]
    phone.deliveries.start()
    phone.instances.save_webhook("sandbox-telex", "any", Subscription(True, receiver.url))
    body = {"instance": "sandbox-telex", "chat": JOAO, "text": "hi"}
    assert app.test_client().post("/sandbox/api/customer", json=body).status_code == 200
    eventually(lambda: receiver.requests)
    assert receiver.requests[0]["headers"]["X-Telex"] == "sandbox-telex"
    assert json.dumps(receiver.requests[0]["body"]) == '{"line": "IN hi"}'

    receiver.answer = lambda request: 500
    raw = {"instance": "sandbox-telex", "event": "telex", "data": {"line": "RAW"}}
    assert app.test_client().post("/sandbox/api/events", json=raw).status_code == 200
    report = app.test_client().get
    eventually(lambda: report("/sandbox/api/deliveries").get_json()["counts"].get("dead") == 1)
    assert [request["body"]["line"] for request in receiver.requests] == ["IN hi", "RAW"]
