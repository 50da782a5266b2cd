"""WebSockets of others are bounded: the opening, each frame, a message of many frames, its time."""

import base64
import contextlib
import hashlib
import resource
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.net import websocket
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed, Http
from bridge.net.websocket import HandshakeRefused, SocketEnded, WebSocket

MEGABYTE = 2**20
Talk = Callable[[socket.socket], object]
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode: int, length: int, *, fin: bool = True) -> bytes:
    """The head of a frame; its content follows."""
    first = bytes([opcode | (0x80 if fin else 0)])
    if length < 126:
        return first + bytes([length])
    if length < 2**16:
        return first + b"\x7e" + struct.pack(">H", length)
    return first + b"\x7f" + struct.pack(">Q", length)


def _request(sock: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        said += sock.recv(4096)
    return said


def opened(talk: Talk) -> Talk:
    """Takes the opening, then talks."""

    def answer(sock: socket.socket) -> None:
        lines = _request(sock).split(b"\r\n")
        key = next(one[19:] for one in lines if one.lower().startswith(b"sec-websocket-key: "))
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        sock.sendall(
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        talk(sock)

    return answer


@contextlib.contextmanager
def server(answer: Talk) -> Iterator[str]:
    """An address where each connection is answered so."""

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with contextlib.suppress(OSError), sock:
                    answer(sock)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/ws"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def sends(*pieces: bytes, times: int = 1) -> Talk:
    """Sends that so often, and waits for the other side to go."""

    def talk(sock: socket.socket) -> None:
        for _ in range(times):
            for piece in pieces:
                sock.sendall(piece)
        while sock.recv(4096):
            pass

    return talk


def next_text(ours: WebSocket) -> str:
    """Waits until one comes, or the connection ends."""
    while (text := ours.receive(5)) is None:
        pass
    return text


BIG = b"a" * MEGABYTE
HOSTILE = {
    "a frame of 48 MB": sends(frame(1, 48 * MEGABYTE), *[BIG] * 48),
    "a frame that claims 2^62 bytes": sends(frame(2, 2**62), *[BIG] * 64),
    "a message of many large fragments": sends(
        frame(1, MEGABYTE, fin=False), BIG, *[frame(0, MEGABYTE, fin=False), BIG] * 40
    ),
    "a message of endless small fragments": sends(
        frame(1, 1, fin=False) + b"a", *[b"\x00\x01a"] * 5000
    ),
    "a message of endless empty fragments": sends(frame(2, 0, fin=False), b"\x00\x00" * 5000),
    "a ping of a megabyte": sends(frame(9, MEGABYTE), BIG),
    "a pong of a megabyte": sends(frame(10, MEGABYTE), BIG),
    "a goodbye of a megabyte": sends(frame(8, MEGABYTE), BIG),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_too_much_ends_the_connection_unread(what: str) -> None:
    with server(opened(HOSTILE[what])) as url:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with WebSocket(Http(), url, deadline=Deadline(10)) as ours, pytest.raises(SocketEnded):
            next_text(ours)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 3 * websocket.MAX_MESSAGE_BYTES // 1024


def answers(head: bytes, piece: bytes, times: int) -> Talk:
    """Takes the opening, sends the head and then the piece so often."""

    def talk(sock: socket.socket) -> None:
        _request(sock)
        sock.sendall(head)
        for _ in range(times):
            sock.sendall(piece)

    return talk


OPENINGS = {
    "a head without an end": answers(b"", b"a: b\r\n" * 1000, 1000),
    "a line without an end": answers(b"", BIG, 64),
    "a refusal of a gigabyte": answers(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1073741824\r\n\r\n", BIG, 1024
    ),
}


@pytest.mark.parametrize("what", OPENINGS)
def test_an_opening_that_does_not_end_is_no_opening(what: str) -> None:
    with server(OPENINGS[what]) as url, pytest.raises((CallFailed, HandshakeRefused)):
        WebSocket(Http(), url, deadline=Deadline(10))


def test_a_message_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MESSAGE_S", 0.5)
    stop = threading.Event()

    def drip(sock: socket.socket) -> None:
        sock.sendall(frame(1, 10_000))
        while not stop.wait(0.05):
            sock.sendall(b"a")

    with server(opened(drip)) as url:
        with WebSocket(Http(), url, deadline=Deadline(10)) as ours, pytest.raises(SocketEnded):
            next_text(ours)
        stop.set()


def test_what_is_large_but_bounded_arrives_whole() -> None:
    talk = sends(
        frame(1, 8 * MEGABYTE),
        *[BIG] * 8,
        frame(1, 3, fin=False),
        b"one",
        frame(9, 4),
        b"ping",
        frame(0, 4),
        b" two",
    )
    with server(opened(talk)) as url, WebSocket(Http(), url, deadline=Deadline(10)) as ours:
        assert len(next_text(ours)) == 8 * MEGABYTE
        assert next_text(ours) == "one two"


def test_sockets_that_end_however_leave_no_descriptor_and_no_thread() -> None:
    def count() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    def refuse(sock: socket.socket) -> None:
        _request(sock)
        sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    ways: list[Talk] = [
        lambda sock: None,
        _request,
        lambda sock: sock.sendall(b"nonsense\r\n\r\n"),
        refuse,
        opened(lambda sock: sock.sendall(frame(8, 0))),
        opened(lambda sock: sock.sendall(frame(3, 0))),
        opened(HOSTILE["a frame that claims 2^62 bytes"]),
    ]
    http = Http()

    def all_ways() -> None:
        for way in ways:
            with (
                server(way) as url,
                contextlib.suppress(CallFailed, HandshakeRefused, SocketEnded),
                WebSocket(http, url, deadline=Deadline(10)) as ours,
            ):
                ours.receive(5)
        with contextlib.suppress(CallFailed):
            WebSocket(http, "http://127.0.0.1:9/ws", deadline=Deadline(1))

    all_ways()
    before = count()
    for _ in range(5):
        all_ways()
    after = count()
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 1
