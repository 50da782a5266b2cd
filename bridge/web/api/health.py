"""What machines ask: does it live, can it work, how is it doing.

/healthz and /readyz tell nobody more than that; /metrics is guarded.
"""

import threading
import time
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from bridge.domain.errors import BridgeError
from bridge.domain.urls import is_loopback
from bridge.operations import metrics
from bridge.store.vault import same, token_hash
from bridge.web.api.auth import presented
from bridge.web.pages import rate_limits, services

ops = Blueprint("ops", __name__)
_plain = partial(Response, mimetype="text/plain")

#: Seconds for which an answer of /readyz is reused: a probe writes to the disk; anybody may ask.
_FRESH_S = 5.0
#: Headers that a reverse proxy adds: who came through one does not sit at this machine.
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@ops.get("/healthz")
def health() -> Response:
    """The process lives. `id` says whose it is, for `doctor`."""
    return jsonify(status="ok", id=services().installation_id)


@ops.get("/readyz")
def ready() -> tuple[Response, int]:
    """It can store and deliver messages: 200, or 503 with what cannot."""
    probe: _Probe = current_app.extensions["ready_probe"]
    state = probe.look()
    return jsonify(state), 200 if state["ready"] else 503


@ops.get("/metrics")
def numbers() -> Response:
    """Prometheus's text format; for the bearer of BRIDGE_METRICS_TOKEN, or for this machine."""
    wanted = services().settings.metrics_token
    if wanted:
        if not same(token_hash(presented(request)), token_hash(wanted)):
            buckets = rate_limits()
            if not buckets.take(buckets.guesses, "guess", request.remote_addr or "").granted:
                return _plain("too many wrong tokens, wait a minute\n", 429)
            refused = _plain("send BRIDGE_METRICS_TOKEN as the bearer token\n", 401)
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
    elif not _is_here():
        refusal = "only from this machine; set BRIDGE_METRICS_TOKEN to read it from others\n"
        return _plain(refusal, 403)
    return Response(metrics.exposition(services()), content_type=metrics.CONTENT_TYPE)


def register(app: Flask) -> None:
    """Adds the three addresses."""
    app.extensions["ready_probe"] = _Probe()
    app.register_blueprint(ops)


class _Probe:
    """Looks at most once in a while, whoever asks and however often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._state: dict[str, Any] = {}

    def look(self) -> dict[str, Any]:
        """What /readyz answers."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._state = _state()
                self._until = time.monotonic() + _FRESH_S
            return self._state


def _state() -> dict[str, Any]:
    writable, oldest_s, now = True, 0.0, services().clock()
    try:
        services().store.set_meta("ready_at", str(int(now)))
        oldest = [row.oldest_at for row in services().stats.all() if row.oldest_at]
        oldest_s = max(now - min(oldest), 0.0) if oldest else 0.0
    except BridgeError:
        writable = False
    alive = services().router_alive
    return {
        "ready": writable and alive,
        "database": "writable" if writable else "not writable",
        "router": "alive" if alive else "no sign of life",
        "oldest_waiting_seconds": round(oldest_s, 1),
    }


def _is_here() -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(request.remote_addr or "")
