"""Clients that are slow, silent or gone take nothing from the others.

Rules: a connection sends its head within ten seconds and its body at a sane rate; a thread never
waits for a client, neither for what it sends nor until it takes its answer.
"""

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from tests.support.api import new_instance
from tests.support.journal import services_of
from tests.support.processes import Bridge

#: More than there are threads.
MANY = 200
_FORM = b"POST /sign-in HTTP/1.1\r\nHost: a\r\n"
_POST = b"POST /hooks/gateway/x HTTP/1.1\r\nHost: a\r\n"
#: What a client may send and then leave lying, by what it is.
UNFINISHED = {
    "nothing": b"",
    "a part of the request line": b"POST /hooks",
    "a part of the head": _POST,
    "a head without its body": _POST + b"Content-Length: 500\r\n\r\n",
    "a part of the body": _POST + b"Content-Length: 500\r\n\r\n{",
    "an invitation awaited": _POST + b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n",
    "a chunk without its end": _POST + b"Transfer-Encoding: chunked\r\n\r\n80\r\n{",
    "chunks without a last one": _POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "trailers without their end": _POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
    "more than a body may hold": _FORM + b"Content-Length: 9999999\r\n\r\n",
    "a second request": b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /heal",
}


@pytest.fixture
def quiet(shared_bridge: Bridge) -> Bridge:
    """Nobody else talks to it meanwhile."""
    return shared_bridge


@contextlib.contextmanager
def connections(bridge: Bridge, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """So many, each of which has sent this much."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", bridge.port), timeout=30)
            stack.enter_context(sock)
            sock.sendall(first)
            held.append(sock)
        yield held


def answers(bridge: Bridge) -> None:
    """Pages, API and hooks answer, more of them at once than one thread could."""
    for _ in range(5):
        assert requests.get(f"{bridge.base_url}/healthz", timeout=5).status_code == 200
        assert bridge.api("GET", "/api/instance/list").status_code == 200
        hook = requests.post(f"{bridge.base_url}/hooks/gateway/nobody", json={}, timeout=5)
        assert hook.status_code == 404


@pytest.mark.parametrize("what", UNFINISHED)
def test_requests_that_are_not_finished_stop_nobody(quiet: Bridge, what: str) -> None:
    with connections(quiet, MANY, UNFINISHED[what]):
        answers(quiet)


def test_dripping_requests_stop_nobody(quiet: Bridge) -> None:
    body = _POST + b"Content-Length: 5000\r\n\r\n"
    with (
        connections(quiet, MANY // 2, _POST) as heads,
        connections(quiet, MANY // 2, body) as bodies,
    ):
        for _ in range(5):
            for sock in heads:
                sock.sendall(b"X-A: b\r\n")
            for sock in bodies:
                sock.sendall(b" ")
            answers(quiet)


def test_clients_that_do_not_take_their_answers_stop_nobody(quiet: Bridge) -> None:
    """Each asks for more than its side of the connection holds, and reads nothing of it."""
    one = b"GET /docs HTTP/1.1\r\nHost: a\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.connect(("127.0.0.1", quiet.port))
            sock.sendall(one * 5)
        answers(quiet)


def closed_within(sock: socket.socket, seconds: float, drip: bytes = b"") -> bytes:
    """What it said until the end, which must come in that time; `drip` is sent every second."""
    until, said = time.monotonic() + seconds, b""
    while time.monotonic() < until:
        ready, _, _ = select.select([sock], [], [], 1.0)
        try:
            if ready:
                piece = sock.recv(4096)
                if not piece:
                    return said
                said += piece
            elif drip:
                sock.sendall(drip)
        except ConnectionError:
            return said
    raise AssertionError(f"still open after {seconds:g} s")


@pytest.mark.slow
def test_what_comes_too_slowly_is_ended(quiet: Bridge) -> None:
    with contextlib.ExitStack() as stack:
        silent, head, dripping_head, dripping_body, chunks = (
            stack.enter_context(connections(quiet, 1, first))[0]
            for first in (
                b"",
                _POST,
                _POST,
                _POST + b"Content-Length: 5000\r\n\r\n",
                _POST + b"Transfer-Encoding: chunked\r\n\r\n",
            )
        )
        assert closed_within(silent, 20) == b""
        assert closed_within(head, 5).startswith(b"HTTP/1.1 408 ")
        assert closed_within(dripping_head, 20, b"A: b\r\n").count(b"HTTP/1.1") <= 1
        assert closed_within(dripping_body, 30, b" ").count(b"HTTP/1.1") <= 1
        assert closed_within(chunks, 10, b"1\r\n \r\n").count(b"HTTP/1.1") <= 1


def test_more_connections_than_there_is_room_for_make_room_for_the_newest(quiet: Bridge) -> None:
    with connections(quiet, 1100, b""):
        answers(quiet)


# -- and whoever is merely large, in pieces or in a hurry is served as ever ----------------------


def talk(bridge: Bridge, *pieces: bytes) -> bytes:
    """What is answered to these pieces, sent one by one, until the connection ends."""
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(0.01)  # so that it leaves as a segment of its own
        said = b""
        while piece := sock.recv(65536):
            said += piece
        return said


_LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def test_a_request_may_come_byte_by_byte(quiet: Bridge) -> None:
    assert talk(quiet, *(bytes([one]) for one in _LAST)).startswith(b"HTTP/1.1 200 ")


def test_requests_may_follow_each_other_unanswered(quiet: Bridge) -> None:
    said = talk(quiet, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + _LAST)
    assert said.count(b"HTTP/1.1 200 ") == 4


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_body_may_come_in_chunks(quiet: Bridge, size: int) -> None:
    head = _POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = f"{size:x};a=b\r\n".encode() + b"x" * size + b"\r\n" if size else b""
    assert talk(quiet, head, chunk, b"0\r\n", b"Trailer: t\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_a_body_that_waits_for_its_invitation_gets_one(quiet: Bridge) -> None:
    head = _POST + b"Connection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=30) as sock:
        sock.sendall(head)
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert sock.recv(100).startswith(b"HTTP/1.1 404 ")


def test_a_body_that_nobody_reads_is_in_nobodys_way(quiet: Bridge) -> None:
    unread = b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    assert talk(quiet, unread, _LAST).count(b"HTTP/1.1 200 ") == 2


def test_an_answer_to_what_is_not_read_says_that_it_is_the_last(quiet: Bridge) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"
    said = talk(quiet, head, b"x" * 1000)
    assert said.startswith(b"HTTP/1.1 4")
    assert b"\r\nconnection: close\r\n" in said.lower()


def test_two_bodies_in_one_are_refused(quiet: Bridge) -> None:
    said = talk(
        quiet,
        _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"200 OK" not in said


def test_a_large_file_comes_whole_from_a_gateway_we_know(quiet: Bridge) -> None:
    gateway = {"kind": "ryzeapi", "baseUrl": "http://127.0.0.1:9", "token": "gateway-token"}
    name = new_instance(quiet, gateway=gateway).name
    big = b"{" + b" " * 30_000_000 + b"}"
    path = _hook_path(quiet, name)
    said = requests.post(quiet.base_url + path, data=big, timeout=60)
    assert said.status_code == 401, "read to its end, then judged"
    unknown = requests.post(f"{quiet.base_url}/hooks/gateway/unknown", data=big[:100], timeout=60)
    assert unknown.status_code == 404


def _hook_path(bridge: Bridge, name: str) -> str:
    with services_of(bridge) as services:
        instance = services.instances.find(name)
        assert instance is not None
        return f"/hooks/gateway/{services.instances.hook(instance.id).key}"
