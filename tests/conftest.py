"""Fixtures for every folder of tests. Processes are real, and shared where that is safe."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import chatwoot_contract
from tests.support.processes import Bridge, SandboxChatwoot


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxChatwoot]:
    running = SandboxChatwoot(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture
def sandbox(_sandbox_process: SandboxChatwoot) -> Iterator[SandboxChatwoot]:
    """A sandbox Chatwoot as it is after its first start.

    What was asked of it is held against Chatwoot's own description afterwards.
    """
    _sandbox_process.reset()
    yield _sandbox_process
    chatwoot_contract.check(_sandbox_process.requests())


#: Files that take a minute and more: begun first, or one worker works on when all others are done.
_LONG = (
    *("test_inside_chatwoot", "test_soak", "routing_property", "test_replay", "test_versions"),
    *("test_contributing", "test_lagging", "test_upgrades", "test_sockets", "test_looks"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After the shuffling: what is long goes first, all else stays where it is."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in _LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker is through: what it held counts for all."""
    chatwoot_contract.Counter.validated += getattr(node, "workeroutput", {}).get("validated", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that must hold requests against the file, and held none, has failed."""
    count = chatwoot_contract.Counter.validated
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["validated"] = count
    elif chatwoot_contract.is_required() and not count:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how much was held against Chatwoot's OpenAPI file."""
    if chatwoot_contract.is_present():
        count = chatwoot_contract.Counter.validated
        said = f"{count} requests to Chatwoot held against its OpenAPI file"
    else:
        said = "no request held against Chatwoot's OpenAPI file: there is none"
    terminalreporter.write_line(said)


@pytest.fixture
def start_bridge(tmp_path: Path) -> Iterator[Callable[..., Bridge]]:
    """Starts a bridge in an empty folder: start_bridge(BRIDGE_RATE_LIMIT="5/minute")."""
    running: list[Bridge] = []

    def start(**settings: Any) -> Bridge:
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
    limits: dict[str, Any] = {
        "BRIDGE_RATE_LIMIT": "100000/minute",
        "BRIDGE_RATE_LIMIT_NEW": "100000/minute",
    }
    running = Bridge(tmp_path_factory.mktemp("shared"), **limits)
    yield running
    running.stop()


@pytest.fixture
def bridge(start_bridge: Callable[..., Bridge]) -> Bridge:
    """A running bridge of this test alone, with the default settings."""
    return start_bridge()
