"""What people and pages ask about all messages, on every engine."""

import json

import pytest

from bridge.domain.models import GatewayConfig, Secret
from bridge.gateways.base import GatewayUnavailable
from bridge.store import Store, identity
from bridge.store.committer import Committer
from bridge.store.conversation_links import ConversationLink, save
from bridge.store.instances import Instances
from bridge.store.journal import Job, Journal, Lane, MessageLink, NewEntry, State, Try
from bridge.store.search import Search
from bridge.store.stats import InstanceStats, Stats
from bridge.store.vault import Vault
from tests.store.conftest import ENGINES

HERE = "int_here"
ARRIVED = Try(1.0, 0.1, "arrived")
NO_ANSWER = GatewayUnavailable(base_url="http://gw.example", reason="no answer", retry_after_s=0.0)
FAILED = Try(20.0, 0.5, "failed", NO_ANSWER)


class Scene:
    """A message that arrived, one that waits, a reply that is dead and one in doubt."""

    def __init__(self, store: Store, journal: Journal) -> None:
        gateway = GatewayConfig("ryzeapi", "https://gateway.example", Secret("t"))
        instances = Instances(store, Vault([b"k" * 32]))
        self.instance_id = instances.add(
            "support", token_hash="h", gateway=gateway, created_at=1.0
        ).id
        form = "5511999990001@s.whatsapp.net"
        with store.write() as db:
            self.chat_id = identity.resolve_chat(
                db, self.instance_id, [form], kind="private", address=form, name="Maria Souza"
            )
            link = ConversationLink(HERE, self.chat_id, "5511999990001", 2, 4, "open")
            save(db, link)
        entries = [
            self._message("A", "Where is my order?"),
            self._message("B", "It is urgent"),
            self._reply("m7:0", "refused"),
            self._reply("m8:0", "in doubt"),
            NewEntry(self.chat_id, Job.TYPING, "4:1", "{}"),
        ]
        journal.accept(self.instance_id, entries, now=10.0)
        message = journal.head(Lane(self.instance_id, Job.MESSAGE, self.chat_id))
        assert message is not None
        arrived = MessageLink(self.instance_id, "A", self.chat_id, False, HERE, 4, 70)
        journal.finish(message, [arrived], made=ARRIVED, now=15.0)
        for ends in ("dead", "unconfirmed"):
            reply = journal.head(Lane(self.instance_id, Job.REPLY, self.chat_id))
            assert reply is not None
            if ends == "dead":
                journal.bury(reply, made=FAILED, now=25.0)
            else:
                assert journal.claim(reply, "marker", owner="router", now=26.0, until=50.0)
                journal.doubt(reply, due_at=86.0, made=FAILED)

    def _message(self, whatsapp_id: str, text: str) -> NewEntry:
        body = json.dumps({"type": "message", "text": text, "at": 9.0})
        key = f"message:{whatsapp_id}"
        return NewEntry(self.chat_id, Job.MESSAGE, key, body, message_id=whatsapp_id)

    def _reply(self, key: str, text: str) -> NewEntry:
        message = {"text": text, "created_at": 8.0, "conversation_id": 4}
        body = json.dumps({"type": "reply", "message": message})
        return NewEntry(self.chat_id, Job.REPLY, key, body, integration_id=HERE)


@pytest.fixture
def journal(engine: str, store: Store, committer: Committer) -> Journal:
    return ENGINES[engine].journal(store, committer)


@pytest.fixture
def scene(store: Store, journal: Journal) -> Scene:
    return Scene(store, journal)


@pytest.fixture
def search(store: Store, committer: Committer, scene: Scene) -> Search:
    return Search(store, committer)


def found(search: Search, text: str, *digits: str, with_contents: bool = False) -> list[str]:
    """The texts of what is found."""
    items = search.search(text, digits=digits, with_contents=with_contents, limit=10)
    return [item.text for item in items]


class TestSearch:
    def test_messages_are_listed_by_their_state(self, search: Search, scene: Scene) -> None:
        trouble = search.in_state([State.DEAD, State.UNCONFIRMED])
        assert [(item.text, item.state) for item in trouble] == [
            ("in doubt", State.UNCONFIRMED),
            ("refused", State.DEAD),
        ]
        dead = trouble[1]
        assert (dead.instance, dead.chat, dead.error) == ("support", "Maria Souza", NO_ANSWER)
        assert (dead.job, dead.received_at, dead.done_at) == (Job.REPLY, 10.0, 25.0)
        assert [item.text for item in search.in_line()] == ["It is urgent"]
        assert search.in_line(instance_id=scene.instance_id + 1) == []
        assert search.dead_ids(scene.instance_id) == [dead.id]
        assert search.item(dead.id) == dead
        assert search.item(999) is None

    def test_a_message_is_found_by_whatever_names_it(self, search: Search) -> None:
        everything = ["in doubt", "refused", "It is urgent", "Where is my order?"]
        assert found(search, "+55 11", "5511999990001") == everything
        assert found(search, "souza") == everything
        assert found(search, "B") == ["It is urgent"]
        assert found(search, "70") == ["Where is my order?"], "the id of its twin in Chatwoot"
        assert found(search, "7") == ["refused"]
        assert found(search, "urgent") == []
        assert found(search, "urgent", with_contents=True) == ["It is urgent"]
        assert found(search, "100%", with_contents=True) == []

    def test_a_trace_tells_what_happened(self, search: Search) -> None:
        [item] = search.search("70", digits=[], with_contents=False, limit=1)
        trace = search.trace(item.id)
        assert trace is not None
        assert (trace.written_at, trace.tries, trace.conversation_id) == (9.0, (ARRIVED,), 4)
        assert [(link.whatsapp_id, link.chatwoot_id) for link in trace.links] == [("A", 70)]
        [dead] = search.in_state([State.DEAD])
        trace = search.trace(dead.id)
        assert trace is not None
        assert (trace.written_at, trace.tries, trace.links) == (8.0, (FAILED,), ())
        assert search.trace(999) is None

    def test_a_person_decides_about_what_failed(self, search: Search, journal: Journal) -> None:
        doubted, dead = search.in_state([State.DEAD, State.UNCONFIRMED])
        assert search.settle_sent([dead.id, doubted.id], now=90.0) == [doubted.id]
        assert search.send_again([doubted.id], now=90.0) == []
        assert search.replay([dead.id, doubted.id], now=91.0) == [dead.id]
        again = journal.head(Lane(dead.instance_id, Job.REPLY, dead.chat_id))
        assert again is not None
        assert (again.id, again.attempts, again.received_at) == (dead.id, 0, 91.0)
        assert not again.doubtful, "of a reply it is looked for"
        assert search.discard([dead.id, 999], now=92.0) == [dead.id]
        assert search.in_state(list(State)) == search.in_line()

    def test_after_a_restore_nothing_that_is_open_is_certain(
        self, search: Search, scene: Scene, journal: Journal
    ) -> None:
        [dead] = search.in_state([State.DEAD])
        search.replay([dead.id], now=91.0)
        search.doubt_all([scene.instance_id], doubt="", now=95.0)
        waiting = journal.head(Lane(scene.instance_id, Job.MESSAGE, scene.chat_id))
        assert waiting is not None
        assert waiting.doubtful
        unconfirmed = search.in_state([State.UNCONFIRMED])
        assert [item.text for item in unconfirmed] == ["in doubt", "refused"]


class TestStats:
    def test_each_instance_is_counted(self, store: Store, scene: Scene) -> None:
        assert Stats(store).all() == [
            InstanceStats(
                scene.instance_id,
                waiting=1,
                unconfirmed=1,
                dead=1,
                oldest_at=10.0,
                last_in_at=10.0,
                last_out_at=10.0,
            )
        ]
        assert Stats(store).last_at(scene.instance_id) == 10.0
        assert Stats(store).last_at(scene.instance_id + 1) == 0.0

    def test_a_counter_never_falls(self, store: Store, scene: Scene, journal: Journal) -> None:
        before = Stats(store).totals(since=0.0)
        counts = {(one.job, one.accepted, one.finished, one.times_s) for one in before}
        assert counts == {(Job.MESSAGE, 2, 1, (5.0,)), (Job.REPLY, 2, 0, ())}
        assert journal.prune(done_before=50.0, all_before=5.0) == 1
        accepted = {one.job: one.accepted for one in Stats(store).totals(since=0.0)}
        assert accepted == {Job.MESSAGE: 2, Job.REPLY: 2}

    def test_messages_are_counted_by_the_minute(self, store: Store, scene: Scene) -> None:
        minutes = Stats(store).per_minute(scene.instance_id, now=75.0)
        assert minutes[Job.MESSAGE][-3:] == [0, 2, 0]
        assert sum(minutes[Job.REPLY]) == 2
        behind = Stats(store).per_minute(scene.instance_id, now=5.0)
        assert behind[Job.MESSAGE][-1] == 2, "a clock that was set back"

    def test_recent_conversations_are_those_where_something_happens(
        self, store: Store, scene: Scene
    ) -> None:
        def recent(since: float, integration_id: str = HERE) -> list[int]:
            return Stats(store).recent_conversations(
                integration_id, scene.instance_id, since=since, limit=5
            )

        assert recent(5.0) == [4]
        assert recent(99.0) == [4], "a reply is under way"
        assert recent(5.0, "int_there") == []
