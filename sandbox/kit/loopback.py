"""Who may steer a pretend server: this machine, and no foreign web page."""

import ipaddress
from urllib.parse import urlsplit

from flask import request


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def stranger() -> str | None:
    """Why the current request may not steer: another machine, a foreign host name (DNS
    rebinding), a foreign origin (CSRF). None when it may."""
    host = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(request.remote_addr or "") or not is_loopback(host):
        return "The sandbox is steered from this machine only"
    origin = request.headers.get("Origin")
    if origin not in (None, f"{request.scheme}://{request.host}"):
        return f"The page at {origin} may not steer the sandbox"
    return None
