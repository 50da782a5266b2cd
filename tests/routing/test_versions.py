"""Older Chatwoots: what they cannot show is said otherwise, and nothing is sent twice."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store.clocks import DOUBT_S
from tests.routing.desk import Desk, Json, now, until

#: Versions that cannot be told the status of a message, and some that can.
BLIND = ("3.4.0", "3.16.0", "4.1.9")
SEEING = ("4.2.0", "4.16.2")


@pytest.fixture(scope="module")
def _old_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("old"))
    yield desk
    desk.close()


@pytest.fixture
def old_desk(_old_desk: Desk, version: str) -> Iterator[Desk]:
    """A loop around that version."""
    _old_desk.chatwoot.options(version=version)
    _old_desk.join()
    _old_desk.forget_calls()
    yield _old_desk
    _old_desk.calm()


def refuses(desk: Desk, reason: str, **more: object) -> None:
    fault = {"kind": "status", "status": 400, "message": reason, "path": "/text/", **more}
    desk.phone.control("POST", "faults", fault)


def notes(desk: Desk, conversation: int) -> list[Json]:
    return [one for one in desk.thread(conversation) if one["private"]]


def patches(desk: Desk, conversation: int) -> list[str]:
    return [one for one in desk.calls_to_chatwoot(conversation) if one.startswith("PATCH")]


def is_dead(desk: Desk, message: Json) -> bool:
    sql = "select 1 from journal where key = ? and job = 'reply' and state = 'dead'"
    return bool(desk.rows(sql, f"m{message['id']}:0"))


def again(desk: Desk) -> None:
    """A new start, at which it is looked for what was missed, and for Retry."""
    desk.bridge.stop()
    desk.bridge.start()


def stir(desk: Desk, number: str, conversation: int, message: Json) -> None:
    """Everything by which Chatwoot shows a message again, without its agent pressing Retry."""
    desk.customer(number, "still there?")
    until(lambda: "still there?" in desk.texts(conversation), "the customer's text")
    desk.reply(conversation, "one moment")
    until(lambda: "one moment" in desk.sent(number), "the next reply")
    desk.settled(number)
    again(desk)
    desk.reply(conversation, "here we are")
    until(lambda: "here we are" in desk.sent(number), "the reply after it")
    desk.settled(number)


@pytest.mark.parametrize("version", BLIND)
def test_a_reply_that_is_given_up_becomes_a_note_and_is_never_sent_again(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    refuses(old_desk, "Number is not on WhatsApp")
    lost = old_desk.reply(conversation, "lost")
    until(lambda: notes(old_desk, conversation), "the note")
    [note] = notes(old_desk, conversation)
    assert "Number is not on WhatsApp" in note["content"]
    assert note["content_attributes"]["in_reply_to"] == lost["id"]
    stir(old_desk, number, conversation, lost)
    assert old_desk.sent(number) == ["one moment", "here we are"]
    assert len(notes(old_desk, conversation)) == 1
    assert not patches(old_desk, conversation)


@pytest.mark.parametrize("version", BLIND)
def test_an_update_that_nobody_caused_by_retry_sends_nothing_again(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    refuses(old_desk, "No")
    lost = old_desk.reply(conversation, "lost")
    until(lambda: notes(old_desk, conversation), "the note")
    # 3.4.0 tells of each save, changed or not; later ones of none of these.
    old_desk.chatwoot.control("POST", f"agent/messages/{lost['id']}/retry")
    old_desk.reply(conversation, "next")
    old_desk.gets(number, "next")
    old_desk.settled(number)
    assert is_dead(old_desk, lost)


@pytest.mark.parametrize("version", BLIND)
def test_what_whatsapp_fails_to_bring_becomes_a_note_and_is_sent_once(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    written = old_desk.reply(conversation, "answer")
    [sent] = old_desk.gets(number, "answer")
    data = {
        "status": "failed",
        "messageIds": [sent["id"]],
        "reason": "Undeliverable",
        "chat": {"jid": f"{number}@s.whatsapp.net", "type": "private"},
        "timestamp": now(),
    }
    old_desk.phone.control("POST", "events", {"event": "message.status", "data": data})
    until(lambda: notes(old_desk, conversation), "the note")
    assert "Undeliverable" in notes(old_desk, conversation)[0]["content"]
    stir(old_desk, number, conversation, written)
    assert old_desk.sent(number) == ["answer", "one moment", "here we are"]
    assert len(notes(old_desk, conversation)) == 1


@pytest.mark.parametrize("version", BLIND)
def test_receipts_are_not_sent_where_they_cannot_be_shown(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    old_desk.phone.control("POST", "switches", {"auto_read": True})
    old_desk.reply(conversation, "answer")
    old_desk.gets(number, "answer")
    done = "select 1 from journal where job = 'receipt' and state = 'done' and chat_id in "
    chat = "(select chat_id from alias where form like ? || '%')"
    until(lambda: old_desk.rows(done + chat, number), "the receipt")
    old_desk.settled(number)
    assert not patches(old_desk, conversation)


@pytest.mark.parametrize("version", SEEING)
def test_a_reply_that_is_shown_as_failed_is_sent_again_by_retry_alone(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    refuses(old_desk, "No")
    lost = old_desk.reply(conversation, "please")
    until(lambda: old_desk.status(conversation, lost["id"]) == "failed", "the failure")
    stir(old_desk, number, conversation, lost)
    assert old_desk.sent(number) == ["one moment", "here we are"]
    old_desk.chatwoot.control("POST", f"agent/messages/{lost['id']}/retry")
    old_desk.gets(number, "one moment", "here we are", "please")
    assert not notes(old_desk, conversation)


@pytest.mark.parametrize("version", SEEING)
def test_what_is_not_shown_yet_is_not_taken_for_retry(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    old_desk.chatwoot.fault("refuse", status=503, method="PATCH")
    refuses(old_desk, "No")
    lost = old_desk.reply(conversation, "please")
    until(lambda: is_dead(old_desk, lost), "the dead letter")
    old_desk.customer(number, "hello?")
    old_desk.reply(conversation, "one moment")
    until(lambda: "one moment" in old_desk.sent(number), "the next reply")
    old_desk.chatwoot.control("DELETE", "faults")
    until(lambda: old_desk.status(conversation, lost["id"]) == "failed", "the failure")
    old_desk.settled(number)
    assert old_desk.sent(number) == ["one moment"]


@pytest.mark.parametrize("version", ["4.16.2"])
def test_a_version_that_should_show_it_and_refuses_is_treated_like_an_older_one(
    old_desk: Desk,
) -> None:
    number, conversation = old_desk.meet("hi")
    body = '{"status":404,"error":"Not Found"}'
    old_desk.chatwoot.fault("refuse", status=404, body=body, method="PATCH", path="/messages/")
    refuses(old_desk, "No")
    old_desk.reply(conversation, "please")
    until(lambda: notes(old_desk, conversation), "the note")
    assert old_desk.rows("select refused from integration") == [("SHOW_STATUS",)]
    old_desk.calm_chatwoot()
    old_desk.join()
    refuses(old_desk, "No")
    again = old_desk.reply(conversation, "again")
    until(lambda: old_desk.status(conversation, again["id"]) == "failed", "the failure")


@pytest.mark.parametrize("version", ["3.4.0", "3.16.0", "4.16.2"])
def test_chatwoots_own_failed_marks_are_cleared(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("first")
    [theirs] = old_desk.thread(conversation)
    old_desk.bridge.stop()
    plain = old_desk.reply(conversation, "plain")
    about = {"content_attributes": {"in_reply_to": theirs["id"]}}
    old_desk.api("POST", f"conversations/{conversation}/messages", {"content": "quoting", **about})
    quoting = old_desk.thread(conversation)[-1]
    for one in (plain, quoting):
        old_desk.reaches(conversation, one["id"], "failed")
    old_desk.bridge.start()
    old_desk.gets(number, "plain", "quoting")
    until(lambda: old_desk.status(conversation, plain["id"]) != "failed", "the mark to be gone")
    old_desk.settled(number)
    kept = old_desk.message(conversation, quoting["id"])["content_attributes"]
    assert kept["in_reply_to"] == theirs["id"]
    old_desk.reply(conversation, "last")
    old_desk.gets(number, "plain", "quoting", "last")


@pytest.mark.parametrize("version", ["3.4.0", "4.2.0", "4.6.0", "4.16.2"])
def test_a_customer_who_is_a_contact_already_is_found(old_desk: Desk) -> None:
    number = old_desk.number()
    made = old_desk.api("POST", "contacts", {"name": "Imported", "phone_number": f"+{number}"})
    old_desk.customer(number, "hello")
    conversation = old_desk.conversation(number)
    old_desk.shows(conversation, "hello")
    assert old_desk.contact(conversation)["id"] == made["payload"]["contact"]["id"]


@pytest.mark.parametrize("version", ["3.4.0", "4.16.2"])
def test_a_contact_that_is_taken_and_not_shown_is_waited_for(old_desk: Desk) -> None:
    number = old_desk.number()
    old_desk.api("POST", "contacts", {"name": "Imported", "phone_number": f"+{number}"})
    for path in ("/contacts/filter", "/contacts/search"):
        old_desk.chatwoot.fault("refuse", status=200, body='{"payload":[]}', path=path)
    old_desk.customer(number, "hello")

    def has_searched() -> bool:
        return any("/contacts/search" in one["path"] for one in old_desk.chatwoot.requests())

    until(has_searched, "the last way of finding it")

    def tried() -> bool:
        return bool(old_desk.rows("select 1 from journal where due_at > received_at + 5"))

    until(tried, "the message to be put off")
    states = "select state from journal where job = 'message' and chat_id in "
    chat = "(select chat_id from alias where form like ? || '%')"
    assert old_desk.rows(states + chat, number) == [("ready",)]


def survey(desk: Desk, conversation: int) -> str:
    """Chatwoot asks for a rating as it does where no webhook tells it; the uuid in the link."""
    body = {"content": "How was it?", "message_type": "template", "content_type": "input_csat"}
    desk.api("POST", f"conversations/{conversation}/messages", body)
    return str(desk.api("GET", f"conversations/{conversation}")["uuid"])


def forget_what_chatwoot_showed(desk: Desk) -> None:
    place = desk.bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("update integration set seen_url = ''")
    until(lambda: desk.rows("select seen_url from integration") == [("",)], "it to be forgotten")


@pytest.mark.parametrize("version", ["4.3.0", "4.8.0"])
def test_a_survey_leads_where_the_operator_says(old_desk: Desk) -> None:
    forget_what_chatwoot_showed(old_desk)
    old_desk.join(chatwootPublicUrl="https://chat.example.com/")
    number, conversation = old_desk.meet("hi")
    uuid = survey(old_desk, conversation)
    old_desk.gets(number, f"How was it? https://chat.example.com/survey/responses/{uuid}")


@pytest.mark.parametrize("version", ["4.3.0", "4.8.0"])
def test_a_survey_leads_where_chatwoot_shows_itself(old_desk: Desk) -> None:
    forget_what_chatwoot_showed(old_desk)
    number, conversation = old_desk.meet("hi")
    old_desk.attach(conversation, "a file", ("a.txt", b"words", "text/plain"))
    until(lambda: old_desk.sent(number), "the file")
    uuid = survey(old_desk, conversation)
    until(lambda: len(old_desk.sent(number)) == 2, "the survey")
    link = f"{old_desk.chatwoot.base_url}/survey/responses/{uuid}"
    assert old_desk.sent(number)[-1] == f"How was it? {link}"


@pytest.mark.parametrize("version", ["4.3.0", "4.8.0"])
def test_a_survey_leaves_without_a_link_that_would_not_open_and_its_agents_are_told(
    own_desk: Desk, version: str
) -> None:
    """A loop of its own: files and pictures of other chats would show where Chatwoot is."""
    own_desk.chatwoot.options(version=version)
    no_picture = {"kind": "status", "status": 404, "times": None, "path": "/api/chat/contacts/"}
    own_desk.phone.control("POST", "faults", no_picture)
    own_desk.join()
    forget_what_chatwoot_showed(own_desk)
    number, conversation = own_desk.meet("hi")
    survey(own_desk, conversation)
    own_desk.gets(number, "How was it?")
    [note] = notes(own_desk, conversation)
    assert "The survey left without its link" in note["content"]


@pytest.fixture(params=["3.16.0", "4.2.0"])
def restored(
    request: pytest.FixtureRequest, own_desk: Desk, tmp_path: Path
) -> tuple[Desk, str, str, int]:
    """A loop that goes on from a backup which was older than two replies: one waited while it was
    taken, one was written later. Its version, the customer's number and the conversation."""
    desk, version, file = own_desk, str(request.param), str(tmp_path / "backup.tgz")
    desk.chatwoot.options(version=version)
    desk.join()
    number, conversation = desk.meet("hi")
    busy = {"kind": "status", "status": 503, "path": "/text/", "times": None}
    desk.phone.control("POST", "faults", busy)
    waited = desk.reply(conversation, "waited")
    until(lambda: desk.open_entries(number), "the reply in the queue")
    desk.command("backup", file)
    desk.phone.control("DELETE", "faults")
    later = desk.reply(conversation, "later")
    desk.gets(number, "waited", "later")
    if version == "4.2.0":
        for one in (waited, later):
            desk.reaches(conversation, one["id"], "delivered")
    desk.settled(number)
    desk.bridge.kill()
    desk.command("restore", file, "--force")
    desk.bridge.start()
    return desk, version, number, conversation


def test_a_restore_sends_nothing_twice(restored: tuple[Desk, str, str, int]) -> None:
    desk, version, number, conversation = restored
    if version == "4.2.0":
        desk.reply(conversation, "and on")
        desk.gets(number, "waited", "later", "and on")
        desk.settled(number)
        assert not desk.rows("select 1 from journal where state = 'unconfirmed'")
        return
    sql = "select id, reason from journal where state = 'unconfirmed' order by id"
    until(lambda: len(desk.rows(sql)) == 2, "both replies to be unconfirmed")
    # Neither an event of the gateway nor a new start makes them go out.
    desk.customer(number, "are you there?")
    until(lambda: "are you there?" in desk.texts(conversation), "the customer's text")
    desk.kill("router")
    desk.customer(number, "hello?")
    until(lambda: "hello?" in desk.texts(conversation), "the customer's next text")
    found = desk.rows(sql)
    assert {json.loads(reason)["code"] for _, reason in found} == {"before_restore"}
    assert desk.sent(number) == ["waited", "later"]
    desk.command("dead", "settle", "--sent", *[str(entry_id) for entry_id, _ in found])
    # Clocks are compared to some seconds: what is written within them is in doubt as well.
    [(at,)] = desk.rows("select max(restored_at, unproven_until) from integration")
    until(lambda: time.time() > at + DOUBT_S + 2, "the doubt about the clocks to pass")
    desk.reply(conversation, "and on")
    desk.gets(number, "waited", "later", "and on")


@pytest.mark.parametrize("version", ["3.4.0", "4.8.0", "4.16.2"])
def test_a_quote_of_a_message_that_the_bridge_has_forgotten_is_shown_all_the_same(
    old_desk: Desk,
) -> None:
    number, conversation = old_desk.meet("first")
    [first] = old_desk.thread(conversation)
    whatsapp_id = first["source_id"].removeprefix("WAID:")
    place = old_desk.bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("delete from pair where whatsapp_id = ?", [whatsapp_id])
    old_desk.customer(number, "about that", quote=whatsapp_id)
    _, quoting = old_desk.shows(conversation, "first", "about that")
    assert quoting["content_attributes"]["in_reply_to"] == first["id"]


@pytest.mark.parametrize("version", ["4.1.0"])
def test_what_is_done_follows_the_version_that_was_noticed_last(old_desk: Desk) -> None:
    number, conversation = old_desk.meet("hi")
    refuses(old_desk, "No")
    old_desk.reply(conversation, "before")
    until(lambda: notes(old_desk, conversation), "the note")
    old_desk.chatwoot.options(version="4.2.0")
    place = old_desk.bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("update integration set chatwoot_version = '4.2.0'")
    again(old_desk)
    refuses(old_desk, "No")
    after = old_desk.reply(conversation, "after")
    until(lambda: old_desk.status(conversation, after["id"]) == "failed", "the failure")
    assert len(notes(old_desk, conversation)) == 1
    assert old_desk.sent(number) == []
