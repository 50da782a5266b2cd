"""One phone process for the whole run, put back to its first day before each test."""

from collections.abc import Iterator

import pytest

from tests.sandbox_phone.phone_client import PhoneServer, Receiver


@pytest.fixture(scope="session")
def phone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneServer]:
    server = PhoneServer(tmp_path_factory.mktemp("phone") / "phone.db")
    yield server
    server.stop()


@pytest.fixture
def phone(phone_server: PhoneServer) -> PhoneServer:
    phone_server.control("reset", {})
    return phone_server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()
