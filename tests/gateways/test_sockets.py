"""WebSockets: deadlines, silence, and the rules for addresses."""

import base64
import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.net import websocket
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed, Http
from bridge.net.websocket import HandshakeRefused, SocketEnded, WebSocket

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """serve(action) gives the address of a server that does `action(connection, request)` once."""
    servers = []

    def start(action: Any) -> str:
        server = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            connection, _ = server.accept()
            # The client is done when it has seen what it wanted, and may leave in the middle.
            with connection, contextlib.suppress(ConnectionError):
                action(connection, connection.recv(65536))

        thread = threading.Thread(target=run)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.getsockname()[1]}/ws/x"

    yield start
    for server, thread in servers:
        thread.join(10)
        server.close()


def accept(connection: Any, request: bytes) -> None:
    key = next(
        line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    proof = base64.b64encode(hashlib.sha1(key.split()[1] + MAGIC).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


def test_texts_come_and_nothing_is_none(serve: Any) -> None:
    def action(connection: Any, request: bytes) -> None:
        assert b"token: secret\r\n" in request
        assert b"Origin" not in request
        accept(connection, request)
        connection.sendall(b"\x81\x03one")
        time.sleep(0.3)
        connection.sendall(b"\x01\x02tw")  # in two fragments
        connection.sendall(b"\x80\x01o\x88\x00")

    with WebSocket(Http(), serve(action), deadline=Deadline(5), token="secret") as opened:
        assert opened.receive(5) == "one"
        assert opened.receive(0.05) is None
        assert opened.receive(5) == "two"
        with pytest.raises(SocketEnded, match="closed"):
            opened.receive(5)


def test_a_silent_server_is_given_up(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "PING_S", 0.05)
    monkeypatch.setattr(websocket, "SILENCE_S", 0.3)

    def action(connection: Any, request: bytes) -> None:
        accept(connection, request)
        while connection.recv(65536):
            pass

    began = time.monotonic()
    opened = WebSocket(Http(), serve(action), deadline=Deadline(5))
    with opened, pytest.raises(SocketEnded, match="sign of life"):
        opened.receive(5)
    assert time.monotonic() - began < 2


def test_answered_pings_keep_it_open(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "PING_S", 0.05)
    monkeypatch.setattr(websocket, "SILENCE_S", 0.3)

    def action(connection: Any, request: bytes) -> None:
        accept(connection, request)
        while connection.recv(65536):
            connection.sendall(b"\x8a\x00")

    with WebSocket(Http(), serve(action), deadline=Deadline(5)) as opened:
        assert opened.receive(1) is None


def test_a_handshake_that_drips_ends_at_the_deadline(serve: Any) -> None:
    def action(connection: Any, request: bytes) -> None:
        try:
            for _ in range(100):
                connection.sendall(b"H")
                time.sleep(0.05)
        except OSError:
            pass

    began = time.monotonic()
    with pytest.raises(CallFailed, match="i/o timeout"):
        WebSocket(Http(), serve(action), deadline=Deadline(0.5))
    assert time.monotonic() - began < 2


def test_a_refused_handshake_says_why(serve: Any) -> None:
    def action(connection: Any, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\nX-A: b\r\nContent-Length: 2\r\n\r\nno")

    with pytest.raises(HandshakeRefused) as refused:
        WebSocket(Http(), serve(action), deadline=Deadline(5))
    assert (refused.value.status, refused.value.body) == (400, b"no")
    assert refused.value.headers["x-a"] == "b"


def test_private_addresses_are_not_called_where_that_is_forbidden() -> None:
    with pytest.raises(CallFailed) as failed:
        WebSocket(Http(block_private=True), "ws://127.0.0.1:9/", deadline=Deadline(5))
    assert failed.value.blocked
    assert not failed.value.sent


def test_an_untrusted_certificate_or_no_tls_at_all_is_a_failure(serve: Any) -> None:
    url = serve(lambda connection, request: connection.sendall(b"not TLS at all"))
    with pytest.raises(CallFailed, match="tls") as failed:
        WebSocket(Http(), url.replace("http", "https"), deadline=Deadline(5))
    assert not failed.value.sent
