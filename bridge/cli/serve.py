"""`serve`: one parent that starts the processes of the service, restarts them and stops them.

The parent itself does nothing else, so nothing else can bring it down; it holds the listening
socket, so a restart of the web process refuses no connection.
"""

import contextlib
import errno
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass

import click

from bridge.config.settings import Settings, inherited_socket, service_manager
from bridge.domain.errors import StartupError
from bridge.domain.urls import local
from bridge.runtime import logs, processes
from bridge.runtime.processes import Child
from bridge.services import Services
from bridge.store import credentials
from bridge.store.sqlite import use

#: Seconds that the children have between SIGTERM and SIGKILL.
GRACE_S = 30.0
#: Seconds before a child that died is started again: doubled each time, up to the second figure.
FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
#: A child that lived this long had no trouble starting: its next delay is the first one again.
HEALTHY_S = 60.0
#: Seconds without a sign of life after which a child that should give some is killed.
SILENT_S = 30.0
_LOOK_S = 5.0
BACKLOG = 2048

_STOP = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

log = logging.getLogger(__name__)


class PortTaken(StartupError, code="port_taken"):
    """Another program listens there; everything else may be in order."""


def serve(settings: Settings) -> None:
    """Runs the service until SIGTERM or SIGINT. Raises StartupError, before anything runs."""
    logs.set_up(settings.log_level, "serve", form=settings.log_format)
    for secret in (settings.account_token, settings.encryption_key):
        logs.register_secret(secret)
    for warning in settings.warnings:
        log.warning("%s", warning)

    with _listen(settings.host, settings.port) as listener:
        if settings.sandbox:
            _check_sandbox_port("Chatwoot", settings.sandbox_port, "BRIDGE_SANDBOX_PORT")
            _check_sandbox_port("phone", settings.sandbox_phone_port, "BRIDGE_SANDBOX_PHONE_PORT")
        _greet(settings, _prepare(settings))
        # Also while a child is between two lives nobody may restore a backup over it.
        in_use = use(settings.instance_dir)
        # From here on signals are queued for sigtimedwait: none is lost, none interrupts a fork.
        supervisor = _Supervisor(
            children(settings, listener.fileno()),
            settings.log_level,
            log_format=settings.log_format,
            listener=listener,
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.handled)
        try:
            supervisor.run()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            in_use.close()


def children(settings: Settings, listener_fd: int) -> list[Child]:
    """The processes of the service, in the order of their start."""
    web, router = settings.beat_file("web"), settings.beat_file("router")
    serve_web, arguments = "bridge.web.server.serve:serve_web", (settings, listener_fd)
    result = [
        Child("web", serve_web, arguments, listens=True, beat=web),
        Child("router", "bridge.routing.process:run_router", (settings,), beat=router),
    ]
    if settings.sandbox:
        folder, host = settings.instance_dir, "127.0.0.1"
        database, phone_url = folder / "sandbox-chatwoot.db", settings.sandbox_phone_url
        chatwoot = (host, settings.sandbox_port, database, phone_url)
        phone = (host, settings.sandbox_phone_port, folder / "sandbox-phone.db")
        result += [
            Child("sandbox", "sandbox.chatwoot.app:serve_sandbox_chatwoot", chatwoot),
            Child("phone", "sandbox.whatsapp.app:serve_sandbox_phone", phone),
        ]
    return result


def _prepare(settings: Settings) -> str:
    """Makes or migrates the installation; gives the account token if it was made just now.

    Closed again before any fork: a SQLite connection must not be carried into a child.
    """
    known = bool(settings.account_token) or settings.account_token_file.exists()
    Services.open(settings).close()
    token, _ = credentials.account_token(settings)
    logs.register_secret(token)
    return "" if known else token


def _greet(settings: Settings, new_token: str) -> None:
    if new_token:
        file = settings.account_token_file
        click.echo(f"Account token, shown this once and stored in {file}:\n\n    {new_token}\n")
    own_url = f"http://{local(settings.host)}:{settings.port}"
    click.echo(f"Open {settings.public_url or own_url}/")
    if settings.sandbox:
        click.echo(f"Sandbox Chatwoot: {settings.sandbox_url}/")
        click.echo(f"Sandbox phone: {settings.sandbox_phone_url}/")
    click.echo("Ctrl-C stops it.")


def _listen(host: str, port: int) -> socket.socket:
    inherited = inherited_socket()
    if inherited is not None:
        # It outlives us: clients that come while we are replaced wait in it and are not refused.
        return socket.socket(fileno=inherited)
    try:
        candidates = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (socket.gaierror, UnicodeError):
        raise StartupError(reason=f"BRIDGE_HOST: {host!r} is no address of this machine") from None
    # `localhost` may mean ::1 as well; IPv4 is what the documents and the sandbox say.
    family, _, _, _, address = min(candidates, key=lambda candidate: candidate[0] != socket.AF_INET)
    try:
        return socket.create_server(
            address,
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                reason=f"port {port} on {host} is in use already: stop the program that listens "
                "there, or choose another port with --port (BRIDGE_PORT)"
            ) from None
        raise StartupError(
            reason=f"cannot listen on {host} port {port} (BRIDGE_HOST, BRIDGE_PORT): "
            f"{os.strerror(error.errno or 0)}"
        ) from None


def _check_sandbox_port(what: str, port: int, setting: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise PortTaken(
            reason=f"the sandbox {what} cannot use port {port}: {os.strerror(error.errno or 0)}. "
            f"Choose another with {setting}, or do without it: BRIDGE_SANDBOX=false"
        ) from None


@dataclass(slots=True)
class _Slot:
    """A child's place: which process holds it, since when, and the delay before the next one.

    `beat` is the time of its last heartbeat, `heard_at` when the parent saw that it was new: the
    two clocks are never compared, so that one that is set changes nothing.
    """

    child: Child
    pid: int | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    delay_s: float = FIRST_DELAY_S
    beat: float = 0.0
    heard_at: float = 0.0


class _Supervisor:
    """The children from the first fork to the last wait; `handled` signals must be blocked."""

    def __init__(
        self,
        children: list[Child],
        log_level: str,
        *,
        log_format: str = "text",
        listener: socket.socket | None = None,
    ) -> None:
        self.slots = [_Slot(child) for child in children]
        self.log_level, self.log_format = log_level, log_format
        self.listener = listener
        # A blocked signal waits even where it is ignored: under nohup SIGHUP means nothing.
        self.stopping = {
            number for number in _STOP if signal.getsignal(number) is not signal.SIG_IGN
        }
        self.handled = {*self.stopping, signal.SIGCHLD}
        self.manager, self.watchdog_s = service_manager()

    def run(self) -> None:
        """Keeps every slot filled until a signal asks to stop; returns when no child is left."""
        try:
            self._fill()
            self._notify("READY=1")
            while not self._asked_to_stop():
                self._fill()
                self._kill_silent()
                self._notify("WATCHDOG=1")
        finally:
            self._notify("STOPPING=1")
            self._stop()

    def _asked_to_stop(self) -> bool:
        """Waits for the next signal, or until a slot is to be filled; schedules what has died."""
        due = [slot.due_at for slot in self.slots if slot.pid is None]
        wait_s = max(0.0, min(due) - time.monotonic()) if due else _LOOK_S
        if self.watchdog_s:
            wait_s = min(wait_s, self.watchdog_s / 3)
        got = signal.sigtimedwait(self.handled, wait_s)
        for slot, reason in self._reap():
            self._schedule(slot, reason)
        return got is not None and got.si_signo in self.stopping

    def _fill(self) -> None:
        for slot in self.slots:
            if slot.pid is None and slot.due_at <= time.monotonic():
                slot.started_at = slot.heard_at = time.monotonic()
                try:
                    slot.pid = processes.start(
                        slot.child,
                        log_level=self.log_level,
                        log_format=self.log_format,
                        listener=self.listener,
                    )
                except OSError as error:
                    self._schedule(slot, f"cannot fork: {error.strerror}")

    def _kill_silent(self) -> None:
        """Kills a child that runs but does nothing any more; it is started again like any other."""
        now = time.monotonic()
        for slot in self.slots:
            if slot.pid is None or slot.child.beat is None:
                continue
            with contextlib.suppress(OSError):
                beat = slot.child.beat.stat().st_mtime
                if beat != slot.beat:
                    slot.beat, slot.heard_at = beat, now
            if now - slot.heard_at > SILENT_S:
                log.error("%s: no sign of life for %g s: killing it", slot.child.name, SILENT_S)
                os.kill(slot.pid, signal.SIGKILL)
                slot.heard_at = now

    def _notify(self, state: str) -> None:
        """Tells systemd, where it started us (sd_notify(3))."""
        if not self.manager:
            return
        # An abstract name is written with an @ in front.
        address = f"\0{self.manager[1:]}" if self.manager.startswith("@") else self.manager
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect(address)
            to.sendall(state.encode())

    def _reap(self) -> list[tuple[_Slot, str]]:
        """The slots that have become empty, each with the reason.

        As process 1 of a container this meets orphans of others too, and reaps them.
        """
        emptied: list[tuple[_Slot, str]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return emptied
            if pid == 0:
                return emptied
            code = os.waitstatus_to_exitcode(status)
            reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            for slot in self.slots:
                if slot.pid == pid:
                    slot.pid = None
                    emptied.append((slot, reason))

    def _schedule(self, slot: _Slot, reason: str) -> None:
        now = time.monotonic()
        if now - slot.started_at >= HEALTHY_S:
            slot.delay_s = FIRST_DELAY_S
        log.error("%s: %s; starting it again in %g s", slot.child.name, reason, slot.delay_s)
        slot.due_at = now + slot.delay_s
        slot.delay_s = min(slot.delay_s * 2, LONGEST_DELAY_S)

    def _stop(self) -> None:
        """SIGTERM, patience, SIGKILL. A second signal from outside ends the patience."""
        if self.listener:
            # Refused at once is better than never answered.
            self.listener.close()
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while any(slot.pid for slot in self.slots):
            left_s = deadline - time.monotonic()
            got = signal.sigtimedwait(self.handled, max(0.0, left_s))
            if left_s <= 0 or (got and got.si_signo in self.stopping):
                self._send(signal.SIGKILL)
                deadline = time.monotonic() + GRACE_S
            self._reap()

    def _send(self, number: signal.Signals) -> None:
        for slot in self.slots:
            if slot.pid is not None:
                os.kill(slot.pid, number)
