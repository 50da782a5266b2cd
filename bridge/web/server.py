"""The web process: gunicorn around the Flask app, on a socket that the supervisor holds."""

import logging
import os
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger

from bridge import processes
from bridge.errors import StartupError
from bridge.settings import Settings
from bridge.web import create_app

#: One process counts the rate limits exactly; the threads are for calls that wait for Chatwoot.
WORKERS = 1
THREADS = 48
#: Seconds for running requests at a stop; less than the supervisor's patience, so that it is used.
GRACE_S = 28


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's messages go the way of all others: same lines, same masking, no access log."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        debugging = logging.getLogger("bridge").isEnabledFor(logging.DEBUG)
        self.error_log.setLevel(logging.DEBUG if debugging else logging.WARNING)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener_fd: int) -> None:
        self.settings = settings
        self.listener_fd = listener_fd
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"fd://{self.listener_fd}",
            "workers": WORKERS,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": GRACE_S,
            # Heartbeats in memory: on a slow disk they would look like a hanging worker.
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
            "logger_class": _Log,
            "control_socket_disable": True,
            # Who stands in front is BRIDGE_PROXIES' matter alone.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "post_fork": lambda arbiter, _worker: processes.die_with_parent(arbiter.pid),
            "post_worker_init": _tell_streams,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        try:
            return create_app(self.settings)
        except StartupError as error:
            # gunicorn prints this one as a single line and does not try again.
            raise AppImportError(f"chatwoot-bridge: {error.message}") from None


def _tell_streams(worker: Any) -> None:
    """Open streams end as soon as the server is to stop, instead of using up its grace."""
    worker.wsgi.extensions["is_serving"] = lambda: worker.alive


def serve_web(settings: Settings, listener_fd: int) -> None:
    """Serves until SIGTERM; `listener_fd` is a listening socket."""
    _Server(settings, listener_fd).run()
