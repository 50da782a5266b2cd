"""Every kind of message that a customer can send, as the agent sees it, in both payload shapes."""

import base64
from typing import Any

import pytest
import requests

from tests.routing.desk import Desk, now, until

FILM = base64.b64encode(b"\0\0\0\x18ftypmp42" + bytes(2000)).decode()


@pytest.fixture(params=["live", "catalogue"])
def shape(request: pytest.FixtureRequest, desk: Desk) -> str:
    desk.phone.control("POST", "switches", {"shape": request.param})
    return str(request.param)


@pytest.fixture
def chat(desk: Desk, shape: str) -> tuple[str, int]:
    """A customer with a conversation that holds one text."""
    return desk.meet("hello")


def test_a_text_with_markup_is_shown_as_it_was_meant(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    said = "*bold* _slanted_ snake_case_name https://example.com/a_b_c `x = *p` 😀"
    sent = desk.customer(number, said)
    shown = desk.arrived(conversation, 2)
    assert shown["content"] == (
        "**bold** _slanted_ snake_case_name https://example.com/a_b_c `x = *p` 😀"
    )
    assert (shown["message_type"], shown["source_id"]) == (0, f"WAID:{sent['id']}")


@pytest.mark.parametrize(
    ("kind", "file_type"),
    [
        ("image", "image"),
        ("video", "video"),
        ("audio", "audio"),
        ("voice", "audio"),
        ("document", "file"),
        ("sticker", "image"),
    ],
)
def test_a_file_arrives_byte_for_byte(
    desk: Desk, chat: tuple[str, int], kind: str, file_type: str
) -> None:
    number, conversation = chat
    given = {"media_base64": FILM, "mime": "video/mp4"} if kind == "video" else {}
    sent = desk.customer(number, kind=kind, **given)
    shown = desk.arrived(conversation, 2)
    [file] = shown["attachments"]
    assert file["file_type"] == file_type
    original = requests.get(sent["media"]["url"], timeout=10).content
    assert requests.get(file["data_url"], timeout=10).content == original
    assert not shown["content"]


def test_a_caption_stands_with_its_file(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.customer(number, "look at *this*", kind="image")
    shown = desk.arrived(conversation, 2)
    assert shown["content"] == "look at **this**"
    assert len(shown["attachments"]) == 1


def test_a_location_is_a_name_and_a_link(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    place: dict[str, Any] = {
        "latitude": -8.05,
        "longitude": -34.9,
        "place": "Marco Zero",
        "address": "Recife",
    }
    desk.customer(number, kind="location", **place)
    shown = desk.arrived(conversation, 2)["content"]
    assert "Recife" in shown
    assert "https://www.google.com/maps?q=-8.05,-34.9" in shown


def test_a_contact_card_shows_name_and_number(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    card = {"contact_name": "Maria Silva", "contact_phone": "+55 81 98888-7777"}
    desk.customer(number, kind="contact", **card)
    shown = desk.arrived(conversation, 2)["content"]
    assert "Maria Silva" in shown
    assert "98888" in shown


def test_a_poll_shows_question_and_options(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.customer(number, kind="poll", title="Lunch?", options=["Pizza", "Feijoada"])
    assert desk.arrived(conversation, 2)["content"] == "📊 Lunch?\n- Pizza\n- Feijoada"


@pytest.mark.parametrize("kind", ["buttons_response", "list_response"])
def test_a_choice_is_shown_by_its_words_or_its_id(
    desk: Desk, chat: tuple[str, int], kind: str
) -> None:
    number, conversation = chat
    desk.customer(number, kind=kind, button_id="plan-b", title="Plan B")
    assert desk.arrived(conversation, 2)["content"] in {"Plan B", "plan-b"}


def test_a_reply_quotes_the_customers_own_message(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    [first] = desk.on_phone(number)
    desk.customer(number, "as I said", quote=first["id"])
    shown = desk.arrived(conversation, 2)
    assert shown["content_attributes"]["in_reply_to"] == desk.thread(conversation)[0]["id"]


def test_a_reply_quotes_what_an_agent_wrote(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    written = desk.reply(conversation, "which one?")
    desk.gets(number, "which one?")
    desk.settled(number)
    desk.customer(number, "that one", quote=desk.on_phone(number)[-1]["id"])
    shown = desk.arrived(conversation, 3)
    assert shown["content_attributes"]["in_reply_to"] == written["id"]


def test_a_reaction_names_its_message_and_can_be_taken_back(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    [first] = desk.on_phone(number)
    desk.customer(number, kind="reaction", target=first["id"], emoji="👍")
    shown = desk.arrived(conversation, 2)
    assert shown["content"] == "👍"
    assert shown["content_attributes"]["in_reply_to"] == desk.thread(conversation)[0]["id"]
    desk.customer(number, kind="reaction", target=first["id"], emoji="")
    assert desk.arrived(conversation, 3)["content"] == "The reaction was taken back"


def test_an_edit_is_shown_as_one_and_names_its_message(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    [first] = desk.on_phone(number)
    desk.customer(number, "hello there", kind="edit", target=first["id"])
    shown = desk.arrived(conversation, 2)
    assert shown["content"] == "✏️ Edited: hello there"
    assert shown["content_attributes"]["in_reply_to"] == desk.thread(conversation)[0]["id"]


@pytest.mark.parametrize("revoke_id", ["target", "new"])
def test_what_the_customer_deletes_is_deleted_for_the_agent(
    desk: Desk, chat: tuple[str, int], revoke_id: str
) -> None:
    number, conversation = chat
    desk.phone.control("POST", "switches", {"revoke_id": revoke_id})
    [first] = desk.on_phone(number)
    desk.customer(number, kind="revoke", target=first["id"])

    def is_gone() -> bool:
        return bool(desk.thread(conversation)[0]["content_attributes"].get("deleted"))

    until(is_gone, "the deletion")
    desk.settled(number)
    assert len(desk.thread(conversation)) == 1


def test_a_hostile_file_name_is_made_harmless(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    name = '../../etc/pass\u202ewd"\r\nX-Evil: 1.pdf'
    body = base64.b64encode(b"%PDF-1.4 harmless").decode()
    desk.customer(
        number, kind="document", file_name=name, media_base64=body, mime="application/pdf"
    )
    [file] = desk.arrived(conversation, 2)["attachments"]
    told = file["data_url"].rpartition("/")[2]
    assert told.endswith(".pdf")
    assert not {"..", "%0D", "%0A", "%22", "%E2%80%AE"} & {told[i : i + 9] for i in range(99)}
    assert "%2F" not in told


def test_a_file_that_is_not_there_yet_is_waited_for(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.phone.control("POST", "switches", {"media_not_yet": 1})
    desk.customer(number, "see", kind="image")
    desk.customer(number, "and this")
    thread = desk.shows(conversation, "hello", "see", "and this")
    assert len(thread[1]["attachments"]) == 1


def test_of_a_file_that_chatwoot_refuses_the_text_arrives_with_a_note(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.chatwoot.fault("refuse", status=413, times=1, method="POST", path="/messages")
    desk.customer(number, "my film", kind="image")
    shown = desk.arrived(conversation, 2)
    assert shown["content"].startswith("my film\n\n[A file of the message is too large")
    assert not shown.get("attachments")


def test_an_unknown_type_becomes_a_readable_placeholder(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    party = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": "C", "type": "private"}
    data = {
        "id": f"ORDER{number}",
        "direction": "incoming",
        "timestamp": now(),
        "chat": party,
        "sender": party,
        "message": {"type": "order_details", "content": "", "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    shown = desk.arrived(conversation, 2)["content"]
    assert shown == "[order_details message: open WhatsApp on the phone to see it]"
