"""Visitors for the tests of the pages."""

import pytest

from tests.support.processes import Bridge, SandboxChatwoot
from tests.support.visitor import Visitor


@pytest.fixture
def visitor(shared_bridge: Bridge) -> Visitor:
    """The operator, signed in at a bridge without instances."""
    # Again while what an earlier test activates is still under way.
    while there := shared_bridge.api("GET", "/api/instance/list").json()["instances"]:
        for one in there:
            shared_bridge.api("DELETE", f"/api/instance/delete/{one['name']}")
    return Visitor(shared_bridge).sign_in()


@pytest.fixture
def connected(visitor: Visitor, sandbox: SandboxChatwoot) -> Visitor:
    """A visitor of a bridge with one active integration, `support`."""
    return connect(visitor, sandbox)


def connect(visitor: Visitor, sandbox: SandboxChatwoot) -> Visitor:
    """Makes that integration."""
    bridge = visitor.bridge
    bridge.api("POST", "/api/instance/new", {"name": "support"})
    wish = {
        "chatwootBaseUrl": sandbox.base_url,
        "chatwootAccountId": 1,
        "chatwootApiToken": sandbox.admin,
        "inboxName": "Front <desk>",
    }
    assert bridge.api("POST", "/api/chatwoot/set/support", wish).status_code == 201
    return visitor
