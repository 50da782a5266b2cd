"""Small words for the tests of the JSON API."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

import requests

from tests.support.processes import Bridge, SandboxChatwoot

LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
MAX_DETAIL = 500


@dataclass(frozen=True)
class Instance:
    """An instance of a running bridge, and its own token."""

    bridge: Bridge
    name: str
    token: str

    def set(self, wish: object, **more: Any) -> requests.Response:
        """POST set with that body."""
        return self.bridge.api("POST", f"/api/chatwoot/set/{self.name}", wish, **more)

    def list(self, **more: Any) -> requests.Response:
        """GET list."""
        return self.bridge.api("GET", f"/api/chatwoot/list/{self.name}", **more)

    def delete(self, **more: Any) -> requests.Response:
        """DELETE delete."""
        return self.bridge.api("DELETE", f"/api/chatwoot/delete/{self.name}", **more)


def new_instance(bridge: Bridge, **fields: Any) -> Instance:
    """An instance with a name of its own, made through the API."""
    name = fields.pop("name", None) or f"test-{secrets.token_hex(6)}"
    answer = bridge.api("POST", "/api/instance/new", {"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return Instance(bridge, name, answer.json()["instance"]["token"])


def wish(chatwoot: SandboxChatwoot | str, **changes: Any) -> dict[str, Any]:
    """The body of `set` that succeeds at the sandbox, with some fields changed or, by None, gone.

    `chatwoot` may be an address instead.
    """
    base_url = chatwoot if isinstance(chatwoot, str) else chatwoot.base_url
    body = {
        "chatwootBaseUrl": base_url,
        "chatwootAccountId": 1,
        "chatwootApiToken": SandboxChatwoot.admin,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def activations(sandbox: SandboxChatwoot) -> list[dict[str, Any]]:
    """The activations that reached the sandbox: nothing else asks for the version."""
    return [one for one in sandbox.requests() if one["path"] == "/api"]


def assert_error(response: requests.Response, status: int, message: str) -> None:
    """The contract's envelope, whole: this status, this sentence, the headers of the rate limit."""
    assert response.status_code == status, response.text
    assert response.json() == {"success": False, "error": {"message": message}}
    assert response.headers["Content-Type"] == "application/json"
    assert_limit_headers(response)
    assert_short(message)


def assert_error_like(response: requests.Response, status: int, pattern: str) -> str:
    """As `assert_error` where the system words a part of the sentence; gives the sentence."""
    message = str(response.json()["error"]["message"])
    assert re.fullmatch(pattern, message), message
    assert_error(response, status, message)
    return message


def assert_limit_headers(response: requests.Response) -> None:
    """The three headers are there and are numbers (docs/contracts/ryzeapi.md, Limits)."""
    for name in LIMIT_HEADERS:
        assert response.headers.get(name, "").isdigit(), (name, dict(response.headers))


def assert_short(message: str) -> None:
    """The cause is bounded, and shows neither a token of the sandbox nor a stack."""
    detail = message.partition("Detail: ")[2]
    assert len(detail) <= MAX_DETAIL
    assert "Traceback" not in message
    for token in ("sandbox-admin-token", "sandbox-agent-token", "sandbox-bot-token"):
        assert token not in message
