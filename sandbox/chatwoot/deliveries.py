"""Delivers webhooks as Chatwoot's jobs do: in parallel, once, without any promised order."""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import re
import socket
import ssl
import uuid
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from sandbox.chatwoot.jobs import Jobs
from sandbox.chatwoot.options import Options
from sandbox.chatwoot.progress import Progress, stops_at
from sandbox.chatwoot.records import Json
from sandbox.chatwoot.versions import Trait, fitted

_log = logging.getLogger(__name__)

_WORKERS = 10
_LARGEST_ANSWER = 40 * 1024 * 1024
_MOST_REDIRECTS = 10
_REST_CLIENT = "rest-client/2.1.0 (linux-gnu x86_64) ruby/3.3.8p144"
#: What Ruby's URI.parse takes for an address: no blank, no letter outside of ASCII.
_URI = re.compile(r"[!#-;=?-\[\]_a-z~%]+")
_SSL = "SSL_connect returned=1 errno=0 peeraddr={} state="
_REDIRECTS = (301, 302, 303, 307, 308)


class DeliveryFailed(Exception):
    """The webhook was not accepted; the text is what Chatwoot shows as external_error."""


@dataclass(frozen=True)
class Hook:
    """Where to, signed with which secret (empty: unsigned), and what to do on failure."""

    url: str
    secret: str
    failed: Callable[[str], None] = lambda reason: None


class Deliveries:
    """A small pool of threads that builds bodies late and posts them."""

    def __init__(self, options: Callable[[], Options], jobs: Jobs) -> None:
        self._options = options
        self._jobs = jobs
        self._pool = ThreadPoolExecutor(_WORKERS)

    def send(self, event: str, hook: Hook, build: Callable[[], Json | None]) -> None:
        """Queue a webhook. `build` makes the body when a worker gets to it; None drops it."""
        if not stops_at(Progress.MOVED):
            deliver = partial(self._deliver, hook, build, str(uuid.uuid4()))
            self._jobs.run(event, partial(self.submit, deliver), is_webhook=True)

    def submit(self, job: Callable[[], None]) -> None:
        def work() -> None:
            try:
                job()
            except Exception:
                # A worker outlives whatever one job does, such as meeting a deleted row.
                _log.exception("a webhook job failed")

        self._pool.submit(work)

    def _deliver(self, hook: Hook, build: Callable[[], Json | None], delivery_id: str) -> None:
        body = build()
        if body is None:
            return
        options = self._options()
        body = fitted(options.version, body)
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        # Rails escapes these three, so a signature only fits the raw bytes.
        raw = raw.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "Ruby" if options.has(Trait.RUBY_AGENT) else _REST_CLIENT,
            "Accept-Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
        }
        if options.has(Trait.DELIVERY_ID):
            headers["X-Chatwoot-Delivery"] = delivery_id
        if hook.secret:
            stamp = str(int(options.now()))
            mac = hmac.new(hook.secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256)
            headers["X-Chatwoot-Timestamp"] = stamp
            headers["X-Chatwoot-Signature"] = f"sha256={mac.hexdigest()}"
        try:
            self._post(hook.url, raw, headers)
        except DeliveryFailed as error:
            hook.failed(str(error))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        options, target = self._options(), url
        for _ in range(_MOST_REDIRECTS):
            answer, location = _post_once(target, body, headers, options)
            if answer.startswith("2"):
                return
            follows = int(answer[:3]) in _REDIRECTS and options.has(Trait.REDIRECTS)
            if not follows or not location:
                raise DeliveryFailed(answer)
            target = urljoin(target, location)
        raise DeliveryFailed(f"Got {_MOST_REDIRECTS} redirects fetching {url}")


def _post_once(
    url: str, body: bytes, headers: dict[str, str], options: Options
) -> tuple[str, str | None]:
    """Post once: "status reason", and where it redirects to. DeliveryFailed has Ruby's words."""
    parts = _parsed(url)
    host, port = parts.hostname or "", parts.port
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    try:
        found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    except OSError:
        raise DeliveryFailed(f"Could not resolve hostname '{host}'") from None
    addresses = [str(entry[4][0]) for entry in found]
    if options.blocks_private and not any(map(_is_public, addresses)):
        raise DeliveryFailed(f"Hostname '{host}' has no public ip addresses")
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = headers | {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=options.webhook_timeout_s)
    try:
        _connect(connection, f"{addresses[0]}:{port}")
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        response = connection.getresponse()
        _read_body(response)
    except TimeoutError:
        raise DeliveryFailed("Net::ReadTimeout with #<TCPSocket:(closed)>") from None
    except http.client.RemoteDisconnected:
        raise DeliveryFailed("end of file reached") from None
    except ConnectionResetError:
        raise DeliveryFailed("Connection reset by peer") from None
    except http.client.BadStatusLine as error:
        raise DeliveryFailed(f"wrong status line: {json.dumps(str(error).strip())}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryFailed(str(error) or type(error).__name__) from None
    finally:
        connection.close()
    return f"{response.status} {response.reason}", response.headers.get("Location")


def _parsed(url: str) -> SplitResult:
    if not _URI.fullmatch(url):
        raise DeliveryFailed(f"bad URI (is not URI?): {json.dumps(url)}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DeliveryFailed("scheme must be http or https")
    return parts


def _connect(connection: http.client.HTTPConnection, where: str) -> None:
    address, _, port = where.rpartition(":")
    try:
        connection.connect()
    except TimeoutError:
        raise DeliveryFailed(
            f"Failed to open TCP connection to {where} (execution expired)"
        ) from None
    except ssl.SSLCertVerificationError as error:
        reason = f"error: certificate verify failed ({error.verify_message})"
        raise DeliveryFailed(f"{_SSL.format(where)}{reason}") from None
    except ssl.SSLError as error:
        reason = (error.reason or "").replace("_", " ").lower()
        state = f"SSLv3/TLS write client hello: {reason}"
        raise DeliveryFailed(f"{_SSL.format(where)}{state}") from None
    except ConnectionRefusedError:
        raise DeliveryFailed(
            f"Failed to open TCP connection to {where} (Connection refused - connect(2) "
            f'for "{address}" port {port})'
        ) from None


def _read_body(response: http.client.HTTPResponse) -> None:
    """Read the answer's body, unpacked; of a success, a body that is cut short will do."""
    packed = response.headers.get("Content-Encoding") in ("gzip", "deflate")
    unpack = zlib.decompressobj(wbits=47).decompress if packed else bytes
    size = 0
    try:
        while chunk := response.read(1 << 16):
            size += len(unpack(chunk))
            if size > _LARGEST_ANSWER:
                raise DeliveryFailed(f"exceeded {_LARGEST_ANSWER} bytes")
    except zlib.error:
        raise DeliveryFailed("incorrect header check") from None
    except (ConnectionError, http.client.IncompleteRead):
        if not 200 <= response.status < 300:
            raise


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast
