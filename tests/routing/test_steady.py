"""What routing costs and keeps on an ordinary day: calls, contacts, conversations, names."""

import re
import threading

import pytest

from tests.routing.desk import Desk, until

_ACCOUNT = "/api/v1/accounts/<int:account_id>"
POST_MESSAGE = f"POST {_ACCOUNT}/conversations/<int:display_id>/messages"


def test_a_text_costs_one_call_to_chatwoot(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.forget_calls()
    texts = [f"text {index}" for index in range(5)]
    for text in texts:
        desk.customer(number, text)
    desk.shows(conversation, "first", *texts)
    desk.settled(number)
    assert desk.calls_to_chatwoot(conversation) == [POST_MESSAGE] * 5


@pytest.mark.parametrize("prefix", ["49151", "5581987", "558187"])
def test_the_first_message_of_a_new_contact_costs_at_most_three_calls(
    desk: Desk, prefix: str
) -> None:
    number = prefix + desk.number()[-6:]
    desk.forget_calls()
    desk.customer(number, "hello")
    until(
        lambda: desk.rows(
            "select 1 from pair where chat_id in (select chat_id from alias "
            "where form like '%' || ? || '@%')",
            number[-8:],
        ),
        "the message",
    )
    desk.settled(number)
    calls = desk.calls_to_chatwoot()
    assert len(calls) <= 3, calls
    [contact] = desk.api("GET", f"contacts/search?q={number[-6:]}")["payload"]
    assert contact["thumbnail"]


def test_every_message_carries_its_whatsapp_id(desk: Desk) -> None:
    number, conversation = desk.meet("in")
    desk.owner(number, "out")
    desk.shows(conversation, "in", "out")
    ids = [f"WAID:{one['id']}" for one in desk.on_phone(number)]
    assert [one["source_id"] for one in desk.thread(conversation)] == ids


def test_what_is_typed_on_the_phone_is_shown_once_and_never_travels_back(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.owner(number, "typed by hand")
    shown = desk.shows(conversation, "hi", "typed by hand")[-1]
    assert shown["message_type"] == 1
    desk.reply(conversation, "by the agent")
    desk.gets(number, "typed by hand", "by the agent")
    desk.settled(number)
    desk.shows(conversation, "hi", "typed by hand", "by the agent")


def test_what_looks_like_a_template_survives_chatwoots_rendering(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    said = "code {{contact.name}} and {% if x %}y{% endif %}"
    desk.owner(number, said)
    desk.shows(conversation, "hi", said)


def test_private_notes_never_leave(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.reply(conversation, "he is angry", private=True)
    desk.reply(conversation, "Good morning!")
    desk.gets(number, "Good morning!")
    desk.settled(number)
    desk.gets(number, "Good morning!")


def test_what_chatwoot_says_by_itself_goes_out_like_a_reply(desk: Desk) -> None:
    number, greeting = desk.number(), "Welcome, {{contact.first_name}}!"
    with desk.inbox_with(greeting_enabled=True, greeting_message=greeting):
        desk.customer(number, "hi")
        conversation = desk.conversation(number)
        until(lambda: desk.sent(number), "the greeting on the phone")
    assert re.fullmatch(r"Welcome, .+!", desk.sent(number)[0])
    with desk.inbox_with(csat_survey_enabled=True, csat_config={"message": "How did we do?"}):
        desk.resolve(conversation)
        until(lambda: len(desk.sent(number)) == 2, "the survey on the phone")
    assert re.fullmatch(r"How did we do\? http://.+/survey/responses/.+", desk.sent(number)[1])
    desk.customer(number, "5 stars")
    until(lambda: "5 stars" in desk.texts(conversation), "the answer")
    assert len(desk.conversations(number)) == 1


# -- options ---------------------------------------------------------------------------------------


def test_a_signature_stands_above_the_text(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    with desk.options(signMessages=True):
        desk.reply(conversation, "Good morning!")
        desk.gets(number, "*Ana Admin*:\nGood morning!")


def test_templates_and_bots_are_not_signed(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    with desk.options(signMessages=True):
        body = {"content": "We are closed", "message_type": "template"}
        desk.api("POST", f"conversations/{conversation}/messages", body)
        desk.gets(number, "We are closed")


def test_groups_are_left_out_when_they_are_not_wanted(desk: Desk) -> None:
    member = desk.number()
    group = desk.group("Secret", member)
    with desk.options(ignoreGroups=True):
        desk.customer(group, "in the group", sender=member)
        desk.customer(member, "alone")
        desk.conversation(member)
        desk.settled(member)
        assert not desk.conversations(group)


def test_only_new_conversations_begin_as_pending(desk: Desk) -> None:
    number, conversation = desk.meet("before")
    with desk.options(startAsPending=True):
        desk.customer(number, "after")
        desk.shows(conversation, "before", "after")
        assert desk.conversations(number)[0]["status"] == "open"
        newcomer = desk.number()
        desk.customer(newcomer, "hello")
        desk.conversation(newcomer)
        assert desk.conversations(newcomer)[0]["status"] == "pending"


def test_a_resolved_conversation_is_reopened(desk: Desk) -> None:
    number, conversation = desk.meet("before")
    desk.resolve(conversation)
    desk.customer(number, "after")
    desk.shows(conversation, "before", "after")
    assert [one["status"] for one in desk.conversations(number)] == ["open"]


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_resolved_conversation_stays_so_when_new_ones_are_wanted(desk: Desk, kind: str) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("before")
        desk.resolve(conversation)
        desk.customer(number, "after", kind=kind)
        desk.customer(number, "and more")
        until(lambda: len(desk.conversations(number)) == 2, "a second conversation")
        first, second = desk.conversations(number)
        assert first["status"] == "resolved"
        desk.shows(int(second["id"]), "after", "and more")
        desk.shows(conversation, "before")


def test_news_about_an_old_conversation_do_not_lead_back_to_it(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("before")
        desk.phone.control("POST", "switches", {"auto_delivered": False})
        written = desk.reply(conversation, "answer")
        [sent] = desk.gets(number, "answer")
        desk.settled(number)
        desk.resolve(conversation)
        desk.customer(number, "after")
        until(lambda: len(desk.conversations(number)) == 2, "a second conversation")
        newest = int(desk.conversations(number)[1]["id"])
        receipt = {"chat": number, "status": "read", "ids": [sent["id"]]}
        desk.phone.control("POST", "receipts", receipt)
        until(lambda: desk.status(conversation, written["id"]) == "read", "the receipt")
        desk.customer(number, "still here")
        desk.shows(newest, "after", "still here")


# -- receipts --------------------------------------------------------------------------------------


def test_an_agent_sees_sent_delivered_and_read(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.phone.control("POST", "switches", {"auto_delivered": False})
    written = desk.reply(conversation, "answer")
    [sent] = desk.gets(number, "answer")
    desk.settled(number)
    assert desk.status(conversation, written["id"]) == "sent"
    for status in ("delivered", "read"):
        receipt = {"chat": number, "status": status, "ids": [sent["id"]]}
        desk.phone.control("POST", "receipts", receipt)
        desk.reaches(conversation, written["id"], status)


def test_receipts_in_the_wrong_order_never_go_back(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.phone.control("POST", "switches", {"auto_delivered": False})
    written = desk.reply(conversation, "answer")
    [sent] = desk.gets(number, "answer")
    desk.settled(number)
    # Both wait together, so that the later one could take the place of the higher one.
    desk.chatwoot.fault("refuse", status=503, method="PATCH")
    for status in ("read", "delivered", "played"):
        receipt = {"chat": number, "status": status, "ids": [sent["id"]]}
        desk.phone.control("POST", "receipts", receipt)
    key = "select 1 from journal where key = ? and job = 'receipt'"
    until(lambda: desk.rows(key, sent["id"]), "the receipts")
    desk.chatwoot.control("DELETE", "faults")
    until(lambda: desk.status(conversation, written["id"]) == "read", "read")
    desk.settled(number)
    assert desk.status(conversation, written["id"]) == "read"


def test_receipts_of_unknown_messages_hold_nothing_up(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.phone.control("POST", "switches", {"auto_delivered": False})
    receipt = {"chat": number, "status": "read", "ids": ["3EB0FROMBEFORE"]}
    desk.phone.control("POST", "receipts", receipt)
    written = desk.reply(conversation, "answer")
    [sent] = desk.gets(number, "answer")
    receipt = {"chat": number, "status": "read", "ids": [sent["id"]]}
    desk.phone.control("POST", "receipts", receipt)
    until(lambda: desk.status(conversation, written["id"]) == "read", "the receipt behind it")


def test_an_agent_sees_why_a_reply_was_refused_and_the_chat_goes_on(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    refusal = {"kind": "status", "status": 400, "message": "Number is not on WhatsApp"}
    desk.phone.control("POST", "faults", refusal | {"path": "/text/"})
    first = desk.reply(conversation, "lost")
    desk.reply(conversation, "next")
    desk.gets(number, "next")
    until(lambda: desk.status(conversation, first["id"]) == "failed", "the failure")
    shown = desk.message(conversation, first["id"])
    assert "Number is not on WhatsApp" in shown["content_attributes"]["external_error"]


def test_the_retry_button_sends_again_once(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.phone.control(
        "POST", "faults", {"kind": "status", "status": 400, "message": "No", "path": "/text/"}
    )
    written = desk.reply(conversation, "please")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    desk.chatwoot.control("POST", f"agent/messages/{written['id']}/retry")
    desk.gets(number, "please")
    desk.settled(number)
    until(lambda: desk.status(conversation, written["id"]) == "delivered", "the receipt")
    desk.gets(number, "please")


def test_the_agent_is_told_of_a_refusal_even_when_chatwoot_was_down(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    desk.chatwoot.fault("refuse", status=503, method="PATCH")
    desk.phone.control(
        "POST", "faults", {"kind": "status", "status": 400, "message": "No", "path": "/text/"}
    )
    written = desk.reply(conversation, "please")
    dead = "select 1 from journal where key = ? and job = 'reply' and state = 'dead'"
    until(lambda: desk.rows(dead, f"m{written['id']}:0"), "the dead letter")
    assert desk.status(conversation, written["id"]) == "sent"
    desk.chatwoot.control("DELETE", "faults")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")


def test_answering_shows_the_customer_that_the_message_was_read(desk: Desk) -> None:
    number, conversation = desk.meet("hi")
    [first] = desk.on_phone(number)
    assert first["status"] == "received"
    desk.reply(conversation, "answer")
    until(lambda: desk.on_phone(number)[0]["status"] == "read", "the blue ticks")


def test_two_first_messages_at_the_same_instant_make_one_contact(desk: Desk) -> None:
    number = desk.number()
    barrier = threading.Barrier(4)

    def write(index: int) -> None:
        barrier.wait()
        desk.customer(number, f"first {index}")

    threads = [threading.Thread(target=write, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    conversation = desk.conversation(number)
    desk.arrived(conversation, 4)
    found = desk.api("GET", f"contacts/search?q={number}")["payload"]
    assert len(found) == 1
    assert len(desk.conversations(number)) == 1
