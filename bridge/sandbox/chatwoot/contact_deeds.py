"""What can be done with a contact; REST routes and the agent page call the same functions.

Source: chatwoot.md section 3. All are called under the state's lock.
"""

import re
import time
from typing import Any

from bridge.sandbox.chatwoot.answers import invalid
from bridge.sandbox.chatwoot.records import Contact, Json
from bridge.sandbox.chatwoot.world import World

# Anchored at the end only, as in Chatwoot.
_PHONE = re.compile(r"\+[1-9]\d{1,14}\Z")
_EMAIL = re.compile(r"\A[^@\s]+@[^@\s]+\Z")


def wanted_columns(given: Json) -> Json:
    """The columns of a request, blank ones as null and the e-mail in lower case."""
    columns: Json = {}
    for name in ("identifier", "phone_number", "email"):
        if name in given:
            text = "" if given[name] is None else str(given[name])
            columns[name] = (text.lower() if name == "email" else text) or None
    if "name" in given:
        columns["name"] = "" if given["name"] is None else str(given["name"])
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
    contact = Contact(
        id=world.state.next_id(Contact),
        account_id=account_id,
        created_at=time.time(),
        **columns,
    )
    _merge_attributes(contact, given)
    world.state.add(contact)
    world.events.contact("contact_created", contact)
    return contact


def update(world: World, contact: Contact, given: Json) -> None:
    """Overwrite columns; merge the attribute maps, shallowly."""
    columns = wanted_columns(given)
    check(world, contact.account_id, columns, own_id=contact.id)
    for name, value in columns.items():
        setattr(contact, name, value)
    _merge_attributes(contact, given)
    world.state.save(contact)
    world.events.contact("contact_updated", contact)


def _merge_attributes(contact: Contact, given: Json) -> None:
    for name in ("additional_attributes", "custom_attributes"):
        extra: Any = given.get(name)
        if isinstance(extra, dict):
            setattr(contact, name, getattr(contact, name) | extra)


def merge(world: World, base: Contact, mergee: Contact) -> None:
    """Move everything of `mergee` to `base` and delete it; the base wins on conflicts."""
    state = world.state
    for place in list(state.places_of[mergee.id]):
        state.move_place(place, base.id)
    for number in state.conversations_of.pop(mergee.id, []):
        conversation = state.conversations[number]
        conversation.contact_id = base.id
        state.conversations_of[base.id].append(number)
        state.save(conversation)
        for message in state.thread[number]:
            if message.sender_type == "Contact":
                message.sender_id = base.id
                state.save(message)
    freed = {name: getattr(mergee, name) for name in ("email", "phone_number", "identifier")}
    freed["name"] = mergee.name
    extra = mergee.additional_attributes, mergee.custom_attributes
    state.remove_contact(mergee)
    for name, value in freed.items():
        if not getattr(base, name):
            setattr(base, name, value)
    base.additional_attributes = extra[0] | base.additional_attributes
    base.custom_attributes = extra[1] | base.custom_attributes
    state.save(base)
    world.events.contact("contact_merged", base)


def remove(world: World, contact: Contact) -> None:
    """Delete a contact with its conversations."""
    world.events.contact("contact_deleted", contact)
    world.state.remove_contact(contact)
