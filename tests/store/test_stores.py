"""What the stores promise, on every engine: what was written is what is read, by any process."""

import dataclasses

import pytest

from bridge.domain.errors import ChatwootUnreachable, InstanceExists, TokenTaken, TokenUnreadable
from bridge.domain.models import (
    Actor,
    ChatwootTime,
    GatewayConfig,
    Instance,
    Integration,
    Secret,
    Status,
)
from bridge.domain.options import InboxOptions
from bridge.store import Store, identity, members, unrouted
from bridge.store.audit import Audit
from bridge.store.chats import Chats
from bridge.store.clocks import ChatwootClocks
from bridge.store.committer import Committer
from bridge.store.conversation_links import ConversationLink, chat_of_conversation
from bridge.store.drafts import LIFETIME_S, Drafts
from bridge.store.duplicates import Duplicates
from bridge.store.feeds import LATE_S, Feed, Feeds, note_found, note_told
from bridge.store.instances import Callback, Instances, note_heard
from bridge.store.integrations import Attempts, Integrations
from bridge.store.lookup_queue import CONVERSATION, LookupQueue, LookupRequest
from bridge.store.members import Members
from bridge.store.sessions import Session, Sessions
from bridge.store.unrouted import Unrouted, UnroutedCounts
from bridge.store.vault import Vault
from bridge.store.webhooks import Webhook, WebhookCalls, Webhooks, Why

VAULT = Vault([b"k" * 32])
CHATWOOT = "https://chat.example"
GATEWAY = GatewayConfig("ryzeapi", "https://gateway.example", Secret("gateway token"))


@pytest.fixture
def instance(store: Store) -> Instance:
    """An instance of this test."""
    return Instances(store, VAULT).add("support", token_hash="h", gateway=GATEWAY, created_at=1.0)


def integration_of(instance: Instance, integration_id: str = "int_here") -> Integration:
    """What an instance is joined to."""
    return Integration(
        id=integration_id,
        instance_id=instance.id,
        base_url=CHATWOOT,
        account_id=5,
        api_token=Secret("a token"),
        inbox_id=7,
        inbox_name="Support",
        options=InboxOptions(sign_messages=True, keep_deleted=True),
        status=Status.ACTIVE,
        last_error=None,
        created_at=2.0,
        chatwoot_version="4.15.1",
        webhook_key=f"key of {integration_id}",
        webhook_secret=Secret("a secret"),
        refused=frozenset({"SHOW_STATUS", "MERGE"}),
        began_at=ChatwootTime(3.0),
        status_at=4.0,
    )


@pytest.fixture
def integration(store: Store, instance: Instance) -> Integration:
    """The instance's integration."""
    saved = integration_of(instance)
    Integrations(store, VAULT).save(saved)
    return saved


@pytest.fixture
def chats(store: Store, committer: Committer) -> Chats:
    """The chats."""
    return Chats(store, committer)


def chat_at(store: Store, instance: Instance, number: str = "49151") -> int:
    """A private chat; its id."""
    form = f"{number}@s.whatsapp.net"
    with store.write() as db:
        return identity.resolve_chat(
            db, instance.id, [form], kind="private", address=form, name=number
        )


class TestInstances:
    def test_an_instance_is_found_by_whatever_names_it(
        self, store: Store, other: Store, instance: Instance
    ) -> None:
        elsewhere = Instances(other, VAULT)
        hook = Instances(store, VAULT).hook(instance.id)
        assert elsewhere.hook(instance.id) == hook
        assert (
            elsewhere.find("support")
            == elsewhere.get(instance.id)
            == elsewhere.of_token("h")
            == instance
        )
        assert elsewhere.by_hook_key(hook.key) == (instance, hook.secret)
        assert elsewhere.all() == [instance]
        assert elsewhere.find("other") is None
        assert elsewhere.by_hook_key("") is None

    def test_names_and_tokens_are_taken_once(self, store: Store, instance: Instance) -> None:
        instances = Instances(store, VAULT)
        with pytest.raises(InstanceExists):
            instances.add("support", token_hash="h2", gateway=None, created_at=1.0)
        with pytest.raises(TokenTaken):
            instances.add("sales", token_hash="h", gateway=None, created_at=1.0)
        assert [one.name for one in instances.all()] == ["support"]
        instances.replace_token(instance.id, "h2", at=2.0)
        assert instances.of_token("h") is None
        assert instances.of_token("h2") == instance

    def test_another_gateway_voids_what_was_heard_of_the_one_before(
        self, store: Store, instance: Instance
    ) -> None:
        instances = Instances(store, VAULT)
        instances.note_connection(instance.id, True, "open")
        instances.note_own(instance.id, "49151@s.whatsapp.net")
        instances.note_callback(instance.id, "https://bridge.example", since=5.0)
        instances.note_deaf(instance.id, 6.0, 7.0)
        with store.write() as db:
            note_heard(db, instance.id, 8.0, called=True)
        known = instances.get(instance.id)
        assert known is not None
        assert (known.connected, known.connection) == (True, "open")
        assert instances.own_phone(instance.id) == "49151@s.whatsapp.net"
        assert instances.callback(instance.id) == Callback("https://bridge.example", 5.0, 8.0)
        assert instances.callback(instance.id).has_called
        assert instances.deaf(instance.id) == (6.0, 7.0)
        assert instances.heard_at(instance.id) == 8.0
        moved = dataclasses.replace(GATEWAY, base_url="https://new.example")
        instances.set_gateway(instance.id, moved)
        assert instances.get(instance.id) == dataclasses.replace(instance, gateway=moved)
        assert instances.own_phone(instance.id) == ""
        assert instances.callback(instance.id) == Callback()
        assert instances.deaf(instance.id)[1] == 0.0

    def test_a_token_of_another_key_is_empty(self, store: Store, instance: Instance) -> None:
        found = Instances(store, Vault([b"x" * 32])).get(instance.id)
        assert found is not None
        assert found.gateway == dataclasses.replace(GATEWAY, token=Secret(""))

    def test_with_an_instance_all_of_it_goes(
        self, store: Store, instance: Instance, integration: Integration
    ) -> None:
        chat_at(store, instance)
        Instances(store, VAULT).remove(instance.id)
        for table in ("token", "integration", "chat", "alias"):
            assert not store.db.has(f"select 1 from {table}"), table


class TestIntegrations:
    def test_an_integration_is_read_as_it_was_saved(
        self, other: Store, integration: Integration
    ) -> None:
        elsewhere = Integrations(other, VAULT)
        assert elsewhere.of(integration.instance_id) == integration
        assert elsewhere.by_webhook_key(integration.webhook_key) == integration
        assert elsewhere.all() == [integration]
        assert elsewhere.of_account(integration) == [integration.instance_id]
        assert elsewhere.of(99) is elsewhere.by_webhook_key("") is None

    def test_saving_it_again_leaves_what_others_have_noted(
        self, store: Store, instance: Instance, integration: Integration
    ) -> None:
        integrations = Integrations(store, VAULT)
        integrations.note_seen_url(integration.id, "https://seen.example")
        integrations.note_caught_up(integration.id, ChatwootTime(9.0))
        integrations.save(dataclasses.replace(integration, inbox_name="New"))
        found = integrations.of(instance.id)
        assert found is not None
        assert (found.inbox_name, found.seen_url) == ("New", "https://seen.example")
        assert integrations.caught_up_at(integration.id) == ChatwootTime(9.0)
        moved = integration_of(instance, "int_there")
        integrations.save(moved)
        assert integrations.all() == [moved], "in place of the one before"

    def test_a_status_dates_from_its_first_judgement(
        self, store: Store, integration: Integration
    ) -> None:
        integrations = Integrations(store, VAULT)
        error = ChatwootUnreachable(base_url=CHATWOOT)
        for now in (10.0, 20.0):
            integrations.judge(integration.id, Status.ERROR, error, now=now)
        found = integrations.of(integration.instance_id)
        assert found is not None
        assert (found.status, found.last_error, found.status_at) == (Status.ERROR, error, 10.0)
        integrations.judge(integration.id, Status.ACTIVE, None, now=30.0, inbox_name="Renamed")
        found = integrations.of(integration.instance_id)
        assert found is not None
        assert (found.status_at, found.last_error, found.inbox_name) == (30.0, None, "Renamed")

    def test_what_a_chatwoot_refused_is_asked_of_the_next_version(
        self, store: Store, integration: Integration
    ) -> None:
        integrations = Integrations(store, VAULT)

        def refused() -> frozenset[str]:
            found = integrations.of(integration.instance_id)
            assert found is not None
            return found.refused

        for _ in range(2):
            integrations.note_refused(integration.id, "SEE")
        assert refused() == {"SHOW_STATUS", "MERGE", "SEE"}
        integrations.note_version(integration.id, integration.chatwoot_version)
        assert refused() == {"SHOW_STATUS", "MERGE", "SEE"}
        integrations.note_version(integration.id, "4.16.0")
        assert refused() == frozenset()
        integrations.note_refused(integration.id, "SEE")
        integrations.forget_refused()
        assert refused() == frozenset()

    def test_another_secret_is_news(self, store: Store, integration: Integration) -> None:
        integrations = Integrations(store, VAULT)
        assert not integrations.note_inbox(integration, name="Support", secret=Secret(""))
        assert not integrations.note_inbox(integration, name="New", secret=Secret("a secret"))
        assert integrations.note_inbox(integration, name="", secret=Secret("another"))
        found = integrations.of(integration.instance_id)
        assert found is not None
        assert (found.webhook_secret, found.inbox_name) == ("another", "Support")

    def test_tokens_of_another_key_make_it_an_error(
        self, store: Store, integration: Integration
    ) -> None:
        integrations = Integrations(store, Vault([b"x" * 32]))
        found = integrations.of(integration.instance_id)
        assert found is not None
        assert (found.api_token, found.status) == ("", Status.ERROR)
        assert isinstance(found.last_error, TokenUnreadable)
        assert integrations.by_webhook_key(integration.webhook_key) is None

    def test_an_account_has_one_attempt_until_it_is_left(
        self, store: Store, other: Store, instance: Instance
    ) -> None:
        first = Attempts(store).begin(instance.id, CHATWOOT, 5, started_at=1.0)
        assert Attempts(other).begin(instance.id, CHATWOOT, 5, started_at=2.0) == first
        assert Attempts(store).begin(instance.id, CHATWOOT, 6, started_at=3.0) != first
        integrations = Integrations(store, VAULT)
        joined = integration_of(instance, first.id)
        integrations.save(joined)
        integrations.remove(joined)
        assert integrations.all() == []
        assert Attempts(store).begin(instance.id, CHATWOOT, 5, started_at=4.0) != first


class TestChats:
    def test_a_chat_is_found_by_its_forms(
        self, store: Store, instance: Instance, chats: Chats
    ) -> None:
        chat = chats.get(chat_at(store, instance))
        named = identity.AddressForms("49151@s.whatsapp.net", "7@lid")
        assert chats.meet(chat, named) == chat.id
        assert chats.forms(chat.id) == ["49151@s.whatsapp.net", "7@lid"]
        assert chats.is_one_person(instance.id, ["49151@s.whatsapp.net"], ["7@lid"])
        assert not chats.is_one_person(instance.id, ["49151@s.whatsapp.net"], ["8@lid"])
        assert (chat.kind, chat.address, chat.name) == ("private", "49151@s.whatsapp.net", "49151")

    def test_a_conversation_leads_to_its_chat(
        self, store: Store, instance: Instance, integration: Integration, chats: Chats
    ) -> None:
        chat_id = chat_at(store, instance)
        link = ConversationLink(integration.id, chat_id, "49151", 2, 4, "open", 9, "Ana")
        chats.save_thread(link)
        assert chats.thread(integration.id, chat_id) == link
        assert chats.thread_of_conversation(integration.id, 4) == link
        assert chats.thread_of_conversation("int_there", 4) is None
        assert chat_of_conversation(store.db, integration.id, 4) == chat_id
        assert chat_of_conversation(store.db, integration.id, 5, source_id="49151") == chat_id
        assert chat_of_conversation(store.db, integration.id, 5, contact_id=2) == chat_id
        assert chat_of_conversation(store.db, integration.id, 5, contact_id=3) is None
        assert chats.conversations_of_contact(integration.id, 2) == [4]
        assert chats.newest_conversation(integration.id) == 4
        assert chats.newest_conversation("int_there") == 0
        stranger = chat_at(store, instance, "49152")
        assert chats.is_of_another(integration.id, stranger, contact_id=2)
        assert not chats.is_of_another(integration.id, chat_id, contact_id=2, source_id="49151")
        assert not chats.is_free(integration.id, stranger, conversation_id=4)
        chats.forget_conversation(integration.id, 4)
        assert chats.is_free(integration.id, stranger, conversation_id=4)
        left = chats.thread(integration.id, chat_id)
        assert left == dataclasses.replace(link, contact_id=0, conversation_id=0, status="")

    def test_another_contact_has_a_name_of_its_own(
        self, store: Store, instance: Instance, integration: Integration, chats: Chats
    ) -> None:
        chat_id = chat_at(store, instance)
        link = ConversationLink(integration.id, chat_id, "49151", 2, 4, "open", 9, "Ana")
        chats.save_thread(link)
        chats.note_status(integration.id, 4, "resolved")
        resolved = dataclasses.replace(link, status="resolved")
        assert chats.thread(integration.id, chat_id) == resolved
        chats.note_status(integration.id, 4, "open", contact_id=3)
        moved = dataclasses.replace(link, contact_id=3, given_name="")
        assert chats.thread(integration.id, chat_id) == moved
        chats.lower_checked(integration.id, chat_id, 9, 5)
        chats.note_given_name(integration.id, chat_id, "Eva")
        changed = dataclasses.replace(moved, checked_id=5, given_name="Eva")
        assert chats.thread(integration.id, chat_id) == changed
        chats.forget_contact(integration.id, 3)
        left = dataclasses.replace(changed, contact_id=0, conversation_id=0)
        assert chats.thread(integration.id, chat_id) == dataclasses.replace(left, status="")

    def test_a_merged_chat_is_the_one_that_it_became(
        self, store: Store, instance: Instance, integration: Integration, chats: Chats
    ) -> None:
        first, second = chat_at(store, instance), chat_at(store, instance, "49152")
        chats.save_thread(ConversationLink(integration.id, first, "49151", 2, 4))
        with store.write() as db:
            identity.merge(db, first, second)
        assert chats.get(second).id == first
        chats.save_thread(ConversationLink(integration.id, second, "49152", 3, 5))
        link = chats.thread(integration.id, second)
        assert link is not None
        assert (link.chat_id, link.conversation_id) == (first, 4), "it stays where it was"


class TestFeeds:
    def test_a_feed_is_suspect_once_another_has_told_more(
        self, store: Store, committer: Committer, integration: Integration
    ) -> None:
        feeds = Feeds(store, committer)
        for feed in Feed:
            feeds.note_open(integration.id, feed, now=100.0)
        feeds.note_open("int_gone", Feed.CABLE, now=100.0)
        assert not feeds.of("int_gone")
        with store.write() as db:
            note_told(db, integration.id, Feed.CABLE, 7, now=200.0)
        silent = feeds.of(integration.id)[Feed.WEBHOOK]
        assert (silent.missed_at, silent.missed) == (200.0, 1)
        now = 200.0 + LATE_S
        assert feeds.is_suspect(integration.id, Feed.WEBHOOK, now=now)
        assert not feeds.is_suspect(integration.id, Feed.CABLE, now=now)
        assert not feeds.are_silent(integration.id, now=now)
        with store.write() as db:
            note_found(db, integration.id, 8, at=300.0)
        assert feeds.are_silent(integration.id, now=300.0 + LATE_S)
        with store.write() as db:
            note_told(db, integration.id, Feed.WEBHOOK, 8, now=301.0)
        assert not feeds.is_suspect(integration.id, Feed.WEBHOOK, now=400.0)
        feeds.note_open(integration.id, Feed.CABLE, now=400.0)
        assert feeds.of(integration.id)[Feed.CABLE].missed == 0
        feeds.note_closed(integration.id, Feed.CABLE)
        assert list(feeds.of(integration.id)) == [Feed.WEBHOOK]

    def test_webhooks_without_a_signature_are_counted(
        self, store: Store, committer: Committer, integration: Integration
    ) -> None:
        feeds = Feeds(store, committer)
        feeds.note_open(integration.id, Feed.WEBHOOK, now=1.0)
        assert feeds.rejected() == {}
        for now in (5.0, 6.0):
            feeds.note_rejected(integration.id, now=now)
        assert feeds.rejected() == {integration.id: 6.0}
        assert feeds.of(integration.id)[Feed.WEBHOOK].rejected == 2


class TestLookups:
    def test_what_is_asked_for_is_asked_once_and_again_if_it_is_asked_for_meanwhile(
        self, store: Store, committer: Committer, integration: Integration
    ) -> None:
        rung: list[int] = []
        queue = LookupQueue(store, committer, lambda: rung.append(1))
        request = LookupRequest(integration.id, 4, 7, due_at=5.0, trusted=False)
        queue.ask(request)
        queue.ask(dataclasses.replace(request, message_id=CONVERSATION))
        queue.ask(dataclasses.replace(request, integration_id="int_gone"))
        assert len(rung) == 2
        assert queue.due(4.0) == []
        [lookup] = queue.due(5.0)
        assert (lookup.conversation_id, lookup.trusted) == (4, False)
        assert lookup.times == {CONVERSATION: 1, 7: 1}
        queue.ask(dataclasses.replace(request, trusted=True))
        queue.done(lookup)
        [again] = queue.due(5.0)
        assert (again.times, again.trusted) == ({7: 2}, True)
        queue.postpone(again, 9.0)
        assert queue.due(8.0) == []
        [again] = queue.due(9.0)
        queue.done(again)
        assert queue.due(99.0) == []


class TestWebhooks:
    def test_a_webhook_is_read_as_it_was_saved(
        self, store: Store, other: Store, integration: Integration
    ) -> None:
        webhooks = Webhooks(store)
        assert webhooks.of(integration.id) is None
        off = Webhook(
            WebhookCalls.OFF, Why.PRIVATE, "https://bridge.example", "4.1", 1.0, 2.0, 3.0, True
        )
        webhooks.save(integration.id, off)
        assert Webhooks(other).of(integration.id) == off
        assert Webhooks(other).is_off(integration.id)
        webhooks.save("int_gone", off)
        assert webhooks.of("int_gone") is None

    def test_a_refusal_is_news_once_for_each_address(
        self, store: Store, integration: Integration
    ) -> None:
        webhooks = Webhooks(store)
        assert not webhooks.note_refused(integration.id, now=5.0)
        webhooks.save(integration.id, Webhook(WebhookCalls.ON, changed_at=4.0))
        assert webhooks.note_refused(integration.id, now=5.0)
        assert not webhooks.note_refused(integration.id, now=6.0)
        assert webhooks.of(integration.id) == Webhook(
            WebhookCalls.ON, changed_at=4.0, refused_at=5.0
        )


class TestPages:
    def test_a_draft_is_sealed_and_grows_old(self, store: Store, other: Store) -> None:
        drafts = Drafts(store, VAULT)
        draft_id = drafts.begin({"token": "a token"}, now=10.0)
        assert not store.db.has("select 1 from draft where answers like '%a token%'")
        assert Drafts(other, VAULT).read(draft_id, now=11.0) == {"token": "a token"}
        drafts.save(draft_id, {"token": "another"}, now=20.0)
        drafts.note_progress(draft_id, ["inbox"])
        assert Drafts(other, VAULT).progress(draft_id) == ["inbox"]
        assert drafts.read(draft_id, now=20.0 + LIFETIME_S) == {"token": "another"}
        assert drafts.read(draft_id, now=21.0 + LIFETIME_S) is None
        assert Drafts(store, Vault([b"x" * 32])).read(draft_id, now=21.0) is None
        drafts.begin({}, now=21.0 + LIFETIME_S)
        assert drafts.progress(draft_id) == [], "it was left behind"

    def test_a_session_lasts_for_the_token_that_opened_it(self, store: Store, other: Store) -> None:
        sessions, elsewhere = Sessions(store), Sessions(other)
        older = Session("a", "account", "proof", "127.0.0.1", 10.0, 10.0)
        newer = Session("b", "account", "proof", "127.0.0.2", 20.0, 20.0)
        for session in (older, newer):
            sessions.begin(session)
        assert elsewhere.find("a", proof="proof", now=30.0) == older
        assert elsewhere.find("a", proof="other", now=30.0) is None
        assert elsewhere.find("a", proof="proof", now=10.0 + 24 * 3600) is None
        assert elsewhere.all(proof="proof", now=30.0) == [newer, older]
        sessions.note_seen(older, address="127.0.0.3", now=31.0)
        seen = dataclasses.replace(older, address="127.0.0.3", seen_at=31.0)
        assert elsewhere.find("a", proof="proof", now=32.0) == seen
        sessions.end("a")
        assert elsewhere.find("a", proof="proof", now=32.0) is None
        sessions.end_others("")
        assert elsewhere.all(proof="proof", now=32.0) == []

    def test_the_audit_log_is_read_page_by_page(self, store: Store, other: Store) -> None:
        for at in range(5):
            Audit(store).note(Actor("cli", "root"), "paused", f"support {at}", at=float(at))
        newest = Audit(other).latest(limit=2)
        assert [entry.at for entry in newest] == [4.0, 3.0]
        assert (newest[0].who, newest[0].address, newest[0].action) == ("cli", "root", "paused")
        older = Audit(other).latest(before_id=newest[-1].id)
        assert [entry.at for entry in older] == [2.0, 1.0, 0.0]


class TestCounts:
    def test_a_duplicate_counts_once(
        self, store: Store, committer: Committer, integration: Integration
    ) -> None:
        duplicates = Duplicates(store, committer)
        assert duplicates.note(integration.id, 7, 4, now=5.0)
        assert not duplicates.note(integration.id, 7, 4, now=6.0)
        assert duplicates.note(integration.id, 8, 3, now=7.0)
        assert duplicates.seen(integration.id, since=5.0) == (2, 3)
        assert duplicates.seen(integration.id, since=8.0) == (0, 0)

    def test_what_is_not_routed_is_counted_by_its_kind(
        self, store: Store, instance: Instance
    ) -> None:
        with store.write() as db:
            for kind, now in (("story", 1.0), ("newsletter", 2.0), ("story", 3.0)):
                unrouted.count(db, instance.id, kind, now=now)
        assert UnroutedCounts(store).all() == [
            Unrouted(instance.id, "newsletter", 1, 2.0),
            Unrouted(instance.id, "story", 2, 3.0),
        ]

    def test_the_members_of_a_group_have_their_latest_names(
        self, store: Store, instance: Instance
    ) -> None:
        chat_id = chat_at(store, instance)
        with store.write() as db:
            for address, name in (("b@lid", "Bob"), ("a@lid", "Ana"), ("b@lid", "Robert")):
                members.note(db, chat_id, address, name)
        assert Members(store).of(chat_id) == {"a@lid": "Ana", "b@lid": "Robert"}


class TestClocks:
    def test_a_clock_that_was_measured_is_known_to_every_process(
        self, store: Store, other: Store, integration: Integration
    ) -> None:
        clocks = ChatwootClocks(store)
        assert not clocks.is_known(CHATWOOT)
        assert clocks.ahead_s(CHATWOOT) == pytest.approx(0.0, abs=1.0)
        told = 1_000_000_000.0
        clocks.note(CHATWOOT, told, began=10.0, ended=10.1)
        elsewhere = ChatwootClocks(other)
        assert elsewhere.is_known(CHATWOOT)
        assert elsewhere.ahead_s(CHATWOOT) == pytest.approx(clocks.ahead_s(CHATWOOT), abs=0.5)
        assert clocks.ahead_s(CHATWOOT) != pytest.approx(0.0, abs=60.0)
        clocks.note("https://nobody.example", told, began=10.0, ended=10.1)
        assert not elsewhere.is_known("https://nobody.example"), "nobody is joined to it"
