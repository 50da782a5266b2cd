"""The first steps of the schema, as they were released; `bridge.store.migrations` goes on."""

from sqlite_utils import Database, Migrations

migrations = Migrations("bridge")


@migrations()
def m001_instances_and_integrations(db: Database) -> None:
    """Instances and tokens, integrations and the attempts before them, the wizard's drafts."""
    db.execute(
        """create table meta (
            key text primary key,
            value text not null
        ) strict"""
    )
    db.execute(
        """create table instance (
            id integer primary key,
            name text not null unique,
            gateway_kind text,
            gateway_url text,
            gateway_token text,
            created_at real not null
        ) strict"""
    )
    db.execute(
        """create table token (
            hash text primary key,
            instance_id integer unique references instance (id) on delete cascade,
            created_at real not null
        ) strict"""
    )
    # An attempt is written before Chatwoot is called, so that an inbox whose making was cut short
    # is recognised by the attempt's id, which it carries, and taken over.
    db.execute(
        """create table attempt (
            id text primary key,
            instance_id integer not null references instance (id) on delete cascade,
            base_url text not null,
            account_id integer not null,
            webhook_key text not null unique,
            started_at real not null,
            unique (instance_id, base_url, account_id)
        ) strict"""
    )
    db.execute(
        """create table integration (
            id text primary key,
            instance_id integer not null unique references instance (id) on delete cascade,
            base_url text not null,
            account_id integer not null,
            api_token text not null,
            inbox_id integer not null,
            inbox_name text not null,
            sign_messages integer not null check (sign_messages in (0, 1)),
            ignore_groups integer not null check (ignore_groups in (0, 1)),
            start_as_pending integer not null check (start_as_pending in (0, 1)),
            reopen_resolved integer not null check (reopen_resolved in (0, 1)),
            status text not null check (status in ('active', 'paused', 'error')),
            last_error text not null,
            chatwoot_version text not null,
            webhook_key text not null unique,
            webhook_secret text not null,
            created_at real not null
        ) strict"""
    )
    db.execute(
        """create table draft (
            id text primary key,
            answers text not null,
            progress text not null,
            changed_at real not null
        ) strict"""
    )


@migrations()
def m002_routing(db: Database) -> None:
    """Chats and what they are called on both sides, the journal, and the pairs of message ids."""
    db.execute("alter table instance add column hook_key text")
    db.execute("alter table instance add column hook_secret text")
    db.execute("alter table instance add column connection text not null default ''")
    db.execute("alter table instance add column heard_at real not null default 0")
    db.execute("create unique index instance_hook_key on instance (hook_key)")
    db.execute("alter table integration add column caught_up_at real not null default 0")
    db.execute(
        """create table chat (
            id integer primary key,
            instance_id integer not null references instance (id) on delete cascade,
            kind text not null check (kind in ('private', 'group')),
            address text not null,
            name text not null,
            last_in_id text not null default '',
            last_in_sender text not null default ''
        ) strict"""
    )
    # Every form of an address (phone JID in its canonical form, LID, group) leads to one chat.
    db.execute(
        """create table alias (
            instance_id integer not null references instance (id) on delete cascade,
            form text not null,
            chat_id integer not null references chat (id) on delete cascade,
            primary key (instance_id, form)
        ) strict, without rowid"""
    )
    db.execute("create index alias_chat on alias (chat_id)")
    # Where a chat is in Chatwoot; gone with the integration, because the ids are its own.
    db.execute(
        """create table thread (
            integration_id text not null references integration (id) on delete cascade,
            chat_id integer not null references chat (id) on delete cascade,
            source_id text not null,
            contact_id integer not null default 0,
            conversation_id integer not null default 0,
            status text not null default '',
            checked_id integer not null default 0,
            given_name text not null default '',
            primary key (integration_id, chat_id)
        ) strict, without rowid"""
    )
    db.execute("create index thread_conversation on thread (integration_id, conversation_id)")
    db.execute("create index thread_source on thread (integration_id, source_id)")
    db.execute(
        """create table journal (
            id integer primary key autoincrement,
            instance_id integer not null references instance (id) on delete cascade,
            chat_id integer not null references chat (id) on delete cascade,
            direction text not null check (direction in ('in', 'out', 'receipt', 'typing')),
            key text not null,
            position integer not null,
            body text not null,
            state text not null check
                (state in ('ready', 'sending', 'unconfirmed', 'done', 'dead', 'discarded')),
            attempts integer not null default 0,
            doubtful integer not null default 0,
            due_at real not null default 0,
            source text unique,
            reason text not null default '',
            received_at real not null,
            sent_at real,
            done_at real
        ) strict"""
    )
    db.execute("create unique index journal_key on journal (instance_id, direction, key)")
    db.execute(
        "create index journal_open on journal (direction, chat_id, position, id) "
        "where state in ('ready', 'sending', 'unconfirmed')"
    )
    db.execute("create index journal_unconfirmed on journal (id) where state = 'unconfirmed'")
    db.execute(
        "create index journal_state on journal (instance_id, state) "
        "where state not in ('done', 'discarded')"
    )
    db.execute("create index journal_received on journal (received_at)")
    # Each try of a delivery: what a person needs to see where a message was held up.
    db.execute(
        """create table try (
            journal_id integer not null references journal (id) on delete cascade,
            began_at real not null,
            seconds real not null,
            outcome text not null,
            reason text not null
        ) strict"""
    )
    db.execute("create index try_journal on try (journal_id)")
    # Who changed what, and when.
    db.execute(
        """create table audit (
            id integer primary key,
            at real not null,
            who text not null,
            address text not null,
            deed text not null,
            subject text not null,
            detail text not null
        ) strict"""
    )
    db.execute(
        """create table pair (
            instance_id integer not null references instance (id) on delete cascade,
            whatsapp_id text not null,
            chat_id integer not null references chat (id) on delete cascade,
            from_me integer not null,
            integration_id text not null,
            conversation_id integer not null,
            chatwoot_id integer not null,
            reached text not null default '',
            primary key (instance_id, whatsapp_id)
        ) strict, without rowid"""
    )
    db.execute("create index pair_chatwoot on pair (instance_id, chatwoot_id)")


@migrations()
def m003_console(db: Database) -> None:
    """What people ask about one instance is found without reading all of the journal."""
    db.execute("drop index journal_received")
    db.execute("create index journal_recent on journal (instance_id, direction, received_at)")


@migrations()
def m004_retention(db: Database) -> None:
    """Pairs of ids are forgotten after half a year; 0 for those that were noted before that."""
    db.execute("alter table pair add column noted_at real not null default 0")


@migrations()
def m005_counts(db: Database) -> None:
    """What is no longer in the journal still counts in the totals."""
    db.execute(
        """create table pruned (
            instance_id integer not null,
            direction text not null,
            messages integer not null,
            primary key (instance_id, direction)
        ) strict, without rowid"""
    )
    db.execute(
        """create trigger journal_pruned after delete on journal
        when old.direction in ('in', 'out') begin
            insert into pruned values (old.instance_id, old.direction, 1)
                on conflict do update set messages = messages + 1;
        end"""
    )


@migrations()
def m006_chat(db: Database) -> None:
    """The messages of a chat are found by it: for the console, and when an instance goes."""
    db.execute("create index journal_chat on journal (chat_id)")


@migrations()
def m007_lookups(db: Database) -> None:
    """The pairs and threads of a chat are found by it."""
    db.execute("create index pair_chat on pair (chat_id, conversation_id, from_me, chatwoot_id)")
    db.execute("create index thread_chat on thread (chat_id)")


@migrations()
def m008_callback(db: Database) -> None:
    """Where the gateway was told to call us, since when, and when it last did; and the last time in
    which neither a call nor a socket would have told us anything."""
    db.execute("alter table instance add column callback_url text not null default ''")
    db.execute("alter table instance add column callback_since real not null default 0")
    db.execute("alter table instance add column called_at real not null default 0")
    db.execute("alter table instance add column deaf_from real not null default 0")
    db.execute("alter table instance add column deaf_until real not null default 0")


@migrations()
def m009_versions(db: Database) -> None:
    """What a Chatwoot cannot do, where customers reach it, and whether the agents were shown that a
    reply failed: before this it was taken for granted wherever a version can show it."""
    db.execute("alter table integration add column public_url text not null default ''")
    db.execute("alter table integration add column seen_url text not null default ''")
    db.execute("alter table integration add column refused text not null default ''")
    db.execute("alter table integration add column unproven_until real not null default 0")
    db.execute("alter table journal add column shown integer not null default 0")
    able = [
        instance_id
        for instance_id, version in db.execute(
            "select instance_id, chatwoot_version from integration"
        ).fetchall()
        if _shows_status(version)
    ]
    for instance_id in able:
        db.execute(
            "update journal set shown = 1 where instance_id = ?1 "
            "and state = 'dead' and direction = 'out' and exists (select 1 from journal told "
            "where told.instance_id = ?1 and told.direction = 'receipt' "
            "and told.key = journal.key and told.state = 'done')",
            [instance_id],
        )
        failed = db.execute(
            "select chatwoot_id from pair where instance_id = ? and from_me and reached = 'failed'",
            [instance_id],
        ).fetchall()
        for (message_id,) in failed:
            db.execute(
                "update journal set shown = 1 where instance_id = ? and direction = 'out' "
                "and state = 'done' and key between ? and ?",
                [instance_id, f"m{message_id}:", f"m{message_id}:~"],
            )


def _shows_status(version: str) -> bool:
    """Whether a Chatwoot takes the status of a message: from 4.2.0 on."""
    parts = [int(part) if part.isdecimal() else 9999 for part in version.split(".")[:2]]
    return tuple(parts) >= (4, 2)


@migrations()
def m010_looks(db: Database) -> None:
    """Which way of hearing Chatwoot tells, how long an entry has waited for its operator, and what
    an earlier judgement gave up."""
    db.execute(
        """create table hearing (
            integration_id text not null references integration (id) on delete cascade,
            way text not null check (way in ('cable', 'webhook')),
            stands_since real not null default 0,
            told_at real not null default 0,
            told_id integer not null default 0,
            missed_at real not null default 0,
            passed_over integer not null default 0,
            passed_over_at real not null default 0,
            primary key (integration_id, way)
        ) strict, without rowid"""
    )
    db.execute("alter table journal add column held_s real not null default 0")
    # What became dead letters before this step is looked for in Chatwoot, once.
    db.execute(
        """create table old_dead_letter (
            journal_id integer primary key references journal (id) on delete cascade
        ) strict"""
    )
    db.execute(
        "insert into old_dead_letter select id from journal "
        "where state = 'dead' and direction = 'in'"
    )


@migrations()
def m011_status_at(db: Database) -> None:
    """Since when an integration is in its status, in UTC seconds; 0 for not known."""
    db.execute("alter table integration add column status_at real not null default 0")


@migrations()
def m012_lookups(db: Database) -> None:
    """Conversations that Chatwoot is to be asked about."""
    db.execute(
        """create table lookup (
            integration_id text not null references integration (id) on delete cascade,
            conversation_id integer not null,
            message_id integer not null,
            due_at real not null,
            trusted integer not null,
            times integer not null,
            primary key (integration_id, conversation_id, message_id)
        ) strict, without rowid"""
    )
