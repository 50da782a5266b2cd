"""Instances and their events: docs/contracts/ryzeapi.md, Instances, Webhooks and Socket."""

import queue
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

import simple_websocket
from flask import Blueprint, Response, request

from sandbox.gateways.ryzeapi import access
from sandbox.gateways.ryzeapi.wire import (
    INSTANCE_NOT_FOUND,
    Body,
    Json,
    Refusal,
    reject_body,
    success,
)
from sandbox.whatsapp import chats, qr
from sandbox.whatsapp.instances import EVENTS, MAX_ENABLED_WEBHOOKS, Instance, Socket, Webhook

routes = Blueprint("instances", __name__)

OPTIONS = (
    "autoRejectCalls", "callRejectMessage", "ignoreGroupMessages", "keepOnlineStatus",
    "autoReadMessages", "disableHistorySync", "ignoreStatus",
)  # fmt: skip


@routes.post("/api/instance/new")
def new() -> tuple[Json, int]:
    access.account()
    body = Body.parse(request.get_data())
    name, token = body.text("name"), body.text("token") or secrets.token_urlsafe(24)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise reject_body("name must be 1 to 100 letters, digits, - or _")
    options = {key: body.fields[key] for key in OPTIONS if body.has(key)}
    instances = access.the_phone().instances
    if instances.create(name, token, options) is None:
        raise Refusal(409, "Instance name or token already exists")
    if body.boolean("webhookEnabled"):
        instances.save_webhook(name, _webhook(body, "default", prefix="webhook"))
    if body.boolean("websocketEnabled"):
        events = _events(body.texts("websocketEvents"))
        socket = Socket(True, events, body.boolean("websocketMediaBase64"))
        instances.change(name, socket=socket)
    created = instances.get(name)
    assert created is not None  # noqa: S101 - created three lines above
    return success("Instance created", instance=described(created)), 201


@routes.get("/api/instance/list")
def listing() -> Json:
    owner = access.account_or_owner()
    found = [owner] if owner else access.the_phone().instances.all()
    wanted = [name for name in request.args.get("instanceName", "").split(",") if name]
    if wanted and owner is None:
        found = [each for each in found if each.name in wanted]
        if len(wanted) == 1 and not found:
            raise Refusal(404, INSTANCE_NOT_FOUND)
    count = len(found)
    message = "1 Instance found" if count == 1 else f"{count} Instances found"
    return success(message, instances=[described(each) for each in found])


@routes.delete("/api/instance/delete/<name>")
def delete(name: str) -> Json:
    access.account()
    access.instance(name)
    phone = access.the_phone()
    phone.courier.forget(name)
    phone.hub.hang_up(name)
    phone.instances.delete(name)
    phone.pulse.rise()
    return success("Instance deleted", instance={"status": "deleted"})


@routes.get("/api/instance/connect/<name>")
def connect(name: str) -> Json:
    """A QR code or, with `?number=`, a pairing code; the phone page is what "scans" it."""
    found = access.instance(name)
    if found.connected:
        raise Refusal(400, "Instance is already connected")
    phone = access.the_phone()
    if found.state != "connecting":
        chats.set_state(phone, found, "connecting")
    if request.args.get("number"):
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ123456789"
        code = "".join(secrets.choice(alphabet) for _ in range(8))
        return success("Pairing code generated", pairingCode=code)
    return success("QR code generated", qrCodeBase64=qr.data_url(name))


def described(instance: Instance) -> Json:
    """An item of the list (docs/contracts/ryzeapi.md, Instances)."""
    state = "loggedout" if instance.state == "logged_out" else instance.state
    webhook, socket = instance.webhooks.get("default"), instance.socket or Socket(False)
    settings = {key: instance.options.get(key, False) for key in OPTIONS}
    return {
        "name": instance.name,
        "token": instance.token,
        "status": state,
        "connection": {
            "state": state, "numberJid": instance.jid or None,
            "presenceStatus": "available" if instance.connected else "unavailable",
            "displayStatus": state.capitalize(),
        },
        "profile": {
            "name": instance.profile, "pictureUrl": None, "isBusiness": False, "businessName": "",
        },
        "webhook": (webhook or Webhook("default", False)).as_json(),
        "websocket": socket.as_json(),
        "chatwoot": {"enabled": False},
        "proxy": {"enabled": False},
        "settings": settings | {"callRejectMessage": settings["callRejectMessage"] or ""},
        "s3": {"enabled": False},
    }  # fmt: skip


@routes.post("/api/events/webhook/<name>")
def set_webhook(name: str) -> Json:
    found = access.instance(name)
    body = Body.parse(request.get_data())
    webhook = _webhook(body, body.text("label") or "default")
    phone = access.the_phone()
    if not phone.instances.save_webhook(name, webhook):
        raise Refusal(400, f"At most {MAX_ENABLED_WEBHOOKS} enabled webhooks per instance")
    phone.courier.wake()
    stored = (phone.instances.get(name) or found).webhooks[webhook.label]
    return success("Webhook configured", webhook=stored.as_json())


@routes.get("/api/events/getWebhook/<name>")
@routes.get("/api/events/webhook/<name>")
def get_webhook(name: str) -> Json:
    hooks = access.instance(name).webhooks
    label = request.args.get("label")
    if label is None:
        return success(f"{len(hooks)} webhooks found",
                       webhooks=[each.as_json() for each in hooks.values()])  # fmt: skip
    found = hooks.get(label or "default")
    if found is None:
        raise Refusal(404, "Webhook not found")
    return success("Webhook found", webhook=found.as_json())


@routes.post("/api/events/websocket/<name>")
def set_websocket(name: str) -> Json:
    access.instance(name)
    body = Body.parse(request.get_data())
    socket = Socket(
        body.boolean("enabled"), _events(body.texts("events")), body.boolean("mediaBase64")
    )
    access.the_phone().instances.change(name, socket=socket)
    return success("WebSocket configured", websocket=socket.as_json())


@routes.get("/api/events/getWebsocket/<name>")
def get_websocket(name: str) -> Json:
    socket = access.instance(name).socket
    if socket is None:
        raise Refusal(404, "WebSocket not configured for this instance")
    return success("WebSocket found", websocket=socket.as_json())


class Hijacked(Response):
    """The end of a request whose connection has become a WebSocket: nothing more is written."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if "gunicorn.socket" in environ:
            raise StopIteration
        return super().__call__(environ, start_response)


@routes.route("/ws/<name>", websocket=True)
@routes.get("/ws/<name>")
def websocket(name: str) -> Response:
    """Frames with the envelope of the webhooks, from now on and for as long as it stays open."""
    found = access.instance(name, in_query=True)
    if found.socket is None or not found.socket.enabled:
        raise Refusal(400, "WebSocket is not enabled for this instance. Configure it first using"
                           f" POST /api/events/websocket/{name}")  # fmt: skip
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        raise Refusal(400, "WebSocket upgrade expected")
    hub = access.the_phone().hub
    listener = hub.join(name)
    try:
        link = simple_websocket.Server.accept(request.environ, ping_interval=25)
        while link.connected:
            try:
                frame = listener.frames.get(timeout=0.5)
            except queue.Empty:
                continue
            if frame is None:
                link.close()
                break
            link.send(frame)
    except (simple_websocket.ConnectionClosed, simple_websocket.ConnectionError, OSError):
        pass  # the other side has gone: what it missed is lost, as the contract says
    finally:
        hub.leave(listener)
    return Hijacked()


def _webhook(body: Body, label: str, prefix: str = "") -> Webhook:
    """Read a webhook; inline in `instance/new` its fields carry the prefix `webhook`."""

    def key(name: str) -> str:
        if not prefix:
            return name
        return prefix + ("URL" if name == "url" else name[0].upper() + name[1:])

    webhook = Webhook(
        label, body.boolean(key("enabled")), body.text(key("url")),
        body.text(key("authorization")) or None, body.boolean(key("byEvents")),
        _events(body.texts(key("events"))), body.boolean(key("mediaBase64")),
    )  # fmt: skip
    parts = urlsplit(webhook.url)
    if webhook.enabled and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise reject_body("url must be an http or https address")
    return webhook


def _events(names: list[str]) -> tuple[str, ...]:
    for name in names:
        if name not in EVENTS:
            raise reject_body(f"unknown event {name}")
    return tuple(names)
