"""What is looked up for every message is found by an index of SQLite, however full the journal."""

from pathlib import Path

from bridge.store.chats import Chats
from bridge.store.committer import Committer
from bridge.store.conversation_links import chat_of_conversation
from bridge.store.entries import revive
from bridge.store.identity import AddressForms, chat_of, find
from bridge.store.journal import Job, Lane, ReplyId
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite_journal import SqliteJournal

#: What a plan says of a search that reads all of an instance, an integration or a table.
_WHOLE = ("SCAN", "(instance_id=?)", "(integration_id=?)", "(job=?)")


def test_no_message_reads_a_whole_table(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "bridge.db")
    committer = Committer(store)
    chats, journal = Chats(store, committer), SqliteJournal(store, committer)
    reply, asked = ReplyId(1, "int_x", 7), list[str]()
    store.db.conn.set_trace_callback(asked.append)
    chats.thread("int_x", 1)
    chats.thread_of_conversation("int_x", 1)
    chats.pair(1, "ABC")
    chats.pairs_of_chatwoot("int_x", 7)
    chats.newest_from_customer(("int_x", 1, 2))
    chats.forms(1)
    journal.head(Lane(1, Job.REPLY, 1))
    journal.is_sending(1)
    journal.knows(1, "int_x", "m7:0")
    journal.gave_up(reply)
    journal.arrived(reply)
    journal.note_shown(reply)
    named = AddressForms("49151@s.whatsapp.net", "7@lid", spellings=("49152@s.whatsapp.net",))
    chat_of(store.db, 1, "ABC", named)
    find(store.db, 1, named)
    chats.spellings(1, named.phone)
    chats.is_free("int_x", 1, conversation_id=1)
    chats.is_of_another("int_x", 1, contact_id=1, source_id="49151")
    chat_of_conversation(store.db, "int_x", 1, source_id="49151", contact_id=2)
    revive(store.db, reply, now=1.0)
    store.db.conn.rollback()
    store.db.conn.set_trace_callback(None)
    asked = [one for one in asked if one.startswith(("select", "update"))]
    assert len(asked) >= 13
    for sql in asked:
        plan = [str(row[3]) for row in store.db.execute(f"explain query plan {sql}")]
        whole = [step for step in plan if any(mark in step for mark in _WHOLE)]
        assert not whole, f"{sql}: {whole}"
    store.close()
