"""What has to be right on this machine: folder, disk, database, key, the running service."""

import os
import platform
import shutil
import socket
import stat
from collections.abc import Iterator

from bridge import __version__
from bridge.config.settings import Settings
from bridge.domain.urls import local
from bridge.net.http import Answer
from bridge.operations.doctor.findings import Check, Finding, call, clock, is_ours
from bridge.services import Services
from bridge.store import snapshot
from bridge.store.vault import decode_keys

_DISK_FAIL, _DISK_WARN = 100 * 1024**2, 1024**3


def program() -> Finding:
    """What runs here, for whoever reads the findings elsewhere."""
    return Check("program").ok(
        f"Chatwoot Bridge {__version__}, Python {platform.python_version()}, "
        f"SQLite {snapshot.SQLITE_VERSION}, {platform.system()} {platform.machine()}"
    )


def folder(settings: Settings) -> Iterator[Finding]:
    """Only the owner may read what opens everything."""
    instance_dir = settings.instance_dir
    open_to_others = []
    for path in (
        instance_dir,
        settings.database,
        settings.encryption_key_file,
        settings.account_token_file,
    ):
        # A folder that may be passed through but not read gives nothing away.
        private = 0o066 if path.is_dir() else 0o077
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & private:
            open_to_others.append(path)
    for path in open_to_others:
        yield Check("permissions", str(path)).wrong(
            "other users of this machine may read it",
            f"chmod {'700' if path.is_dir() else '600'} {path}",
        )
    check = Check("permissions", str(instance_dir))
    if not os.access(instance_dir, os.W_OK):
        yield check.wrong(
            "this user may not write here",
            "Run as the user of the service, or give it the folder with chown.",
        )
    elif not open_to_others:
        yield check.ok("only its owner may read it")


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for what comes."""
    check = Check("disk", str(settings.instance_dir))
    free = shutil.disk_usage(settings.instance_dir).free
    what = f"{free // 1024**2} MB are free"
    if free >= _DISK_WARN:
        yield check.ok(what)
    else:
        make = check.wrong if free < _DISK_FAIL else check.warning
        yield make(
            what, "Free some space: without it nothing can be stored, and nothing is acknowledged."
        )


def database(settings: Settings) -> Iterator[Finding]:
    """Whether SQLite finds it whole."""
    check = Check("database", str(settings.database))
    remedy = "Stop the service and restore the last backup: chatwoot-bridge restore FILE --force"
    troubles = snapshot.troubles(settings.database)
    yield from [check.wrong(trouble, remedy) for trouble in troubles] or [check.ok("it is whole")]


def key(services: Services) -> Iterator[Finding]:
    """Whether everything that is sealed opens."""
    ring = services.settings.encryption_key
    if not ring:
        ring = services.settings.encryption_key_file.read_text(encoding="ascii")
    if len(decode_keys(ring)) > 1:
        yield Check("key").warning(
            "there are two keys: a rotation is not finished",
            "Stop the service and run: chatwoot-bridge rotate-key",
        )
    remedy = "Give the token anew: activate again."
    broken = [
        Check("key", where).wrong("this sealed value does not open", remedy)
        for where in snapshot.unreadable(services.store, services.vault)
    ]
    yield from broken or [Check("key").ok("every sealed token opens")]


def service(services: Services) -> Iterator[Finding]:
    """Either the service runs and answers, or its port is free."""
    settings = services.settings
    host = local(settings.host)
    port = Check("port", f"{settings.host}:{settings.port}")
    if services.router_alive:
        yield Check("router").ok("it runs")
        answer = call(services, f"http://{host}:{settings.port}/healthz")
        if isinstance(answer, Answer) and is_ours(answer, services):
            yield port.ok("the service answers")
        else:
            yield port.wrong(
                "the service runs, but does not answer there",
                "Check that BRIDGE_HOST and BRIDGE_PORT here are those of the service.",
            )
        return
    yield Check("router").wrong(
        "the service does not run, or its router does not",
        "Start it: chatwoot-bridge serve, or systemctl start chatwoot-bridge; its log says more.",
    )
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((host.strip("[]"), settings.port)) == 0:
            yield port.wrong(
                "another program listens there",
                "Stop that program, or choose another port with BRIDGE_PORT.",
            )
        else:
            yield port.ok("it is free")


def address(services: Services) -> Iterator[Finding]:
    """Whether the public address leads to us, seen from here."""
    url = services.settings.public_url
    check = Check("address", url)
    if not url:
        yield check.ok(
            "none is set: Chatwoot is heard over its socket, and so is each gateway that cannot "
            "call us"
        )
        return
    answer = call(services, f"{url}/healthz")
    if isinstance(answer, str):
        yield check.wrong(
            answer,
            "Check BRIDGE_PUBLIC_URL, the DNS, the certificate and the reverse proxy; a machine "
            "that cannot reach its own public address needs a look from outside instead.",
        )
        return
    yield from clock(url, answer, services)
    if is_ours(answer, services):
        yield check.ok("it leads here")
    else:
        yield check.wrong(
            f"something else answers there (HTTP {answer.status})",
            "Have the reverse proxy pass everything to this service, /hooks and /healthz included.",
        )
