"""The overview and the page of an instance."""

import re

import pytest

from tests.support.journal import Journal
from tests.support.processes import Bridge, SandboxChatwoot
from tests.support.visitor import Visitor
from tests.web.conftest import connect


def test_an_empty_overview_leads_to_the_wizard(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert "No number is connected yet" in page.text
    assert 'href="/wizard"' in page.html


@pytest.mark.smoke
def test_the_overview_shows_instances_with_a_link_into_chatwoot(
    connected: Visitor, sandbox: SandboxChatwoot
) -> None:
    page = connected.get("/")
    assert "support" in page.text
    assert "Front <desk>" in page.text
    assert "<desk>" not in page.html
    (inbox,) = sandbox.inboxes()
    assert f"{sandbox.base_url}/app/accounts/1/inbox/{inbox['id']}" in page.html


def test_a_check_finds_what_is_wrong_and_the_overview_remembers(
    connected: Visitor, sandbox: SandboxChatwoot
) -> None:
    sandbox.fault("suspended")
    page = connected.get("/instances/support")
    assert "Account 1 is suspended in Chatwoot: have it restored" in page.text
    connected.session.headers["Accept-Language"] = "pt-BR"
    page = connected.get("/")
    assert "O Chatwoot negou o pedido" in page.text
    assert "A conta 1 está suspensa no Chatwoot" in page.text
    sandbox.control("DELETE", "faults")
    assert "Ativa" in connected.get("/instances/support").text


def test_an_unreachable_chatwoot_is_said_and_changes_nothing(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    connected = connect(Visitor(bridge).sign_in(), sandbox)
    api = connected.bridge.api
    before = api("GET", "/api/instance/list").json()["instances"][0]["chatwoot"]["status"]
    connected.bridge.stop()
    connected.bridge.change(BRIDGE_BLOCK_PRIVATE_ADDRESSES="true")
    connected.bridge.start()
    page = connected.get("/instances/support")
    assert "Active, not reachable now" in page.text
    assert "This bridge may not call private addresses" in page.text
    assert api("GET", "/api/instance/list").json()["instances"][0]["chatwoot"]["status"] == before


def test_deactivating_asks_first_and_keeps_the_inbox(
    connected: Visitor, sandbox: SandboxChatwoot
) -> None:
    page = connected.get("/instances/support/deactivate")
    assert "Deactivate the integration of support?" in page.text
    assert len(sandbox.inboxes()) == 1
    page = connected.send({})
    assert page.path == "/"
    assert "The integration of support was deactivated." in page.text
    assert connected.bridge.api("GET", "/api/chatwoot/list/support").status_code == 404
    assert len(sandbox.inboxes()) == 1


def test_deleting_asks_first(connected: Visitor) -> None:
    connected.get("/instances/support/delete")
    page = connected.send({})
    assert "The instance support was deleted." in page.text
    assert "No number is connected yet" in page.text


def test_a_confirmation_tells_what_becomes_of_undelivered_messages(connected: Visitor) -> None:
    pages = ("/instances/support/deactivate", "/instances/support/delete")
    assert not any("undelivered" in connected.get(page).text for page in pages)

    journal = Journal(connected.bridge)
    journal.add("3EB01", state="dead")
    assert "1 undelivered message stays here" in connected.get(pages[0]).text
    assert "1 undelivered message is deleted with it." in connected.get(pages[1]).text
    journal.add("m1:0", job="reply", state="unconfirmed")
    journal.add("3EB02")
    assert "2 undelivered messages stay here" in connected.get(pages[0]).text
    page = connected.get(pages[1])
    assert "2 undelivered messages are deleted with it." in page.text
    assert 'href="/waiting?instance=support"' in page.html


def test_what_is_not_there_has_a_page(connected: Visitor) -> None:
    for path in ("/instances/nobody", "/instances/nobody/deactivate", "/no/such/page"):
        page = connected.get(path)
        assert page.status == 404
        assert "Go to the overview" in page.text


@pytest.mark.parametrize(
    ("language", "sentence", "remedy"),
    [
        ("en", "Chatwoot denied the request", "Account 1 is suspended in Chatwoot"),
        ("pt-BR", "O Chatwoot negou o pedido", "A conta 1 está suspensa no Chatwoot"),
        ("es", "Chatwoot denegó la petición", "La cuenta 1 está suspendida en Chatwoot"),
    ],
)
def test_what_stops_an_integration_is_said_in_the_language_of_the_reader(
    connected: Visitor, sandbox: SandboxChatwoot, language: str, sentence: str, remedy: str
) -> None:
    sandbox.fault("suspended")
    connected.get("/instances/support")  # asks Chatwoot, and keeps what it says
    connected.session.headers["Accept-Language"] = language
    page = connected.get("/")
    assert sentence in page.text
    assert remedy in page.text
    assert "Account is suspended" in page.text, "Chatwoot's own words, as a detail"
    assert "account_suspended" not in page.html


def test_the_page_says_since_when_an_integration_stands_still(
    connected: Visitor, sandbox: SandboxChatwoot
) -> None:
    def since() -> str:
        found = re.search(r'Since <time datetime="([^"]+)"', connected.get("/").html)
        assert found
        return found[1]

    sandbox.fault("suspended")
    connected.get("/instances/support")
    first = since()
    connected.get("/instances/support")
    assert since() == first, "the same trouble at another look"
    sandbox.control("DELETE", "faults")
    connected.send({}, path="/instances/support/check")
    assert "Since <time" not in connected.get("/").html
    sandbox.fault("suspended")
    connected.get("/instances/support")
    assert since() > first
