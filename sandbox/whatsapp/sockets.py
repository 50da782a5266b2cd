"""WebSocket subscribers and open pages, which miss what happens while they are away."""

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import simple_websocket
from flask import Response, request

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


class Hijacked(Response):
    """The end of a request whose connection has become a WebSocket: nothing more is written."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if "gunicorn.socket" in environ:
            raise StopIteration
        return super().__call__(environ, start_response)


class Sockets:
    """The open websockets of all instances."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []

    def serve(self, instance: str) -> Response:
        """Make the current request a websocket that hears of the instance until it closes."""
        listener = Listener(instance)
        with self._lock:
            self._listeners = [*self._listeners, listener]
        try:
            link = simple_websocket.Server.accept(request.environ, ping_interval=25)
            while link.connected:
                try:
                    frame = listener.frames.get(timeout=0.5)
                except queue.Empty:
                    continue
                if frame is CLOSE:
                    link.close()
                    break
                link.send(frame)
        except (simple_websocket.ConnectionClosed, simple_websocket.ConnectionError, OSError):
            pass  # the other side has gone: what it missed is lost
        finally:
            with self._lock:
                self._listeners = [other for other in self._listeners if other is not listener]
        return Hijacked()

    def of(self, instance: str | None) -> list[Listener]:
        """The open sockets of one instance, or all."""
        return [each for each in self._listeners if instance in (None, each.instance)]

    def send(self, instance: str, frame: str) -> None:
        with self._lock:
            for listener in self.of(instance):
                listener.put(frame)

    def hang_up(self, instance: str | None = None) -> int:
        """Close the sockets of one instance, or all; how many there were."""
        with self._lock:
            chosen = self.of(instance)
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
