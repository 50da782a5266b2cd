"""What "try it with the sandbox" fills in: both sandboxes are asked over HTTP, as anybody may."""

from dataclasses import asdict
from typing import Any

from bridge.activation import checks
from bridge.domain.errors import N_, BridgeError
from bridge.domain.models import Secret
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed
from bridge.services import Services

_HELLO_S = 5.0


class SandboxSilent(BridgeError, code="sandbox_silent", status=502, retryable=True):
    """The sandbox is switched on, yet nobody answers there."""

    sentence = N_("The sandbox does not answer at {url}")
    remedy = N_("Wait a moment and try again, or look at the log of the bridge.")


def answers(services: Services) -> dict[str, Any]:
    """The wizard's answers for the sandbox Chatwoot, and a suggestion for the instance.

    Raises SandboxSilent, or what the checks of address and token raise.
    """
    chatwoot = _hello(services.settings.sandbox_url, services)
    base_url, token = str(chatwoot["base_url"]), Secret(chatwoot["token"])
    found = checks.probe_address(base_url, services)
    owner = checks.probe_token(base_url, token, services)
    return {
        "base_url": base_url,
        "version": found.version,
        "account_id": int(chatwoot["account_id"]),
        "token": token,
        "owner": asdict(owner),
        "suggested": _instance(services),
    }


def _instance(services: Services) -> dict[str, Any]:
    """The sandbox phone's instance; without that sandbox, a name alone."""
    try:
        phone = _hello(services.settings.sandbox_phone_url, services)
    except SandboxSilent:
        return {"name": "sandbox"}
    gateway = {"kind": "ryzeapi", "base_url": phone["base_url"], "token": phone["token"]}
    return {"name": phone["instance"], "gateway": gateway}


def _hello(base_url: str, services: Services) -> dict[str, Any]:
    try:
        answer = services.http.call(
            "GET", f"{base_url}/sandbox/api/hello", deadline=Deadline(_HELLO_S)
        )
    except CallFailed as error:
        raise SandboxSilent(url=base_url, detail=error.detail) from None
    if "product" not in answer.object:
        raise SandboxSilent(url=base_url)
    return answer.object
