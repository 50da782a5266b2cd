"""One connection of a client: its bytes in both directions, without ever waiting for them.

gunicorn's parser and response speak to it as to a socket. They run in a thread, and a thread never
waits for a client: what it reads has come before it began, and what the client does not take at
once waits until it does.
"""

import contextlib
import enum
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import TConn

from bridge.web.server.framing import Framing, Progress

_PIECE = 64 * 1024
_LARGE_PIECE = 1024 * 1024


class ConnectionState(enum.Enum):
    """What is waited for on a connection."""

    IDLE = enum.auto()  # its first or next request
    READING = enum.auto()  # the rest of a request
    RUNNING = enum.auto()  # a thread that answers
    WRITING = enum.auto()  # the client, to take the answer
    LINGERING = enum.auto()  # the client, to notice that we are done


class ClientConnection(TConn):  # type: ignore[misc]
    """What gunicorn's worker keeps of a connection, with itself in the place of the socket.

    `deadline` and `began_at` are monotonic seconds.
    """

    def __init__(
        self,
        cfg: Any,
        sock: socket.socket,
        client: Any,
        server: Any,
        most_bytes: Callable[[str], int],
    ) -> None:
        super().__init__(cfg, sock, client, server)
        self.raw, self.sock = sock, self
        self.data_ready = True
        self.state, self.deadline, self.began_at = ConnectionState.READING, 0.0, 0.0
        #: For which events the loop has registered the socket; 0 for none.
        self.registered = 0
        self.is_whole = self.keeps = False
        self.framing = Framing(most_bytes)
        self._most_bytes = most_bytes
        #: The next request, as far as it has come.
        self.came = bytearray()
        self._request, self._read_to = b"", 0
        #: What the client has not taken of the answer yet.
        self.unsent = bytearray()
        self.sent = 0

    # -- for the loop ------------------------------------------------------------------------------

    def receive(self) -> bool:
        """Takes what has come; False when the client is gone."""
        size = _LARGE_PIECE if self.framing.head_end else _PIECE
        try:
            piece = self.raw.recv(size)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self.came += piece
        return bool(piece)

    def progress(self) -> Progress:
        """How far the next request has come; it is invited to go on where it waits for that."""
        progress = self.framing.look(self.came)
        if progress is Progress.BODY and self.framing.wants_continue:
            self.framing.wants_continue = False
            # Whether the client is gone is noticed when we read.
            with contextlib.suppress(OSError):
                self.raw.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return progress

    def take_request(self, progress: Progress) -> None:
        """Puts the request before the parser. What follows it is the next one."""
        self.is_whole = progress is Progress.WHOLE
        end = self.framing.end if self.is_whole else len(self.came)
        self._request, self._read_to = bytes(memoryview(self.came)[:end]), 0
        del self.came[:end]
        self.framing = Framing(self._most_bytes)
        self.sent = 0

    def flush(self) -> bool:
        """Sends what the client takes now; False when it is gone."""
        try:
            while self.unsent:
                count = self.raw.send(memoryview(self.unsent)[:_LARGE_PIECE])
                self.sent += count
                del self.unsent[:count]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            return False
        return True

    def linger(self) -> bool:
        """Tells the client that nothing more comes; False when it is gone already. A connection
        that is closed at once may take the last answer with it (RFC 9112 section 9.6)."""
        self.came.clear()
        try:
            self.raw.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def end(self) -> None:
        self.raw.close()
        self.came.clear()
        self.unsent.clear()

    # -- for gunicorn, in a thread: the parts of a socket that it uses, none of which ever waits ---

    def fileno(self) -> int:
        return self.raw.fileno()

    def recv(self, size: int) -> bytes:
        """The next bytes of the request; nothing behind its end."""
        piece = self._request[self._read_to : self._read_to + size]
        self._read_to += len(piece)
        return piece

    def sendall(self, data: bytes) -> None:
        """Sends at once what the client takes; the loop sends the rest."""
        count = 0
        if not self.unsent:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                count = self.raw.send(data)
                self.sent += count
        self.unsent += memoryview(data)[count:]

    def send(self, data: bytes) -> int:
        """gunicorn invites a body with it, which is here already or not wanted."""
        return len(data)

    def setblocking(self, _: bool) -> None: ...

    def settimeout(self, _: float | None) -> None: ...

    def gettimeout(self) -> None: ...

    def shutdown(self, _: int) -> None:
        raise OSError("the loop ends connections")

    def close(self, graceful: bool = False) -> None:
        """The loop ends connections."""
