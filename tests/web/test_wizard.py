"""The wizard without scripts: each answer, each row of Chatwoot's error table, both clicks."""

import threading
from typing import Any

import pytest

from tests.support.processes import Bridge, SandboxChatwoot, free_port
from tests.support.visitor import Page, Visitor

NOT_FOUND = "Chatwoot account or endpoint not found - verify chatwootBaseUrl"
DENIED = "Chatwoot denied the request - verify the API token has admin scope on account"


def _until(visitor: Visitor, sandbox: SandboxChatwoot, step: str, **other: Any) -> Page:
    usual = {
        "instance": {"name": "support"},
        "address": {"address": sandbox.base_url},
        "account": {"account_id": "1"},
        "token": {"token": sandbox.admin},
        "inbox": {"inbox_name": "WhatsApp", "sign_messages": "y"},
    }
    return visitor.answer_until(step, **{**usual, **other})


def test_all_the_way_makes_one_inbox_as_wished(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    page = _until(visitor, sandbox, "review")
    assert "Sandbox (1)" in page.text
    page = visitor.send({}, path="/wizard/activate")
    assert page.path == "/instances/support"
    assert "The integration is active." in page.text
    (inbox,) = sandbox.inboxes()
    assert inbox["name"] == "WhatsApp"
    assert visitor.bridge.api("GET", "/api/chatwoot/list/support").json()["sign_messages"] is True


def test_two_clicks_at_once_make_one_inbox(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    page = _until(visitor, sandbox, "review")
    sandbox.fault("slow", method="POST", path="/inboxes$", seconds=1, times=1)
    form = next(fields for action, fields in page.forms if action == "/wizard/activate")
    places = []

    def click() -> None:
        url = f"{visitor.bridge.base_url}/wizard/activate"
        answer = visitor.session.post(url, data=form, timeout=60, allow_redirects=False)
        places.append(answer.headers["Location"])

    clicks = [threading.Thread(target=click) for _ in range(3)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert places == ["/instances/support"] * 3
    assert len(sandbox.inboxes()) == 1


def test_the_wizard_and_the_api_change_the_same_integration(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    _until(visitor, sandbox, "review")
    visitor.send({}, path="/wizard/activate")
    before = visitor.bridge.api("GET", "/api/chatwoot/list/support").json()
    page = visitor.send({}, path="/instances/support/edit")
    assert page.path == "/wizard/review"
    assert "This changes the integration of support." in page.text
    visitor.get("/wizard/inbox")
    assert visitor.send({"inbox_name": "Renamed"}).path == "/wizard/review"
    visitor.send({}, path="/wizard/activate")
    after = visitor.bridge.api("GET", "/api/chatwoot/list/support").json()
    assert after["chatwoot_inbox_name"] == "Renamed"
    for same in ("bridge_integration_id", "chatwoot_inbox_id", "chatwoot_api_token"):
        assert after[same] == before[same]


def test_nobody_gets_ahead_of_the_questions(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    assert visitor.get("/wizard/review").path == "/wizard"
    _until(visitor, sandbox, "account")
    for later in ("token", "inbox", "review"):
        assert visitor.get(f"/wizard/{later}").path == "/wizard/account"


def test_a_link_from_the_dashboard_answers_two_questions(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    link = {"address": f"  {sandbox.base_url}/app/accounts/1/inbox/7?x=1 "}
    page = _until(visitor, sandbox, "token", address=link)
    assert page.path == "/wizard/token"
    assert 'value="1"' in visitor.get("/wizard/account").html
    assert f'value="{sandbox.base_url}"' in visitor.get("/wizard/address").html


def test_the_check_button_stays_and_says_what_it_found(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    _until(visitor, sandbox, "address")
    page = visitor.send({"address": sandbox.base_url, "check": "1"})
    assert page.path == "/wizard/address"
    assert f"Chatwoot 4.15.1 found at {sandbox.base_url}" in page.text


def test_the_token_is_kept_but_never_shown(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    _until(visitor, sandbox, "review")
    page = visitor.get("/wizard/token")
    assert "Saved, ends in oken - leave empty to keep it." in page.text
    assert "This token belongs to Ana Admin" in page.text
    for path in ("token", "review", "instance", "account"):
        assert sandbox.admin not in visitor.get(f"/wizard/{path}").html
    visitor.get("/wizard/token")
    assert visitor.send({"token": ""}).path == "/wizard/review"


def test_another_address_never_gets_the_token_that_was_typed_for_the_first(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    _until(visitor, sandbox, "review")
    visitor.get("/wizard/address")
    other = sandbox.base_url.replace("127.0.0.1", "localhost")
    assert visitor.send({"address": other}).path == "/wizard/token"
    assert "Saved" not in visitor.get("/wizard/token").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter the address of your Chatwoot"),
        ("ftp://chat.example.com", "The address must begin with http:// or https://"),
        ("https://me:secret@chat.example.com", "must not hold a user name or password"),
        ("https://chat .example.com", "must not contain spaces"),
    ],
)
def test_an_address_that_is_none(
    visitor: Visitor, sandbox: SandboxChatwoot, typed: str, said: str
) -> None:
    _until(visitor, sandbox, "address")
    page = visitor.send({"address": typed})
    assert page.status == 422
    assert said in page.summary
    assert page.has_error_at("address")
    assert "<title>Error:" in page.html


def test_an_address_where_nobody_answers(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    _until(visitor, sandbox, "address")
    page = visitor.send({"address": f"http://127.0.0.1:{free_port()}"})
    assert page.status == 422
    assert "Chatwoot is unreachable at http://127.0.0.1:" in page.summary
    assert "connect: connection refused" in page.text
    assert page.has_error_at("address")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "html"}, "Something in front of Chatwoot answered"),
        (
            {"kind": "redirect", "location": "https://new.example"},
            "Use the address that Chatwoot redirects to: https://new.example/api",
        ),
        ({"kind": "refuse", "status": 404}, f"{NOT_FOUND} ({{base_url}})"),
        ({"kind": "refuse", "status": 500}, "answers with an error of its own"),
        ({"kind": "drop"}, "Check the address for typing errors"),
    ],
)
def test_an_address_where_something_else_answers(
    visitor: Visitor, sandbox: SandboxChatwoot, fault: dict[str, Any], said: str
) -> None:
    _until(visitor, sandbox, "address")
    sandbox.fault(**fault)
    page = visitor.send({"address": sandbox.base_url})
    assert page.status == 422
    assert said.format(base_url=sandbox.base_url) in page.summary
    assert "account ?" not in page.summary
    assert "(?)" not in page.summary
    assert page.has_error_at("address")


def test_a_public_address_that_is_none(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    _until(visitor, sandbox, "inbox")
    page = visitor.send({"public_url": "ftp://chat.example"})
    assert page.status == 422
    assert "The address must begin with http:// or https://" in page.summary
    assert page.has_error_at("public_url")


@pytest.mark.parametrize("typed", ["abc", "-1", "0", "1.5", "99999999999999999999"])
def test_an_account_id_that_is_none(visitor: Visitor, sandbox: SandboxChatwoot, typed: str) -> None:
    _until(visitor, sandbox, "account")
    page = visitor.send({"account_id": typed})
    assert page.status == 422
    assert "The account id must be" in page.summary
    assert f'value="{typed}"' in page.html


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "Enter the access token of a Chatwoot administrator"),
        ("no-such-token", "Chatwoot rejected the API token - verify chatwootApiToken"),
        ("with a space", "The token must hold only visible ASCII characters"),
        (SandboxChatwoot.agent, "The owner of this token is an agent"),
        (SandboxChatwoot.bot, "This token belongs to a bot"),
    ],
)
def test_a_token_that_will_not_do(
    visitor: Visitor, sandbox: SandboxChatwoot, token: str, said: str
) -> None:
    _until(visitor, sandbox, "token")
    page = visitor.send({"token": token})
    assert page.status == 422
    assert said in page.summary
    assert page.has_error_at("token")
    assert not token or f'"{token}"' not in page.html


@pytest.mark.parametrize(
    ("account_id", "said"),
    [
        ("99", f"{NOT_FOUND} ({{base_url}}) and chatwootAccountId (99)"),
        ("2", f"{DENIED} 2"),
        ("3", f"{DENIED} 3"),
    ],
)
def test_with_a_wrong_account_the_right_ones_are_offered(
    visitor: Visitor, sandbox: SandboxChatwoot, account_id: str, said: str
) -> None:
    page = _until(visitor, sandbox, "token", account={"account_id": account_id})
    page = visitor.send({"token": sandbox.admin})
    assert page.path == "/wizard/account"
    assert said.format(base_url=sandbox.base_url) in page.summary
    assert "Suspended company (3) is not offered: the account is suspended." in page.text
    assert visitor.send({"account_id": "1"}).path == "/wizard/inbox"


def test_without_an_account_the_only_one_is_taken(
    visitor: Visitor, sandbox: SandboxChatwoot
) -> None:
    _until(visitor, sandbox, "inbox", account={"account_id": ""})
    assert "Sandbox" in visitor.get("/wizard/account").text


def test_names_that_an_old_chatwoot_refuses(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    sandbox.options(version="4.2.0")
    _until(visitor, sandbox, "inbox")
    page = visitor.send({"inbox_name": "WhatsApp <main>"})
    assert page.status == 422
    assert 'must not contain "<": Chatwoot 4.2.0 does not allow it' in page.summary
    assert page.has_error_at("inbox_name")


@pytest.mark.parametrize(
    ("fault", "place", "said"),
    [
        ({"kind": "refuse", "status": 422}, "inbox", "Chatwoot rejected the request as invalid"),
        ({"kind": "inbox_limit"}, "trouble", "may have no more inboxes"),
        ({"kind": "refuse", "status": 503}, "trouble", "Something in front of Chatwoot answered"),
        ({"kind": "suspended"}, "account", "is suspended in Chatwoot"),
        ({"kind": "drop"}, "address", "Chatwoot is unreachable at"),
    ],
)
def test_a_failing_activation_leads_to_where_it_can_be_fixed(
    visitor: Visitor, sandbox: SandboxChatwoot, fault: dict[str, Any], place: str, said: str
) -> None:
    _until(visitor, sandbox, "review")
    method = {} if fault["kind"] in {"inbox_limit", "suspended"} else {"method": "POST"}
    sandbox.fault(**fault, **method)
    page = visitor.send({}, path="/wizard/activate")
    assert page.path == f"/wizard/{place}"
    assert said in page.summary
    assert visitor.get(page.path).summary == page.summary, "a reload shows the same"
    sandbox.control("DELETE", "faults")
    if place == "trouble":
        page = visitor.send({}, path="/wizard/activate")
    else:
        visitor.get("/wizard/review")
        page = visitor.send({}, path="/wizard/activate")
    assert page.path == "/instances/support"
    assert len(sandbox.inboxes()) == 1


def test_an_instance_name_that_will_not_do(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    visitor.bridge.api("POST", "/api/instance/new", {"name": "taken"})
    _until(visitor, sandbox, "instance")
    assert "Choose an instance" in visitor.send({}).summary
    page = visitor.send({"choice": "new instance", "name": "no spaces, please"})
    assert "The name must be 1 to 100 letters" in page.summary
    page = visitor.send({"choice": "new instance", "name": "taken"})
    assert "An instance with this name already exists" in page.summary
    page = visitor.send({"choice": "new instance", "name": "one", "gateway_url": "gw.example"})
    assert "Enter the token of the gateway" in page.summary
    assert 'value="gw.example"' in page.html
    assert visitor.send({"choice": "taken", "gateway_url": ""}).path == "/wizard/address"


def test_checks_are_throttled(visitor: Visitor, sandbox: SandboxChatwoot) -> None:
    _until(visitor, sandbox, "address")
    live = {"X-Live-Check": "1"}
    for _ in range(61):
        page = visitor.send({"address": sandbox.base_url}, path=None, headers=live)
        if "Rate limit exceeded" in page.text:
            return
        visitor.page = visitor.get("/wizard/address")
    pytest.fail("every check was made")


def test_the_module_can_be_off(bridge: Bridge) -> None:
    visitor = Visitor(bridge).sign_in()
    visitor.bridge.stop()
    visitor.bridge.change(BRIDGE_CHATWOOT_ENABLED="false")
    visitor.bridge.start()
    page = visitor.get("/wizard")
    assert page.status == 503
    assert "Set BRIDGE_CHATWOOT_ENABLED=true" in page.text
