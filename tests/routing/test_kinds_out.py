"""Every kind of message that an agent can send, as the customer sees it."""

import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.routing.desk import Desk, Json, until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3
MP4 = b"\0\0\0\x18ftypmp42" + bytes(2000)
PDF = b"%PDF-1.4\n" + bytes(range(256))
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not here")


@pytest.fixture
def chat(desk: Desk) -> tuple[str, int]:
    return desk.meet("hello")


def arrived(desk: Desk, number: str, count: int) -> list[Json]:
    """What came out to the number, once it is so much."""

    def found() -> list[Json]:
        return [one for one in desk.on_phone(number) if one["from_me"]]

    until(lambda: len(found()) >= count, f"{count} messages on the phone")
    assert len(found()) == count
    return found()


def content(message: Json) -> bytes:
    return requests.get(message["media"]["url"], timeout=10).content


def test_markdown_becomes_whatsapp_markup(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.reply(conversation, "**bold** *slanted* snake_case https://example.com/a_b `x*y` 😀")
    desk.gets(number, "*bold* _slanted_ snake_case https://example.com/a_b `x*y` 😀")


@pytest.mark.parametrize(
    ("name", "body", "mime", "kind"),
    [
        ("photo.png", PNG, "image/png", "image"),
        ("film.mp4", MP4, "video/mp4", "video"),
        ("offer.pdf", PDF, "application/pdf", "document"),
        ("drawing.svg", b"<svg/>", "image/svg+xml", "document"),
    ],
)
def test_a_file_arrives_with_its_caption(
    desk: Desk, chat: tuple[str, int], name: str, body: bytes, mime: str, kind: str
) -> None:
    number, conversation = chat
    desk.attach(conversation, "see **this**", (name, body, mime))
    [sent] = arrived(desk, number, 1)
    assert (sent["kind"], sent["text"], sent["media"]["name"]) == (kind, "see *this*", name)
    assert content(sent) == body


def test_several_files_of_one_reply_arrive_in_order_with_one_caption(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    files = [(f"{index}.png", PNG + bytes([index]), "image/png") for index in range(3)]
    with desk.options(signMessages=True):
        desk.attach(conversation, "three", *files)
        sent = arrived(desk, number, 3)
    assert [one["text"] for one in sent] == ["*Ana Admin*:\nthree", "", ""]
    assert [one["media"]["name"] for one in sent] == ["0.png", "1.png", "2.png"]
    assert [content(one) for one in sent] == [file[1] for file in files]


def test_a_file_name_with_a_path_loses_it(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.attach(conversation, "", ("..\\..\\evil\u202efdp.exe", PDF, "application/pdf"))
    [sent] = arrived(desk, number, 1)
    assert not set("/\\\u202e") & set(sent["media"]["name"])


@needs_ffmpeg
def test_what_an_agent_records_becomes_a_voice_note(
    desk: Desk, chat: tuple[str, int], recording: bytes
) -> None:
    number, conversation = chat
    desk.attach(conversation, "", ("recording.mp3", recording, "audio/mpeg"))
    [sent] = arrived(desk, number, 1)
    assert sent["kind"] == "voice"
    assert content(sent).startswith(b"OggS")


@needs_ffmpeg
def test_sound_that_cannot_be_transcoded_arrives_as_it_is(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.attach(conversation, "", ("broken.mp3", b"no sound at all", "audio/mpeg"))
    [sent] = arrived(desk, number, 1)
    assert sent["kind"] == "audio"
    assert content(sent) == b"no sound at all"


#: What is filmed, and how ffmpeg is asked for it.
FILMS = {
    "clip.mov": ("video/quicktime", ["-c:v", "mpeg4"]),
    "clip.webm": ("video/webm", ["-c:v", "libvpx", "-b:v", "200k"]),
    "Anim No. 1": ("image/gif", ["-f", "gif"]),
}


@needs_ffmpeg
@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_phones_do_not_play_becomes_one_that_they_do(
    desk: Desk, chat: tuple[str, int], tmp_path: Path, name: str
) -> None:
    number, conversation = chat
    mime_type, how = FILMS[name]
    path = tmp_path / name
    seen = ["-f", "lavfi", "-i", "testsrc=size=33x21:rate=5:duration=1"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *seen, *how, str(path)], check=True)
    desk.attach(conversation, "look", (name, path.read_bytes(), mime_type))
    [sent] = arrived(desk, number, 1)
    assert (sent["kind"], sent["text"], sent["media"]["mime"]) == ("video", "look", "video/mp4")
    assert content(sent)[4:8] == b"ftyp"
    assert sent["media"]["name"] == name.removesuffix(".mov").removesuffix(".webm") + ".mp4"


@pytest.mark.parametrize(
    ("name", "mime_type", "body"),
    [
        ("clip.mov", "video/quicktime", b"no film, though it is called one"),
        ("clip.webm", "video/webm", b"\x1a\x45\xdf\xa3 webm, and no more"),
        ("anim.gif", "image/gif", b"GIF89a and no more"),
    ],
)
def test_a_film_that_cannot_be_made_playable_arrives_as_a_document(
    desk: Desk, chat: tuple[str, int], name: str, mime_type: str, body: bytes
) -> None:
    number, conversation = chat
    desk.attach(conversation, "", (name, body, mime_type))
    [sent] = arrived(desk, number, 1)
    assert (sent["kind"], sent["media"]["name"]) == ("document", name)
    assert content(sent) == body


def test_the_text_beside_a_recording_goes_before_it(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.attach(conversation, "listen", ("broken.mp3", b"no sound", "audio/mpeg"))
    first, second = arrived(desk, number, 2)
    assert first["text"] == "listen"
    assert second["media"]


def test_a_reply_quotes_the_customers_message(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.reply(conversation, "yes", in_reply_to=desk.thread(conversation)[0]["id"])
    [sent] = desk.gets(number, "yes")
    assert sent["quote"] == desk.on_phone(number)[0]["id"]


def test_a_reply_quotes_an_earlier_answer(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    first = desk.reply(conversation, "one")
    [sent] = desk.gets(number, "one")
    desk.settled(number)
    desk.reply(conversation, "two", in_reply_to=first["id"])
    assert desk.gets(number, "one", "two")[1]["quote"] == sent["id"]


def test_a_reply_to_a_reaction_quotes_what_was_reacted_to(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    [first] = desk.on_phone(number)
    desk.customer(number, kind="reaction", target=first["id"], emoji="❓")
    reaction = desk.arrived(conversation, 2)
    desk.settled(number)
    desk.reply(conversation, "what is unclear?", in_reply_to=reaction["id"])
    assert desk.gets(number, "what is unclear?")[0]["quote"] == first["id"]


def test_what_an_agent_deletes_is_deleted_for_the_customer(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    written = desk.reply(conversation, "wrong window")
    desk.gets(number, "wrong window")
    desk.settled(number)
    desk.chatwoot.control("DELETE", f"agent/messages/{written['id']}")
    until(lambda: desk.on_phone(number)[-1]["revoked"], "the deletion on the phone")


def test_messages_are_named_to_the_gateway_as_it_named_them(
    desk: Desk, chat: tuple[str, int]
) -> None:
    """RyzeAPI calls a message by its id. Here each is known by the reference of the next one."""
    number, conversation = chat
    desk.customer(number, "again")
    desk.arrived(conversation, 2)
    first = desk.reply(conversation, "one")
    desk.reply(conversation, "two")
    desk.gets(number, "one", "two")
    desk.settled(number)
    hello, again, one, two = (message["id"] for message in desk.on_phone(number))
    with contextlib.closing(sqlite3.connect(desk.bridge.instance_dir / "bridge.db")) as db, db:
        for message_id, reference in ((hello, again), (one, two)):
            change = "update pair set reference = ? where whatsapp_id = ?"
            assert db.execute(change, [reference, message_id]).rowcount == 1
    desk.reply(conversation, "yes", in_reply_to=desk.thread(conversation)[0]["id"])
    assert desk.gets(number, "one", "two", "yes")[2]["quote"] == again
    desk.chatwoot.control("DELETE", f"agent/messages/{first['id']}")
    until(lambda: desk.on_phone(number)[3]["revoked"], "the deletion on the phone")
    assert not desk.on_phone(number)[2]["revoked"]


def test_what_is_deleted_before_it_left_never_leaves(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.phone.control("POST", "faults", {"kind": "status", "status": 503, "times": None})
    written = desk.reply(conversation, "wrong window")
    key = f"m{written['id']}:0"
    refused = "select 1 from journal where key = ? and state = 'ready' and attempts > 0"
    until(lambda: desk.rows(refused, key), "the reply being refused")
    desk.chatwoot.control("DELETE", f"agent/messages/{written['id']}")
    state = "select 1 from journal where key = ? and state = 'discarded'"
    until(lambda: desk.rows(state, key), "the reply being discarded")
    desk.phone.control("DELETE", "faults")
    desk.reply(conversation, "right window")
    desk.gets(number, "right window")


def test_a_file_that_comes_after_its_message_is_sent(desk: Desk, chat: tuple[str, int]) -> None:
    number, conversation = chat
    desk.chatwoot.fault("attachment_late", seconds=0.5, times=1)
    desk.attach(conversation, "", ("photo.png", PNG, "image/png"))
    [sent] = arrived(desk, number, 1)
    assert content(sent) == PNG


def test_text_is_not_held_up_or_doubled_by_its_late_file(desk: Desk, chat: tuple[str, int]) -> None:
    """The words leave alone, or with the file where the look before the send has found it."""
    number, conversation = chat
    desk.chatwoot.fault("attachment_late", seconds=0.5, times=1)
    desk.attach(conversation, "here it is", ("photo.png", PNG, "image/png"))

    def sent() -> list[Json]:
        return [one for one in desk.on_phone(number) if one["from_me"]]

    until(lambda: any(one["media"] for one in sent()), "the file")
    desk.settled(number)
    assert sent()[0]["text"] == "here it is"
    assert [one["text"] for one in sent() if one["text"]] == ["here it is"]
    assert [content(one) for one in sent() if one["media"]] == [PNG]


def test_a_file_that_chatwoot_is_still_storing_is_asked_for_again(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.chatwoot.fault("attachment_delay", seconds=1.0)
    desk.attach(conversation, "soon", ("photo.png", PNG, "image/png"))
    [sent] = arrived(desk, number, 1)
    assert content(sent) == PNG


def test_of_a_file_that_the_gateway_refuses_the_text_goes_without_it(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    refusal = {"kind": "status", "status": 400, "message": "File too large", "path": "/media/"}
    desk.phone.control("POST", "faults", refusal)
    written = desk.attach(conversation, "the words", ("photo.png", PNG, "image/png"))
    desk.gets(number, "the words")

    def has_failed() -> bool:
        return desk.status(conversation, written["id"]) == "failed"

    until(has_failed, "the agent being told")
    desk.settled(number)
    shown = desk.message(conversation, written["id"])
    assert shown["status"] == "failed"  # the receipt of the words does not hide it
    assert "File too large" in shown["content_attributes"]["external_error"]


def test_the_retry_button_sends_the_file_and_not_the_words_again(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    refusal = {"kind": "status", "status": 400, "message": "File too large", "path": "/media/"}
    desk.phone.control("POST", "faults", refusal)
    written = desk.attach(conversation, "the words", ("photo.png", PNG, "image/png"))
    desk.gets(number, "the words")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "the failure")
    desk.chatwoot.control("POST", f"agent/messages/{written['id']}/retry")
    first, second = arrived(desk, number, 2)
    assert (first["text"], second["text"]) == ("the words", "")
    assert content(second) == PNG


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second of sound as Chatwoot records it."""
    path = tmp_path_factory.mktemp("sound") / "recording.mp3"
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1", str(path)]
    subprocess.run(["ffmpeg", "-loglevel", "error", *tone], check=True)
    return path.read_bytes()


@pytest.fixture(scope="module")
def plain_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bridge on a machine without ffmpeg, that writes its notes in Portuguese."""
    folder: Path = tmp_path_factory.mktemp("plain")
    desk = Desk(folder, PATH=str(folder), BRIDGE_LANGUAGE="pt_BR")
    yield desk
    desk.close()


def test_without_ffmpeg_a_recording_arrives_as_a_sound_file(plain_desk: Desk) -> None:
    number, conversation = plain_desk.meet()
    plain_desk.attach(conversation, "", ("recording.mp3", b"ID3 sound", "audio/mpeg"))
    [sent] = arrived(plain_desk, number, 1)
    assert sent["kind"] == "audio"
    assert content(sent) == b"ID3 sound"


def test_without_ffmpeg_a_film_that_phones_do_not_play_arrives_as_a_document(
    plain_desk: Desk,
) -> None:
    number, conversation = plain_desk.meet()
    body = b"\0\0\0\x14ftypqt  \0\0\0\0qt  "
    plain_desk.attach(conversation, "", ("clip.mov", body, "video/quicktime"))
    [sent] = arrived(plain_desk, number, 1)
    assert (sent["kind"], sent["media"]["name"]) == ("document", "clip.mov")


def test_why_a_reply_failed_is_said_in_the_language_of_the_settings(plain_desk: Desk) -> None:
    number, conversation = plain_desk.meet()
    refusal = {"kind": "status", "status": 400, "message": "No WhatsApp", "path": "/text/"}
    plain_desk.phone.control("POST", "faults", refusal)
    written = plain_desk.reply(conversation, "lost")
    until(lambda: plain_desk.status(conversation, written["id"]) == "failed", "the failure")
    plain_desk.phone.control("DELETE", "faults")
    shown = plain_desk.message(conversation, written["id"])["content_attributes"]
    assert shown["external_error"] == "o gateway recusou a mensagem: No WhatsApp"


def test_notes_are_written_in_the_language_of_the_settings(plain_desk: Desk) -> None:
    number, conversation = plain_desk.meet()
    [first] = plain_desk.on_phone(number)
    plain_desk.customer(number, "olá", kind="edit", target=first["id"])
    assert plain_desk.arrived(conversation, 2)["content"] == "✏️ Editada: olá"
