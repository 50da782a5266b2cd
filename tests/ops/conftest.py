import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.loop import Loop
from tests.ops.loop import CUSTOMER, Operator
from tests.ops.service import Service


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts the command; whatever still runs at the end of the test is killed."""
    running: list[Service] = []

    def begin(*arguments: str, **environ: str) -> Service:
        running.append(Service(tmp_path, *arguments, **environ))
        return running[-1]

    yield begin
    for service in running:
        with contextlib.suppress(ProcessLookupError):
            service.process.kill()
        service.process.wait()


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """A running loop for the tests of one module, each of which leaves it well."""
    with Loop() as loop:
        loop.phone.control("POST", "contacts", {"number": CUSTOMER, "name": "Maria Souza"})
        yield Operator(loop)
