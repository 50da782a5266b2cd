"""One loop for all tests of a session; a second one where the bridge has no public address."""

from collections.abc import Iterator

import pytest

from tests.routing.desk import Desk, until


@pytest.fixture(scope="session")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.close()


@pytest.fixture(scope="session")
def _indoor_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("indoor"), public=False, BRIDGE_GATEWAY_URL="none")
    yield desk
    desk.close()


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """Webhooks both ways; shared, so that tests use chats of their own."""
    yield _desk
    _desk.calm()


@pytest.fixture
def indoor_desk(_indoor_desk: Desk) -> Iterator[Desk]:
    """Without a public address: sockets both ways."""
    until(_indoor_desk.listens, "both sockets")
    yield _indoor_desk
    _indoor_desk.calm()


@pytest.fixture
def own_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A loop of this test alone, to be stopped and started."""
    desk = Desk(tmp_path_factory.mktemp("own"))
    yield desk
    desk.close()


@pytest.fixture(scope="session")
def _inner_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(
        tmp_path_factory.mktemp("inner"),
        BRIDGE_RETRY_MOST="0.3",
        BRIDGE_POISON_AFTER="1",
        BRIDGE_LOOK_INTERVAL="2",
    )
    yield desk
    desk.close()


@pytest.fixture
def inner_desk(_inner_desk: Desk) -> Iterator[Desk]:
    """A bridge that waits for seconds where it usually waits for minutes, for what fails inside
    Chatwoot."""
    _inner_desk.calm()
    yield _inner_desk
    _inner_desk.calm()
    _inner_desk.chatwoot.heal()
