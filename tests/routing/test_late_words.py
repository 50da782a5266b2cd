"""A message that comes in parts: words after their placeholder, a file after its words; and what
happens to a message afterwards."""

import base64
import contextlib
import itertools
import sqlite3
from functools import partial
from typing import Any

import pytest

from bench.loop import INSTANCE
from tests.routing.desk import Desk, now, until

_ids = itertools.count(1)
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()


def party(number: str, name: str = "Rui") -> dict[str, str]:
    return {"jid": f"{number}@s.whatsapp.net", "name": name}


def say(desk: Desk, number: str, text: str = "", message_id: str = "", **message: Any) -> str:
    """An event of the customer; its id."""
    message_id = message_id or f"LW{number}-{next(_ids)}"
    desk.raw(party(number), message_id, text, **message)
    return message_id


@pytest.fixture
def chat(desk: Desk) -> tuple[str, int]:
    return desk.meet("hello")


def is_deleted(desk: Desk, conversation: int, message_id: int) -> bool:
    return bool(desk.message(conversation, message_id)["content_attributes"].get("deleted"))


# -- fuller events ---------------------------------------------------------------------------------


def test_words_that_come_after_their_placeholder_are_a_reply_to_it(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    first = say(desk, number, type="undecryptable")
    placeholder = desk.arrived(conversation, 2)
    say(desk, number, "the *real* text", first)
    shown = desk.arrived(conversation, 3)
    assert shown["content"] == "the **real** text"
    assert shown["content_attributes"]["in_reply_to"] == placeholder["id"]
    say(desk, number, "the *real* text", first)
    say(desk, number, "after")
    desk.arrived(conversation, 4)


def test_words_that_come_before_the_placeholder_is_delivered_take_its_place(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.command("pause", INSTANCE)
    first = say(desk, number, type="undecryptable")
    say(desk, number, "after")
    say(desk, number, "the real text", first)
    desk.command("resume", INSTANCE)
    desk.shows(conversation, "hello", "the real text", "after")
    desk.settled(number)
    assert len(desk.thread(conversation)) == 3


def test_a_file_that_an_event_brings_later_follows_the_note(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    media = {"type": "image", "mimetype": "image/png", "viewOnce": True, "base64": ""}
    first = say(desk, number, "my receipt", type="image", media=media)
    noted = desk.arrived(conversation, 2)
    say(desk, number, "my receipt", first, type="image", media=media | {"base64": PICTURE})
    shown = desk.arrived(conversation, 3)
    assert len(shown["attachments"]) == 1
    assert shown["content_attributes"]["in_reply_to"] == noted["id"]


def test_a_file_that_is_told_twice_is_brought_once(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    told = desk.customer(number, "see", kind="image")
    desk.arrived(conversation, 2)
    media = {"type": "image", "mimetype": "image/png", "base64": PICTURE}
    say(desk, number, "see", told["id"], type="image", media=media)
    say(desk, number, "after")
    desk.arrived(conversation, 3)
    desk.settled(number)
    assert len(desk.thread(conversation)) == 3


# -- files that do not come ------------------------------------------------------------------------


def test_a_view_once_picture_holds_nothing_up(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    media = {"type": "image", "mimetype": "image/jpeg", "viewOnce": True, "url": "", "base64": ""}
    say(desk, number, "my receipt", type="image", media=media)
    say(desk, number, "did you see it?")
    said = "my receipt\n\n[A view-once message: it can only be seen on the phone]"
    desk.shows(conversation, "hello", said, "did you see it?")


def test_an_empty_file_is_said_to_be_empty_at_once(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.customer(
        number, kind="document", file_name="notes.txt", media_base64="", mime="text/plain"
    )
    desk.customer(number, "after")
    desk.shows(conversation, "hello", "[A file of the message is empty: notes.txt]", "after")


def test_a_file_that_takes_long_follows_its_words(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.phone.control("POST", "switches", {"media_not_yet": 1_000_000})
    told = desk.customer(number, "see", kind="image", file_name="far.png")
    desk.customer(number, "and this")
    until(lambda: len(desk.thread(conversation)) == 3, "the words ahead of their file", seconds=40)
    _, words, after = desk.thread(conversation)
    assert words["content"].startswith("see\n\n[A file of the message follows")
    assert after["content"] == "and this"
    assert not words.get("attachments")
    desk.phone.control("POST", "switches", {"media_not_yet": 0})
    until(lambda: len(desk.thread(conversation)) == 4, "the file", seconds=40)
    file = desk.thread(conversation)[3]
    assert len(file["attachments"]) == 1
    assert file["content_attributes"]["in_reply_to"] == words["id"]
    desk.customer(number, kind="revoke", target=told["id"])
    for one in (words, file):
        until(partial(is_deleted, desk, conversation, one["id"]), "all of it deleted")


@pytest.mark.parametrize("comes", [0, 1, 2])
def test_a_late_file_waits_for_no_other_late_file_of_its_chat(
    desk: Desk, chat: tuple[str, int], comes: int
) -> None:
    number, conversation = chat
    media = {"type": "image", "mimetype": "image/png"}
    texts = ["first picture", "second picture", "third picture"]
    ids = [say(desk, number, text, type="image", media=media) for text in texts]
    until(lambda: len(desk.thread(conversation)) == 4, "the words ahead of their files")
    words = desk.thread(conversation)[1:]
    assert [one["content"].partition("\n")[0] for one in words] == texts
    # The gateway has one of them now, and never the others.
    brought = media | {"base64": PICTURE}
    say(desk, number, texts[comes], ids[comes], type="image", media=brought)
    file = desk.arrived(conversation, 5)
    assert len(file["attachments"]) == 1
    assert file["content_attributes"]["in_reply_to"] == words[comes]["id"]
    # Nor do receipts wait for them.
    written = desk.reply(conversation, "thank you")
    until(lambda: desk.status(conversation, written["id"]) == "delivered", "the receipt")


def test_a_file_that_comes_after_it_was_given_up_is_still_brought(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    media = {"type": "image", "mimetype": "image/png"}
    first = say(desk, number, "see", type="image", media=media)
    words = desk.arrived(conversation, 2)
    place = desk.bridge.instance_dir / "bridge.db"
    with contextlib.closing(sqlite3.connect(place, timeout=30)) as db, db:
        # As if it had been asked for in vain for more than ten minutes.
        late = "update journal set received_at = received_at - 700 where key = ?"
        assert db.execute(late, [f"file:{first}"]).rowcount == 1
    gone = desk.arrived(conversation, 3)
    assert gone["content_attributes"]["in_reply_to"] == words["id"]
    for _ in range(2):
        say(desk, number, "see", first, type="image", media=media | {"base64": PICTURE})
    file = desk.arrived(conversation, 4)
    assert len(file["attachments"]) == 1
    assert file["content_attributes"]["in_reply_to"] == words["id"]
    say(desk, number, "after")
    assert desk.arrived(conversation, 5)["content"] == "after"


def test_a_deletion_takes_back_a_late_file_that_is_just_being_posted(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    media = {"type": "image", "mimetype": "image/png"}
    first = say(desk, number, "see", type="image", media=media)
    words = desk.arrived(conversation, 2)
    path = f"/conversations/{conversation}/messages$"
    desk.chatwoot.fault("slow_after", method="POST", path=path, seconds=4.0, times=1)
    say(desk, number, "see", first, type="image", media=media | {"base64": PICTURE})
    file = desk.arrived(conversation, 3)
    say(desk, number, type="message_revoke", revoke={"key": {"id": first}})
    for one in (words, file):
        until(partial(is_deleted, desk, conversation, one["id"]), "all of it deleted")


# -- what happens to a message ---------------------------------------------------------------------


@pytest.mark.parametrize("reopens", [True, False])
def test_a_reaction_or_an_edit_leaves_a_resolved_conversation_resolved(
    desk: Desk, reopens: bool
) -> None:
    with desk.options(reopenResolved=reopens):
        number, conversation = desk.meet("thanks")
        [first] = desk.on_phone(number)
        desk.resolve(conversation)
        desk.customer(number, kind="reaction", target=first["id"], emoji="👍")
        desk.customer(number, "thank you", kind="edit", target=first["id"])
        until(lambda: len(desk.thread(conversation)) == 3, "both notes")
        thanks, reaction, edit = desk.thread(conversation)
        assert reaction["content"] == "👍"
        assert edit["content"] == "✏️ Edited: thank you"
        for one in (reaction, edit):
            assert one["private"]
            assert one["content_attributes"]["in_reply_to"] == thanks["id"]
        assert [one["status"] for one in desk.conversations(number)] == ["resolved"]


def test_a_reaction_stands_with_its_message_after_a_new_conversation_began(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("first")
        [first] = desk.on_phone(number)
        desk.resolve(conversation)
        desk.customer(number, "second")
        until(lambda: len(desk.conversations(number)) == 2, "a second conversation")
        desk.customer(number, kind="reaction", target=first["id"], emoji="👍")
        desk.arrived(conversation, 2)
        assert desk.texts(int(desk.conversations(number)[1]["id"])) == ["second"]


def test_a_reaction_to_what_nobody_knows_begins_no_conversation(desk: Desk) -> None:
    number = desk.number()
    say(desk, number, type="reaction", reaction={"text": "👍", "messageId": "NEVER"})
    desk.meet("told later")
    desk.settled(number)
    assert not desk.conversations(number)


def test_a_deletion_takes_back_the_edits_too(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    first = say(desk, number, "my card is 1111")
    say(desk, number, "my card is 2222", type="message_edit", edit={"originalId": first})
    desk.arrived(conversation, 3)
    say(desk, number, type="message_revoke", revoke={"key": {"id": first}})
    _, original, edit = desk.thread(conversation)
    until(lambda: is_deleted(desk, conversation, original["id"]), "the message deleted")
    until(lambda: is_deleted(desk, conversation, edit["id"]), "its edit deleted")


def test_what_was_deleted_before_it_came_is_not_shown(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    gone = f"GONE{number}"
    say(desk, number, type="message_revoke", revoke={"key": {"id": gone}})
    say(desk, number, "too late", gone)
    say(desk, number, "too late as well", type="message_edit", edit={"originalId": gone})
    say(desk, number, "after")
    desk.shows(conversation, "hello", "after")


def test_a_deletion_that_chatwoot_refused_for_a_while_is_made_later(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    first = say(desk, number, "secret")
    shown = desk.arrived(conversation, 2)
    desk.chatwoot.fault("refuse", status=503, times=2, method="DELETE", path="/messages")
    say(desk, number, type="message_revoke", revoke={"key": {"id": first}})
    until(lambda: is_deleted(desk, conversation, shown["id"]), "the deletion")


def test_what_customers_delete_can_be_kept_and_marked(desk: Desk) -> None:
    with desk.options(keepDeleted=True):
        number, conversation = desk.meet("hello")
        first = say(desk, number, "I never said this")
        shown = desk.arrived(conversation, 2)
        say(desk, number, type="message_revoke", revoke={"key": {"id": first}})
        mark = desk.arrived(conversation, 3)
        assert mark["content"] == "🗑️ The customer deleted this message"
        assert mark["content_attributes"]["in_reply_to"] == shown["id"]
        assert desk.message(conversation, shown["id"])["content"] == "I never said this"
        gone = f"KEPT{number}"
        say(desk, number, type="message_revoke", revoke={"key": {"id": gone}})
        say(desk, number, "too late", gone)
        marked = "🗑️ The customer deleted this message\ntoo late"
        assert desk.arrived(conversation, 4)["content"] == marked


# -- calls, blocked contacts, groups ---------------------------------------------------------------


def call(desk: Desk, number: str, word: str, call_id: str, **more: Any) -> None:
    data = {"type": word, "callId": call_id, "from": f"{number}@s.whatsapp.net", "timestamp": now()}
    desk.phone.control("POST", "events", {"event": "call.update", "data": data | more})


def test_a_missed_call_begins_a_conversation(desk: Desk) -> None:
    number = desk.number()
    for word in ("offer", "terminated", "terminated"):
        call(desk, number, word, f"C{number}")
    call(desk, number, "timeout", f"D{number}", isVideo=True)
    desk.shows(desk.conversation(number), "📞 Missed call", "📹 Missed video call")


def test_a_call_that_was_answered_is_not_missed(desk: Desk) -> None:
    number = desk.number()
    for word in ("offer", "accepted", "terminated"):
        call(desk, number, word, f"C{number}")
    call(desk, number, "terminate", f"E{number}", reason="accepted_elsewhere")
    desk.meet("told later")
    desk.settled(number)
    assert not desk.conversations(number)


def test_calls_can_be_left_out(desk: Desk) -> None:
    with desk.options(ignoreCalls=True):
        number = desk.number()
        call(desk, number, "terminated", f"C{number}")
        desk.meet("told later")
        desk.settled(number)
        assert not desk.conversations(number)


def test_a_blocked_contact_keeps_one_conversation(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("hello")
        desk.api("PUT", f"contacts/{desk.contact(conversation)['id']}", {"blocked": True})
        desk.resolve(conversation)
        texts = [f"spam {index}" for index in range(3)]
        for text in texts:
            desk.customer(number, text)
            desk.settled(number)
        desk.shows(conversation, "hello", *texts)
        assert [one["status"] for one in desk.conversations(number)] == ["resolved"]


def test_who_is_deleted_and_writes_at_once_has_one_conversation(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    desk.api("DELETE", f"contacts/{desk.contact(conversation)['id']}")
    texts = [f"again {index}" for index in range(4)]
    for text in texts:
        desk.customer(number, text)
    desk.settled(number)
    [one] = desk.conversations(number)
    desk.shows(int(one["id"]), *texts)


def test_a_contact_that_is_merged_while_it_writes_loses_and_doubles_nothing(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    old = desk.contact(conversation)["id"]
    kept = desk.api("POST", "contacts", {"name": "The same person"})["payload"]["contact"]["id"]
    texts = [f"more {index}" for index in range(6)]
    for index, text in enumerate(texts):
        desk.customer(number, text)
        if index == 2:
            merge = {"base_contact_id": kept, "mergee_contact_id": old}
            desk.api("POST", "actions/contact_merge", merge)
    desk.settled(number)
    desk.shows(conversation, "hello", *texts)


def test_a_group_is_renamed_at_once(desk: Desk) -> None:
    jid = f"1203630{desk.number()}@g.us"
    desk.raw({"jid": jid, "name": "Old"}, f"GR{jid}", "hi", sender=party(desk.number()))
    conversation = desk.conversation(jid)
    assert desk.contact(conversation)["name"] == "Old"
    told = {"groupJid": jid, "type": "name", "groupName": "New *name*", "timestamp": now()}
    desk.phone.control("POST", "events", {"event": "group.flow", "data": told})
    until(lambda: desk.contact(conversation)["name"] == "New *name*", "the new name")


def test_who_writes_in_a_group_and_who_is_mentioned_has_a_name(desk: Desk) -> None:
    lid = f"55566{desk.number()}"
    desk.knows(desk.number(), "Bruno", lid=f"{lid}@lid")
    jid = f"1203630{desk.number()}@g.us"
    mentions = [
        {"jid": "5511977776666@s.whatsapp.net", "lid": "100200300400@lid", "name": "Carla"},
        {"jid": "5511988887777@s.whatsapp.net", "name": "Davi"},
    ]
    said = "@100200300400 can you look? and @5511988887777"
    sender = {"jid": "", "lid": f"{lid}@lid", "name": ""}
    desk.raw({"jid": jid, "name": "Works"}, f"GM{jid}", said, sender=sender, mentions=mentions)
    desk.shows(desk.conversation(jid), "**Bruno**: @Carla can you look? and @Davi")


@pytest.mark.parametrize(
    ("written", "sent", "mentioned"),
    [
        ("@Carla please come", "@{carla} please come", ["{carla}"]),
        ("@carla souza, and @Davi B too", "@{carla}, and @{other} too", ["{carla}", "{other}"]),
        ("call @+5511977776666", "call @5511977776666", ["5511977776666"]),
        ("mail me@carla.example or @nobody", "mail me@carla.example or @nobody", []),
        ("two are called @Davi", "two are called @Davi", []),
    ],
)
def test_an_agent_mentions_by_number_and_by_name(
    desk: Desk, written: str, sent: str, mentioned: list[str]
) -> None:
    people = {"carla": desk.number(), "other": desk.number(), "third": desk.number()}
    names = {"carla": "Carla Souza", "other": "Davi B", "third": "Davi C"}
    group = desk.group("Works", *people.values())
    for who, number in people.items():
        desk.raw({"jid": group}, f"MO{number}", "hi", sender=party(number, names[who]))
    conversation = desk.conversation(group)
    desk.arrived(conversation, 3)
    desk.reply(conversation, written)
    [message] = desk.gets(group, sent.format(**people))
    assert message["content"].get("mentions", []) == [one.format(**people) for one in mentioned]


def test_all_in_a_group_are_mentioned_by_one_word(desk: Desk) -> None:
    members = [desk.number(), desk.number()]
    group = desk.group("Works", *members)
    desk.customer(group, "hi", sender=members[0])
    conversation = desk.conversation(group)
    desk.reply(conversation, "lunch, @all!")
    [message] = desk.gets(group, "lunch, @all!")
    found = [one.partition("@")[0] for one in message["content"]["mentions"]]
    assert sorted(found) == sorted(members)
