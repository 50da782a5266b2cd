"""The gateway of an instance that is there, and the token that a new instance is given."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.journal import services_of
from tests.support.processes import Bridge, SandboxChatwoot, SandboxPhone
from tests.support.visitor import Visitor


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxPhone]:
    """A gateway."""
    running = SandboxPhone(tmp_path_factory.mktemp("phone"))
    yield running
    running.stop()


def _gateway(bridge: Bridge, name: str = "support") -> tuple[str, str]:
    with services_of(bridge) as services:
        found = services.instances.find(name)
        assert found
        assert found.gateway
        return found.gateway.base_url, str(found.gateway.token)


def test_a_gateway_is_set_and_its_token_kept_unless_typed(connected: Visitor) -> None:
    page = connected.get("/instances/support/gateway")
    page = connected.send({"gateway_url": "gw.example"})
    assert page.status == 422
    assert "Enter the token of the gateway" in page.summary
    typed = {"gateway_url": "http://127.0.0.1:9", "gateway_token": "gateway-token-1"}
    page = connected.send(typed)
    assert page.path == "/instances/support"
    assert "The gateway of support was saved." in page.text
    assert "http://127.0.0.1:9" in page.text
    assert _gateway(connected.bridge) == ("http://127.0.0.1:9", "gateway-token-1")
    page = connected.get("/instances/support/gateway")
    assert "gateway-token-1" not in page.html
    connected.send({"gateway_url": "http://127.0.0.1:10"})
    assert _gateway(connected.bridge) == ("http://127.0.0.1:10", "gateway-token-1")
    connected.get("/instances/support/gateway")
    page = connected.send({"gateway_url": "http://127.0.0.2:9"})
    assert "the saved one belongs to another address" in page.summary
    assert "Account token · set the gateway · support" in connected.get("/audit").text


def test_a_gateway_that_was_set_is_heard_at_once(
    bridge: Bridge, sandbox: SandboxChatwoot, phone: SandboxPhone
) -> None:
    visitor = Visitor(bridge).sign_in()
    bridge.api("POST", "/api/instance/new", {"name": phone.instance})
    wish = {
        "chatwootBaseUrl": sandbox.base_url,
        "chatwootAccountId": 1,
        "chatwootApiToken": sandbox.admin,
    }
    bridge.api("POST", f"/api/chatwoot/set/{phone.instance}", wish).raise_for_status()
    visitor.get(f"/instances/{phone.instance}/gateway")
    page = visitor.send({"gateway_url": phone.base_url, "gateway_token": phone.instance_token})
    assert "notice unsure" not in page.html
    assert "connected to WhatsApp" in visitor.get("/").text
    phone.control("POST", "state", {"instance": phone.instance, "state": "disconnected"})
    visitor.get(f"/instances/{phone.instance}")
    page = visitor.send({}, path=f"/instances/{phone.instance}/check")
    assert f"The WhatsApp number of {phone.instance} is not connected" in page.text
    assert "is not connected to WhatsApp: disconnected" in visitor.get("/").text
    phone.control("POST", "state", {"instance": phone.instance, "state": "connected"})
    visitor.get("/")
    visitor.send({}, path=f"/instances/{phone.instance}/check")
    page = visitor.get("/")
    assert "connected to WhatsApp" in page.text
    assert "disconnected" not in page.text

    def arrives() -> object:
        # A socket replays nothing: what is written before it stands is not heard of.
        phone.control("POST", "customer", {"chat": "5511999990077", "text": "Hello"})
        return sandbox.control("GET", "agent/conversations")

    _until(arrives)


def test_the_wizard_sets_the_gateway_of_a_picked_instance(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    visitor.bridge.api("POST", "/api/instance/new", {"name": "support"})
    visitor.get("/wizard")
    visitor.send({}, path="/wizard")
    page = visitor.send({"choice": "support", "gateway_url": "http://127.0.0.1:9"})
    assert "Enter the token of the gateway" in page.summary
    visitor.send(
        {
            "choice": "support",
            "gateway_url": "http://127.0.0.1:9",
            "gateway_token": "gateway-token-1",
        }
    )
    _answer(visitor, sandbox)
    assert "http://127.0.0.1:9" in visitor.get("/wizard/review").text
    page = visitor.send({}, path="/wizard/activate")
    assert page.path == "/instances/support"
    assert _gateway(visitor.bridge) == ("http://127.0.0.1:9", "gateway-token-1")
    assert "shown this once" not in page.text


def test_the_token_of_a_new_instance_is_shown_once(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    visitor.get("/wizard")
    visitor.send({}, path="/wizard")
    visitor.send({"name": "fresh"})
    _answer(visitor, sandbox)
    sandbox.fault("refuse", method="POST", status=503, times=1)
    visitor.get("/wizard/review")
    page = visitor.send({}, path="/wizard/activate")
    assert page.path == "/wizard/trouble"
    # The instance was made by the try that failed: its token waits, sealed.
    visitor.get("/wizard/review")
    page = visitor.send({}, path="/wizard/activate")
    found = re.search(r'<code class="whole">([^<]+)</code>', page.html)
    assert found
    assert "shown this once" in page.text
    token = found[1]
    answer = visitor.bridge.api("GET", "/api/chatwoot/list/fresh", headers={"token": token})
    assert answer.status_code == 200
    assert token not in str(visitor.session.cookies.get_dict())
    assert token not in visitor.get("/instances/fresh").html
    files = [one for one in visitor.bridge.instance_dir.rglob("*") if one.is_file()]
    assert not [one for one in files if token.encode() in one.read_bytes()]


def _answer(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    answers = {
        "address": {"address": sandbox.base_url},
        "account": {"account_id": "1"},
        "token": {"token": sandbox.admin},
        "inbox": {"inbox_name": "WhatsApp"},
    }
    for step, typed in answers.items():
        visitor.get(f"/wizard/{step}")
        visitor.send(typed)


def _until(found: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if found():
            return
        time.sleep(0.2)
    pytest.fail("nothing came")
