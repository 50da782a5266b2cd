"""Serves a pretend server with gunicorn: one process, many threads, on loopback only."""

import argparse
import os
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
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


def command_line(
    prog: str, port: int, database: Path | None, run: Callable[..., None], **flags: str
) -> None:
    """Serve as the command line says; `flags` are further switches of `run` with their help."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen at")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--database", type=Path, default=database, help="state file")
    for name, text in flags.items():
        parser.add_argument("--" + name.replace("_", "-"), action="store_true", help=text)
    try:
        run(**vars(parser.parse_args()))
    except ValueError as error:
        parser.error(str(error))


def url_of(host: str, port: int) -> str:
    """The address of a server that listens on `host`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    name: str,
    host: str,
    port: int,
    build: Callable[[], Flask],
    stop: Callable[[Flask], object],
    grace_s: float,
    *,
    clock: Callable[[Flask], float] = lambda app: time.time(),
    **options: Any,
) -> None:
    """Serve until stopped. Raises ValueError when others could reach `host`.

    `stop` is called when the end begins, to let go of what would hold threads for ever; the
    process ends `grace_s` seconds later at most. `clock` gives what `Date` shows, in UTC seconds.
    `options` are gunicorn's.
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

    class Worker(ThreadWorker):  # type: ignore[misc]
        def handle_exit(self, sig: int, frame: object) -> None:
            app = cast(Flask | None, getattr(self, "wsgi", None))
            if app is not None:
                stop(app)
            # Open pages and sockets have threads that would hold the process.
            ending = threading.Timer(grace_s, os._exit, (0,))
            ending.daemon = True
            ending.start()
            super().handle_exit(sig, frame)

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
        "worker_exit": lambda server, worker: os._exit(0),
    }
    _Server(load, settings | options).run()
