"""What has to be right on this machine: folder, disk, database, key, the running service."""

import os
import platform
import shutil
import socket
import stat
from collections.abc import Iterator

from bridge import __version__
from bridge.config.settings import Settings
from bridge.net.http import Answer
from bridge.operations.doctor.findings import (
    Finding,
    call,
    clock,
    is_ours,
    local,
    ok,
    warning,
    wrong,
)
from bridge.services import Services
from bridge.store import snapshot
from bridge.store.vault import decode_keys

_DISK_FAIL, _DISK_WARN = 100 * 1024**2, 1024**3


def program() -> Finding:
    """What runs here, for whoever reads the findings elsewhere."""
    return ok(
        "program",
        "",
        f"Chatwoot Bridge {__version__}, Python {platform.python_version()}, "
        f"SQLite {snapshot.SQLITE_VERSION}, {platform.system()} {platform.machine()}",
    )


def folder(settings: Settings) -> Iterator[Finding]:
    """Only the owner may read what opens everything."""
    open_to_others = []
    for path in (
        settings.instance_dir,
        settings.database,
        settings.encryption_key_file,
        settings.account_token_file,
    ):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        # A folder that may be passed through but not read gives nothing away.
        if mode & (0o066 if path.is_dir() else 0o077):
            open_to_others.append(path)
    for path in open_to_others:
        yield wrong(
            "permissions",
            str(path),
            "other users of this machine may read it",
            f"chmod {'700' if path.is_dir() else '600'} {path}",
        )
    if not os.access(settings.instance_dir, os.W_OK):
        yield wrong(
            "permissions",
            str(settings.instance_dir),
            "this user may not write here",
            "Run as the user of the service, or give it the folder with chown.",
        )
    elif not open_to_others:
        yield ok("permissions", str(settings.instance_dir), "only its owner may read it")


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether what comes can be kept."""
    free = shutil.disk_usage(settings.instance_dir).free
    said = f"{free // 1024**2} MB are free"
    where = str(settings.instance_dir)
    remedy = "Free some space: without it nothing can be kept, and nothing is acknowledged."
    if free < _DISK_FAIL:
        yield wrong("disk", where, said, remedy)
    elif free < _DISK_WARN:
        yield warning("disk", where, said, remedy)
    else:
        yield ok("disk", where, said)


def database(settings: Settings) -> Iterator[Finding]:
    """Whether SQLite finds it whole."""
    found = snapshot.troubles(settings.database)
    for one in found:
        yield wrong(
            "database",
            str(settings.database),
            one,
            "Stop the service and restore the last backup: chatwoot-bridge restore FILE --force",
        )
    if not found:
        yield ok("database", str(settings.database), "it is whole")


def key(services: Services) -> Iterator[Finding]:
    """Whether everything that is sealed opens."""
    ring = services.settings.encryption_key
    if not ring:
        ring = services.settings.encryption_key_file.read_text(encoding="ascii")
    if len(decode_keys(ring)) > 1:
        yield warning(
            "key",
            "",
            "there are two keys: a rotation is not finished",
            "Stop the service and run: chatwoot-bridge rotate-key",
        )
    broken = snapshot.unreadable(services.store, services.vault)
    for where in broken:
        yield wrong(
            "key", where, "this sealed value does not open", "Give the token anew: activate again."
        )
    if not broken:
        yield ok("key", "", "every sealed token opens")


def service(services: Services) -> Iterator[Finding]:
    """Either the service runs and answers, or its port is free."""
    settings = services.settings
    place = f"{settings.host}:{settings.port}"
    if services.router_alive:
        yield ok("router", "", "it runs")
        answer = call(services, f"http://{local(settings.host)}:{settings.port}/healthz")
        if isinstance(answer, Answer) and is_ours(answer, services):
            yield ok("port", place, "the service answers")
        else:
            yield wrong(
                "port",
                place,
                "the service runs, but does not answer there",
                "Check that BRIDGE_HOST and BRIDGE_PORT here are those of the service.",
            )
        return
    yield wrong(
        "router",
        "",
        "the service does not run, or its router does not",
        "Start it: chatwoot-bridge serve, or systemctl start chatwoot-bridge; its log says more.",
    )
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((local(settings.host).strip("[]"), settings.port)) == 0:
            yield wrong(
                "port",
                place,
                "another program listens there",
                "Stop that program, or choose another port with BRIDGE_PORT.",
            )
        else:
            yield ok("port", place, "it is free")


def address(services: Services) -> Iterator[Finding]:
    """Whether the public address leads to us, seen from here."""
    url = services.settings.public_url
    if not url:
        yield ok(
            "address",
            "",
            "none is set: Chatwoot is heard over its socket, and so is each gateway that cannot "
            "call us",
        )
        return
    answer = call(services, f"{url}/healthz")
    if isinstance(answer, str):
        yield wrong(
            "address",
            url,
            answer,
            "Check BRIDGE_PUBLIC_URL, the DNS, the certificate and the reverse proxy; a machine "
            "that cannot reach its own public address needs a look from outside instead.",
        )
        return
    yield from clock(url, answer, services)
    if is_ours(answer, services):
        yield ok("address", url, "it leads here")
    else:
        yield wrong(
            "address",
            url,
            f"something else answers there (HTTP {answer.status})",
            "Have the reverse proxy pass everything to this service, /hooks and /healthz included.",
        )
