"""Delivers webhooks as Chatwoot's background workers do: in parallel, once, within 5 seconds.

No order is promised and nothing is retried (chatwoot.md section 7.4).
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import queue
import random
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from bridge.sandbox.chatwoot.faults import Faults
from bridge.sandbox.chatwoot.jobs import Jobs
from bridge.sandbox.chatwoot.options import Options
from bridge.sandbox.chatwoot.records import Json
from bridge.sandbox.chatwoot.stages import Stage, stops_at
from bridge.sandbox.chatwoot.versions import Trait, fitted

_log = logging.getLogger(__name__)

_WORKERS = 10
_LARGEST_ANSWER = 40 * 1024 * 1024
_MOST_REDIRECTS = 10
_REST_CLIENT = "rest-client/2.1.0 (linux-gnu x86_64) ruby/3.3.8p144"
_REDIRECTS = (301, 302, 303, 307, 308)


class DeliveryFailed(Exception):
    """The webhook was not accepted; the text is what Chatwoot shows as external_error."""


@dataclass(frozen=True)
class Hook:
    """Where to, signed with which secret (empty: unsigned), and what to do on failure."""

    url: str
    secret: str
    failed: Callable[[str], None]


class Deliveries:
    """A small pool of threads that builds bodies late and posts them."""

    def __init__(self, options: Callable[[], Options], faults: Faults, jobs: Jobs) -> None:
        self._options = options
        self._queue = jobs
        self._faults = faults
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def send(self, event: str, hook: Hook, build: Callable[[], Json | None]) -> None:
        """Queue a webhook. `build` makes the body when a worker gets to it; None drops it."""
        if not stops_at(Stage.MOVED):
            self._queue.run(event, lambda: self._send(event, hook, build))

    def _send(self, event: str, hook: Hook, build: Callable[[], Json | None]) -> None:
        if self._faults.strike("webhook_lost", path=event):
            return
        times = 2 if self._faults.strike("webhook_double", path=event) else 1
        wait_s = 0.0
        if fault := self._faults.strike("webhook_delay", path=event):
            wait_s += fault.seconds
        shuffle = self._faults.strike("webhook_shuffle", path=event)
        delivery_id = str(uuid.uuid4())
        for _ in range(times):
            jitter_s = random.uniform(0, shuffle.seconds) if shuffle else 0.0  # noqa: S311
            self.later(wait_s + jitter_s, lambda: self._deliver(hook, build, delivery_id))

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Run a job on the pool after some seconds."""
        if len(self._threads) < _WORKERS:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        if seconds <= 0:
            self._jobs.put(job)
            return
        timer = threading.Timer(seconds, self._jobs.put, (job,))
        timer.daemon = True
        timer.start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:
                # A worker outlives whatever one job does, such as meeting a deleted row.
                _log.exception("a webhook job failed")

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
        }
        if options.has(Trait.DELIVERY_ID):
            headers["X-Chatwoot-Delivery"] = delivery_id
        if hook.secret:
            stamp = str(int(time.time()))
            mac = hmac.new(hook.secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256)
            headers["X-Chatwoot-Timestamp"] = stamp
            headers["X-Chatwoot-Signature"] = f"sha256={mac.hexdigest()}"
        try:
            self._post(hook.url, raw, headers)
        except DeliveryFailed as error:
            hook.failed(str(error))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        options = self._options()
        for _ in range(_MOST_REDIRECTS + 1):
            status, location = _post_once(url, body, headers, options)
            if 200 <= status < 300:
                return
            if status not in _REDIRECTS or not location or not options.has(Trait.REDIRECTS):
                raise DeliveryFailed(f"{status} {http.client.responses.get(status, '')}".strip())
            url = urljoin(url, location)
        raise DeliveryFailed(f"Too many redirects (maximum is {_MOST_REDIRECTS})")


def _post_once(
    url: str, body: bytes, headers: dict[str, str], options: Options
) -> tuple[int, str | None]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise DeliveryFailed(f"bad URI: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise DeliveryFailed(f"bad URI (is not http): {url}")
    if options.blocks_private and _only_private(host):
        raise DeliveryFailed(f"Hostname '{host}' has no public ip addresses")
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = headers | {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=options.webhook_timeout_s)
    path = parts.path or "/"
    try:
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        response = connection.getresponse()
        if len(response.read(_LARGEST_ANSWER + 1)) > _LARGEST_ANSWER:
            raise DeliveryFailed("Response body too large")
    except TimeoutError:
        raise DeliveryFailed("Timed out reading data from server") from None
    except socket.gaierror as error:
        raise DeliveryFailed(
            f"Failed to open TCP connection to {host}:{connection.port} "
            f"(getaddrinfo: {error.strerror})"
        ) from None
    except ConnectionRefusedError:
        raise DeliveryFailed(
            f"Failed to open TCP connection to {host}:{connection.port} "
            f'(Connection refused - connect(2) for "{host}" port {connection.port})'
        ) from None
    except ssl.SSLError as error:
        raise DeliveryFailed(f"SSL_connect returned=1 errno=0 state=error: {error}") from None
    except http.client.RemoteDisconnected:
        raise DeliveryFailed("end of file reached") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryFailed(str(error) or type(error).__name__) from None
    finally:
        connection.close()
    return response.status, response.headers.get("Location")


def _only_private(host: str) -> bool:
    """Whether every address of the host is private or reserved. Unknown hosts fail later."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return False
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return not any(address.is_global and not address.is_multicast for address in addresses)
