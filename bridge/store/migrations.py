"""The schema, as steps that only ever go forward. A step that was released is never changed."""

from sqlite_utils import Database

from bridge.store.early_migrations import migrations

__all__ = ["migrations"]


@migrations()
def m013_claims(db: Database) -> None:
    """A send that is under way names the router that makes it, and until when it may last."""
    db.execute("alter table journal add column owner text not null default ''")
    db.execute("alter table journal add column claimed_until real not null default 0")


@migrations()
def m014_webhooks(db: Database) -> None:
    """Whether an inbox carries our webhook address, and how many replies in a row a way of hearing
    has not told of."""
    db.execute(
        """create table webhook (
            integration_id text primary key references integration (id) on delete cascade,
            calls text not null check (calls in ('on', 'trying', 'off')),
            why text not null,
            public_url text not null,
            version text not null,
            changed_at real not null,
            tried_at real not null,
            refused_at real not null,
            probed integer not null
        ) strict, without rowid"""
    )
    db.execute("alter table hearing add column missed integer not null default 0")


@migrations()
def m015_ids_of_chatwoot(db: Database) -> None:
    """An id of Chatwoot counts within its integration only, and where a chat is in a Chatwoot stays
    known while the instance is joined to another one."""
    db.execute("alter table journal add column integration_id text not null default ''")
    # The keys are `m<message>:...` and `d<message>`: a cast reads the digits that it begins with.
    pair = (
        "(select pair.integration_id from pair where pair.instance_id = journal.instance_id "
        "and journal.direction = 'out' and pair.from_me "
        "and pair.chatwoot_id = cast(substr(journal.key, 2) as integer)"
    )
    db.execute(
        f"update journal set integration_id = coalesce({pair} and pair.chat_id = journal.chat_id), "
        f"{pair}), "
        "(select id from integration where integration.instance_id = journal.instance_id), '') "
        "where direction in ('out', 'typing') or (direction = 'receipt' "
        "and iif(json_valid(body), json_extract(body, '$.type'), '') = 'failure')"
    )
    db.execute("drop index journal_key")
    db.execute(
        "create unique index journal_key on journal (instance_id, direction, key, integration_id)"
    )
    db.execute("drop index pair_chatwoot")
    db.execute("create index pair_chatwoot on pair (chatwoot_id, integration_id)")
    db.execute("drop index pair_chat")
    db.execute(
        "create index pair_chat on pair "
        "(chat_id, integration_id, conversation_id, from_me, chatwoot_id)"
    )
    db.execute(
        """create table thread_m015 (
            integration_id text not null,
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
    db.execute("insert into thread_m015 select * from thread")
    db.execute("drop table thread")
    db.execute("alter table thread_m015 rename to thread")
    db.execute("create index thread_conversation on thread (integration_id, conversation_id)")
    db.execute("create index thread_source on thread (integration_id, source_id)")
    db.execute("create index thread_contact on thread (integration_id, contact_id)")
    db.execute("create index thread_chat on thread (chat_id)")


@migrations()
def m016_identity(db: Database) -> None:
    """An address form leads to one chat, and a chat has one of each sort. What an older version of
    us put together against that is taken apart: of several forms of a sort the one stays that
    replies go to, else the last by its spelling; the others lead nowhere until they are seen again.
    """
    db.execute("alter table chat add column merged_into integer references chat (id)")
    # The number that a chat has lost to somebody else.
    db.execute("alter table chat add column lost text not null default ''")
    db.execute("alter table instance add column own_phone text not null default ''")
    db.execute("alter table instance add column own_lid text not null default ''")
    db.execute(
        "delete from alias where chat_id in (select id from chat where kind = 'group') "
        "and form not like '%@g.us' and form like '%@%'"
    )
    db.execute(
        "delete from alias where chat_id in (select id from chat where kind <> 'group') "
        "and form like '%@g.us'"
    )
    # Without an `@` it is a contact that has no address at all.
    domain = "iif(instr(form, '@'), substr(form, instr(form, '@')), '')"
    db.execute(
        f"delete from alias where exists (select 1 from alias other "
        "join chat on chat.id = other.chat_id where other.chat_id = alias.chat_id "
        f"and {domain.replace('form', 'other.form')} = {domain.replace('form', 'alias.form')} "
        "and (other.form = chat.address, other.form) > (alias.form = chat.address, alias.form))"
    )
    db.execute(f"create unique index alias_one_of_a_sort on alias (chat_id, {domain})")
    db.execute("drop index alias_chat")
    db.execute("create index chat_merged on chat (merged_into) where merged_into is not null")
    # The number under which WhatsApp knows one that was written otherwise, as sends have shown.
    db.execute(
        """create table spelling (
            instance_id integer not null references instance (id) on delete cascade,
            form text not null,
            phone text not null,
            primary key (instance_id, form)
        ) strict, without rowid"""
    )
    db.execute("create index spelling_phone on spelling (instance_id, phone)")
    # Whose conversation it is, for every one that a chat ever had.
    db.execute(
        """create table conversation (
            integration_id text not null,
            conversation_id integer not null,
            chat_id integer not null references chat (id) on delete cascade,
            primary key (integration_id, conversation_id)
        ) strict, without rowid"""
    )
    db.execute("create index conversation_chat on conversation (chat_id)")
    db.execute(
        "insert into conversation select integration_id, conversation_id, max(chat_id) from thread "
        "where conversation_id > 0 group by integration_id, conversation_id"
    )
    db.execute(
        "insert or ignore into conversation select integration_id, conversation_id, max(chat_id) "
        "from pair where conversation_id > 0 group by integration_id, conversation_id"
    )
    # Where a send goes to, so that the address that it reaches teaches the other one.
    db.execute("alter table journal add column sent_to text not null default ''")


@migrations()
def m017_sessions(db: Database) -> None:
    """Who is signed in to the pages, by the hash of what the browser holds."""
    db.execute(
        """create table session (
            hash text primary key,
            who text not null,
            proof text not null,
            address text not null,
            began_at real not null,
            seen_at real not null
        ) strict, without rowid"""
    )


@migrations()
def m018_authors(db: Database) -> None:
    """Who wrote a message of a group; and the markers of what had not arrived when markers did not
    name their installation yet: the next try gets another one, and the echo of this may be late."""
    db.execute("alter table pair add column author text not null default ''")
    db.execute(
        """create table old_marker (
            source text primary key,
            instance_id integer not null references instance (id) on delete cascade
        ) strict, without rowid"""
    )
    db.execute(
        "insert into old_marker select source, instance_id from journal "
        "where source is not null and state not in ('done', 'discarded')"
    )
    # Each gateway is told once more where to call, under a label of our own.
    db.execute("update instance set callback_url = '' where callback_since > 0")


@migrations()
def m019_words(db: Database) -> None:
    """What is not routed is counted; who is in a group, and two more options of an inbox."""
    db.execute(
        """create table unrouted (
            instance_id integer not null references instance (id) on delete cascade,
            kind text not null,
            times integer not null,
            last_at real not null,
            primary key (instance_id, kind)
        ) strict, without rowid"""
    )
    db.execute(
        """create table member (
            chat_id integer not null references chat (id) on delete cascade,
            address text not null,
            name text not null,
            primary key (chat_id, address)
        ) strict, without rowid"""
    )
    for option in ("ignore_calls", "keep_deleted"):
        db.execute(
            f"alter table integration add column {option} integer not null default 0 "
            f"check ({option} in (0, 1))"
        )


@migrations()
def m020_lost(db: Database) -> None:
    """Whose number one was before is found by it."""
    db.execute("create index chat_lost on chat (instance_id, lost)")


@migrations()
def m021_copies(db: Database) -> None:
    """Messages of ours that stand twice in Chatwoot."""
    db.execute(
        """create table copy (
            integration_id text not null references integration (id) on delete cascade,
            chatwoot_id integer not null,
            conversation_id integer not null,
            seen_at real not null,
            primary key (integration_id, chatwoot_id)
        ) strict, without rowid"""
    )


@migrations()
def m022_clocks(db: Database) -> None:
    """The clock of each Chatwoot, and marks by that clock where they are held against its times.

    `ahead_s` is what it is ahead of this machine's clock, `steady_ahead_s` of the steady one of the
    boot that is named. Marks of earlier versions were by our clock: `restored_at` becomes
    `unproven_until` once the clock is known, and `caught_up_at` goes back by a day.
    """
    db.execute(
        """create table chatwoot_clock (
            base_url text primary key,
            boot text not null,
            steady_ahead_s real not null,
            ahead_s real not null
        ) strict, without rowid"""
    )
    db.execute("alter table integration add column began_at real not null default 0")
    db.execute("alter table integration add column restored_at real not null default 0")
    db.execute(
        "update integration set restored_at = unproven_until, unproven_until = 0, "
        "caught_up_at = max(0, caught_up_at - 86400)"
    )


@migrations()
def m023_references(db: Database) -> None:
    """Gateways name messages, and their link to WhatsApp, each in its own way: what one needs to
    find a message again stands beside the id that both sides know, and the link is up or not.

    The only gateway so far needs no more than that id.
    """
    db.execute("alter table instance add column connected integer check (connected in (0, 1))")
    db.execute(
        "update instance set connected = "
        "lower(replace(connection, '_', '')) in ('connected', 'keepaliverestored') "
        "where connection <> ''"
    )
    db.execute("alter table chat rename column last_in_id to last_in")
    db.execute("alter table pair add column reference text not null default ''")
    # What follows a `#` is one of the messages that the WhatsApp message became in Chatwoot.
    db.execute(
        "update pair set reference = iif(instr(whatsapp_id, '#'), "
        "substr(whatsapp_id, 1, instr(whatsapp_id, '#') - 1), whatsapp_id)"
    )
    db.execute("alter table journal add column message_id text")
    db.execute(
        "update journal set message_id = coalesce(nullif(json_extract(body, '$.target_id'), ''), "
        "json_extract(body, '$.id')) where direction = 'in' and json_valid(body)"
    )
    db.execute(
        "create index journal_message on journal (instance_id, message_id) "
        "where message_id is not null"
    )


@migrations()
def m024_jobs(db: Database) -> None:
    """What an entry asks for has a name of its own: files that follow their words stood among the
    receipts, and what a contact is to get among what agents are typing."""
    db.execute(
        "alter table journal add column job text not null default 'message' check "
        "(job in ('message', 'file', 'receipt', 'profile', 'reply', 'typing'))"
    )
    tag = "iif(json_valid(body), json_extract(body, '$.type'), '')"
    db.execute(
        "update journal set job = case "
        "when direction = 'in' then 'message' when direction = 'out' then 'reply' "
        f"when direction = 'receipt' and {tag} = 'message' then 'file' "
        f"when direction = 'typing' and {tag} = 'introduction' then 'profile' "
        "else direction end"
    )
    db.execute(
        "update journal set body = json_object('type', 'file', 'message', json(body)) "
        "where job = 'file'"
    )
    db.execute(
        "update journal set body = json_set(body, '$.type', job) "
        "where job in ('profile', 'typing') and json_valid(body)"
    )
    for index in ("journal_key", "journal_open", "journal_recent"):
        db.execute(f"drop index {index}")
    db.execute("drop trigger journal_pruned")
    db.execute("alter table journal drop column direction")
    db.execute("create unique index journal_key on journal (instance_id, job, key, integration_id)")
    db.execute(
        "create index journal_open on journal (job, chat_id, position, id) "
        "where state in ('ready', 'sending', 'unconfirmed')"
    )
    db.execute("create index journal_recent on journal (instance_id, job, received_at)")
    db.execute("alter table pruned rename column direction to job")
    db.execute("update pruned set job = iif(job = 'in', 'message', 'reply')")
    db.execute(
        """create trigger journal_pruned after delete on journal
        when old.job in ('message', 'reply') begin
            insert into pruned values (old.instance_id, old.job, 1)
                on conflict do update set messages = messages + 1;
        end"""
    )


@migrations()
def m025_event_times(db: Database) -> None:
    """The newest time that an event of an instance bore, and how far that clock is ahead of ours;
    NULL until the echo of a send shows it."""
    db.execute(
        """create table event_time (
            instance_id integer primary key references instance (id) on delete cascade,
            told_at real not null default 0,
            called_at real not null default 0,
            ahead_s real
        ) strict"""
    )


@migrations()
def m026_shown(db: Database) -> None:
    """The few replies that agents are shown as failed are found at once."""
    db.execute("create index journal_shown on journal (instance_id, integration_id) where shown")


@migrations()
def m027_actions(db: Database) -> None:
    """A line of the audit log says which action was taken."""
    db.execute("alter table audit rename column deed to action")
