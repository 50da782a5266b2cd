"""Routing's client against a sandbox Chatwoot, over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from bridge.chatwoot.account import Account
from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.transport import Transport
from bridge.net.deadline import Deadline
from bridge.net.http import Http
from tests.support.processes import SandboxChatwoot

PHONE = "+5511999990000"
SOURCE = "5511999990000"


class NoClocks:
    """Where nobody asks what Chatwoot's clock shows."""

    def note(self, base_url: str, told: float, *, began: float, ended: float) -> None:
        """Nothing comes of it."""


@dataclass(frozen=True)
class Desk:
    """An inbox at the sandbox, and whoever works at it."""

    sandbox: SandboxChatwoot
    inbox_id: int
    http: Http

    def account(self) -> Account:
        """A client of the bridge for what an activation asks."""
        known: dict[str, Any] = {
            "token": SandboxChatwoot.admin,
            "account_id": 1,
            "clocks": NoClocks(),
        }
        return Account(Transport(self.http, self.sandbox.base_url, deadline=Deadline(20), **known))

    def client(self, seconds: float = 20, **changes: Any) -> Chatwoot:
        """A client of the bridge."""
        known: dict[str, Any] = {
            "token": SandboxChatwoot.admin,
            "account_id": 1,
            "wait": lambda _: None,
        }
        inbox_id = changes.pop("inbox_id", self.inbox_id)
        base_url = changes.pop("base_url", self.sandbox.base_url)
        more: dict[str, Any] = {"clocks": NoClocks(), "deadline": Deadline(seconds)}
        return Chatwoot(Transport(self.http, base_url, **(more | known | changes)), inbox_id)

    def api(self, method: str, path: str, json: object = None) -> Any:
        """A call as any other user of Chatwoot would make it; its body."""
        answer = requests.request(
            method,
            f"{self.sandbox.base_url}/api/v1/accounts/1{path}",
            json=json,
            headers={"api-access-token": SandboxChatwoot.admin},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def calls(self) -> list[tuple[str, str]]:
        """The calls that the sandbox saw since the desk was made, without our own look at it."""
        return [(one["method"], one["path"]) for one in self.sandbox.requests()]


@pytest.fixture
def new_desk(sandbox: SandboxChatwoot) -> Callable[..., Desk]:
    """Makes a desk; `options` are the inbox's."""
    http = Http()

    def make(**options: object) -> Desk:
        inbox = requests.post(
            f"{sandbox.base_url}/api/v1/accounts/1/inboxes",
            json={"name": "WhatsApp", "channel": {"type": "api"}, **options},
            headers={"api-access-token": SandboxChatwoot.admin},
            timeout=30,
        )
        inbox.raise_for_status()
        sandbox.control("DELETE", "requests")
        return Desk(sandbox, inbox.json()["id"], http)

    return make


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Desk:
    return new_desk()


@pytest.fixture
def chat(desk: Desk) -> tuple[Chatwoot, int]:
    """A client and the number of a conversation with one contact."""
    client = desk.client()
    contact = client.contacts.create(name="João", phone=PHONE, source_id=SOURCE)
    return client, client.conversations.create(contact, SOURCE, "open").id
