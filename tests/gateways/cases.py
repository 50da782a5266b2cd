"""Payload files, and the way to read one as the adapter does."""

import json
from pathlib import Path
from typing import Any, TypeVar

from bridge.domain.messages import Event
from bridge.domain.models import GatewayConfig, Secret
from bridge.gateways.base import Received
from bridge.gateways.ryzeapi.gateway import RyzeApi
from bridge.net.http import Http

PAYLOADS = Path(__file__).parents[1] / "payloads" / "ryzeapi"
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
#: A point in time shortly after all payloads, in UTC seconds.
NOW = 1_790_700_000.0
AnyEvent = TypeVar("AnyEvent", bound=Event)
BASE_URL = "https://gateway.example"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found


def adapter() -> RyzeApi:
    return RyzeApi("suporte", GatewayConfig("ryzeapi", BASE_URL, Secret("instance-token")), Http())


def event_of(received: Received, kind: type[AnyEvent]) -> AnyEvent:
    """The event, which must be of this kind."""
    assert isinstance(received.event, kind)
    return received.event


def parsed(body: dict[str, Any], spool: Path) -> list[Received]:
    return adapter().parse(body, now=NOW, spool=spool)
