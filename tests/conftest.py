"""Fixtures for every folder of tests. Processes are real, and shared where that is safe."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Bridge, SandboxChatwoot


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxChatwoot]:
    running = SandboxChatwoot(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture
def sandbox(_sandbox_process: SandboxChatwoot) -> SandboxChatwoot:
    """A sandbox Chatwoot as it is after its first start."""
    _sandbox_process.reset()
    return _sandbox_process


@pytest.fixture
def start_bridge(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Starts a bridge in an empty folder: start_bridge(BRIDGE_RATE_LIMIT="5/minute")."""
    running: list[Bridge] = []

    def start(**settings: str) -> Bridge:
        folder = tmp_path / f"bridge-{len(running)}"
        folder.mkdir()
        running.append(Bridge(folder, **settings))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def shared_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """One running bridge for tests that leave no instance behind or use names of their own.

    Its rate limits are high, so that many tests can share it.
    """
    limits = {"BRIDGE_RATE_LIMIT": "100000/minute", "BRIDGE_RATE_LIMIT_NEW": "100000/minute"}
    running = Bridge(tmp_path_factory.mktemp("shared"), **limits)
    yield running
    running.stop()


@pytest.fixture
def bridge(start_bridge: Callable[..., Bridge]) -> Bridge:
    """A running bridge of this test alone, with the default settings."""
    return start_bridge()
