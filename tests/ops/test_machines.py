"""What machines read: health, readiness, metrics, and the log as JSON."""

import json
import time
from collections.abc import Callable

import requests

from tests.support.api import new_instance
from tests.support.processes import Bridge

Start = Callable[..., Bridge]
TOKEN = "a-token-for-prometheus-0123456789"


def _get(bridge: Bridge, path: str, **headers: str) -> requests.Response:
    return requests.get(bridge.base_url + path, headers=headers, timeout=30)


def _ready(bridge: Bridge, wanted: bool) -> dict[str, object]:
    """The answer of /readyz once it says what is wanted; it stands for some seconds each time."""
    until = time.monotonic() + 60
    while True:
        answer = _get(bridge, "/readyz")
        said: dict[str, object] = answer.json()
        assert answer.status_code == (200 if said["ready"] else 503)
        if said["ready"] is wanted:
            return said
        assert time.monotonic() < until, said
        time.sleep(0.5)


def test_health_says_that_it_lives_and_whose_it_is(shared_bridge: Bridge) -> None:
    answer = _get(shared_bridge, "/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert len(answer.json()["id"]) == 16
    assert "set-cookie" not in answer.headers


def test_readiness_follows_the_router_and_the_database(bridge: Bridge) -> None:
    said = _ready(bridge, True)
    assert said == {
        "ready": True,
        "database": "writable",
        "router": "alive",
        "oldest_waiting_seconds": 0.0,
    }
    # The router's sign of life stops when its process does not run; the parent would restart it.
    beat = bridge.instance_dir / "locks" / "router.beat"
    assert time.time() - beat.stat().st_mtime < 15


def test_metrics_are_for_this_machine_only_without_a_token(shared_bridge: Bridge) -> None:
    instance = new_instance(shared_bridge)
    answer = _get(shared_bridge, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert f'chatwoot_bridge_messages_waiting{{instance="{instance.name}"}} 0.0' in answer.text
    assert "chatwoot_bridge_router_up 1.0" in answer.text
    # Who comes through a reverse proxy on this machine does not sit at it.
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        refused = _get(shared_bridge, "/metrics", **{name: "127.0.0.1"})
        assert refused.status_code == 403
        assert "BRIDGE_METRICS_TOKEN" in refused.text


def test_metrics_want_their_token_where_one_is_set(start_bridge: Start) -> None:
    bridge = start_bridge(BRIDGE_METRICS_TOKEN=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"token": Bridge.account_token}):
        refused = _get(bridge, "/metrics", **headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    answer = _get(bridge, "/metrics", Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert "chatwoot_bridge_build_info{" in answer.text


def test_the_log_can_be_json(start_bridge: Start) -> None:
    bridge = start_bridge(BRIDGE_LOG_FORMAT="json", BRIDGE_LOG_LEVEL="debug")
    _ready(bridge, True)
    bridge.stop()
    lines = [one for one in bridge.log_text().splitlines() if one.startswith("{")]
    said = [json.loads(one) for one in lines]
    assert {"time", "level", "process", "logger", "message"} <= set(said[0])
    assert "routing" in [one["message"] for one in said]
