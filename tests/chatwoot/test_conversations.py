"""Conversations and messages: one call each, and what they carry."""

from collections.abc import Callable

import pytest

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.refusals import ConversationGone, MessageGone, SourceTaken
from bridge.domain.models import ChatwootTime
from bridge.markup import protect_liquid
from tests.chatwoot.conftest import PHONE, SOURCE, Desk

Chat = tuple[Chatwoot, int]


def test_a_first_text_takes_two_calls_and_no_third(desk: Desk) -> None:
    client = desk.client()
    contact = client.contacts.create(name="João", phone=PHONE, source_id=SOURCE)
    opened = client.conversations.create(
        contact, SOURCE, "pending", {"content": "Olá", "incoming": True, "source_id": "WAID:1"}
    )
    assert len(desk.calls()) == 2
    assert (opened.status, opened.contact_id) == ("pending", contact)
    [message] = client.messages.latest(opened.id)
    assert message.id == opened.message_id
    assert (message.text, message.type, message.own_source_id) == ("Olá", "incoming", "WAID:1")


def test_a_locked_inbox_adds_the_message_to_the_last_conversation(
    new_desk: Callable[..., Desk],
) -> None:
    desk = new_desk(lock_to_single_conversation=True)
    client = desk.client()
    contact = client.contacts.create(name="João", source_id=SOURCE)
    first = client.conversations.create(contact, SOURCE, "open")
    desk.api("POST", f"/conversations/{first.id}/toggle_status", {"status": "resolved"})
    again = client.conversations.create(
        contact, SOURCE, "open", {"content": "me again", "incoming": True, "source_id": "WAID:2"}
    )
    assert (again.id, again.status) == (first.id, "open")
    texts = {one.id: one.text for one in client.messages.latest(first.id)}
    assert texts[again.message_id] == "me again"


def test_the_first_message_is_known_also_when_a_greeting_follows(
    new_desk: Callable[..., Desk],
) -> None:
    client = new_desk(greeting_enabled=True, greeting_message="Welcome").client()
    contact = client.contacts.create(name="João", source_id=SOURCE)
    opened = client.conversations.create(
        contact, SOURCE, "open", {"content": "hi", "incoming": True, "source_id": "WAID:1"}
    )
    by_id = {one.id: one for one in client.messages.latest(opened.id)}
    assert by_id[opened.message_id].text == "hi"
    assert {one.type for one in by_id.values()} == {"incoming", "template"}


def test_a_source_id_of_another_contact_is_refused(desk: Desk) -> None:
    client = desk.client()
    client.contacts.create(name="A", source_id="a")
    other = client.contacts.create(name="B", source_id="b")
    with pytest.raises(SourceTaken):
        client.conversations.create(other, "a", "open")


def test_conversations_are_found_by_source_id(desk: Desk) -> None:
    client = desk.client()
    source_id = "120363@g.us"
    contact = client.contacts.create(name="Group", source_id=source_id)
    first = client.conversations.create(contact, source_id, "open").id
    desk.api("POST", f"/conversations/{first}/toggle_status", {"status": "resolved"})
    second = client.conversations.create(contact, source_id, "open").id
    assert sorted(one.id for one in client.conversations.of_source(source_id)) == [first, second]
    assert client.conversations.of_source("nobody") == []


def test_what_moved_last_comes_first(desk: Desk) -> None:
    client = desk.client()
    contact = client.contacts.create(name="A", source_id="a")
    first = client.conversations.create(contact, "a", "open").id
    second = client.conversations.create(contact, "a", "open").id
    client.messages.post(first, "now", incoming=True)
    moved = client.conversations.latest(1)
    assert [one.id for one in moved] == [first, second]
    assert moved[0].last_activity_at >= moved[1].last_activity_at > ChatwootTime(1e9)
    assert client.conversations.latest(2) == []


def test_an_incoming_text_is_one_call(desk: Desk, chat: Chat) -> None:
    client, number = chat
    desk.sandbox.control("DELETE", "requests")
    client.messages.post(number, "*a* {{contact.name}}", incoming=True, source_id="WAID:1")
    assert len(desk.calls()) == 1
    assert client.messages.latest(number)[-1].text == "*a* {{contact.name}}"


def test_a_mirrored_text_survives_liquid(chat: Chat) -> None:
    client, number = chat
    text = "{{contact.name}} `{{code}}` {% if x %} `{% endraw %}`"
    client.messages.post(number, protect_liquid(text), source_id="WAID:1")
    said = client.messages.latest(number)[-1]
    assert (said.text, said.type) == (text, "outgoing")


def test_a_quote_is_found_by_our_own_source_id(chat: Chat) -> None:
    client, number = chat
    quoted = client.messages.post(number, "question", incoming=True, source_id="WAID:1")
    client.messages.post(number, "answer", incoming=True, in_reply_to_external_id="WAID:1")
    said = client.messages.latest(number)[-1]
    assert (said.in_reply_to_id, said.in_reply_to_external_id) == (quoted, "WAID:1")


def test_notes_and_own_attributes_are_kept(desk: Desk, chat: Chat) -> None:
    client, number = chat
    client.messages.post(number, "note", private=True, content_attributes={"bridge": {"a": 1}})
    assert client.messages.latest(number)[-1].private
    row = desk.api("GET", f"/conversations/{number}/messages")["payload"][-1]
    assert row["content_attributes"] == {"bridge": {"a": 1}}


def test_only_later_messages_are_asked_for(chat: Chat) -> None:
    client, number = chat
    ids = [client.messages.post(number, str(k), incoming=True) for k in range(3)]
    assert [one.id for one in client.messages.after(number, ids[0])] == ids[1:]
    assert [one.id for one in client.messages.after(number, 0)] == ids
    [first, *_] = client.messages.after(number, 0)
    assert (first.contact_phone, first.conversation_id) == (PHONE, number)
    assert first.contact_id


def test_the_status_is_shown_and_a_reason_with_it(chat: Chat) -> None:
    client, number = chat
    sent = client.messages.post(number, "hi")
    assert client.messages.set_status(number, sent, "read")
    assert client.messages.latest(number)[-1].status == "read"
    client.messages.set_status(number, sent, "failed", "no WhatsApp there")
    said = client.messages.latest(number)[-1]
    assert (said.status, said.external_error) == ("failed", "no WhatsApp there")
    client.messages.set_status(number, sent, "sent")
    assert client.messages.latest(number)[-1].external_error == ""


def test_an_old_chatwoot_cannot_show_the_status(desk: Desk, chat: Chat) -> None:
    client, number = chat
    sent = client.messages.post(number, "hi")
    desk.sandbox.options(version="4.1.0")
    assert client.messages.set_status(number, sent, "read") is False


def test_a_message_is_taken_back(chat: Chat) -> None:
    client, number = chat
    sent = client.messages.post(number, "oops")
    client.messages.delete(number, sent)
    assert client.messages.latest(number)[-1].deleted


def test_what_is_gone_is_told(chat: Chat) -> None:
    client, number = chat
    for call in (
        lambda: client.messages.post(999, "x"),
        lambda: client.messages.latest(999),
        lambda: client.messages.after(999, 1),
        lambda: client.conversations.stop_typing(999),
    ):
        with pytest.raises(ConversationGone):
            call()
    for gone in (
        lambda: client.messages.set_status(number, 999_999, "read"),
        lambda: client.messages.delete(number, 999_999),
        lambda: client.messages.delete(999, 1),
    ):
        with pytest.raises(MessageGone):
            gone()
