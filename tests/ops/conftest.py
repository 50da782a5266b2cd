import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
