"""What routing is promised by a journal: every engine must pass this suite."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.errors import load
from bridge.gateways.base import GatewayUnavailable
from bridge.store import snapshot
from bridge.store.chats import Chats
from bridge.store.committer import Committer
from bridge.store.identity import resolve_chat
from bridge.store.journal import (
    Entry,
    Job,
    Journal,
    Lane,
    MessageLink,
    NewEntry,
    ReplyId,
    State,
    Try,
)
from tests.store.conftest import ENGINES

ROOT = Path(__file__).resolve().parents[2]
MESSAGE, REPLY, RECEIPT = Job.MESSAGE, Job.REPLY, Job.RECEIPT
MADE = Try(1.0, 0.1, "arrived")
NO_ANSWER = GatewayUnavailable(base_url="http://gw.example", reason="no answer", retry_after_s=2.5)
FAILED = Try(1.0, 0.1, "failed", NO_ANSWER)


def claim(journal: Journal, entry: Entry) -> bool:
    """A claim of the router `router` at 5, until 50."""
    return journal.claim(entry, f"marker {entry.id}", owner="router", now=5.0, until=50.0)


class Ground:
    """The journal of one engine, with an instance and its chats."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.store = ENGINES[engine].open(folder)
        self.committer = Committer(self.store)
        self.journal = ENGINES[engine].journal(self.store, self.committer)
        row = {"name": "one", "created_at": 0.0}
        self.committer.run(lambda db: db.put("instance", row, key="name", replace=False))
        self.instance_id = int(self.store.db.value("select id from instance"))
        self._chats = 0

    def chat(self) -> int:
        """A new chat; its id."""
        self._chats += 1
        form = f"{os.getpid()}{self._chats}@s.whatsapp.net"
        return self.committer.run(
            lambda db: resolve_chat(
                db, self.instance_id, [form], kind="private", address=form, name=""
            )
        )

    def done(self) -> list[str]:
        """The keys of what has arrived, in order of acceptance."""
        return self.store.db.values("select key from journal where state = 'done' order by id")


@pytest.fixture
def ground(engine: str, tmp_path: Path) -> Iterator[Ground]:
    made = Ground(engine, tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def journal(ground: Ground) -> Journal:
    return ground.journal


#: Whose ids the keys of replies hold.
HERE = "int_here"


def new(chat: int, key: str, position: int | None = None, **more: Any) -> NewEntry:
    job = more.pop("job", MESSAGE)
    body = more.pop("body", f'"{key}"')
    if job is REPLY:
        more.setdefault("integration_id", HERE)
    return NewEntry(chat, job, key, str(body), position, **more)


def heads(journal: Journal, lane: Lane) -> list[str]:
    """The keys of a lane in the order in which they come up, each finished."""
    found = []
    while entry := journal.head(lane):
        found.append(entry.key)
        journal.finish(entry, [], made=MADE, now=1.0)
    return found


class TestAccepting:
    def test_a_key_is_accepted_once(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        entries = [new(chat, "a"), new(chat, "b"), new(chat, "a")]
        assert journal.accept(ground.instance_id, entries, now=1.0) == 2
        assert journal.accept(ground.instance_id, [new(chat, "b")], now=2.0) == 0

    def test_a_key_is_its_jobs_own(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        both = [new(chat, "a"), new(chat, "a", job=REPLY)]
        assert journal.accept(ground.instance_id, both, now=1.0) == 2

    def test_a_higher_one_takes_the_place_of_a_lower_one_and_never_the_other_way(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        lane = Lane(ground.instance_id, RECEIPT, chat)
        for position in (2, 3, 1):
            entry = new(chat, "a", position, body=str(position), job=RECEIPT, replaces=True)
            journal.accept(ground.instance_id, [entry], now=1.0)
        head = journal.head(lane)
        assert head is not None
        assert head.body == "3"
        journal.finish(head, [], made=MADE, now=2.0)
        assert journal.head(lane) is None

    def test_files_of_one_chat_wait_for_each_other_no_more_than_for_receipts(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        keys = ["a", "b", "receipt"]
        entries = [new(chat, "receipt", job=RECEIPT)]
        entries += [new(chat, key, job=Job.FILE) for key in keys[:2]]
        journal.accept(ground.instance_id, entries, now=1.0)
        lanes, _ = journal.lanes(after_id=0)
        found = [entry for lane in lanes if (entry := journal.head(lane)) is not None]
        assert sorted(entry.key for entry in found) == keys
        assert {entry.lane for entry in found} == set(lanes)

    def test_what_takes_the_place_of_one_under_way_is_not_lost(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        lane = Lane(ground.instance_id, RECEIPT, chat)
        entries = [
            new(chat, "a", position, body=str(position), job=RECEIPT, replaces=True)
            for position in (1, 2)
        ]
        journal.accept(ground.instance_id, entries[:1], now=1.0)
        under_way = journal.head(lane)
        assert under_way is not None
        journal.accept(ground.instance_id, entries[1:], now=2.0)
        journal.finish(under_way, [], made=MADE, now=3.0)
        head = journal.head(lane)
        assert head is not None
        assert head.body == "2"

    def test_many_threads_write_at_once(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        counts: list[int] = []

        def write(number: int) -> None:
            for index in range(25):
                entries = [new(chat, f"{number}/{index}"), new(chat, f"shared/{index}")]
                counts.append(journal.accept(ground.instance_id, entries, now=1.0))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 8 * 25 + 25
        keys = heads(journal, Lane(ground.instance_id, MESSAGE, chat))
        assert len(keys) == len(set(keys)) == 225
        own = [[key for key in keys if key.startswith(f"{number}/")] for number in range(8)]
        assert own == [[f"{number}/{index}" for index in range(25)] for number in range(8)]

    def test_one_bad_write_takes_no_other_along(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        refused: list[BaseException] = []

        def write(chat_id: int) -> None:
            for index in range(20):
                try:
                    journal.accept(ground.instance_id, [new(chat_id, f"{chat_id}/{index}")], now=1)
                except Exception as error:
                    refused.append(error)

        threads = [threading.Thread(target=write, args=(one,)) for one in (chat, 999_999)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 20  # a chat that does not exist
        assert len(heads(journal, Lane(ground.instance_id, MESSAGE, chat))) == 20


class TestLanes:
    def test_a_lane_is_first_in_first_out(self, ground: Ground, journal: Journal) -> None:
        chat, other = ground.chat(), ground.chat()
        entries = [new(chat, "a"), new(other, "x"), new(chat, "b"), new(chat, "c")]
        journal.accept(ground.instance_id, entries, now=1.0)
        assert heads(journal, Lane(ground.instance_id, MESSAGE, chat)) == ["a", "b", "c"]
        assert heads(journal, Lane(ground.instance_id, MESSAGE, other)) == ["x"]

    def test_positions_come_before_the_order_of_acceptance(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        entries = [new(chat, str(n), n, job=REPLY) for n in (30, 10, 20)]
        journal.accept(ground.instance_id, entries, now=1.0)
        assert heads(journal, Lane(ground.instance_id, REPLY, chat)) == ["10", "20", "30"]

    def test_lanes_with_new_entries_are_told_once(self, ground: Ground, journal: Journal) -> None:
        chat, other = ground.chat(), ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a"), new(chat, "b")], now=1.0)
        found, seen = journal.lanes(after_id=0)
        assert found == [Lane(ground.instance_id, MESSAGE, chat)]
        assert journal.lanes(after_id=seen) == ([], seen)
        journal.accept(ground.instance_id, [new(other, "c")], now=1.0)
        assert journal.lanes(after_id=seen)[0] == [Lane(ground.instance_id, MESSAGE, other)]

    def test_what_is_done_dead_or_gone_holds_up_nothing(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        lane = Lane(ground.instance_id, REPLY, chat)
        entries = [new(chat, key, job=REPLY) for key in "abc"]
        journal.accept(ground.instance_id, entries, now=1.0)
        first = journal.head(lane)
        assert first is not None
        journal.bury(first, made=FAILED, now=2.0)
        second = journal.head(lane)
        assert second is not None
        assert second.key == "b"
        journal.finish(second, [], made=MADE, now=2.0)
        assert heads(journal, lane) == ["c"]

    def test_what_failed_is_still_the_head_and_counts_its_tries(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        lane = Lane(ground.instance_id, MESSAGE, chat)
        journal.accept(ground.instance_id, [new(chat, "a"), new(chat, "b")], now=1.0)
        for attempts, counts in ((0, True), (1, True), (2, False)):
            head = journal.head(lane)
            assert head is not None
            assert (head.key, head.attempts) == ("a", attempts)
            journal.postpone(head, due_at=9.0, made=FAILED, doubtful=True, counts=counts)
        head = journal.head(lane)
        assert head is not None
        assert (head.key, head.attempts, head.due_at) == ("a", 2, 9.0)
        assert head.doubtful
        assert head.error == NO_ANSWER
        assert head.error.retry_after_s == 2.5


class TestSending:
    def test_a_send_is_noted_before_it_is_made(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a", job=REPLY)], now=1.0)
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        assert not journal.is_sending(chat)
        assert claim(journal, head)
        assert journal.is_sending(chat)
        again = journal.head(head.lane)
        assert again is not None
        assert (again.state, again.source, again.sent_at) == (
            State.SENDING,
            f"marker {head.id}",
            5.0,
        )

    def test_a_doubtful_send_holds_up_its_lane_until_it_is_settled(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        entries = [new(chat, key, job=REPLY) for key in "ab"]
        journal.accept(ground.instance_id, entries, now=1.0)
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        assert claim(journal, head)
        journal.doubt(head, due_at=65.0, made=FAILED)
        [doubted] = journal.unconfirmed(after_id=0, limit=10)
        assert (doubted.key, doubted.due_at) == ("a", 65.0)
        still = journal.head(head.lane)
        assert still is not None
        assert (still.key, still.state) == ("a", State.UNCONFIRMED)

    def test_a_send_that_arrived_is_not_doubted_any_more(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a", job=REPLY)], now=1.0)
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        assert claim(journal, head)
        journal.finish(head, [], made=MADE, now=6.0)
        journal.doubt(head, due_at=65.0, made=FAILED)
        assert not journal.unconfirmed(after_id=0, limit=10)
        assert journal.head(head.lane) is None

    def test_a_router_that_died_leaves_doubts(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        entries = [new(chat, "out", job=REPLY), new(chat, "in 1"), new(chat, "in 2")]
        journal.accept(ground.instance_id, entries, now=1.0)
        sending = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert sending is not None
        assert claim(journal, sending)
        journal.suspect(owner="another", due_at=60.0)
        assert [one.key for one in journal.unconfirmed(after_id=0, limit=10)] == ["out"]
        lane = Lane(ground.instance_id, MESSAGE, chat)
        first = journal.head(lane)
        assert first is not None
        assert first.doubtful
        journal.finish(first, [], made=MADE, now=6.0)
        second = journal.head(lane)
        assert second is not None
        assert not second.doubtful

    def test_files_of_a_reply_are_known_apart_from_its_text(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        entries = [new(chat, "m7:0", job=REPLY), new(chat, "m71:file3", job=REPLY)]
        journal.accept(ground.instance_id, entries, now=1.0)
        assert not journal.knows_file(ReplyId(ground.instance_id, HERE, 7))
        assert journal.knows_file(ReplyId(ground.instance_id, HERE, 71))
        assert not journal.knows_file(ReplyId(ground.instance_id + 1, HERE, 71))

    def test_replies_are_found_by_their_message(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        entries = [new(chat, "m7:0", job=REPLY), new(chat, "m71:0", job=REPLY)]
        journal.accept(ground.instance_id, entries, now=1.0)
        assert journal.knows(ground.instance_id, HERE, "m7:0")
        assert not journal.knows(ground.instance_id, HERE, "m7:1")
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        journal.bury(head, made=FAILED, now=2.0)
        assert journal.gave_up(ReplyId(ground.instance_id, HERE, 7))
        assert not journal.gave_up(ReplyId(ground.instance_id, HERE, 71))

    def test_the_same_number_in_another_chatwoot_is_another_reply(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        there = "int_there"
        lane = Lane(ground.instance_id, REPLY, chat)
        for where in (HERE, there, HERE):
            entries = [new(chat, "m7:0", job=REPLY, integration_id=where)]
            journal.accept(ground.instance_id, entries, now=1.0)
        first = journal.head(lane)
        assert first is not None
        assert first.integration_id == HERE
        journal.bury(first, made=FAILED, now=2.0)
        second = journal.head(lane)
        assert second is not None
        assert second.integration_id == there
        journal.finish(second, [], made=MADE, now=2.0)
        assert journal.head(lane) is None, "the repetition is none"
        here = ReplyId(ground.instance_id, HERE, 7)
        other = ReplyId(ground.instance_id, there, 7)
        assert journal.gave_up(here)
        assert not journal.gave_up(other)
        assert journal.arrived(other)
        assert not journal.arrived(here)
        journal.note_shown(other)
        assert journal.given_up(ground.instance_id, HERE, since=0.0) == []

    def test_replies_are_given_up_once_their_agents_see_it(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "m7:0", job=REPLY)], now=1.0)
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        journal.bury(head, made=FAILED, now=20.0)
        assert journal.given_up(ground.instance_id, HERE, since=0.0) == []
        journal.note_shown(ReplyId(ground.instance_id, HERE, 7))
        found = journal.given_up(ground.instance_id, HERE, since=20.0)
        assert [one.key for one in found] == ["m7:0"]
        assert journal.given_up(ground.instance_id, HERE, since=20.5) == []

    def test_a_message_has_arrived_when_each_of_its_parts_is_done(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        parts = [new(chat, "m7:0", job=REPLY), new(chat, "m7:1", job=REPLY)]
        journal.accept(ground.instance_id, parts, now=1.0)
        for _ in parts:
            assert not journal.arrived(ReplyId(ground.instance_id, HERE, 7))
            head = journal.head(Lane(ground.instance_id, REPLY, chat))
            assert head is not None
            journal.finish(head, [], made=MADE, now=2.0)
        assert journal.arrived(ReplyId(ground.instance_id, HERE, 7))
        assert not journal.arrived(ReplyId(ground.instance_id, HERE, 71))

    def test_what_is_to_wait_says_until_when(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "later", due_at=30.0)], now=1.0)
        head = journal.head(Lane(ground.instance_id, MESSAGE, chat))
        assert head is not None
        assert head.due_at == 30.0

    def test_a_claim_is_given_once_and_not_before_what_is_earlier(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        entries = [new(chat, key, job=REPLY, position=at) for at, key in ((2, "b"), (1, "a"))]
        journal.accept(ground.instance_id, entries[:1], now=1.0)
        later = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert later is not None
        journal.accept(ground.instance_id, entries[1:], now=1.0)
        assert not claim(journal, later)
        first = journal.head(later.lane)
        assert first is not None
        assert first.key == "a"
        assert claim(journal, first)
        assert not claim(journal, first)
        assert not claim(journal, later)

    def test_a_claim_ends_by_itself(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a", job=REPLY)], now=1.0)
        head = journal.head(Lane(ground.instance_id, REPLY, chat))
        assert head is not None
        assert claim(journal, head)  # until 50
        journal.suspect(owner="router", due_at=60.0)  # its own, which it still works on
        journal.expire_claims(now=49.0, due_at=60.0)
        assert not journal.unconfirmed(after_id=0, limit=10)
        journal.expire_claims(now=51.0, due_at=60.0)
        assert [one.key for one in journal.unconfirmed(after_id=0, limit=10)] == ["a"]

    def test_what_ended_unclear_without_a_claim_is_ready_and_doubtful(
        self, ground: Ground, journal: Journal
    ) -> None:
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a")], now=1.0)
        lane = Lane(ground.instance_id, MESSAGE, chat)
        head = journal.head(lane)
        assert head is not None
        journal.doubt(head, due_at=3.0, made=FAILED)
        again = journal.head(lane)
        assert again is not None
        assert (again.state, again.doubtful, again.due_at) == (State.READY, True, 3.0)
        assert again.attempts == 1

    def test_all_that_is_unconfirmed_is_seen_page_by_page(
        self, ground: Ground, journal: Journal
    ) -> None:
        for _ in range(5):
            chat = ground.chat()
            journal.accept(ground.instance_id, [new(chat, f"k{chat}", job=REPLY)], now=1.0)
            head = journal.head(Lane(ground.instance_id, REPLY, chat))
            assert head is not None
            assert claim(journal, head)
            journal.doubt(head, due_at=65.0, made=FAILED)
        seen, after_id = [], 0
        while page := journal.unconfirmed(after_id=after_id, limit=2):
            seen += [one.id for one in page]
            after_id = seen[-1]
        assert len(seen) == 5
        assert seen == sorted(seen)

    def test_tries_and_deliveries_are_told(self, ground: Ground, journal: Journal) -> None:
        one, other = ground.chat(), ground.chat()
        journal.accept(ground.instance_id, [new(one, "a"), new(other, "b")], now=1.0)
        head = journal.head(Lane(ground.instance_id, MESSAGE, one))
        assert head is not None
        for at in (10.0, 20.0):
            failed = Try(at, 0.1, "failed", NO_ANSWER)
            journal.postpone(head, due_at=9.0, made=failed, doubtful=True)
        assert [at for at, _ in journal.tries(head)] == [20.0, 10.0]
        assert {load(said) for _, said in journal.tries(head)} == {NO_ANSWER}
        theirs = journal.head(Lane(ground.instance_id, MESSAGE, other))
        assert theirs is not None
        journal.finish(theirs, [], made=MADE, now=15.0)
        ids = [ground.instance_id]
        assert journal.delivered(ids, other_than=one, since=10.0) == [15.0]
        assert journal.delivered(ids, other_than=other, since=10.0) == []
        assert journal.delivered(ids, other_than=one, since=16.0) == []


class TestForgetting:
    def test_only_what_is_old_and_over_is_forgotten(self, ground: Ground, journal: Journal) -> None:
        chat = ground.chat()
        lane = Lane(ground.instance_id, MESSAGE, chat)
        journal.accept(ground.instance_id, [new(chat, key) for key in "abcd"], now=1.0)
        for key, at in (("a", 10.0), ("b", 90.0)):
            head = journal.head(lane)
            assert head is not None
            assert head.key == key
            journal.finish(head, [], made=MADE, now=at)
        head = journal.head(lane)
        assert head is not None
        journal.bury(head, made=FAILED, now=10.0)
        assert journal.prune(done_before=50.0, all_before=5.0) == 1
        assert journal.prune(done_before=50.0, all_before=5.0) == 0
        assert ground.done() == ["b"]
        assert heads(journal, lane) == ["d"]
        assert journal.prune(done_before=50.0, all_before=50.0) == 2  # the dead letter, and d

    def test_what_is_forgotten_can_come_again(self, ground: Ground, journal: Journal) -> None:
        """Which is why nothing older than that is accepted."""
        chat = ground.chat()
        journal.accept(ground.instance_id, [new(chat, "a")], now=1.0)
        assert heads(journal, Lane(ground.instance_id, MESSAGE, chat)) == ["a"]
        journal.prune(done_before=50.0, all_before=5.0)
        assert journal.accept(ground.instance_id, [new(chat, "a")], now=60.0) == 1


_WRITER = """
import os, sys
from pathlib import Path
from tests.store.test_journal import Ground, new
ground = Ground(sys.argv[1], Path(sys.argv[2]))
chat = ground.chat()
for index in range(100_000):
    ground.journal.accept(ground.instance_id, [new(chat, f"{os.getpid()}/{index}")], now=1.0)
    print(index, flush=True)
"""


@pytest.mark.parametrize("writers", [1, 3])
def test_what_was_acknowledged_is_there_after_a_sigkill(
    engine: str, tmp_path: Path, writers: int
) -> None:
    Ground(engine, tmp_path).store.close()
    arguments = [sys.executable, "-c", _WRITER, engine, str(tmp_path)]
    running = [
        subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(writers)
    ]
    acknowledged = 0
    for process in running:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 40:
                break
    for process in running:
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        acknowledged += 41 + len(output.split())
    ground = Ground(engine, tmp_path)
    stored = ground.store.db.value("select count(*) from journal")
    ground.store.close()
    # Of each writer, one write may have been finished that it could not tell of any more.
    assert acknowledged <= stored <= acknowledged + writers
    if engine == "sqlite":
        assert snapshot.troubles(tmp_path / "bridge.db") == []


def test_pairs_are_stored_with_the_entry(ground: Ground, journal: Journal) -> None:
    chat = ground.chat()
    journal.accept(ground.instance_id, [new(chat, "a")], now=1.0)
    head = journal.head(Lane(ground.instance_id, MESSAGE, chat))
    assert head is not None
    pair = MessageLink(
        ground.instance_id, "W1", chat, False, "int_1", 5, 7, reference='{"id":"W1","fromMe":false}'
    )
    journal.finish(head, [pair], made=MADE, now=2.0)
    chats = Chats(ground.store, ground.committer)
    assert chats.pair(ground.instance_id, "W1") == pair
    assert chats.pairs_of_chatwoot("int_1", 7) == [pair]


def test_all_that_is_about_a_message_is_found_by_its_id(ground: Ground, journal: Journal) -> None:
    chat = ground.chat()
    entries = [
        new(chat, "one", message_id="W1"),
        new(chat, "other", message_id="W2"),
        new(chat, "edit of one", message_id="W1"),
        new(chat, "about none"),
    ]
    journal.accept(ground.instance_id, entries, now=1.0)
    found = journal.about(ground.instance_id, "W1")
    assert [entry.key for entry in found] == ["one", "edit of one"]
    assert journal.about(ground.instance_id, "") == []
    assert journal.about(ground.instance_id + 1, "W1") == []
