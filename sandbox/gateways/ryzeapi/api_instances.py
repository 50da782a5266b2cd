"""Instances and their events: docs/contracts/ryzeapi.md, Instances, Webhooks and Socket."""

import re
import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Response, request

from sandbox.gateways.ryzeapi import access
from sandbox.gateways.ryzeapi.access import routes
from sandbox.gateways.ryzeapi.wire import (
    EVENTS,
    INSTANCE_NOT_FOUND,
    Refusal,
    reject_body,
    success,
)
from sandbox.kit.body import Body, Json
from sandbox.whatsapp import chats, qr
from sandbox.whatsapp.instances import Instance, Subscription
from sandbox.whatsapp.phone import the_phone

MAX_ENABLED_WEBHOOKS = 3
OPTIONS = (
    "autoRejectCalls", "callRejectMessage", "ignoreGroupMessages", "keepOnlineStatus",
    "autoReadMessages", "disableHistorySync", "ignoreStatus",
)  # fmt: skip


@routes.post("/api/instance/new")
def new() -> tuple[Json, int]:
    access.account()
    body = access.body()
    name, token = body.text("name"), body.text("token") or secrets.token_urlsafe(24)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise reject_body("name must be 1 to 100 letters, digits, - or _")
    options = {key: body.fields[key] for key in OPTIONS if body.has(key)}
    webhooks, socket = {}, None
    if body.boolean("webhookEnabled"):
        webhooks["default"] = _webhook(body, prefix="webhook")
    if body.boolean("websocketEnabled"):
        socket = _socket(body, prefix="websocket")
    created = Instance(name, token, "ryzeapi", options=options, socket=socket, webhooks=webhooks)
    if not the_phone().instances.create(created):
        raise Refusal(409, "Instance name or token already exists")
    return success("Instance created", instance=described(created)), 201


@routes.get("/api/instance/list")
def listing() -> Json:
    owner = access.account_or_owner()
    found = [owner] if owner else access.mine()
    wanted = [name for name in request.args.get("instanceName", "").split(",") if name]
    if wanted and owner is None:
        found = [each for each in found if each.name in wanted]
        if len(wanted) == 1 and not found:
            raise Refusal(404, INSTANCE_NOT_FOUND)
    count = len(found)
    message = "1 Instance found" if count == 1 else f"{count} Instances found"
    return success(message, instances=[described(each) for each in found])


@routes.delete("/api/instance/delete/<name>")
def delete_instance(name: str) -> Json:
    access.account()
    access.instance(name)
    phone = the_phone()
    phone.deliveries.forget(name)
    phone.sockets.hang_up(name)
    phone.instances.delete(name)
    phone.pulse.rise()
    return success("Instance deleted", instance={"status": "deleted"})


@routes.get("/api/instance/connect/<name>")
def connect(name: str) -> Json:
    """A QR code or, with `?number=`, a pairing code; the phone page is what "scans" it."""
    found = access.instance(name)
    if found.connected:
        raise Refusal(400, "Instance is already connected")
    phone = the_phone()
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
    webhook, socket = instance.webhooks.get("default"), instance.socket
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
        "webhook": _shown_webhook("default", webhook or Subscription()),
        "websocket": _shown_socket(socket or Subscription()),
        "chatwoot": {"enabled": False},
        "proxy": {"enabled": False},
        "settings": settings | {"callRejectMessage": settings["callRejectMessage"] or ""},
        "s3": {"enabled": False},
    }  # fmt: skip


@routes.post("/api/events/webhook/<name>")
def set_webhook(name: str) -> Json:
    """A disabled webhook keeps its label and loses everything else
    (docs/contracts/ryzeapi.md, Webhooks)."""
    hooks = access.instance(name).webhooks
    body, phone = access.body(), the_phone()
    label, webhook = body.text("label") or "default", _webhook(body)
    others = sum(hook.enabled for other, hook in hooks.items() if other != label)
    if webhook.enabled and others >= MAX_ENABLED_WEBHOOKS:
        raise Refusal(400, f"At most {MAX_ENABLED_WEBHOOKS} enabled webhooks per instance")
    phone.instances.save_webhook(name, label, webhook)
    phone.deliveries.wake()
    return success("Webhook configured", webhook=_shown_webhook(label, webhook))


@routes.get("/api/events/getWebhook/<name>")
@routes.get("/api/events/webhook/<name>")
def get_webhook(name: str) -> Json:
    hooks = access.instance(name).webhooks
    label = request.args.get("label")
    if label is None:
        shown = [_shown_webhook(each, hook) for each, hook in hooks.items()]
        return success(f"{len(hooks)} webhooks found", webhooks=shown)
    label = label or "default"
    if label not in hooks:
        raise Refusal(404, "Webhook not found")
    return success("Webhook found", webhook=_shown_webhook(label, hooks[label]))


@routes.post("/api/events/websocket/<name>")
def set_websocket(name: str) -> Json:
    access.instance(name)
    socket = _socket(access.body())
    the_phone().instances.change(name, socket=socket)
    return success("WebSocket configured", websocket=_shown_socket(socket))


@routes.get("/api/events/getWebsocket/<name>")
def get_websocket(name: str) -> Json:
    socket = access.instance(name).socket
    if socket is None:
        raise Refusal(404, "WebSocket not configured for this instance")
    return success("WebSocket found", websocket=_shown_socket(socket))


@routes.route("/ws/<name>", websocket=True)
@routes.get("/ws/<name>")
def websocket(name: str) -> Response:
    """Frames with the envelope of the webhooks, from now on and for as long as it stays open."""
    socket = access.instance(name, in_query=True).socket
    if socket is None or not socket.enabled:
        raise Refusal(400, "WebSocket is not enabled for this instance. Configure it first using"
                           f" POST /api/events/websocket/{name}")  # fmt: skip
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        raise Refusal(400, "WebSocket upgrade expected")
    return the_phone().sockets.serve(name)


def _webhook(body: Body, prefix: str = "") -> Subscription:
    """Read a webhook; inline in `instance/new` its fields carry the prefix `webhook`."""
    if not body.boolean(_key(prefix, "enabled")):
        return Subscription()
    url = body.text("webhookURL" if prefix else "url")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise reject_body("url must be an http or https address")
    own = {
        "authorization": body.text(_key(prefix, "authorization")) or None,
        "byEvents": body.boolean(_key(prefix, "byEvents")),
    }
    return replace(_socket(body, prefix), url=url, options=own)


def _socket(body: Body, prefix: str = "") -> Subscription:
    events = tuple(body.texts(_key(prefix, "events")))
    if unknown := set(events) - set(EVENTS):
        raise reject_body(f"unknown event {min(unknown)}")
    with_media = body.boolean(_key(prefix, "mediaBase64"))
    return Subscription(body.boolean(_key(prefix, "enabled")), "", events, with_media)


def _key(prefix: str, name: str) -> str:
    return prefix + name[0].upper() + name[1:] if prefix else name


def _shown_webhook(label: str, webhook: Subscription) -> Json:
    return {
        "label": label,
        "enabled": webhook.enabled,
        "url": webhook.url,
        "authorization": webhook.options.get("authorization"),
        "byEvents": webhook.options.get("byEvents", False),
        "events": list(webhook.events),
        "mediaBase64": webhook.media_base64,
    }


def _shown_socket(socket: Subscription) -> Json:
    return {
        "enabled": socket.enabled,
        "events": list(socket.events),
        "mediaBase64": socket.media_base64,
    }
