"""Where Chatwoot and the gateways call us: read, keep, acknowledge; everything else comes later.

Chatwoot marks a message as failed unless it is answered with 200 at once, whatever it sent
(chatwoot.md section 7.4); a gateway repeats what was not acknowledged (ryzeapi.md section 5.2).
"""

import json
import logging
from typing import Any

from flask import Blueprint, Response, current_app, request

from bridge.chatwoot import events
from bridge.errors import BridgeError
from bridge.routing import accept, context
from bridge.services import Services

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")

#: Events may carry files (evolution.md section 7.7); they are bounded all the same, in bytes.
MAX_BYTES = 90 * 1024 * 1024

log = logging.getLogger(__name__)


@hooks.post("/chatwoot/<key>")
def chatwoot(key: str) -> Response:
    """A webhook of a Chatwoot inbox: always 200."""
    services: Services = current_app.extensions["services"]
    raw = request.get_data(cache=False)
    integration = services.integrations.by_webhook_key(key)
    if integration is None:
        return _ok()
    signed = events.verify_signature(
        integration.webhook_secret, dict(request.headers), raw, now=services.clock()
    )
    if not signed:
        log.warning("a webhook for %s was not signed by Chatwoot: passed over", integration.id)
        return _ok()
    try:
        accept.from_chatwoot(integration, events.parse_webhook(_json(raw)), services)
    except BridgeError as error:
        # The router asks Chatwoot for what it missed; the router's own look finds this one too.
        log.error("a webhook for %s could not be kept: %s", integration.id, error.message)
    return _ok()


@hooks.post("/gateway/<key>")
def gateway(key: str) -> tuple[Response, int] | Response:
    """An event of a gateway: 200 once it is kept, 503 to have it repeated."""
    services: Services = current_app.extensions["services"]
    found = services.instances.by_hook_key(key)
    if found is None:
        return Response("unknown address\n", 404, mimetype="text/plain")
    instance, secret = found
    adapter = context.gateway_of(instance, services)
    if adapter is None:
        return Response("no gateway is set for this instance\n", 404, mimetype="text/plain")
    request.max_content_length = MAX_BYTES
    raw = request.get_data(cache=False)
    if not adapter.authorized(dict(request.headers), raw, secret):
        return Response("wrong authorization\n", 401, mimetype="text/plain")
    try:
        received = adapter.parse(_json(raw), now=services.clock(), spool=services.settings.spool)
        accept.from_gateway(instance, received, services)
    except BridgeError as error:
        log.error("an event for %s could not be kept: %s", instance.name, error.message)
        return Response("not kept, send it again\n", 503, mimetype="text/plain")
    return _ok()


def _ok() -> Response:
    return Response("ok\n", 200, mimetype="text/plain")


def _json(raw: bytes) -> dict[str, Any]:
    """The body as an object; what is none becomes an empty one, which means nothing to anybody."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
