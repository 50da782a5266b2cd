"""Serves the sandbox with gunicorn: one process, many threads, loopback only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from bridge.sandbox.chatwoot.app import create_sandbox_chatwoot
from bridge.sandbox.chatwoot.local import is_loopback
from bridge.sandbox.chatwoot.world import World

# Every open websocket and every slow answer keeps a thread, hence many.
_THREADS = 128


class _Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn that builds the app in its worker, where its threads must live."""

    def __init__(self, build: Callable[[], Flask], options: dict[str, Any]) -> None:
        self._build = build
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._build()


class _Worker(ThreadWorker):  # type: ignore[misc]
    """Lets go of its websockets when told to stop; each would hold a thread for ever."""

    def handle_exit(self, sig: int, frame: object) -> None:
        app = cast(Flask | None, getattr(self, "wsgi", None))
        if app is not None:
            cast(World, app.extensions["sandbox_chatwoot"]).hub.cut_all()
        super().handle_exit(sig, frame)


def serve_sandbox_chatwoot(
    host: str, port: int, database: Path | None, *, drop_underscores: bool = False
) -> None:
    """Serve until told to stop. Raises ValueError when `host` is not this machine only.

    `drop_underscores` behaves as a proxy that drops header names with underscores, so that only
    `api-access-token` arrives (chatwoot.md section 1).
    """
    if not is_loopback(host):
        raise ValueError(
            f"the sandbox Chatwoot has well-known tokens and listens on loopback only, not {host}"
        )
    shown = f"[{host}]" if ":" in host else host

    def build() -> Flask:
        return create_sandbox_chatwoot(database, base_url=f"http://{shown}:{port}")

    def worker_exit(_server: object, worker: Any) -> None:
        app = cast(Flask | None, getattr(worker, "wsgi", None))
        if app is not None:
            cast(World, app.extensions["sandbox_chatwoot"]).state.file.flush()

    options = {
        "bind": f"{shown}:{port}",
        "worker_class": _Worker,
        "workers": 1,
        "threads": _THREADS,
        "worker_connections": 2000,
        "keepalive": 75,
        "graceful_timeout": 2,
        "timeout": 120,
        "loglevel": "warning",
        "header_map": "drop" if drop_underscores else "dangerous",
        "control_socket_disable": True,
        "proc_name": "sandbox-chatwoot",
        "worker_exit": worker_exit,
    }
    _Server(build, options).run()
