"""A light load: many kept connections in one thread, so that the server is what is measured."""

import re
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Outcome:
    """What a load met: seconds in all, and for each answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def per_second(self) -> float:
        """Answers for each second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that this share of the answers kept below."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(slots=True)
class _Connection:
    port: int
    sock: socket.socket | None = None
    sent_at: float = 0.0
    got: bytes = b""

    def send(self, request: bytes) -> socket.socket:
        self.sent_at, self.got = time.perf_counter(), b""
        if self.sock is None:
            self.sock = socket.create_connection(("127.0.0.1", self.port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(request)
        return self.sock

    def has_answer(self) -> bool:
        assert self.sock is not None
        said = self.sock.recv(65536)
        if not said:
            raise SystemExit("the server closed a connection instead of answering")
        self.got += said
        head, blank, body = self.got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return bool(blank) and len(body) >= (int(length.group(1)) if length else 0)

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
        self.sock = None


def post(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A whole request, as it goes over the wire."""
    named = {"Host": "127.0.0.1", "Content-Type": "application/json", **(headers or {})}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in named.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def run(
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int,
    pause_s: float = 0.0,
    reuse: bool = True,
) -> Outcome:
    """Sends the requests, each connection its next one when it has been answered.

    `pause_s` spreads them over time: each leaves so long after the one before, if a connection is
    free. Without `reuse` each request has a connection of its own, whose opening counts as well.
    """
    outcome, began = Outcome(), time.perf_counter()
    with selectors.DefaultSelector() as waiting:
        idle = [_Connection(port) for _ in range(connections)]
        busy, due, is_over = 0, began, False
        while busy or not is_over:
            while idle and not is_over and (not pause_s or time.perf_counter() >= due):
                request = next(requests, None)
                if request is None:
                    is_over = True
                    break
                due += pause_s
                one = idle.pop()
                waiting.register(one.send(request), selectors.EVENT_READ, one)
                busy += 1
            left = max(0.0, due - time.perf_counter()) if pause_s and not is_over else None
            for key, _ in waiting.select(left if busy or left else 0):
                one = key.data
                if one.has_answer():
                    outcome.latencies.append(time.perf_counter() - one.sent_at)
                    outcome.refused += not one.got.startswith(b"HTTP/1.1 2")
                    waiting.unregister(key.fileobj)
                    if not reuse:
                        one.close()
                    idle.append(one)
                    busy -= 1
        for one in idle:
            one.close()
    outcome.seconds = time.perf_counter() - began
    return outcome
