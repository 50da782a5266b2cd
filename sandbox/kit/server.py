"""Serves a pretend server with gunicorn: one process, many threads, on loopback only."""

import os
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, cast

from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from sandbox.kit.loopback import is_loopback

# Every open websocket, open page and slow answer keeps a thread; idle ones cost next to nothing.
_THREADS = 128


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """A gunicorn that builds the app in its worker, where its threads must live."""

    def __init__(self, build: Callable[[], Flask], options: dict[str, Any]) -> None:
        self._build = build
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:  # older gunicorns have no control socket to disable
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._build()


def url_of(host: str, port: int) -> str:
    """The address of a server that listens on `host`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    name: str,
    host: str,
    port: int,
    build: Callable[[], Flask],
    *,
    stop: Callable[[Flask], None],
    leave: Callable[[Flask], None] = lambda app: None,
    clock: Callable[[Flask], float] = lambda app: time.time(),
    grace_s: float,
    **options: Any,
) -> None:
    """Serve until told to stop. Raises ValueError when others could reach `host`.

    `stop` is called when the end begins, to let go of what would hold threads for ever; `leave`
    when the process ends, `grace_s` seconds later at most. `clock` gives what `Date` shows, in UTC
    seconds. `options` are gunicorn's.
    """
    if not is_loopback(host):
        raise ValueError(
            f"{name} has well-known tokens: it is for loopback only, not for {host}; use 127.0.0.1"
        )

    def load() -> Flask:
        app = build()
        # gunicorn writes `Date` itself, beside whatever an application says.
        util.http_date = lambda timestamp=None: formatdate(clock(app), usegmt=True)
        return app

    def end(app: Flask | None) -> None:
        """End the process now: open pages and sockets have threads that would hold it."""
        if app is not None:
            leave(app)
        os._exit(0)

    class Worker(ThreadWorker):  # type: ignore[misc]
        def handle_exit(self, sig: int, frame: object) -> None:
            app = cast(Flask | None, getattr(self, "wsgi", None))
            if app is not None:
                stop(app)
            ending = threading.Timer(grace_s, end, (app,))
            ending.daemon = True
            ending.start()
            super().handle_exit(sig, frame)

    def worker_exit(_server: object, worker: object) -> None:
        end(cast(Flask | None, getattr(worker, "wsgi", None)))

    settings = {
        "bind": url_of(host, port).removeprefix("http://"),
        "worker_class": Worker,
        "workers": 1,
        "threads": _THREADS,
        "worker_connections": 2000,
        "keepalive": 75,
        "graceful_timeout": 5,
        "timeout": 30,  # of the worker's loop; a slow answer has all the time it wants
        "loglevel": "error",
        "proc_name": name.replace(" ", "-"),
        "control_socket_disable": True,
        "worker_exit": worker_exit,
    }
    _Server(load, settings | options).run()
