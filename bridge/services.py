"""An open installation: settings, database and clients, opened once and passed on."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.config.settings import Settings
from bridge.domain.models import Actor
from bridge.net.http import Http
from bridge.net.pace import Pace, Quota
from bridge.runtime.wakeup import Wakeup
from bridge.store import Store, credentials
from bridge.store.audit import Audit
from bridge.store.chats import Chats
from bridge.store.clocks import ChatwootClocks
from bridge.store.committer import Committer
from bridge.store.drafts import Drafts
from bridge.store.duplicates import Duplicates
from bridge.store.feeds import Feeds
from bridge.store.instances import Instances
from bridge.store.integrations import Attempts, Integrations
from bridge.store.journal import Journal
from bridge.store.lookup_queue import LookupQueue
from bridge.store.members import Members
from bridge.store.search import Search
from bridge.store.sessions import Sessions
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite_journal import SqliteJournal
from bridge.store.stats import Stats
from bridge.store.unrouted import UnroutedCounts
from bridge.store.vault import Vault, token_hash
from bridge.store.webhooks import Webhooks

#: The router gives a sign of life every two seconds; it is given up after this many.
BEAT_FRESH_S = 15.0
#: Searches for a contact, and in how many seconds: Chatwoot grants five a minute before 3.9.0.
SEARCHES = (4, 60.0)


@dataclass(frozen=True, slots=True)
class Services:
    """`clock` gives UTC seconds; `account_token_hash` is what the operator's token must hash to."""

    settings: Settings
    store: Store
    vault: Vault
    http: Http
    account_token_hash: str
    instances: Instances
    integrations: Integrations
    attempts: Attempts
    drafts: Drafts
    committer: Committer
    journal: Journal
    chats: Chats
    duplicates: Duplicates
    chatwoot_clocks: ChatwootClocks
    feeds: Feeds
    lookups: LookupQueue
    webhooks: Webhooks
    unrouted: UnroutedCounts
    members: Members
    stats: Stats
    search: Search
    audit: Audit
    sessions: Sessions
    wakeup: Wakeup
    pace: Pace
    searches: Quota
    clock: Callable[[], float] = time.time

    @classmethod
    def open(cls, settings: Settings) -> "Services":
        """Opens the installation; an empty folder becomes one. Raises StartupError."""
        vault = credentials.open_vault(settings)
        store = SqliteStore.open(settings.database)
        token, _ = credentials.account_token(settings)
        credentials.leave_check(store, vault)
        settings.spool.mkdir(mode=0o700, exist_ok=True)
        committer = Committer(store)
        wakeup = Wakeup(settings.instance_dir)
        return cls(
            settings=settings,
            store=store,
            vault=vault,
            http=Http(block_private=settings.block_private_addresses, ca_file=settings.ca_file),
            account_token_hash=token_hash(token),
            instances=Instances(store, vault),
            integrations=Integrations(store, vault),
            attempts=Attempts(store),
            drafts=Drafts(store, vault),
            committer=committer,
            journal=SqliteJournal(store, committer),
            chats=Chats(store, committer),
            duplicates=Duplicates(store, committer),
            chatwoot_clocks=ChatwootClocks(store),
            feeds=Feeds(store, committer),
            lookups=LookupQueue(store, committer, lambda: wakeup.wake(look_again=True)),
            webhooks=Webhooks(store),
            unrouted=UnroutedCounts(store),
            members=Members(store),
            stats=Stats(store),
            search=Search(store, committer),
            audit=Audit(store),
            sessions=Sessions(store),
            wakeup=wakeup,
            pace=Pace(settings.chatwoot_rate),
            searches=Quota(*SEARCHES),
        )

    @property
    def router_alive(self) -> bool:
        """Whether the router has given a sign of life just now."""
        return abs(self.clock() - self.store.beat_at("router")) < BEAT_FRESH_S

    @property
    def installation_id(self) -> str:
        """Says whether an address leads here; tells nothing about the key that it comes from."""
        return self.vault.derive("installation").hex()[:16]

    def note(self, by: Actor, action: str, subject: str, detail: str = "") -> None:
        """Adds a line to the audit trail. Raises StorageFailed."""
        self.audit.note(by, action, subject, detail, at=self.clock())

    def close(self) -> None:
        self.store.close()
        self.wakeup.close()
