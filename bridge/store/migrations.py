"""The schema, as steps that only ever go forward. A step that was released is never changed."""

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
