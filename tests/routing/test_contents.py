"""What a message may hold: long texts, odd characters, empty and too large files."""

import pytest
import requests

from bridge.chatwoot.messages import MAX_TEXT
from tests.routing.desk import Desk, Json, now, until

PARAGRAPH = "The quick brown fox jumps over the lazy dog, again and again."


@pytest.fixture
def chat(desk: Desk) -> tuple[str, int]:
    return desk.meet("hello")


def long_text(length: int) -> str:
    """That many characters, in paragraphs that are all different."""
    lines = (f"{PARAGRAPH} {number}\n\n" for number in range(length // 60))
    return "".join(lines)[: length - 1] + "."


def words(messages: list[Json]) -> list[str]:
    return " ".join(one["content"] for one in messages).split()


def brought(desk: Desk, conversation: int, count: int) -> list[Json]:
    """What came after the hello, once it is so many messages."""
    desk.arrived(conversation, count + 1)
    return desk.thread(conversation)[1:]


# -- long texts ------------------------------------------------------------------------------------


def test_a_text_of_just_the_length_that_chatwoot_takes_is_one_message(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.customer(number, "ä" * MAX_TEXT)
    [shown] = brought(desk, conversation, 1)
    assert shown["content"] == "ä" * MAX_TEXT


@pytest.mark.parametrize(("length", "count"), [(MAX_TEXT + 1, 2), (2 * MAX_TEXT + 9_000, 3)])
def test_a_longer_text_becomes_several_messages_in_order(
    desk: Desk, chat: tuple[str, int], length: int, count: int
) -> None:
    number, conversation = chat
    text = long_text(length)
    sent = desk.customer(number, text)
    desk.customer(number, "after it")
    *shown, last = brought(desk, conversation, count + 1)
    assert last["content"] == "after it"
    assert words(shown) == text.split()
    assert all(len(one["content"]) <= MAX_TEXT for one in shown)
    assert shown[0]["content"].endswith(tuple("0123456789"))  # the end of a paragraph
    assert [one["source_id"] for one in shown] == [
        f"WAID:{sent['id']}{'' if index == 1 else f'#{index}'}" for index in range(1, count + 1)
    ]


def test_what_the_owner_types_is_cut_so_that_no_piece_grows_too_long(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    text = "{{ braces }} " * 9_000
    desk.owner(number, text)
    shown = brought(desk, conversation, 2)
    assert words(shown) == text.split()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", ["drop_after", "drop"])
def test_the_pieces_of_a_text_arrive_once_when_an_answer_is_lost(
    desk: Desk, chat: tuple[str, int], kind: str, times: int
) -> None:
    number, conversation = chat
    text = long_text(2 * MAX_TEXT + 9_000)
    path = f"/conversations/{conversation}/messages"
    desk.chatwoot.fault(kind, times=times, method="POST", path=path)
    desk.customer(number, text)
    shown = brought(desk, conversation, 3)
    desk.settled(number)
    assert words(shown) == text.split()
    assert len(desk.thread(conversation)) == 4


def test_a_first_message_may_be_a_long_one(desk: Desk) -> None:
    number, text = desk.number(), long_text(MAX_TEXT + 500)
    desk.customer(number, text)
    conversation = desk.conversation(number)
    desk.arrived(conversation, 2)
    assert words(desk.thread(conversation)) == text.split()


def test_a_caption_that_is_too_long_goes_on_after_its_file(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    text = long_text(MAX_TEXT + 500)
    desk.customer(number, text, kind="image")
    first, second = brought(desk, conversation, 2)
    assert len(first["attachments"]) == 1
    assert not second.get("attachments")
    assert words([first, second]) == text.split()


def test_every_piece_of_a_text_that_is_taken_back_is_deleted(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    sent = desk.customer(number, long_text(MAX_TEXT + 500))
    shown = brought(desk, conversation, 2)
    desk.settled(number)
    desk.customer(number, kind="revoke", target=sent["id"])

    def are_gone() -> bool:
        told = [desk.message(conversation, one["id"]) for one in shown]
        return all(one["content_attributes"].get("deleted") for one in told)

    until(are_gone, "both pieces being deleted")


def test_a_reply_to_a_later_piece_quotes_the_whole_text(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    sent = desk.customer(number, long_text(MAX_TEXT + 500))
    _, second = brought(desk, conversation, 2)
    desk.settled(number)
    desk.reply(conversation, "noted", in_reply_to=second["id"])
    assert desk.gets(number, "noted")[0]["quote"] == sent["id"]


# -- odd characters --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shown"),
    [("a\0b", "ab"), ("\u202e backwards", "\u202e backwards")],
)
def test_what_no_database_takes_is_left_out(
    desk: Desk, chat: tuple[str, int], said: str, shown: str
) -> None:
    number, conversation = chat
    party = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": "N\0ina", "type": "private"}
    data = {
        "id": f"ODD{number}",
        "direction": "incoming",
        "timestamp": now(),
        "chat": party,
        "sender": party,
        "message": {"type": "text", "content": said, "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    assert desk.arrived(conversation, 2)["content"] == shown


def test_a_text_of_which_nothing_is_left_makes_no_empty_message(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    party = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": "N", "type": "private"}
    data = {
        "id": f"NUL{number}",
        "direction": "incoming",
        "timestamp": now(),
        "chat": party,
        "sender": party,
        "message": {"type": "text", "content": "\0\0", "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    assert desk.arrived(conversation, 2)["content"].startswith("[text message")


# -- what the owner types on the phone -------------------------------------------------------------


def test_what_the_owner_types_is_shown_as_coming_from_the_phone(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    [first] = desk.on_phone(number)
    desk.owner(number, "typed", quote=first["id"])
    desk.owner(number, "with a picture", kind="image")
    desk.customer(number, "and I write")
    owner, picture, customer = brought(desk, conversation, 3)
    assert owner["content_attributes"]["external_echo"] is True
    assert owner["content_attributes"]["in_reply_to"] == desk.thread(conversation)[0]["id"]
    assert picture["content_attributes"]["external_echo"] is True
    assert "external_echo" not in customer["content_attributes"]


# -- files -----------------------------------------------------------------------------------------


def test_the_note_about_a_file_that_is_refused_says_its_size(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.chatwoot.fault("refuse", status=413, times=1, method="POST", path="/messages")
    sent = desk.customer(number, "my film", kind="image")
    size = len(requests.get(sent["media"]["url"], timeout=10).content)
    [shown] = brought(desk, conversation, 1)
    assert shown["content"].endswith(f", {max(round(size / 1024), 1)} kB]")


def test_a_file_of_an_agent_with_nothing_in_it_is_shown_as_failed(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    written = desk.attach(conversation, "look", ("empty.pdf", b"", "application/pdf"))
    desk.gets(number, "look")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    shown = desk.message(conversation, written["id"])
    assert "empty" in shown["content_attributes"]["external_error"]
