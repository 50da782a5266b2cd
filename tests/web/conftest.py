"""Visitors for the tests of the pages."""

import pytest

from tests.support.processes import Bridge
from tests.support.visitor import Visitor


@pytest.fixture
def visitor(shared_bridge: Bridge) -> Visitor:
    """The operator, signed in at a bridge without instances."""
    for one in shared_bridge.api("GET", "/api/instance/list").json()["instances"]:
        shared_bridge.api("DELETE", f"/api/instance/delete/{one['name']}")
    return Visitor(shared_bridge).sign_in()
