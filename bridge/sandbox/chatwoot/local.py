"""Who may use the agent page and the control API: this machine, and no foreign web page."""

import ipaddress
from urllib.parse import urlsplit

from flask import request

from bridge.sandbox.chatwoot.answers import Refusal


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_strangers() -> None:
    """Refuse other machines, foreign host names (DNS rebinding) and foreign origins (CSRF)."""
    host = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(request.remote_addr or "") or not is_loopback(host):
        raise Refusal(403, {"error": "The sandbox is steered from this machine only"})
    origin = request.headers.get("Origin")
    if origin not in (None, f"{request.scheme}://{request.host}"):
        raise Refusal(403, {"error": f"The page at {origin} may not steer the sandbox"})
