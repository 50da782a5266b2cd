"""WebSocket subscribers and the open pages: who hears of an event the moment it happens.

Nothing is kept for those who are away (docs/contracts/ryzeapi.md, Socket).
"""

import queue
import threading
import time
from dataclasses import dataclass, field

CLOSE = None
_BACKLOG = 10_000


@dataclass(eq=False)
class Listener:
    """One open WebSocket: frames to send, then `CLOSE` to hang up."""

    instance: str
    frames: queue.Queue[str | None] = field(default_factory=lambda: queue.Queue(_BACKLOG))

    def put(self, frame: str | None) -> None:
        try:
            self.frames.put_nowait(frame)
        except queue.Full:  # a reader this slow has lost the connection as far as we care
            self.frames = queue.Queue()
            self.frames.put(CLOSE)


class Hub:
    """The open sockets of all instances."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Listener]] = {}

    def join(self, instance: str) -> Listener:
        listener = Listener(instance)
        with self._lock:
            self._listeners.setdefault(instance, []).append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners[listener.instance].remove(listener)

    def count(self, instance: str) -> int:
        return len(self._listeners.get(instance, ()))

    def send(self, instance: str, frame: str) -> None:
        with self._lock:
            for listener in self._listeners.get(instance, ()):
                listener.put(frame)

    def hang_up(self, instance: str | None = None) -> int:
        """Close the sockets of one instance, or all; how many there were."""
        with self._lock:
            chosen = [
                each for name, listeners in self._listeners.items() for each in listeners
                if instance in (None, name)
            ]  # fmt: skip
            for listener in chosen:
                listener.put(CLOSE)
        return len(chosen)


class Pulse:
    """A counter that rises whenever something visible changes; pages wait for it."""

    def __init__(self) -> None:
        self._cond = threading.Condition()
        self.beat = int(time.time() * 1000)

    def rise(self) -> None:
        with self._cond:
            self.beat += 1
            self._cond.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """The present count, as soon as it differs from `seen` or the time is over."""
        with self._cond:
            self._cond.wait_for(lambda: self.beat != seen, timeout_s)
            return self.beat
