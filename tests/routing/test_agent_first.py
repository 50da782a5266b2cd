"""An agent begins: a conversation of Chatwoot's own making, with a contact that we did not make."""

from collections.abc import Iterator

import pytest

from tests.routing.desk import Desk, Json, until


def contact(desk: Desk, name: str, **fields: object) -> int:
    """A contact as an agent or an import makes it."""
    made = desk.api("POST", "contacts", {"name": name, **fields})
    return int(made["payload"]["contact"]["id"])


def begin(desk: Desk, contact_id: int, text: str = "") -> int:
    """A new conversation in the bridge's inbox, with its first message."""
    wish: Json = {"inbox_id": desk.inbox(), "contact_id": contact_id}
    if text:
        wish["message"] = {"content": text}
    return int(desk.api("POST", "conversations", wish)["id"])


def conversations(desk: Desk, contact_id: int) -> list[int]:
    found = desk.api("GET", f"contacts/{contact_id}/conversations")["payload"]
    return [int(one["id"]) for one in found]


@pytest.fixture(params=["desk", "indoor_desk"])
def any_desk(request: pytest.FixtureRequest) -> Desk:
    """Heard by webhook, and over the socket alone."""
    found: Desk = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[True, False], ids=["locked", "unlocked"])
def either_inbox(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Desk]:
    """An inbox with one conversation for each contact, and one with several."""
    with desk.options(reopenResolved=request.param):
        yield desk


@pytest.mark.parametrize("form", ["+{}", "identifier"])
def test_what_an_agent_begins_with_leaves_and_is_answered_there(any_desk: Desk, form: str) -> None:
    number = any_desk.number()
    any_desk.knows(number, "Eva")
    known = (
        {"identifier": f"{number}@s.whatsapp.net"}
        if form == "identifier"
        else {"phone_number": form.format(number)}
    )
    who = contact(any_desk, "Imported", **known)
    conversation = begin(any_desk, who, "may I help?")
    any_desk.gets(number, "may I help?")
    any_desk.customer(number, "yes, please")
    any_desk.shows(conversation, "may I help?", "yes, please")
    assert conversations(any_desk, who) == [conversation]


def test_an_answer_that_overtakes_everything_arrives_in_the_conversation_that_was_begun(
    either_inbox: Desk,
) -> None:
    desk = either_inbox
    desk.chatwoot.fault("jobs-stopped")
    number = desk.number()
    desk.knows(number, "Eva")
    who = contact(desk, "Imported", phone_number=f"+{number}")
    conversation = begin(desk, who, "are you there?")
    desk.customer(number, "just about to ask")
    desk.shows(conversation, "are you there?", "just about to ask")
    desk.calm_chatwoot()
    desk.gets(number, "are you there?")
    desk.settled(number)
    assert conversations(desk, who) == [conversation]


def test_an_answer_goes_where_the_agent_went_on_and_not_into_a_third_conversation(
    desk: Desk,
) -> None:
    with desk.options(reopenResolved=False):
        number, first = desk.meet("old matter")
        desk.resolve(first)
        who = int(desk.contact(first)["id"])
        desk.chatwoot.fault("jobs-stopped")
        second = begin(desk, who, "news for you")
        desk.customer(number, "what news?")
        desk.shows(second, "news for you", "what news?")
        desk.calm_chatwoot()
        desk.settled(number)
        assert sorted(conversations(desk, who)) == [first, second]


def test_a_conversation_in_another_inbox_is_not_taken(desk: Desk) -> None:
    number = desk.number()
    other = desk.api("POST", "inboxes", {"name": "Other", "channel": {"type": "api"}})["id"]
    who = contact(desk, "Elsewhere", phone_number=f"+{number}")
    elsewhere = int(desk.api("POST", "conversations", {"inbox_id": other, "contact_id": who})["id"])
    desk.customer(number, "hello")
    conversation = desk.conversation(number)
    assert conversation != elsewhere
    desk.shows(conversation, "hello")


@pytest.mark.parametrize("known", [{}, {"email": "nobody@example.com"}])
def test_that_a_contact_has_no_number_is_shown_on_the_message(
    any_desk: Desk, known: dict[str, object]
) -> None:
    mail = {key: f"{any_desk.number()}.{value}" for key, value in known.items()}
    conversation = begin(any_desk, contact(any_desk, "No number", **mail), "hello?")
    [written] = any_desk.thread(conversation)
    until(lambda: any_desk.status(conversation, written["id"]) == "failed", "the failure")
    shown = any_desk.message(conversation, written["id"])
    assert "no phone number" in shown["content_attributes"]["external_error"]


def test_once_the_number_is_known_retry_sends_it(desk: Desk) -> None:
    number = desk.number()
    desk.knows(number, "Eva")
    who = contact(desk, "No number yet")
    conversation = begin(desk, who, "hello?")
    [written] = desk.thread(conversation)
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    retry = f"agent/messages/{written['id']}/retry"
    desk.chatwoot.control("POST", retry)
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure once more")
    desk.api("PUT", f"contacts/{who}", {"phone_number": f"+{number}"})
    desk.chatwoot.control("POST", retry)
    desk.gets(number, "hello?")
    desk.settled(number)
    assert desk.status(conversation, written["id"]) != "failed"
