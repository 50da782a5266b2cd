"""Who may do what, and the exact words of every refusal (docs/contracts/chatwoot.md, Access)."""

import pytest
import requests

from tests.sandbox.conftest import Chatwoot, wait_until
from tests.support.processes import SandboxChatwoot

NOT_ALLOWED = {"error": "You are not authorized to do this action"}
NOT_FOUND = {"error": "Resource could not be found"}


def test_no_token_and_empty_token_get_the_array(sandbox: SandboxChatwoot) -> None:
    wanted = {"errors": ["You need to sign in or sign up before continuing."]}
    for headers in ({}, {"api_access_token": ""}):
        answer = requests.get(f"{sandbox.base_url}/api/v1/profile", headers=headers, timeout=30)
        assert (answer.status_code, answer.json()) == (401, wanted)


@pytest.mark.parametrize("name", ["api_access_token", "api-access-token"])
def test_the_token_is_read_from_either_spelling(sandbox: SandboxChatwoot, name: str) -> None:
    url = f"{sandbox.base_url}/api/v1/profile"
    assert requests.get(url, headers={name: sandbox.admin}, timeout=30).status_code == 200
    answer = requests.get(url, headers={name: "wrong"}, timeout=30)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid Access Token"})


def test_every_401_has_its_own_text(sandbox: SandboxChatwoot) -> None:
    def body(token: str, account_id: int, path: str = "/inboxes") -> tuple[int, object]:
        answer = Chatwoot(sandbox, token, account_id)("GET", path)
        return answer.status_code, answer.json()

    bot_refused = {"error": "Access to this endpoint is not authorized for bots"}
    assert body(sandbox.bot, 1) == (401, bot_refused)
    stranger_bot = {"error": "Bot is not authorized to access this account"}
    assert body(sandbox.bot, 2, "/conversations/1") == (401, stranger_bot)
    stranger = {"error": "You are not authorized to access this account"}
    assert body(sandbox.admin, 2) == (401, stranger)
    assert body(sandbox.admin, 3) == (401, {"error": "Account is suspended"})
    # Suspension is looked at before membership, existence before both.
    assert body(sandbox.other, 3) == (401, {"error": "Account is suspended"})
    assert body(sandbox.admin, 99) == (404, NOT_FOUND)


def test_an_account_answers_a_stranger_404_not_401(sandbox: SandboxChatwoot) -> None:
    answer = Chatwoot(sandbox, sandbox.admin, 2)("GET", "")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert Chatwoot(sandbox, sandbox.admin, 1).ok("GET", "")["name"] == "Sandbox"


def test_the_profile_tells_the_role_in_each_account(sandbox: SandboxChatwoot) -> None:
    profile = Chatwoot(sandbox, sandbox.admin).ok("GET", f"{sandbox.base_url}/api/v1/profile")
    roles = [(one["id"], one["role"], one["status"]) for one in profile["accounts"]]
    assert roles == [(1, "administrator", "active"), (3, "administrator", "suspended")]
    assert profile["pubsub_token"]


def test_version_and_health_need_no_token(sandbox: SandboxChatwoot) -> None:
    version = requests.get(f"{sandbox.base_url}/api", timeout=30).json()
    assert list(version) == ["version", "timestamp", "queue_services", "data_services"]
    assert version["version"] == "4.15.1"
    assert requests.get(f"{sandbox.base_url}/health", timeout=30).json() == {"status": "woot"}
    sandbox.options(version="4.2.0")
    assert requests.get(f"{sandbox.base_url}/api", timeout=30).json()["version"] == "4.2.0"


def test_unknown_paths_answer_json_only_when_asked(sandbox: SandboxChatwoot) -> None:
    url = f"{sandbox.base_url}/api/v1/nowhere"
    asked = requests.get(url, headers={"Accept": "application/json"}, timeout=30)
    assert (asked.status_code, asked.json()) == (404, {"status": 404, "error": "Not Found"})
    unasked = requests.get(url, timeout=30)
    assert unasked.status_code == 404
    assert unasked.headers["Content-Type"].startswith("text/html")


def test_the_dashboard_answers_200_html_to_everything(sandbox: SandboxChatwoot) -> None:
    answer = requests.get(f"{sandbox.base_url}/app/api/v1/profile", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert requests.post(f"{sandbox.base_url}/app/api/v1/x", timeout=30).status_code == 404


def test_malformed_json_is_refused_before_anything_else(sandbox: SandboxChatwoot) -> None:
    for body in ('{"name":', '{"name":NaN}'):
        answer = requests.post(
            f"{sandbox.base_url}/api/v1/accounts/1/inboxes",
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        assert (answer.status_code, answer.json()) == (400, {"status": 400, "error": "Bad Request"})


def test_an_agent_may_not_create_an_inbox(agent: Chatwoot) -> None:
    answer = agent("POST", "/inboxes", {"name": "x", "channel": {"type": "api"}})
    assert (answer.status_code, answer.json()) == (401, NOT_ALLOWED)


def test_an_agent_sees_only_inboxes_they_are_a_member_of(
    chatwoot: Chatwoot, agent: Chatwoot
) -> None:
    inbox_id, number = chatwoot.chat()
    assert agent.ok("GET", "/inboxes") == {"payload": []}
    for path in (f"/inboxes/{inbox_id}", f"/conversations/{number}"):
        answer = agent("GET", path)
        assert (answer.status_code, answer.json()) == (401, NOT_ALLOWED)
    members = chatwoot.ok("POST", "/inbox_members", {"inbox_id": inbox_id, "user_ids": [2]})
    assert [one["name"] for one in members["payload"]] == ["Bruno Agent"]
    seen = agent.ok("GET", f"/inboxes/{inbox_id}")
    assert "secret" not in seen
    assert "hmac_token" not in seen
    assert agent.ok("GET", f"/conversations/{number}")["id"] == number


def test_a_bot_may_write_messages_and_little_else(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    _, number = chatwoot.chat()
    bot = Chatwoot(sandbox, sandbox.bot)
    assert bot.say(number, "hi", "outgoing")["sender"]["type"] == "agent_bot"
    assert bot("GET", f"/conversations/{number}/messages").status_code == 401
    assert bot("POST", "/contacts", {"name": "x"}).status_code == 401


def test_limits_are_402_before_the_role_is_looked_at(
    sandbox: SandboxChatwoot, agent: Chatwoot
) -> None:
    sandbox.control("PATCH", "accounts/1", {"inbox_limit": 0})
    answer = agent("POST", "/inboxes", {"name": "x", "channel": {"type": "api"}})
    wanted = {"error": "Account limit exceeded. Upgrade to a higher plan"}
    assert (answer.status_code, answer.json()) == (402, wanted)


def test_what_chatwoot_says_itself_follows_the_locale_and_validations_do_not(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    sandbox.control("PATCH", "accounts/1", {"locale": "pt_BR"})
    answer = chatwoot("POST", "/inboxes", {"name": "", "channel": {"type": "api"}})
    assert answer.json() == {"message": "Name can't be blank", "attributes": ["name"]}
    assert chatwoot("GET", "/inboxes/99").json() == NOT_FOUND
    inbox_id, number = chatwoot.chat()
    message = chatwoot.say(number, "x")["id"]
    deleted = chatwoot.ok("DELETE", f"/conversations/{number}/messages/{message}")
    assert deleted["content"] == "Esta mensagem foi excluída"


def test_a_token_can_be_revoked_and_a_role_lost(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    sandbox.control("PATCH", "users/1", {"roles": {"1": "agent"}})
    answer = chatwoot("POST", "/inboxes", {"name": "x", "channel": {"type": "api"}})
    assert (answer.status_code, answer.json()) == (401, NOT_ALLOWED)
    url = f"{sandbox.base_url}/api/v1/profile/reset_access_token"
    fresh = chatwoot.ok("POST", url)["access_token"]
    assert chatwoot("GET", "/inboxes").json() == {"error": "Invalid Access Token"}
    assert Chatwoot(sandbox, fresh).ok("GET", "/inboxes") == {"payload": []}


def test_a_website_inbox_is_the_wrong_kind(chatwoot: Chatwoot) -> None:
    channel = {"type": "web_widget", "website_url": "https://shop.test"}
    inbox = chatwoot.ok("POST", "/inboxes", {"name": "Site", "channel": channel})
    assert inbox["channel_type"] == "Channel::WebWidget"
    assert "secret" not in inbox
    answer = chatwoot("POST", f"/inboxes/{inbox['id']}/reset_secret")
    assert (answer.status_code, answer.text) == (404, "")
    contact_id = chatwoot.contact(inbox["id"])["id"]
    number = chatwoot.conversation(inbox["id"], contact_id)["id"]
    path = f"/conversations/{number}/messages"
    incoming = chatwoot("POST", path, {"content": "x", "message_type": "incoming"})
    wanted = {"error": "Incoming messages are only allowed in Api inboxes"}
    assert (incoming.status_code, incoming.json()) == (422, wanted)
    message = chatwoot.say(number, "x", "outgoing")
    # The one 403 a bridge can meet.
    patched = chatwoot("PATCH", f"{path}/{message['id']}", {"status": "read"})
    wanted = {"error": "Message status update is only allowed for API inboxes"}
    assert (patched.status_code, patched.json()) == (403, wanted)


def test_state_is_wiped_by_a_reset_and_ids_start_again(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    chatwoot.inbox()
    sandbox.reset()
    assert chatwoot.ok("GET", "/inboxes") == {"payload": []}
    assert chatwoot.inbox()["id"] == 1


def test_deletion_of_an_inbox_takes_a_moment(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    inbox_id, number = chatwoot.chat()
    promised = "Your inbox deletion request will be processed in some time."
    assert chatwoot.ok("DELETE", f"/inboxes/{inbox_id}") == {"message": promised}
    assert chatwoot.ok("GET", f"/inboxes/{inbox_id}")["id"] == inbox_id
    wait_until(lambda: chatwoot("GET", f"/inboxes/{inbox_id}").status_code == 404)
    assert chatwoot("GET", f"/conversations/{number}").status_code == 404


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/app/accounts/1/inbox/3", "/"),
        ("/app/accounts/1/conversations/4", "/sandbox/conversations/1/4"),
    ],
)
def test_a_person_is_shown_from_the_dashboard_to_the_agent_page(
    sandbox: SandboxChatwoot, path: str, target: str
) -> None:
    person = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = requests.get(sandbox.base_url + path, headers=person, timeout=30)
    assert answer.status_code == 200
    assert f'href="{target}"' in answer.text
    assert (
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*"
        in answer.headers["Content-Security-Policy"]
    )
    for accept in ("application/json", "*/*"):
        answer = requests.get(sandbox.base_url + path, headers={"Accept": accept}, timeout=30)
        assert '<div id="app"></div>' in answer.text
