"""Wakes the router from any process: a knock on a socket that belongs to the instance folder.

A lost knock loses nothing: the router also looks by itself every second.
"""

import contextlib
import hashlib
import socket
from pathlib import Path


class Bell:
    """`ring` from anywhere; `wait` in the one process that has `listen`ed."""

    def __init__(self, instance_dir: Path) -> None:
        name = hashlib.sha256(str(instance_dir.resolve()).encode()).hexdigest()[:32]
        # An abstract name: no file to leave behind, no limit on the length of the folder's path.
        self._address = f"\0chatwoot-bridge-{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, *, look_again: bool = False) -> None:
        """There is new work; `look_again`: anything may have changed, not only new work."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"again" if look_again else b"new", self._address)

    def listen(self) -> None:
        """Makes this process the one that hears the bell. Raises OSError when another does."""
        self._socket.bind(self._address)

    def wait(self, seconds: float) -> tuple[bool, bool]:
        """Whether it rang within that time, and whether everything is to be looked at again."""
        self._socket.settimeout(max(seconds, 0.001))
        rang = again = False
        try:
            while True:
                word = self._socket.recv(16)
                rang, again = True, again or word == b"again"
                self._socket.setblocking(False)
        except (TimeoutError, BlockingIOError):
            return rang, again

    def close(self) -> None:
        """Lets go of the socket."""
        self._socket.close()
