"""Looks at everything that has to be right, and says what is wrong and what to do about it.

Changes no more than the stored status of an integration. Each check stands alone: what cannot be
looked at is a finding too.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bridge.config.settings import Settings
from bridge.domain.errors import StartupError
from bridge.domain.models import Instance
from bridge.operations.doctor import machine, sides
from bridge.operations.doctor.findings import Check, Finding, Level
from bridge.services import Services

__all__ = ["Finding", "Level", "examine"]

_AT_ONCE = 16


def examine(load: Callable[[], Settings]) -> Iterator[Finding]:
    """Every finding, as it is made; `load` reads the settings."""
    yield machine.program()
    check = Check("settings")
    try:
        settings = load()
    except StartupError as error:
        yield check.wrong(error.message, "Correct this value; an empty one is unset.")
        return
    for text in settings.warnings:
        yield check.warning(text, "Correct the name, or take it away.")
    if not settings.warnings:
        yield check.ok("every setting is understood")
    if not settings.database.exists():
        yield Check("folder", str(settings.instance_dir)).wrong(
            "there is no installation here",
            "Name the right folder with --instance-dir, or start the service once.",
        )
        return
    yield from machine.folder(settings)
    yield from machine.disk(settings)
    yield from machine.database(settings)
    try:
        services = Services.open(settings)
    except StartupError as error:
        remedy = "Put the key of this database back; a backup holds it."
        yield Check("key").wrong(error.message, remedy)
        return
    try:
        yield from _opened(services)
    finally:
        services.close()


def _opened(services: Services) -> Iterator[Finding]:
    yield from machine.key(services)
    yield from machine.service(services)
    yield from machine.address(services)
    # Side by side: one that does not answer must not make all the others wait.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for findings in pool.map(
            lambda instance: _sides(instance, services), services.instances.all()
        ):
            yield from findings
    yield from sides.messages(services)


def _sides(instance: Instance, services: Services) -> list[Finding]:
    return [*sides.chatwoot(instance, services), *sides.gateway(instance, services)]
