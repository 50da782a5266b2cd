"""The websocket at /cable: ActionCable with the RoomChannel (docs/contracts/chatwoot.md)."""

import threading
from collections.abc import Callable

from flask import Blueprint, Response, request
from simple_websocket import ConnectionClosed, ConnectionError, Server

from sandbox.chatwoot.access import server
from sandbox.chatwoot.interception import note
from sandbox.chatwoot.subscribers import Connection
from sandbox.kit.responses import NoAnswer

routes = Blueprint("cable", __name__)


class _DaemonThread(threading.Thread):
    """A reader that does not keep the process alive."""

    def __init__(self, target: Callable[..., object]) -> None:
        super().__init__(target=target, daemon=True)


@routes.route("/cable", websocket=True)
def cable() -> Response:
    """Serve one websocket until it closes."""
    try:
        socket_ = Server.accept(
            request.environ,
            subprotocols=["actioncable-v1-json"],
            thread_class=_DaemonThread,
        )
    except (ConnectionError, RuntimeError, OSError):
        return Response("Page not found", 404, content_type="text/plain; charset=utf-8")
    note(101)
    subscribers, state = server().subscribers, server().state
    connection = Connection(socket_, lambda: state.options.now())
    connection.frames.put('{"type":"welcome"}')
    sender = threading.Thread(target=connection.send_frames, daemon=True)
    sender.start()
    subscribers.enter(connection)
    try:
        while True:
            text = socket_.receive()
            if isinstance(text, str):
                subscribers.handle(connection, text)
    except ConnectionClosed:
        pass
    finally:
        subscribers.leave(connection)
        connection.frames.put(None)
    return NoAnswer()
