"""Child processes by fork alone: no exec, so that one file, a zipapp, is enough to run from."""

import ctypes
import importlib
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from bridge.domain.errors import BridgeError
from bridge.runtime import logs

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the service: its name, its function as `module:function`, and the arguments.

    The function is only named, so that the child alone imports what it needs. `listens`: it takes
    over the listening socket of the parent; `beat` is the file of its heartbeat.
    """

    name: str
    entry: str
    arguments: tuple[Any, ...] = ()
    listens: bool = False
    beat: Path | None = None

    def run(self) -> None:
        """Imports what the child does and does it; returns when the child is done."""
        module, _, name = self.entry.partition(":")
        getattr(importlib.import_module(module), name)(*self.arguments)


def start(
    child: Child,
    *,
    log_level: str,
    log_format: str = "text",
    listener: socket.socket | None = None,
) -> int:
    """Forks the child and gives its process id. Call it with the handled signals blocked.

    The child dies with this process, even when this one is killed; it has a process group of its
    own, because Ctrl-C reaches a whole group and only the parent shall decide what it means.
    """
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        if listener and not child.listens:
            listener.close()
        _live(child, parent, log_level, log_format)
    return pid


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process as soon as `parent` is gone (Linux; elsewhere nothing)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _live(child: Child, parent: int, log_level: str, log_format: str) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        die_with_parent(parent)
        _prctl(_PR_SET_NAME, f"bridge-{child.name}".encode()[:15])
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        logs.set_up(log_level, child.name, form=log_format)
        child.run()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        pass
    except BridgeError as error:
        log.error("%s", error.message)
    except BaseException:
        log.exception("%s failed", child.name)
    finally:
        # Not sys.exit: what the parent registered for its own end is not the child's to run.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _prctl(option: int, value: int | bytes) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
