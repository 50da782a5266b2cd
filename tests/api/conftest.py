"""Fixtures of the API's tests."""

import pytest

from tests.support.api import Instance, new_instance
from tests.support.processes import Bridge


@pytest.fixture
def instance(shared_bridge: Bridge) -> Instance:
    """An instance of this test alone, at a bridge that many tests share."""
    return new_instance(shared_bridge)
