"""Serves the phone with gunicorn: one process, many threads, on loopback only."""

import argparse
import os
import signal
import threading
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from bridge.sandbox.phone.access import EXTENSION
from bridge.sandbox.phone.app import create_sandbox_phone, is_loopback

# Each open page and each WebSocket occupies a thread; idle threads cost next to nothing.
THREADS = 128
STOP_AFTER_S = 0.5


def _stop_soon(worker: Any) -> None:
    """On SIGTERM, give running requests a moment, not the length of an open page."""

    def stop(number: int, frame: Any) -> None:
        threading.Timer(STOP_AFTER_S, os._exit, (0,)).start()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)


def _leave(arbiter: object, worker: object) -> None:
    """End the process now: open pages and sockets have threads that would hold it for ever."""
    os._exit(0)


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, address: str, database: Path) -> None:
        self._address, self._database = address, database
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._address,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 75,
            "timeout": 0,
            "graceful_timeout": 5,
            "loglevel": "error",
            "proc_name": "sandbox-phone",
            "control_socket_disable": True,
            "post_worker_init": _stop_soon,
            "worker_exit": _leave,
        }
        for name, value in options.items():
            if name in self.cfg.settings:  # older gunicorns have no control socket to disable
                self.cfg.set(name, value)

    def load(self) -> Flask:
        app = create_sandbox_phone(self._database)
        phone = app.extensions[EXTENSION]
        phone.base_url = f"http://{self._address}"
        phone.courier.start()
        return app


def serve_sandbox_phone(host: str, port: int, database: Path) -> None:
    """Serve until terminated.  ValueError for a host that others could reach: this is a toy."""
    if not is_loopback(host):
        raise ValueError(f"the sandbox phone is for loopback only, not for {host}")
    _Server(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", database).run()


def main() -> None:
    """`python -m bridge.sandbox.phone`."""
    parser = argparse.ArgumentParser(prog="bridge.sandbox.phone", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen at")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--database", type=Path, default=Path("instance/sandbox-phone.db"))
    chosen = parser.parse_args()
    try:
        serve_sandbox_phone(chosen.host, chosen.port, chosen.database)
    except ValueError as error:
        parser.error(str(error))
