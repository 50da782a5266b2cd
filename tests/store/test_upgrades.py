"""A database of the version before is brought up to date with all that is in it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from bridge.domain.messages import Message, Receipt
from bridge.routing import jobs
from bridge.store import Store, entries
from bridge.store.committer import Committer
from bridge.store.journal import Job, Try
from bridge.store.migrations import migrations
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite_journal import SqliteJournal
from bridge.store.stats import Stats

_INSTANCE = "insert into instance (id, name, created_at) values (1, 'support', 1)"
_INTEGRATION = (
    "insert into integration (id, instance_id, base_url, account_id, api_token, inbox_id, "
    "inbox_name, sign_messages, ignore_groups, start_as_pending, reopen_resolved, status, "
    "last_error, chatwoot_version, webhook_key, webhook_secret, created_at) values "
    "('int_now', 1, 'https://chat.example', 5, '', 7, 'Support', 0, 0, 0, 1, 'active', '', "
    "'4.15.1', 'k', '', 1)"
)
_CHAT = "insert into chat (id, instance_id, kind, address, name) values (?, 1, ?, ?, '')"


def upgraded(path: Path, before: str, fill: Callable[[Database], None]) -> Store:
    """The store of a database that was filled before that step; the caller closes it."""
    old = Database(path / "bridge.db")
    migrations.apply(old, stop_before=before)
    old.execute(_INSTANCE)
    old.execute(_INTEGRATION)
    fill(old)
    old.conn.commit()
    old.close()
    return SqliteStore.open(path / "bridge.db")


def test_replies_of_before_belong_to_the_chatwoot_that_they_were_written_in(
    tmp_path: Path,
) -> None:
    entry = (
        "insert into journal (instance_id, chat_id, direction, key, position, body, state, "
        "received_at) values (1, 1, ?, ?, 0, ?, ?, 1)"
    )

    def fill(db: Database) -> None:
        db.execute(_CHAT, [1, "private", "49151@s.whatsapp.net"])
        for key, state in (("m7:0", "done"), ("m71:file3", "dead"), ("d7", "ready")):
            db.execute(entry, ["out", key, "{}", state])
        db.execute(entry, ["in", "message:A", "{}", "done"])
        db.execute(entry, ["receipt", "A", '{"type":"receipt"}', "ready"])
        db.execute(entry, ["receipt", "m71:file3", '{"type":"failure"}', "ready"])
        db.execute(entry, ["typing", "4:17", "{}", "done"])
        # Of message 7 it is known that it was written in the Chatwoot of before.
        for whatsapp_id, where, message_id in (("A", "int_before", 7), ("B", "int_now", 70)):
            db.execute(
                "insert into pair values (1, ?, 1, 1, ?, 4, ?, '', 1)",
                [whatsapp_id, where, message_id],
            )
        db.execute("insert into thread values ('int_now', 1, '49151', 2, 4, 'open', 9, 'Ana')")

    store = upgraded(tmp_path, "m015_ids_of_chatwoot", fill)
    rows = store.db.execute("select job, key, integration_id from journal order by id")
    assert rows.fetchall() == [
        ("reply", "m7:0", "int_before"),
        ("reply", "m71:file3", "int_now"),
        ("reply", "d7", "int_before"),
        ("message", "message:A", ""),
        ("receipt", "A", ""),
        ("receipt", "m71:file3", "int_now"),
        ("typing", "4:17", "int_now"),
    ]
    threads = store.db.execute("select * from thread").fetchall()
    assert threads == [("int_now", 1, "49151", 2, 4, "open", 9, "Ana")]
    store.close()


def test_what_was_put_together_against_the_rules_is_taken_apart(tmp_path: Path) -> None:
    def fill(db: Database) -> None:
        chats = [
            (1, "private", "1@s.whatsapp.net", ["1@s.whatsapp.net", "7@lid", "8@lid"]),
            (2, "private", "9@lid", ["2@s.whatsapp.net", "3@s.whatsapp.net", "9@lid", "12@lid"]),
            (3, "group", "120@g.us", ["120@g.us", "5@lid", "5@s.whatsapp.net"]),
            (4, "private", "4@s.whatsapp.net", ["4@s.whatsapp.net", "130@g.us"]),
            (5, "private", "", ["contact:int_now:3"]),
        ]
        for chat_id, kind, address, forms in chats:
            db.execute(_CHAT, [chat_id, kind, address])
            for form in forms:
                db.execute("insert into alias values (1, ?, ?)", [form, chat_id])
        db.execute("insert into thread values ('int_now', 1, '1', 2, 40, 'open', 9, '')")
        for name, conversation, chat_id in (("A", 40, 2), ("B", 41, 1), ("C", 41, 1), ("D", 5, 2)):
            where = "int_before" if name == "D" else "int_now"
            db.execute(
                "insert into pair values (1, ?, ?, 0, ?, ?, 1, '', 1)",
                [name, chat_id, where, conversation],
            )

    store = upgraded(tmp_path, "m016_identity", fill)
    forms = store.db.execute("select chat_id, form from alias order by chat_id, form").fetchall()
    assert forms == [
        (1, "1@s.whatsapp.net"),
        (1, "8@lid"),
        (2, "3@s.whatsapp.net"),
        (2, "9@lid"),
        (3, "120@g.us"),
        (4, "4@s.whatsapp.net"),
        (5, "contact:int_now:3"),
    ]
    sql = "select * from conversation order by integration_id, conversation_id"
    conversations = store.db.execute(sql).fetchall()
    assert conversations == [("int_before", 5, 2), ("int_now", 40, 1), ("int_now", 41, 1)]
    with pytest.raises(sqlite3.IntegrityError), store.write() as db:
        db.execute("insert into alias values (1, '13@lid', 1)")
    store.close()


def test_markers_that_may_still_echo_stay_ours(tmp_path: Path) -> None:
    def fill(db: Database) -> None:
        db.execute(_CHAT, [1, "private", "1@s.whatsapp.net"])
        for number, state in enumerate(("done", "unconfirmed", "dead", "ready")):
            db.execute(
                "insert into journal (instance_id, chat_id, direction, key, position, body, "
                "state, source, received_at) values (1, 1, 'out', ?, 0, '{}', ?, ?, 1)",
                [f"m{number}:0", state, f"chatwoot-bridge:{number}"],
            )

    store = upgraded(tmp_path, "m018_authors", fill)
    with store.write() as db:
        db.execute("update journal set source = null where state <> 'done'")  # tried once more
    for number in range(4):
        assert entries.is_old_marker(store.db, 1, f"chatwoot-bridge:{number}")
        assert not entries.is_old_marker(store.db, 2, f"chatwoot-bridge:{number}")
    assert not entries.is_old_marker(store.db, 1, "chatwoot-bridge:4")
    store.close()


def test_messages_and_links_of_before_have_what_their_gateway_knows_them_by(
    tmp_path: Path,
) -> None:
    bodies = {
        "message:A": {"type": "message", "id": "A", "kind": "text"},
        "edit:B:1:x": {"type": "message", "id": "B", "kind": "edit", "target_id": "A"},
        "revoke:A": {"type": "message", "id": "C", "kind": "revoke", "target_id": "A"},
    }
    states = ["", "connected", "keep_alive_restored", "KeepAliveRestored", "qr_ready", "logged_out"]

    def fill(db: Database) -> None:
        db.execute(_CHAT, [1, "private", "1@s.whatsapp.net"])
        db.execute("update chat set last_in_id = 'A' where id = 1")
        for number, state in enumerate(states, 2):
            db.execute(
                "insert into instance (id, name, created_at, connection) values (?, ?, 1, ?)",
                [number, f"n{number}", state],
            )
        for name in ("A", "A#2", "A#file1"):
            db.execute("insert into pair values (1, ?, 1, 0, 'int_now', 4, 7, '', 1, '')", [name])
        insert = (
            "insert into journal (instance_id, chat_id, direction, key, position, body, state, "
            "received_at) values (1, 1, ?, ?, 0, ?, 'done', 1)"
        )
        for key, body in bodies.items():
            db.execute(insert, ["in", key, json.dumps(body)])
        db.execute(insert, ["in", "message:broken", "{"])
        db.execute(insert, ["out", "m7:0", '{"message":{"id":7}}'])

    store = upgraded(tmp_path, "m023_references", fill)
    found = store.db.execute("select connected from instance where id > 1 order by id").fetchall()
    assert [row[0] for row in found] == [None, 1, 1, 1, 0, 0]
    assert store.db.execute("select last_in from chat").fetchall() == [("A",)]
    assert store.db.execute("select distinct reference from pair").fetchall() == [("A",)]
    ids = dict(store.db.execute("select key, message_id from journal").fetchall())
    assert ids == {**dict.fromkeys(bodies, "A"), "message:broken": None, "m7:0": None}
    store.close()


def test_what_an_entry_asks_for_is_named_and_still_read(tmp_path: Path) -> None:
    """As version 0.1.0 wrote them: a file among the receipts, a profile among what is typed."""
    said = (
        '{"type":"message","id":"A","chat":{"jid":"1@s.whatsapp.net"},"chat_kind":"private",'
        '"sender":{"jid":"1@s.whatsapp.net"},"from_me":false,"kind":"image","at":1.0,'
        '"media":{"spooled":"/spool/a"}}'
    )
    reply = '"message":{"id":7,"conversation_id":4}'
    rows = [
        ("in", "message:A", said),
        ("out", "m7:0", f'{{"type":"part",{reply},"index":0}}'),
        ("out", "d7", f'{{"type":"deletion",{reply}}}'),
        ("receipt", "file:A", said),
        (
            *("receipt", "B"),
            '{"type":"receipt","ids":["B"],"chat":{"jid":"1@s.whatsapp.net"},"reached":"read",'
            '"at":1.0}',
        ),
        (
            *("receipt", "m7:0"),
            '{"type":"failure","conversation_id":4,"message_id":7,"reason":"{}"}',
        ),
        ("typing", "4:17", '{"type":"writing","conversation_id":4}'),
        ("typing", "introduction:1:2:x", '{"type":"introduction","contact_id":2}'),
    ]

    def fill(db: Database) -> None:
        db.execute(_CHAT, [1, "private", "1@s.whatsapp.net"])
        for direction, key, body in rows:
            db.execute(
                "insert into journal (instance_id, chat_id, direction, key, position, body, state, "
                "received_at) values (1, 1, ?, ?, 0, ?, 'ready', 1)",
                [direction, key, body],
            )
        db.execute("insert into pruned values (1, 'in', 5)")
        db.execute("insert into pruned values (1, 'out', 3)")

    store = upgraded(tmp_path, "m024_jobs", fill)
    journal = SqliteJournal(store, Committer(store))
    found = set()
    for lane in journal.lanes(after_id=0)[0]:
        while (entry := journal.head(lane)) is not None:
            body = jobs.decode(entry.body)
            found.add((entry.key, entry.job, type(body)))
            assert jobs.new(1, entry.key, body).job is entry.job
            journal.finish(entry, [], made=Try(1.0, 0.0, "arrived"), now=2.0)
    assert found == {
        ("message:A", Job.MESSAGE, Message),
        ("m7:0", Job.REPLY, jobs.ReplyPart),
        ("d7", Job.REPLY, jobs.Deletion),
        ("file:A", Job.FILE, jobs.LateFile),
        ("B", Job.RECEIPT, Receipt),
        ("m7:0", Job.RECEIPT, jobs.Failure),
        ("4:17", Job.TYPING, jobs.AgentTyping),
        ("introduction:1:2:x", Job.PROFILE, jobs.ContactProfile),
    }
    totals = {total.job: total.accepted for total in Stats(store).totals(since=0.0)}
    assert totals == {Job.MESSAGE: 6, Job.REPLY: 5}
    store.close()
