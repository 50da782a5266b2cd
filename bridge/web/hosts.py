"""Which names a browser may call us by.

A page that another site has made its own name lead to (DNS rebinding) is asked for by that name. So
where the public address is known, the pages answer to it, to addresses in numbers and to names of
the own network; the API and the hooks ask for a secret and answer to any well-formed name.
"""

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response

from bridge.config.settings import Settings
from bridge.web.api import bodies
from bridge.web.paths import is_api

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: RFC 3986 section 3.2.2, as far as HTTP uses it: a name or an IPv4 address, or an IPv6 address in
#: brackets; then perhaps a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?")
_MALFORMED = "the Host header is malformed"
_NOT_OURS = (
    "this is not a name of this bridge - open it by BRIDGE_PUBLIC_URL, "
    "or add the name to BRIDGE_HOSTS"
)


class Hosts:
    def __init__(self, settings: Settings, others: "WSGIApplication") -> None:
        self._others = others
        self._names = {name.lower() for name in (*settings.hosts, settings.host)}
        for url in (settings.public_url, settings.gateway_url):
            self._names.add((urlsplit(url).hostname or "").lower())
        self._is_known = bool(settings.public_url)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        wrong = self._wrong_with(environ)
        if not wrong:
            return self._others(environ, start_response)
        plain = Response(f"{wrong}\n", 400, mimetype="text/plain")
        refusal = bodies.error(400, wrong) if is_api(environ["PATH_INFO"]) else plain
        refusal.headers["X-Content-Type-Options"] = "nosniff"
        refusal.headers["Cache-Control"] = "no-store"
        return refusal(environ, start_response)

    def _wrong_with(self, environ: "WSGIEnvironment") -> str:
        given = environ.get("HTTP_HOST")
        if given is None:
            return ""  # HTTP/1.0; nothing is built from it
        match = _HOST.fullmatch(given)
        if match is None or int(match[3] or 0) > 65535 or not _is_address(match[1] or "::"):
            return _MALFORMED
        name = (match[1] or match[2]).lower().rstrip(".")
        if not name:
            return _MALFORMED
        is_open = (
            not self._is_known or is_api(environ["PATH_INFO"]) or environ["PATH_INFO"] in _PROBES
        )
        return "" if is_open or name in self._names or _is_near(name) else _NOT_OURS


#: Asked for by machines, under whatever name they know; they say nothing to keep.
_PROBES = {"/healthz", "/readyz", "/metrics"}


def _is_near(name: str) -> bool:
    """An address, or a name that no public name server gives out."""
    return "." not in name or name.endswith(".localhost") or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
