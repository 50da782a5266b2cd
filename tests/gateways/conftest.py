"""The far side of each gateway, one process for the whole run, fresh before each test."""

from collections.abc import Iterator

import pytest

from bridge.gateways import GATEWAYS
from bridge.gateways.base import Gateway
from tests.gateways.stands import STANDS, Receiver, RyzeStand


@pytest.fixture(scope="session", params=sorted(GATEWAYS))
def _stand(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RyzeStand]:
    stand = STANDS[request.param](tmp_path_factory.mktemp(request.param))
    yield stand
    stand.stop()


@pytest.fixture
def stand(_stand: RyzeStand) -> RyzeStand:
    _stand.reset()
    return _stand


@pytest.fixture
def gateway(stand: RyzeStand) -> Gateway:
    return stand.gateway()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()
