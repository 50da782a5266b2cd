"""The web process: gunicorn's parser, response and threads around the Flask app, on a socket that
the supervisor holds. gunicorn's own parent process is left out: the supervisor is one already.
"""

import contextlib
import logging
import os
import resource
import socket
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from bridge.config.settings import Settings
from bridge.runtime.heartbeat import Heartbeat
from bridge.web.app import create_app
from bridge.web.server.worker import MOST_CONNECTIONS, Worker

#: One process counts the rate limits exactly; the threads are for calls that wait for Chatwoot.
THREADS = 48
#: Seconds for running requests at a stop; less than the supervisor's patience, so that it is used.
GRACE_S = 28
#: Seconds that a request may take at most: an activation, its longest call, takes a minute.
LONGEST_REQUEST_S = 180.0
#: Descriptors: one for each connection, and a few for each thread.
_DESCRIPTORS = 2 * MOST_CONNECTIONS + 16 * THREADS


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's messages go the way of all others: same lines, same masking, no access log."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        debugging = logging.getLogger("bridge").isEnabledFor(logging.DEBUG)
        self.error_log.setLevel(logging.DEBUG if debugging else logging.WARNING)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "threads": THREADS,
            "graceful_timeout": GRACE_S,
            # Nothing is written there: the sign of life is our own.
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
            # A thread that writes a file itself would wait for the client.
            "sendfile": False,
            "pre_request": Worker.tell_end,
            # Who stands in front is BRIDGE_PROXIES' matter alone.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self.settings)


def serve_web(settings: Settings, listener_fd: int) -> None:
    """Serves until SIGTERM; `listener_fd` is a listening socket. Raises StartupError."""
    _raise_descriptors()
    server = _Server(settings)
    # Another descriptor for the same socket: the worker closes it before it stops.
    listener = socket.socket(fileno=os.dup(listener_fd))
    with contextlib.suppress(OSError):  # a socket of the file system has no such option
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    log = _Log(server.cfg)
    worker = Worker(0, os.getppid(), [listener], server, 0, server.cfg, log)
    worker.heartbeat = Heartbeat(settings.beat_file("web"), longest_s=LONGEST_REQUEST_S)
    worker.init_process()


def _raise_descriptors() -> None:
    """Distributions grant 1024 descriptors until a program asks for more of what it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
