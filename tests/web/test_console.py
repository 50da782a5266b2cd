"""The console: how instances stand, where a message is, what needs a person, who did what."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from bridge.domain.errors import GivenUp, InboxGone, NotYet, dump
from bridge.gateways.base import GatewayRefuses
from tests.support.api import new_instance, wish
from tests.support.journal import Journal
from tests.support.processes import Bridge, SandboxChatwoot
from tests.support.visitor import Visitor
from tests.web.conftest import connect

REFUSED = dump(
    GatewayRefuses(
        base_url="http://gw.example",
        reason="number is not on WhatsApp",
        detail="http://gw.example/send HTTP 400: no",
    )
)


@pytest.fixture
def journal(connected: Visitor) -> Journal:
    """The journal of the instance `support`."""
    return Journal(connected.bridge)


# -- the overview ----------------------------------------------------------------------------------


def test_a_card_says_how_an_instance_stands(connected: Visitor, journal: Journal) -> None:
    for number in range(3):
        journal.add(f"3EB0{number}", ago=60 * number + 200)
    journal.add("m7:0", job="reply", ago=700)
    page = connected.get("/")
    assert "Sockets" in page.text
    assert "In the last hour 3 from WhatsApp (above the line) and 1 to WhatsApp" in page.text
    assert page.html.count('<rect class="in"') == 3
    assert page.html.count('<rect class="out"') == 1
    assert re.search(r'<time datetime="[^"]+" title="[^"]+">3 minutes ago</time>', page.html)
    assert "11 minutes ago" in page.text or "12 minutes ago" in page.text
    assert "style=" not in page.html
    assert re.search(r"<svg[^>]* role=\"img\"[^>]*>\s*<title id=", page.html)


def test_a_card_offers_one_remedy(connected: Visitor, sandbox: SandboxChatwoot) -> None:
    page = connected.get("/")
    assert "The bridge does not know the gateway of this number." in page.text
    assert 'href="/instances/support/gateway">Set the gateway' in page.html
    page = connected.send({"back": "/"}, path="/instances/support/pause")
    assert "support is paused." in page.text
    assert "Paused: messages are stored" in page.text
    assert page.html.count('id="remedy-csrf') == 1
    page = connected.send({"back": "/"}, path="/instances/support/resume")
    assert page.path == "/"
    assert "support is resumed." in page.text
    sandbox.fault("suspended")
    connected.get("/instances/support")
    page = connected.get("/")
    assert "Account 1 is suspended in Chatwoot" in page.text
    assert "Check again" in page.text
    sandbox.control("DELETE", "faults")
    page = connected.send({}, path="/instances/support/check")
    assert page.path == "/instances/support"
    assert "found it well again" in connected.get("/audit").text


def test_dead_letters_are_counted_in_the_navigation(connected: Visitor, journal: Journal) -> None:
    journal.add("m1:0", job="reply", state="dead", reason=REFUSED)
    journal.add("m2:0", job="reply", state="unconfirmed", reason="nobody knows")
    page = connected.get("/")
    assert "Dead letters: 1" in page.text
    assert "Waiting 2 messages need you" in page.text
    assert "Unconfirmed sends: 1" in page.text


# -- where a message is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["+55 (11) 99999-0001", "999990001", "maria", "blue shoes", "3EB0F1", "77", "100%"],
)
def test_a_message_is_found(connected: Visitor, journal: Journal, words: str) -> None:
    entry_id = journal.add("3EB0F1", text="The blue shoes <b>& 100% of it</b>")
    journal.add("3EB0F2", text="other", phone="4915112345678", name="Jens", ago=5)
    journal.pair("3EB0F1", 77, 4)
    page = connected.get(f"/messages?q={words.replace('%', '%25').replace('+', '%2B')}")
    assert f'href="/messages/{entry_id}"' in page.html
    assert "1 message" in page.text
    assert "<b>&" not in page.html


def test_a_search_without_a_result_says_what_that_means(connected: Visitor) -> None:
    page = connected.get("/messages?q=nothing-like-it")
    assert "Nothing was found" in page.text
    assert connected.get("/messages?q=%00%ff").status == 200
    assert connected.get("/messages?q=" + "x" * 3000).status == 200


def test_contents_can_be_switched_off(
    start_bridge: Callable[..., Bridge], sandbox: SandboxChatwoot
) -> None:
    visitor = connect(
        Visitor(start_bridge(BRIDGE_SHOW_CONTENTS="false")).sign_in(),
        sandbox,
    )
    entry_id = Journal(visitor.bridge).add("3EB0F1", text="a secret wish")
    assert "Nothing was found" in visitor.get("/messages?q=secret").text
    assert f"/messages/{entry_id}" in visitor.get("/messages?q=Maria").html
    for path in ("/messages?q=Maria", f"/messages/{entry_id}", "/waiting"):
        assert "a secret wish" not in visitor.get(path).html


@pytest.mark.parametrize(
    ("job", "key", "words"),
    [
        ("message", "3EB0IN", "From WhatsApp"),
        ("file", "3EB0FILE", "From WhatsApp"),
        ("reply", "m7:0", "To WhatsApp"),
        ("receipt", "3EB0MARK", "Receipt for Chatwoot"),
    ],
)
def test_each_job_says_where_it_goes(
    connected: Visitor, journal: Journal, job: str, key: str, words: str
) -> None:
    entry_id = journal.add(key, job=job, state="dead", reason=REFUSED)
    assert f"Direction {words} Chat" in connected.get(f"/messages/{entry_id}").text


def test_the_timeline_of_a_message(
    connected: Visitor, journal: Journal, sandbox: SandboxChatwoot
) -> None:
    entry_id = journal.add("m77:0", job="reply", state="dead", reason=REFUSED, tries=2)
    journal.pair("3EB0F1", 77, 4)
    page = connected.get(f"/messages/{entry_id}")
    assert page.text.count("Attempt: failed") == 2
    assert "took 0.25 s" in page.text
    assert "Received: stored on disk, then acknowledged" in page.text
    assert "Given up: a dead letter" in page.text
    assert "Correct what the gateway names, then retry the message." in page.text
    assert "http://gw.example/send HTTP 400: no" in page.text
    assert "3EB0F1" in page.text
    assert "Direction To WhatsApp" in page.text
    assert f'href="{sandbox.base_url}/app/accounts/1/conversations/4"' in page.html
    connected.session.headers["Accept-Language"] = "pt-BR"
    page = connected.get(f"/messages/{entry_id}")
    assert "Tentativa: falhou" in page.text
    assert "Corrija o que o gateway" in page.text


@pytest.mark.parametrize(
    ("language", "sentence", "remedy"),
    [
        (
            "en",
            "given up after 72 hours: inbox 7 no longer exists in Chatwoot account 5",
            "Activate the integration again: a new inbox is made.",
        ),
        (
            "pt-BR",
            "desistência depois de 72 horas: a caixa de entrada 7 não existe mais na conta 5",
            "Ative a integração de novo",
        ),
        (
            "es",
            "desistida después de 72 horas: la bandeja de entrada 7 ya no existe en la cuenta 5",
            "Activa la integración otra vez",
        ),
    ],
)
def test_why_a_message_was_given_up_is_said_in_the_language_of_the_reader(
    connected: Visitor, journal: Journal, language: str, sentence: str, remedy: str
) -> None:
    gone = InboxGone(inbox_id=7, account_id=5, detail="HTTP 404")
    reason = dump(GivenUp(gone, hours=72))
    dead = journal.add("3EB0F1", state="dead", reason=reason, tries=1)
    held = dump(NotYet("a file of the message", retry_after_s=600.0))
    waits = journal.add("3EB0F2", state="unconfirmed", reason=held, tries=1)
    connected.session.headers["Accept-Language"] = language
    for path in ("/waiting", f"/messages/{dead}"):
        page = connected.get(path)
        assert sentence in page.text
        assert remedy in page.text
        assert "HTTP 404" in page.text
        assert "inbox_gone" not in page.html
    page = connected.get(f"/messages/{waits}")
    assert {
        "en": "waiting for a file of the message",
        "pt-BR": "esperando: um arquivo da mensagem",
        "es": "esperando: un archivo del mensaje",
    }[language] in page.text


def test_what_an_older_version_stored_in_words_stays_readable(
    connected: Visitor, journal: Journal
) -> None:
    said = "given up after 72 hours: no answer. Detail: http://gw.example <b>"
    entry_id = journal.add("3EB0F1", state="dead", reason=said, tries=1)
    for path in ("/waiting", f"/messages/{entry_id}"):
        assert said.partition(" <")[0] in connected.get(path).text
        assert "<b>" not in connected.get(path).html


def test_a_message_that_is_not_there_has_a_page(connected: Visitor) -> None:
    page = connected.get("/messages/999999999")
    assert page.status == 404
    assert "there is no message 999999999" in page.text


# -- those that need a person ----------------------------------------------------------------------


def _state(visitor: Visitor, entry_id: int) -> str:
    found = re.search(
        r'<span class="pill[^"]*">([^<]+)<', visitor.get(f"/messages/{entry_id}").html
    )
    assert found
    return found[1]


def test_a_dead_letter_that_is_replayed_arrives(
    connected: Visitor, journal: Journal, sandbox: SandboxChatwoot
) -> None:
    entry_id = journal.add("3EB0DEAD", state="dead", reason="Chatwoot was fixed since")
    connected.get("/waiting")
    page = connected.send({}, path=f"/messages/{entry_id}/replay")
    assert page.path == "/waiting"
    assert f"Message {entry_id} is retried." in page.text
    until = time.monotonic() + 20
    while _state(connected, entry_id) != "Delivered" and time.monotonic() < until:
        time.sleep(0.2)
    assert _state(connected, entry_id) == "Delivered"
    (conversation,) = sandbox.control("GET", "agent/conversations")
    assert conversation["id"]
    trail = connected.get("/audit").text
    assert f"Account token · replayed · support #{entry_id}" in trail


def test_all_of_an_instance_are_replayed(connected: Visitor, journal: Journal) -> None:
    for number in range(3):
        journal.add(f"3EB0{number}", state="dead", reason="x", phone=f"551199999000{number}")
    connected.get("/waiting")
    page = connected.send({}, path="/instances/support/replay")
    assert page.path == "/waiting"
    assert "3 messages are retried." in page.text
    assert "Account token · replayed · support" in connected.get("/audit").text


def test_discarding_asks_first(connected: Visitor, journal: Journal) -> None:
    entry_id = journal.add("m9:0", job="reply", state="dead", reason=REFUSED)
    page = connected.get(f"/messages/{entry_id}/discard")
    assert f"Discard message {entry_id}?" in page.text
    assert _state(connected, entry_id) == "Dead letter"
    connected.get(f"/messages/{entry_id}/discard")
    page = connected.send({})
    assert page.path == "/waiting"
    assert _state(connected, entry_id) == "Discarded"
    connected.get(f"/messages/{entry_id}/discard")
    page = connected.send({})
    assert page.status == 409
    assert "cannot be changed that way" in page.text


@pytest.mark.parametrize(("said", "state"), [("yes", "Delivered"), ("no", "Waiting")])
def test_a_person_settles_what_is_unconfirmed(
    connected: Visitor, journal: Journal, said: str, state: str
) -> None:
    entry_id = journal.add("m9:0", job="reply", state="unconfirmed", reason="nobody knows")
    page = connected.get("/waiting")
    assert "appears there twice" in page.text
    connected.send({"sent": "perhaps"}, path=f"/messages/{entry_id}/settle")
    assert _state(connected, entry_id) == "Unconfirmed"
    connected.get("/waiting")
    page = connected.send({"sent": said}, path=f"/messages/{entry_id}/settle")
    assert page.path == "/waiting"
    assert _state(connected, entry_id) in {state, "Dead letter"}


def test_a_list_can_be_of_one_instance(connected: Visitor, journal: Journal) -> None:
    new_instance(connected.bridge, name="other")
    journal.add("m9:0", job="reply", state="dead", reason=REFUSED)
    assert "Maria Souza" in connected.get("/waiting?instance=support").text
    page = connected.get("/waiting?instance=other")
    assert "Maria Souza" not in page.text
    assert "Nothing waits" in page.text
    assert connected.get("/waiting?instance=nobody").status == 404


@pytest.mark.parametrize("action", ["replay", "discard", "settle"])
def test_forms_are_guarded(connected: Visitor, journal: Journal, action: str) -> None:
    entry_id = journal.add("m9:0", job="reply", state="dead", reason=REFUSED)
    url = f"{connected.bridge.base_url}/messages/{entry_id}/{action}"
    assert connected.session.post(url, data={"sent": "no"}).status_code == 400
    stranger = Visitor(connected.bridge)
    for path in ("/", "/messages?q=Maria", f"/messages/{entry_id}", "/waiting", "/audit", "/live"):
        assert stranger.get(path).path.startswith("/sign-in")
    assert _state(connected, entry_id) == "Dead letter"


# -- who did what ----------------------------------------------------------------------------------


def test_the_trail_names_who_did_what_from_where(
    connected: Visitor, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(connected.bridge, name="other")
    changed = instance.set(wish(sandbox), headers={"token": instance.token})
    assert changed.status_code == 201
    page = connected.get("/audit")
    assert "Account token · made the instance · other" in page.text
    assert "Token of other · activated · other" in page.text
    assert f"{sandbox.base_url} account 1, inbox" in page.text
    assert "127.0.0.1" in page.text
    for secret in (sandbox.admin, instance.token, connected.bridge.account_token):
        assert secret not in page.html


def test_refusals_at_the_sign_in_are_noted_but_do_not_fill_the_trail(connected: Visitor) -> None:
    stranger = Visitor(connected.bridge)
    for _ in range(4):
        stranger.get("/sign-in")
        stranger.send({"token": "not-the-account-token"})
    page = connected.get("/audit")
    adapter: Any = stranger.session.get_adapter("http://x")
    address = str(adapter._address)
    noted = re.findall(
        rf"Somebody · was refused at the sign-in · console [^·]+ · {address}\b", page.text
    )
    assert len(noted) == 1


def test_older_lines_are_a_page_away(connected: Visitor) -> None:
    for number in range(26):
        new_instance(connected.bridge, name=f"many-{number}")
        connected.bridge.api("DELETE", f"/api/instance/delete/many-{number}")
    page = connected.get("/audit")
    assert "many-25" in page.text
    assert "made the instance · many-0 " not in page.text
    older = re.search(r'href="(/audit\?before=\d+)"', page.html)
    assert older
    page = connected.get(older[1])
    assert "made the instance · many-0 " in page.text
    assert connected.get("/audit?before=nonsense").status == 200


# -- news ------------------------------------------------------------------------------------------


def _asked(visitor: Visitor, edition: str = "") -> requests.Response:
    return visitor.session.get(
        f"{visitor.bridge.base_url}/live",
        headers={"If-None-Match": edition} if edition else {},
        allow_redirects=False,
        timeout=20,
    )


def _until_still(visitor: Visitor) -> str:
    """The edition, once it has stayed for two questions."""
    edition = ""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        answer = _asked(visitor, edition)
        if answer.status_code == 304:
            return edition
        edition = answer.headers["ETag"]
    pytest.fail("something changes all the time")


def test_a_page_learns_of_each_kind_of_change(connected: Visitor, journal: Journal) -> None:
    def pause() -> None:
        connected.get("/")
        connected.send({}, path=f"/instances/{journal.instance}/pause")

    for change in (lambda: journal.add("3EB0NEWS"), pause):
        edition = _until_still(connected)
        change()
        answer = _asked(connected, edition)
        assert answer.status_code == 200
        assert answer.headers["ETag"] != edition
        assert answer.content == b""


@pytest.mark.parametrize("path", ["/", "/waiting"])
def test_a_page_says_of_which_edition_it_is(connected: Visitor, path: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        shown = re.search(r'data-edition="([^"]+)"', connected.get(path).html)
        assert shown
        if _asked(connected, f'"{shown[1]}"').status_code == 304:
            return
    pytest.fail("what is shown is always old")


def test_who_has_signed_out_learns_nothing(connected: Visitor) -> None:
    edition = _until_still(connected)
    connected.get("/")
    cookies = dict(connected.session.cookies)
    connected.send({}, path="/sign-out")
    connected.session.cookies.update(cookies)
    assert _asked(connected, edition).status_code == 302


def test_many_open_pages_hold_no_connection(bridge: Bridge) -> None:
    visitor = Visitor(bridge).sign_in()
    for _ in range(100):
        assert _asked(visitor).status_code == 200
    assert visitor.get("/").status == 200
