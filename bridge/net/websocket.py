"""WebSockets to others: opened under the rules of `bridge.net.http`, with a heartbeat of their own.

Nothing of the other side is unbounded: the answer to the opening, a frame, the sum and number of a
message's fragments (RFC 6455 section 10.4), and the time in which each of them comes.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

import websocket

from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed, Http

#: How often we ask whether the other side is still there, and how long it may stay silent, in s.
PING_S = 20.0
SILENCE_S = 60.0
_SEND_S = 10.0
#: Largest message, in bytes: events name files, they do not carry them.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
#: Most fragments of a message; each costs a copy of those before it.
MAX_FRAGMENTS = 256
#: Largest answer to the opening, head and body, in bytes.
MAX_OPENING_BYTES = 64 * 1024
#: How long a message may be under way once it has begun, in seconds.
MESSAGE_S = 60.0
#: RFC 6455 section 5.5.
_MAX_CONTROL_BYTES = 125


class HandshakeRefused(Exception):
    """The other side answered the opening request with something else than a WebSocket."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        super().__init__(f"HTTP {status}")


class SocketEnded(Exception):
    """The connection is over; the text is the short cause."""


class _Bounded:
    """A socket that gives at most `most` bytes, and nothing more of a message that was `begun_at`
    a time too long ago (monotonic seconds; 0 while none has begun)."""

    def __init__(self, sock: socket.socket, most: float) -> None:
        self._sock = sock
        self.most, self.begun_at = most, 0.0

    def recv(self, size: int) -> bytes:
        if self.most <= 0:
            raise websocket.WebSocketProtocolException("more than is wanted")
        if self.begun_at and time.monotonic() - self.begun_at > MESSAGE_S:
            raise websocket.WebSocketProtocolException("a message that does not end")
        piece = self._sock.recv(size)
        self.begun_at = self.begun_at or time.monotonic()
        self.most -= len(piece)
        return piece

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


class _Frames(websocket.frame_buffer):
    """Refuses a frame by its length, before its content is read."""

    def recv_length(self) -> None:
        super().recv_length()
        is_control = self.header is not None and self.header[4] >= websocket.ABNF.OPCODE_CLOSE
        if (self.length or 0) > (_MAX_CONTROL_BYTES if is_control else MAX_MESSAGE_BYTES):
            raise websocket.WebSocketProtocolException("the frame is too large")


class _Fragments(websocket.continuous_frame):
    """Refuses a message whose fragments become too many or too much."""

    count = size = 0

    def add(self, frame: websocket.ABNF) -> None:
        self.count, self.size = self.count + 1, self.size + len(frame.data)
        if self.count > MAX_FRAGMENTS or self.size > MAX_MESSAGE_BYTES:
            raise websocket.WebSocketProtocolException("the message is too large")
        super().add(frame)
        if frame.fin:
            self.count = self.size = 0


class WebSocket:
    """One open connection; for one thread. Closes itself at the end of its `with` block."""

    def __init__(self, http: Http, url: str, *, deadline: Deadline, **headers: str) -> None:
        """Opens it. Raises CallFailed or HandshakeRefused; all of it within the deadline."""
        sock = http.dial(url, deadline=deadline)
        # A timeout would start anew with each byte of the answer; the deadline does not.
        cut = threading.Timer(deadline.remaining(), _shut, (sock,))
        cut.daemon = True
        cut.start()
        self._socket = websocket.WebSocket(enable_multithread=False, skip_utf8_validation=False)
        self._socket.frame_buffer = _Frames(self._socket._recv, skip_utf8_validation=False)
        self._socket.cont_frame = _Fragments(fire_cont_frame=False, skip_utf8_validation=False)
        self._bounded = _Bounded(sock, MAX_OPENING_BYTES)
        self._socket.settimeout(max(deadline.remaining(), 0.001))
        try:
            self._socket.connect(  # type: ignore[no-untyped-call]
                url.replace("http", "ws", 1) if url.startswith("http") else url,
                socket=self._bounded,
                header=[f"{name.replace('_', '-')}: {value}" for name, value in headers.items()],
                suppress_origin=True,
            )
        except websocket.WebSocketBadStatusException as refusal:
            _close(sock)
            given = (refusal.resp_headers or {}).items()
            headers = {name.lower(): str(value) for name, value in given}
            raise HandshakeRefused(refusal.status_code, headers, refusal.resp_body or b"") from None
        except (websocket.WebSocketException, OSError, ValueError) as error:
            _close(sock)
            cause = "i/o timeout" if not deadline.remaining() else f"EOF ({type(error).__name__})"
            raise CallFailed("GET", url, cause, sent=True) from None
        finally:
            cut.cancel()
        # From here on each message is bounded.
        self._bounded.most, self._bounded.begun_at = float("inf"), 0.0
        self._heard_at = self._pinged_at = time.monotonic()

    def receive(self, timeout_s: float) -> str | None:
        """The next text; None when none came in that time. Raises SocketEnded.

        Answers pings, and sends our own: call it again within `PING_S`, or the silence goes unseen.
        """
        ends_at = time.monotonic() + timeout_s
        while True:
            now = time.monotonic()
            if now - self._heard_at > SILENCE_S:
                raise SocketEnded("no sign of life")
            if now - self._pinged_at >= PING_S:
                self._pinged_at = now
                self._do(self._socket.ping)
            wait_s = min(ends_at, self._pinged_at + PING_S) - now
            frame = self._frame(max(wait_s, 0.001))
            if frame is not None:
                return frame
            if time.monotonic() >= ends_at:
                return None

    def send(self, text: str) -> None:
        """Sends one text. Raises SocketEnded."""
        self._do(lambda: self._socket.send(text))

    def close(self) -> None:
        """Says goodbye without waiting for an answer."""
        with contextlib.suppress(websocket.WebSocketException, OSError):
            self._socket.settimeout(1.0)
            self._socket.send_close()
        with contextlib.suppress(websocket.WebSocketException, OSError):
            self._socket.shutdown()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frame(self, wait_s: float) -> str | None:
        """The text of the next frame; None for a frame without one, or when none came."""
        try:
            self._socket.settimeout(wait_s)
            opcode, frame = self._socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise SocketEnded(type(error).__name__) from None
        self._heard_at = time.monotonic()
        self._bounded.begun_at = 0.0
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise SocketEnded("closed by the other side")
        if opcode not in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            return None
        return bytes(frame.data).decode("utf-8", "replace")

    def _do(self, action: Callable[[], object]) -> None:
        try:
            self._socket.settimeout(_SEND_S)
            action()
        except (websocket.WebSocketException, OSError) as error:
            raise SocketEnded(type(error).__name__) from None


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.close()
