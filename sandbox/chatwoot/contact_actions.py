"""What can be done with a contact; REST routes and the agent page call the same functions.

Source: docs/contracts/chatwoot.md, Contacts. All are called under the state's lock.
"""

import re
from typing import Any

from sandbox.chatwoot.answers import crash, invalid
from sandbox.chatwoot.conversation_actions import remove as remove_conversation
from sandbox.chatwoot.records import Contact, Json
from sandbox.chatwoot.shapes import iso
from sandbox.chatwoot.world import World

# Anchored at the end only, as in Chatwoot.
_PHONE = re.compile(r"\+[1-9]\d{1,14}\Z")
_MERGED = (
    *("email", "phone_number", "identifier", "name"),
    *("additional_attributes", "custom_attributes"),
)
_EMAIL = re.compile(r"\A[^@\s]+@[^@\s]+\Z")


def wanted_columns(given: Json) -> Json:
    """The columns of a request; the e-mail in lower case, and null when it is blank.

    A null byte makes the database refuse the row, which nobody rescues.
    """
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


def check(world: World, account_id: int, columns: Json, *, own_id: int | None) -> None:
    """Refuse what Chatwoot's model refuses, all problems at once."""

    def taken(column: str) -> bool:
        value = columns.get(column)
        holder = world.state.contact_with(account_id, column, value) if value else None
        return holder is not None and holder.id != own_id

    problems: list[tuple[str, str]] = []
    email = columns.get("email")
    if taken("email"):
        problems.append(("email", "Email has already been taken"))
    if email and not _EMAIL.search(email):
        problems.append(("email", "Email Invalid email"))
    if taken("identifier"):
        problems.append(("identifier", "Identifier has already been taken"))
    if taken("phone_number"):
        problems.append(("phone_number", "Phone number has already been taken"))
    phone = columns.get("phone_number")
    if phone and not _PHONE.search(phone):
        problems.append(("phone_number", "Phone number should be in e164 format"))
    for column in ("name", "identifier", "email", "phone_number"):
        if len(columns.get(column) or "") > 255:
            title = column.replace("_", " ").capitalize()
            problems.append((column, f"{title} is too long (maximum is 255 characters)"))
    if problems:
        raise invalid(*problems)


def create(world: World, account_id: int, given: Json) -> Contact:
    """A new contact; never finds an existing one."""
    columns: Json = {"name": ""} | wanted_columns(given)
    check(world, account_id, columns, own_id=None)
    now = world.state.options.now()
    contact = Contact(
        id=world.state.next_id(Contact),
        account_id=account_id,
        created_at=now,
        updated_at=now,
        **columns,
    )
    for name, value in _merged_attributes(contact, given).items():
        setattr(contact, name, value)
    world.state.add(contact)
    world.events.contact("contact_created", contact)
    return contact


def update(world: World, contact: Contact, given: Json) -> None:
    """Overwrite columns; merge the attribute maps, shallowly."""
    columns = wanted_columns(given)
    check(world, contact.account_id, columns, own_id=contact.id)
    change(world, contact, **columns, **_merged_attributes(contact, given))


def change(world: World, contact: Contact, **values: Any) -> None:
    """Set columns and tell about it; account webhooks hear only what changed."""
    world.events.contact("contact_updated", contact, _set(world, contact, values))


def _set(world: World, contact: Contact, values: Json) -> list[Json]:
    """Set columns; the changes, none when only the time of the change is new."""
    now = world.state.options.now()
    changed: list[Json] = []
    for name, value in (values | {"updated_at": now}).items():
        before = getattr(contact, name)
        if before != value:
            setattr(contact, name, value)
            pair = {"previous_value": _seen(name, before), "current_value": _seen(name, value)}
            changed.append({name: pair})
    world.state.save(contact)
    return changed if len(changed) > 1 else []


def _seen(name: str, value: Any) -> Any:
    return iso(value) if name.endswith("_at") and value is not None else value


def _merged_attributes(contact: Contact, given: Json) -> Json:
    return {
        name: getattr(contact, name) | given[name]
        for name in ("additional_attributes", "custom_attributes")
        if isinstance(given.get(name), dict)
    }


def merge(world: World, base: Contact, mergee: Contact) -> None:
    """Move everything of `mergee` to `base` and delete it; the base wins on conflicts.

    Merging a contact with itself changes nothing.
    """
    if base is mergee:
        return
    state, events = world.state, world.events
    for place in list(state.places_of[mergee.id]):
        state.move_place(place, base.id)
    for number in state.conversations_of.pop(mergee.id, []):
        conversation = state.conversations[number]
        conversation.contact_id = base.id
        state.conversations_of[base.id].append(number)
        state.save(conversation)
        events.conversation_on_cable("conversation.contact_changed", conversation)
        for message in state.thread[number]:
            if message.sender_type == "Contact":
                was, message.updated_at = message.updated_at, world.state.options.now()
                message.sender_id = base.id
                state.save(message)
                moved = {
                    "sender_id": [mergee.id, base.id],
                    "updated_at": [iso(was), iso(message.updated_at)],
                }
                events.message("message_updated", message, changes=moved)
    state.remove_contact(mergee)
    merged: Json = {}
    for name in _MERGED:
        own, other = getattr(base, name), getattr(mergee, name)
        merged[name] = other | own if isinstance(own, dict) else own or other
    changed = _set(world, base, merged)
    events.contact("contact_merged", base)
    if changed:
        events.contact("contact_updated", base, changed)
    events.contact("contact_deleted", mergee)


def remove(world: World, contact: Contact) -> None:
    """Delete a contact. Its conversations go a moment later, in a job of their own."""
    world.state.remove_contact(contact)
    world.events.contact("contact_deleted", contact)

    def job() -> None:
        for number in list(world.state.conversations_of[contact.id]):
            remove_conversation(world, world.state.conversations[number])

    world.later(world.state.options.deletion_s, job)
