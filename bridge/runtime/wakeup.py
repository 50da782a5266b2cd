"""Wakes the router from any process, by a datagram to a socket in the instance folder.

A lost wakeup loses nothing: the router also looks by itself every second.
"""

import contextlib
import os
import socket
from pathlib import Path

_NAME = "router.sock"


class Wakeup:
    """`wake` from anywhere; `wait` in the one process that has `listen`ed."""

    def __init__(self, instance_dir: Path) -> None:
        # In the folder, which belongs to our user alone: an abstract name could be held by anybody.
        self._path = instance_dir / "locks" / _NAME
        self._folder = -1
        self._address = str(self._path)
        if Path("/proc/self/fd").is_dir():
            # The address of a socket is 107 bytes at most, the path of a folder may be longer.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._address = f"/proc/self/fd/{self._folder}/{_NAME}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def wake(self, *, look_again: bool = False) -> None:
        """There is new work; `look_again`: anything else may have changed too."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"again" if look_again else b"new", self._address)

    def listen(self) -> None:
        """Makes this process the one that is woken, in place of any before it: call it under the
        lock that only one router holds. Raises OSError; `wait` then ends by its time alone."""
        self._path.unlink(missing_ok=True)
        self._socket.bind(self._address)

    def wait(self, seconds: float) -> tuple[bool, bool]:
        """Whether a wakeup came within that time, and whether one said `look_again`."""
        self._socket.settimeout(max(seconds, 0.001))
        words: set[bytes] = set()
        try:
            while True:
                words.add(self._socket.recv(16))
                self._socket.setblocking(False)
        except (TimeoutError, BlockingIOError):
            return bool(words), b"again" in words

    def close(self) -> None:
        self._socket.close()
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1
