"""Outgoing calls: the only place that speaks HTTP to others.

Every call has a deadline that holds whatever the other side does, a bound on the answer's size, no
redirects, no proxies or credentials from the environment, and names its failures in short words.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from bridge.domain import texts
from bridge.net import addresses
from bridge.net.deadline import Deadline

CONNECT_S = 10.0
READ_S = 30.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_CHUNK = 64 * 1024


class CallFailed(Exception):
    """No answer came. `sent` is False only where the request surely never left."""

    def __init__(self, method: str, url: str, cause: str, *, sent: bool, blocked: bool = False):
        self.method, self.url, self.cause = method, url, cause
        self.sent, self.blocked = sent, blocked
        super().__init__(self.detail)

    @property
    def detail(self) -> str:
        """`Post "<url>": <os error>`, as docs/contracts/ryzeapi.md, Chatwoot module, has it."""
        return f'{self.method.capitalize()} "{self.url}": {self.cause}'


class AnswerTooLarge(CallFailed):
    """The answer is larger than was allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case; `body` is empty when it was saved to a file.
    `began` is when the request began, in seconds of the monotonic clock."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    began: float = 0.0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The content type without its parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deep") from None

    @property
    def object(self) -> dict[str, Any]:
        """The body as a JSON object, empty for anything else."""
        return texts.json_object(self.body)

    @property
    def date(self) -> float | None:
        """What the server's clock showed (UTC seconds), None where it does not say."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return None

    @property
    def retry_after_s(self) -> float | None:
        """The seconds for which the server wants to be left alone, None where it names none."""
        named = self.headers.get("retry-after", "")
        return float(named) if named.isdecimal() and len(named) < 6 else None

    @property
    def changes(self) -> bool:
        """Whether the request may have changed something; the filters of Chatwoot's API only ask,
        although they are posted."""
        return self.method != "GET" and not self.url.endswith("/filter")


@dataclass(slots=True, eq=False)
class _Call:
    """The call that a thread is making, as its connection must know it."""

    deadline: Deadline
    public_only: bool
    connection: HTTPConnection | None = None
    sent: bool = False
    expired: bool = False
    cause: str = ""
    blocked: bool = False

    def cut(self) -> None:
        """Time is up: the socket is shut, so that a pending read returns at once."""
        self.expired = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own shutdown: it pulls the TLS state from under the reader.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Watch:
    """One thread that cuts the calls whose time is up.

    A read timeout alone does not bound a call: it starts anew with each byte that drips in.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: set[_Call] = set()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    def add(self, call: _Call) -> None:
        with self._changed:
            self._calls.add(call)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif call.deadline.end < self._wakes_at:
                self._changed.notify()

    def remove(self, call: _Call) -> None:
        with self._changed:
            self._calls.discard(call)

    def _run(self) -> None:
        with self._changed:
            while True:
                for call in [call for call in self._calls if not call.deadline.remaining()]:
                    call.cut()
                    self._calls.discard(call)
                now = time.monotonic()
                self._wakes_at = min((call.deadline.end for call in self._calls), default=now + 60)
                self._changed.wait(max(self._wakes_at - now, 0.01))


_current = threading.local()


def _dial(host: str, port: int, call: _Call) -> socket.socket | None:
    """A connection to one of the host's permitted addresses; without one, `call` has the cause."""
    try:
        found = addresses.resolve(host, port, min(CONNECT_S, call.deadline.remaining()))
    except addresses.Unresolved as error:
        call.cause = f"dial tcp: {error}"
        return None
    if call.public_only:
        found = [pair for pair in found if addresses.is_public(pair[1])]
        if not found:
            call.blocked, call.cause = True, f"{host} has no public address"
            return None
    call.cause = f"dial tcp: lookup {host}: no such host"
    for family, address in found:
        shown = f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(max(min(CONNECT_S, call.deadline.remaining()), 0.001))
        try:
            sock.connect((address, port))
        except OSError as error:
            sock.close()
            call.cause = f"dial tcp {shown}: {_os_cause(error, 'connect: ')}"
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call.cause = ""
            return sock
    return None


class _Connecting(HTTPConnection):
    """Opens connections to addresses that were checked, and tells the call what has happened."""

    def _new_conn(self) -> socket.socket:
        call: _Call = _current.call
        host, port = self._dns_host, self.port or self.default_port
        sock = _dial(host, port, call)
        if sock is None:
            raise NewConnectionError(self, call.cause)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        call: _Call = _current.call
        call.connection = self
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        _current.call.sent = True
        super().send(data)


class _TlsConnecting(_Connecting, HTTPSConnection):
    def connect(self) -> None:
        _current.call.connection = self
        super().connect()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connecting


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnecting


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class Http:
    """Makes calls. One object serves all threads; connections are kept open and reused."""

    def __init__(self, *, block_private: bool = False, ca_file: str = "") -> None:
        self._block_private, self._ca_file = block_private, ca_file
        self._watch = _Watch()
        # An open connection to a private address must not serve a call to public ones only.
        self._sessions = {public_only: self._session() for public_only in (False, True)}

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["User-Agent"] = "chatwoot-bridge"
        session.verify = self._ca_file or True
        # Nobody that we call has a use for cookies; storing them would mix the instances.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(pool_connections=32, pool_maxsize=64))
        return session

    def call(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: Any = None,
        public_only: bool = False,
        max_bytes: int = MAX_ANSWER_BYTES,
        read_s: float = READ_S,
        save_to: Path | None = None,
        read_body: bool = True,
    ) -> Answer:
        """One request and its whole answer, whatever its status; redirects are answers too.

        What databases do not take is left out of every text in `json`. `data` may be an iterable
        of bytes with a length: it is sent as it comes. `read_s` is how long the other side may be
        silent. The body of a success goes into the new file `save_to` when that is given, and is
        left unread without `read_body`. Raises CallFailed when no answer came before the deadline.
        """
        call = _Call(deadline, public_only or self._block_private)
        began = time.monotonic()
        _current.call = call
        self._watch.add(call)
        left = max(deadline.remaining(), 0.001)
        try:
            with self._sessions[call.public_only].request(
                method,
                url,
                headers=dict(headers or {}),
                json=None if json is None else texts.clean_json(json),
                data=data,
                timeout=(min(CONNECT_S, left), max(min(read_s, left), 0.001)),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = bytearray()
                with contextlib.ExitStack() as stack:
                    keep: Callable[[bytes], object] = body.extend
                    if save_to is not None and response.status_code in range(200, 300):
                        keep = stack.enter_context(save_to.open("wb")).write
                    size = 0
                    for chunk in response.iter_content(_CHUNK) if read_body else ():
                        size += len(chunk)
                        if size > max_bytes:
                            cause = f"the answer is larger than {max_bytes} bytes"
                            raise AnswerTooLarge(method, url, cause, sent=True)
                        keep(chunk)
                named = {name.lower(): value for name, value in response.headers.items()}
                if call.expired:
                    raise CallFailed(method, url, "i/o timeout", sent=True)
                return Answer(method, url, response.status_code, named, bytes(body), began)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            cause = "i/o timeout" if call.expired else call.cause or _cause(error)
            raise CallFailed(method, url, cause, sent=call.sent, blocked=call.blocked) from None
        finally:
            self._watch.remove(call)

    def dial(self, url: str, *, deadline: Deadline) -> socket.socket:
        """A connection to the host of an http, https, ws or wss address, encrypted for the s ones.

        For protocols that only begin as HTTP; the same rules hold. Raises CallFailed, not sent.
        """
        parts, call = urlsplit(url), _Call(deadline, self._block_private)
        host, is_secure = parts.hostname or "", parts.scheme in ("https", "wss")
        port = parts.port or (443 if is_secure else 80)
        sock = _dial(host, port, call)
        if sock is None:
            raise CallFailed("GET", url, call.cause, sent=False, blocked=call.blocked)
        if not is_secure:
            return sock
        try:
            trusted = ssl.create_default_context(cafile=self._ca_file or DEFAULT_CA_BUNDLE_PATH)
            return trusted.wrap_socket(sock, server_hostname=host)
        except OSError as error:
            sock.close()
            raise CallFailed("GET", url, _cause(error), sent=False) from None


def _os_cause(error: OSError, step: str) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    return f"{step}{(error.strerror or str(error)).lower()}"


def _cause(error: Exception) -> str:
    """The innermost reason of a library's nested exceptions, in short words, without addresses."""
    seen: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in seen:
        seen.append(inner)
        reason = getattr(inner, "reason", None)
        nested = [reason, *inner.args, inner.__cause__, inner.__context__]
        inner = next((cause for cause in nested if isinstance(cause, BaseException)), None)
    for cause in reversed(seen):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"tls: failed to verify certificate: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"tls: {(cause.reason or 'handshake failed').lower().replace('_', ' ')}"
        if isinstance(cause, TimeoutError):
            return "i/o timeout"
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return "read: connection reset by peer"
    words = " ".join(str(cause).lower() for cause in seen)
    if "timed out" in words:
        return "i/o timeout"
    if "remote end closed" in words or "incomplete" in words or "ended prematurely" in words:
        return "EOF"
    return f"malformed HTTP response ({type(seen[-1]).__name__})"
