"""The files of one reply, in whatever order, number and sequence Chatwoot tells of them."""

import hashlib
import hmac
import json
import sqlite3
import time

import pytest
import requests

from tests.routing.desk import Desk, Json, until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
OPUS = b"OggS\0\x02" + bytes(22) + b"OpusHead\x01" + bytes(200)
FILES = [(f"{name}.png", PNG + name.encode(), "image/png") for name in "abc"]


@pytest.fixture
def quiet(desk: Desk) -> Desk:
    """Chatwoot tells of no reply by itself; the test does."""
    desk.chatwoot.fault("webhook_lost", path="message_")
    desk.chatwoot.fault("cable_lost")
    return desk


def tell(
    desk: Desk,
    conversation: int,
    message: Json,
    attachments: list[Json],
    event: str = "message_created",
) -> None:
    """A webhook of Chatwoot's about a reply, with these attachments in this order."""
    [(key, inbox)] = desk.rows("select webhook_key, inbox_id from integration")
    body = {
        **message,
        "event": event,
        "message_type": "outgoing",
        "created_at": message["created_at"],
        "attachments": attachments,
        "account": {"id": 1, "name": "Acme"},
        "inbox": {"id": inbox, "name": "any"},
        "conversation": {"id": conversation, "inbox_id": inbox, "status": "open"},
    }
    raw, stamp = json.dumps(body).encode(), str(int(time.time()))
    secret = desk.api("GET", f"inboxes/{inbox}")["secret"]
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    answer = requests.post(
        f"{desk.bridge.base_url}/hooks/chatwoot/{key}",
        data=raw,
        headers={
            "Content-Type": "application/json",
            "X-Chatwoot-Timestamp": stamp,
            "X-Chatwoot-Signature": f"sha256={mac}",
        },
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def names(desk: Desk, number: str) -> list[tuple[str, str]]:
    """What came out to the number: the name of each file, and the text with it."""
    out = [one for one in desk.on_phone(number) if one["from_me"]]
    return [((one["media"] or {}).get("name", ""), one["text"]) for one in out]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_files_leave_in_the_order_in_which_they_were_added(
    quiet: Desk, order: tuple[int, ...]
) -> None:
    number, conversation = quiet.meet("in")
    written = quiet.attach(conversation, "three", *FILES)
    tell(quiet, conversation, written, [written["attachments"][index] for index in order])
    until(lambda: len(names(quiet, number)) >= 3, "three files")
    assert names(quiet, number) == [("a.png", "three"), ("b.png", ""), ("c.png", "")]


def test_a_reply_that_is_told_again_in_another_order_is_sent_once(quiet: Desk) -> None:
    number, conversation = quiet.meet("in")
    written = quiet.attach(conversation, "three", *FILES)
    files = written["attachments"]
    for told in (files, files[::-1], files[1:] + files[:1]):
        tell(quiet, conversation, written, told)
        tell(quiet, conversation, written, told, event="message_updated")
    quiet.reply(conversation, "last")
    last = quiet.thread(conversation)[-1]
    tell(quiet, conversation, last, [])
    until(lambda: len(names(quiet, number)) >= 4, "all of it")
    quiet.settled(number)
    assert [name for name, _ in names(quiet, number)] == ["a.png", "b.png", "c.png", ""]


@pytest.mark.parametrize("first", [[], [0], [2], [1, 0]])
def test_files_that_are_told_later_are_sent_too_and_none_twice(
    quiet: Desk, first: list[int]
) -> None:
    number, conversation = quiet.meet("in")
    written = quiet.attach(conversation, "words", *FILES)
    files = written["attachments"]
    tell(quiet, conversation, written, [files[index] for index in first])
    tell(quiet, conversation, written, files[::-1], event="message_updated")
    tell(quiet, conversation, written, [], event="message_updated")
    until(lambda: len([one for one, _ in names(quiet, number) if one]) >= 3, "three files")
    quiet.settled(number)
    sent = names(quiet, number)
    assert sorted(name for name, _ in sent if name) == ["a.png", "b.png", "c.png"]
    assert [text for _, text in sent if text] == ["words"]


def test_what_an_older_version_kept_is_not_sent_again(quiet: Desk) -> None:
    """It counted files by their places and knew no ids of theirs."""
    number, conversation = quiet.meet("in")
    written = quiet.attach(conversation, "old", *FILES)
    tell(quiet, conversation, written, written["attachments"])
    until(lambda: len(names(quiet, number)) >= 3, "three files")
    quiet.settled(number)
    as_an_older_version(quiet, written["id"])
    tell(quiet, conversation, written, written["attachments"][::-1], event="message_updated")
    tell(quiet, conversation, written, written["attachments"])
    last = quiet.reply(conversation, "last")
    tell(quiet, conversation, last, [])
    until(lambda: len(names(quiet, number)) >= 4, "the last")
    quiet.settled(number)
    assert [name for name, _ in names(quiet, number)] == ["a.png", "b.png", "c.png", ""]


def as_an_older_version(desk: Desk, message_id: int) -> None:
    """Rewrites the entries of a message as they were written before files had ids."""
    with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
        rows = db.execute(
            "select id, body from journal where key between ? and ?",
            [f"m{message_id}:", f"m{message_id}:~"],
        ).fetchall()
        for entry_id, raw in rows:
            body = json.loads(raw)
            for file in body["message"]["attachments"]:
                del file["id"]
            key = f"m{message_id}:{body['index']}"
            db.execute(
                "update journal set key = ?, body = ? where id = ?",
                [key, json.dumps(body), entry_id],
            )
    db.close()


# -- what a file is --------------------------------------------------------------------------------


@pytest.mark.parametrize("mime", ["audio/opus", "audio/ogg", "application/octet-stream"])
def test_opus_is_a_voice_note_whatever_chatwoot_calls_it(desk: Desk, mime: str) -> None:
    number, conversation = desk.meet("in")
    desk.attach(conversation, "", ("voz.opus", OPUS, mime))
    until(lambda: names(desk, number), "the recording")
    [sent] = [one for one in desk.on_phone(number) if one["from_me"]]
    assert sent["kind"] == "voice"
    assert requests.get(sent["media"]["url"], timeout=10).content == OPUS


def test_the_text_beside_a_sound_that_was_called_a_file_goes_before_it(desk: Desk) -> None:
    number, conversation = desk.meet("in")
    desk.attach(conversation, "listen", ("voz.bin", OPUS, "application/octet-stream"))
    until(lambda: len(names(desk, number)) >= 2, "text and recording")
    desk.settled(number)
    first, second = [one for one in desk.on_phone(number) if one["from_me"]]
    assert (first["text"], second["kind"], second["text"]) == ("listen", "voice", "")


def test_a_picture_that_was_called_a_pdf_is_a_picture(desk: Desk) -> None:
    number, conversation = desk.meet("in")
    desk.attach(conversation, "see", ("scan.pdf", PNG, "application/pdf"))
    until(lambda: names(desk, number), "the picture")
    [sent] = [one for one in desk.on_phone(number) if one["from_me"]]
    assert (sent["kind"], sent["text"], sent["media"]["name"]) == ("image", "see", "scan.png")
