"""The web process's loop: it reads every request whole before a thread is spent on it.

gunicorn's threaded worker gives a connection to a thread as soon as its first byte has come, so
that as many slow clients as there are threads stop everybody. Here the loop alone waits for
clients, in both directions and within deadlines; threads only work (docs/decisions.md).
"""

import contextlib
import errno
import selectors
import socket
import time
from concurrent.futures import Future
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from bridge.runtime.heartbeat import Heartbeat
from bridge.web.server.connection import ClientConnection, ConnectionState
from bridge.web.server.framing import Progress

#: Seconds for the head of a request, from its first byte or the opening of the connection.
HEAD_S = 10.0
#: Seconds without regard to the rate, then bytes for each second, on average; both directions.
GRACE_S, SLOWEST = 10.0, 4096
#: Seconds in which a connection may wait for its next request; longer than reverse proxies keep
#: theirs (nginx 60 s, Caddy 120 s), so that they do not send into one that is just closing.
NEXT_S = 150.0
#: Seconds for the client to notice the end of a connection, and at a stop for a last request.
LINGER_S = 2.0
#: Connections at a time. Beyond that, the one that has waited longest is closed.
MOST_CONNECTIONS = 1000
_ACCEPT_AT_ONCE = 64
_LOOK_S = 1.0
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's parser, response and threads; the loop and the connections are ours.

    `heartbeat` is given by `serve_web`, `most_bytes` by the application.
    """

    heartbeat: Heartbeat

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connections: set[ClientConnection] = set()
        #: Those that wait for a client, the longest wait first.
        self._waiting: dict[ClientConnection, None] = {}
        self._next_look = 0.0

    def run(self) -> None:
        """Until SIGTERM; then what is under way is answered within the grace."""
        self.poller.register(self.method_queue.fileno(), _READ, None)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._turn()
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.close()
        stop_at = time.monotonic() + self.cfg.graceful_timeout
        self._hasten(time.monotonic() + LINGER_S)
        while self._connections and time.monotonic() < stop_at:
            self._turn()
        self.tpool.shutdown(wait=False)

    def notify(self) -> None:
        """The sign of life: by the loop, as long as no thread is stuck."""
        self.heartbeat.beat()

    def handle(self, conn: ClientConnection) -> Any:
        """Answers a request, in a thread."""
        with self.heartbeat.working():
            return super().handle(conn)

    def _keepalive_after(self, conn: ClientConnection, keepalive: bool) -> bool:
        # After a request that was not read to its end, the next one cannot be found. A whole one is
        # in memory: skipping what was not read of it costs no time.
        return keepalive and conn.is_whole and bool(conn.parser.finish_body())

    @staticmethod
    def tell_end(_worker: object, req: Any) -> None:
        """Before an answer is begun: it says when it is the last one (gunicorn's `pre_request`)."""
        if not req.unreader.sock.is_whole:
            req.must_close = True

    # -- the loop ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_S
            self.notify()
            self._sweep()
            self.set_accept_enabled(self.alive)
        for key, events in self.poller.select(_LOOK_S):
            conn = key.data
            if conn is None:
                self.method_queue.run_callbacks(None)
            elif isinstance(conn, ClientConnection):
                self._ready(conn, events)
            else:
                conn(key.fileobj)

    def accept(self, listener: socket.socket) -> None:
        """Takes the connections that wait."""
        for _ in range(_ACCEPT_AT_ONCE):
            if len(self._connections) >= MOST_CONNECTIONS and not self._make_room():
                self.set_accept_enabled(False)  # until the next look
                return
            try:
                sock, client = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self.log.error("no connection can be taken: %s", error.strerror)
                if not self._make_room():
                    self.set_accept_enabled(False)
                return
            most_bytes = self.wsgi.extensions["most_bytes"]
            conn = ClientConnection(self.cfg, sock, client, listener.getsockname(), most_bytes)
            self._connections.add(conn)
            self._wait(conn, ConnectionState.READING, HEAD_S)
            # Often the request has come with the connection.
            self._receive(conn)

    def _make_room(self) -> bool:
        """Ends the connection that has been waited for longest, one that still takes its answer
        last; False when there is none."""
        readers = (conn for conn in self._waiting if conn.state is not ConnectionState.WRITING)
        longest = next(readers, None) or next(iter(self._waiting), None)
        if longest is not None:
            self._end(longest)
        return longest is not None

    def _ready(self, conn: ClientConnection, events: int) -> None:
        if conn not in self._connections:
            return
        if conn.state is ConnectionState.RUNNING:
            self._register(conn, 0)  # its next request waits until it is answered
        elif conn.state is ConnectionState.WRITING:
            self._flush(conn)
        else:
            self._receive(conn)

    def _receive(self, conn: ClientConnection) -> None:
        if not conn.receive():
            if conn.state is ConnectionState.READING and conn.framing.head_end:
                self._dispatch(conn, Progress.REFUSABLE)  # it broke off, and may hear that
            else:
                self._end(conn)
        elif conn.state is ConnectionState.LINGERING:
            conn.came.clear()  # nobody reads what comes after the last answer
        else:
            self._advance(conn)

    def _advance(self, conn: ClientConnection) -> None:
        """Gives a request to a thread as soon as it is whole."""
        if not conn.came:
            return
        if conn.state is ConnectionState.IDLE:
            self._wait(conn, ConnectionState.READING, HEAD_S)
        progress = conn.progress()
        if progress is Progress.HEAD:
            return
        if progress is Progress.BODY:
            body = len(conn.came) - conn.framing.head_end
            conn.deadline = conn.began_at + HEAD_S + GRACE_S + body / SLOWEST
            return
        self._dispatch(conn, progress)

    def _dispatch(self, conn: ClientConnection, progress: Progress) -> None:
        conn.take_request(progress)
        conn.state = ConnectionState.RUNNING
        self._waiting.pop(conn, None)
        self.enqueue_req(conn)

    def finish_request(self, conn: ClientConnection, fs: "Future[Any]") -> None:
        """A thread is done with a request."""
        conn.keeps = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        self._flush(conn)

    def _flush(self, conn: ClientConnection) -> None:
        if not conn.flush():
            self._end(conn)
        elif conn.unsent:
            if conn.state is not ConnectionState.WRITING:
                self._wait(conn, ConnectionState.WRITING, GRACE_S)
            conn.deadline = conn.began_at + GRACE_S + conn.sent / SLOWEST
        elif conn.keeps:
            self._wait(conn, ConnectionState.IDLE, NEXT_S if self.alive else LINGER_S)
            self._advance(conn)
        elif conn.linger():
            self._wait(conn, ConnectionState.LINGERING, LINGER_S)
        else:
            self._end(conn)

    # -- waiting -----------------------------------------------------------------------------------

    def _wait(self, conn: ClientConnection, state: ConnectionState, seconds: float) -> None:
        conn.state, conn.began_at = state, time.monotonic()
        conn.deadline = conn.began_at + seconds
        self._waiting.pop(conn, None)
        self._waiting[conn] = None
        self._register(conn, _WRITE if state is ConnectionState.WRITING else _READ)

    def _register(self, conn: ClientConnection, events: int) -> None:
        if events == conn.registered:
            return
        if not events:
            self.poller.unregister(conn)
        elif conn.registered:
            self.poller.modify(conn, events, conn)
        else:
            self.poller.register(conn, events, conn)
        conn.registered = events

    def _sweep(self) -> None:
        """Ends the connections whose time is up."""
        now = time.monotonic()
        for conn in [conn for conn in self._waiting if conn.deadline <= now]:
            if conn.state is ConnectionState.READING and conn.came:
                self.log.debug("a request came too slowly")
                with contextlib.suppress(OSError):
                    conn.raw.send(_TOO_SLOW)
            self._end(conn)

    def _hasten(self, deadline: float) -> None:
        """At a stop, waits less long for clients, except for those that are sending a request."""
        for conn in self._waiting:
            if conn.state is not ConnectionState.WRITING and not conn.framing.head_end:
                conn.deadline = min(conn.deadline, deadline)

    def _end(self, conn: ClientConnection) -> None:
        self._register(conn, 0)
        self._waiting.pop(conn, None)
        self._connections.discard(conn)
        conn.end()
