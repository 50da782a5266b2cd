"""What can be done with a contact, under the state's lock (docs/contracts/chatwoot.md)."""

import re
from typing import Any

from sandbox.chatwoot.answers import crash, invalid
from sandbox.chatwoot.conversation_actions import remove as remove_conversation
from sandbox.chatwoot.records import Contact, Json
from sandbox.chatwoot.server import Server
from sandbox.chatwoot.shapes import iso

# Anchored at the end only, as in Chatwoot.
_PHONE = re.compile(r"\+[1-9]\d{1,14}\Z")
_MERGED = "email phone_number identifier name additional_attributes custom_attributes"
_EMAIL = re.compile(r"\A[^@\s]+@[^@\s]+\Z")


def wanted_columns(given: Json) -> Json:
    """The columns of a request. Refuses a null byte, for which PostgreSQL refuses the row."""
    columns: Json = {}
    for name in ("name", "identifier", "phone_number", "email"):
        if name in given and not isinstance(given[name], dict | list):
            columns[name] = None if given[name] is None else str(given[name])
            if "\0" in (columns[name] or ""):
                raise crash()
    if "email" in columns:
        columns["email"] = (columns["email"] or "").lower() or None
    if "blocked" in given:
        columns["blocked"] = given["blocked"] in (True, "true", "1", 1)
    return columns


def check(server: Server, account_id: int, columns: Json, *, own_id: int | None) -> None:
    """Refuse what Chatwoot's model refuses, all problems at once."""

    def taken(column: str) -> bool:
        value = columns.get(column)
        if not value:
            return False
        holder = server.state.contacts.first(**{"account_id": account_id, column: value})
        return holder is not None and holder.id != own_id

    email, phone = columns.get("email"), columns.get("phone_number")
    wrong = {
        ("email", "has already been taken"): taken("email"),
        ("email", "Invalid email"): email and not _EMAIL.search(email),
        ("identifier", "has already been taken"): taken("identifier"),
        ("phone_number", "has already been taken"): taken("phone_number"),
        ("phone_number", "should be in e164 format"): phone and not _PHONE.search(phone),
    }
    for column in ("name", "identifier", "email", "phone_number"):
        too_long = len(columns.get(column) or "") > 255
        wrong[column, "is too long (maximum is 255 characters)"] = too_long
    if any(wrong.values()):
        title = {column: column.replace("_", " ").capitalize() for column, _ in wrong}
        raise invalid(
            *(
                (column, f"{title[column]} {rule}")
                for (column, rule), is_so in wrong.items()
                if is_so
            )
        )


def create(server: Server, account_id: int, given: Json) -> Contact:
    """A new contact; never finds an existing one."""
    columns: Json = {"name": ""} | wanted_columns(given)
    check(server, account_id, columns, own_id=None)
    now = server.state.options.now()
    contact = Contact(
        id=server.state.next_id(Contact),
        account_id=account_id,
        created_at=now,
        updated_at=now,
        **columns,
    )
    for name, value in _merged_attributes(contact, given).items():
        setattr(contact, name, value)
    server.state.add(contact)
    server.events.contact("contact_created", contact)
    return contact


def update(server: Server, contact: Contact, given: Json) -> None:
    """Overwrite columns; merge the attribute maps, shallowly."""
    columns = wanted_columns(given)
    check(server, contact.account_id, columns, own_id=contact.id)
    change(server, contact, **columns, **_merged_attributes(contact, given))


def change(server: Server, contact: Contact, **values: Any) -> None:
    """Set columns and tell about it; account webhooks hear only what changed."""
    server.events.contact("contact_updated", contact, _set(server, contact, values))


def _set(server: Server, contact: Contact, values: Json) -> list[Json]:
    """Set columns; the changes, none when only the time of the change is new."""
    now = server.state.options.now()
    changed: list[Json] = []
    for name, value in (values | {"updated_at": now}).items():
        before = getattr(contact, name)
        if before != value:
            setattr(contact, name, value)
            pair = {"previous_value": _seen(name, before), "current_value": _seen(name, value)}
            changed.append({name: pair})
    server.state.save(contact)
    return changed if len(changed) > 1 else []


def _seen(name: str, value: Any) -> Any:
    return iso(value) if name.endswith("_at") and value is not None else value


def _merged_attributes(contact: Contact, given: Json) -> Json:
    return {
        name: getattr(contact, name) | given[name]
        for name in ("additional_attributes", "custom_attributes")
        if isinstance(given.get(name), dict)
    }


def merge(server: Server, base: Contact, mergee: Contact) -> None:
    """Move everything of `mergee` to `base` and delete it; the base wins on conflicts."""
    if base is mergee:
        return
    state, events = server.state, server.events
    for place in state.contact_inboxes.where(contact_id=mergee.id):
        place.contact_id = base.id
        state.save(place)
    for conversation in state.conversations.where(contact_id=mergee.id):
        conversation.contact_id = base.id
        state.save(conversation)
        events.conversation_on_cable("conversation.contact_changed", conversation)
        for message in state.thread(conversation):
            if message.sender_type == "Contact":
                was, message.updated_at = message.updated_at, server.state.options.now()
                message.sender_id = base.id
                state.save(message)
                moved = {
                    "sender_id": [mergee.id, base.id],
                    "updated_at": [iso(was), iso(message.updated_at)],
                }
                events.message("message_updated", message, changes=moved)
    state.remove_contact(mergee)
    merged: Json = {}
    for name in _MERGED.split():
        own, other = getattr(base, name), getattr(mergee, name)
        merged[name] = other | own if isinstance(own, dict) else own or other
    changed = _set(server, base, merged)
    events.contact("contact_merged", base)
    if changed:
        events.contact("contact_updated", base, changed)
    events.contact("contact_deleted", mergee)


def remove(server: Server, contact: Contact) -> None:
    """Delete a contact. Its conversations go a moment later, in a job of their own."""
    server.state.remove_contact(contact)
    server.events.contact("contact_deleted", contact)

    def job() -> None:
        for conversation in server.state.conversations.where(contact_id=contact.id):
            remove_conversation(server, conversation)

    server.later(server.state.options.deletion_s, job)
