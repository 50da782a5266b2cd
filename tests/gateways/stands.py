"""The far side of each gateway, told what to do in the same words for all.

A new gateway needs a class like `RyzeStand` here and a row in `STANDS`; the suite in
`test_contract.py` then runs against it.
"""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.domain.models import GatewayConfig, Secret
from bridge.gateways.base import Gateway
from bridge.gateways.ryzeapi.gateway import RyzeApi
from bridge.net.http import Http
from tests.sandbox_phone.phone_client import PhoneServer, Receiver

#: The people and the group that every stand knows, as WhatsApp addresses them.
JOAO, JOAO_LID = "5511988887777@s.whatsapp.net", "100000000000001@lid"
FAMILY = "120363000000000001@g.us"
NOBODY = "5511955554444@s.whatsapp.net"


class RyzeStand:
    """RyzeAPI's contract, spoken by the sandbox phone in a process of its own."""

    shapes = ("live", "catalogue")
    token = "sandbox-gateway-token"
    instance = "sandbox-phone"

    def __init__(self, folder: Path) -> None:
        self._phone = PhoneServer(folder / "phone.db")

    def stop(self) -> None:
        self._phone.stop()

    def reset(self) -> None:
        self._phone.control("reset", {})

    def gateway(self, *, token: str = "", instance: str = "", base_url: str = "") -> Gateway:
        """The adapter under test, with its own good settings or the given bad ones."""
        place = GatewayConfig("ryzeapi", base_url or self._phone.url, Secret(token or self.token))
        return RyzeApi(instance or self.instance, place, Http())

    def speak(self, shape: str) -> None:
        """From now on events have this one of `shapes`."""
        self._phone.control("switches", {"shape": shape})

    def customer(self, kind: str, file: bytes | None = None, **said: Any) -> str:
        """João does something on his phone; the id of it."""
        body = {"chat": JOAO, "kind": kind, **said}
        if file is not None:
            body["media_base64"] = base64.b64encode(file).decode()
        return str(self._phone.control("customer", body)["id"])

    def owner(self, text: str) -> str:
        """The owner of the number types on the paired phone."""
        return str(self._phone.owner(text=text)["id"])

    def renames(self, group: str, name: str) -> None:
        self._phone.control("group-flow", {"group": group, "type": "name", "name": name})

    def reads(self, *ids: str) -> None:
        """João has read these."""
        self._phone.control("receipts", {"chat": JOAO, "ids": list(ids), "status": "read"})

    def connect(self, is_connected: bool) -> None:
        state = "connected" if is_connected else "disconnected"
        self._phone.control("state", {"state": state})

    def media_is_late(self, tries: int) -> None:
        self._phone.control("switches", {"media_not_yet": tries})

    def arrived(self, chat: str = JOAO) -> list[dict[str, Any]]:
        """What came to WhatsApp from our side: id, kind, text, content, quote, source, file."""
        found = [one for one in self._phone.messages(chat) if one["from_me"]]
        for one in found:
            one["file"] = one["media"] and self._phone.session.get(one["media"]["url"]).content
        return found

    def seen_ids(self) -> set[str]:
        """The customer's messages that were marked as read."""
        return {one["id"] for one in self._phone.messages() if one["status"] == "read"}

    def fault(self, kind: str, **how: Any) -> None:
        self._phone.fault(kind, path="/api/", **how)

    def calls(self) -> list[dict[str, Any]]:
        """The requests so far: method and path."""
        found: list[dict[str, Any]] = self._phone.control("requests")["requests"]
        return found

    def sockets(self) -> int:
        """How many sockets of the instance are open."""
        (instance,) = self._phone.control("instances")["instances"]
        return int(instance["sockets"])

    def hang_up(self) -> None:
        self._phone.control("sockets/hang-up", {})

    def refuse_sockets(self) -> None:
        """The next attempt to open a socket is answered with 503."""
        self._phone.fault("status", path="/ws/", status=503)

    def doubles(self) -> None:
        """The next webhook comes twice."""
        self._phone.fault("webhook_double")


#: By the kind in `bridge.gateways.GATEWAYS`.
STANDS: dict[str, Callable[[Path], RyzeStand]] = {"ryzeapi": RyzeStand}

__all__ = ["FAMILY", "JOAO", "JOAO_LID", "NOBODY", "STANDS", "Receiver", "RyzeStand"]
