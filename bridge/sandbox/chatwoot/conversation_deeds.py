"""What can be done with a conversation; REST routes and the agent page call the same functions.

Sources: chatwoot.md section 4. All are called under the state's lock.
"""

import time
import uuid
from typing import Any

from bridge.sandbox.chatwoot.answers import crash, invalid
from bridge.sandbox.chatwoot.options import Options
from bridge.sandbox.chatwoot.records import (
    ACTIVITY,
    AgentBot,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from bridge.sandbox.chatwoot.shapes import iso
from bridge.sandbox.chatwoot.state import base58_token
from bridge.sandbox.chatwoot.versions import Trait
from bridge.sandbox.chatwoot.world import World

_ACTIVITIES = {
    "open": "Conversation was reopened by {}",
    "resolved": "Conversation was marked resolved by {}",
    "pending": "Conversation was marked as pending by {}",
    "snoozed": "Conversation was snoozed by {}",
}
_TIMES = ("waiting_since", "first_reply_created_at", "snoozed_until")
LONGEST_SOURCE = 20_000
_CSAT = "Please rate the conversation"


class SourceTaken(Exception):
    """The source_id belongs to another contact in that inbox."""


def check_source(options: Options, source_id: str) -> None:
    """Refuse a source_id that is too long, or that the database cannot store."""
    if "\0" in source_id:
        raise crash()
    longest = LONGEST_SOURCE if options.has(Trait.LONG_SOURCE_IDS) else 255
    if len(source_id) > longest:
        problem = f"Source is too long (maximum is {longest} characters)"
        raise invalid(("source_id", problem))


def place_in_inbox(
    world: World, contact: Contact, inbox: Inbox, source_id: str | None
) -> ContactInbox | None:
    """Find or make a contact_inbox; without a source_id always a new one with a random UUID.

    None for an empty source_id. Raises SourceTaken.
    """
    state = world.state
    if source_id == "":
        return None
    source_id = source_id or str(uuid.uuid4())
    check_source(state.options, source_id)
    found = state.places.get((inbox.id, source_id))
    if found is not None:
        if found.contact_id != contact.id:
            raise SourceTaken(source_id)
        return found
    return state.add(
        ContactInbox(
            id=state.next_id(ContactInbox),
            contact_id=contact.id,
            inbox_id=inbox.id,
            source_id=source_id,
            pubsub_token=base58_token(),
            created_at=time.time(),
        )
    )


def check_attributes(name: str, attributes: Any) -> Json:
    """A conversation's attribute map. Refuses long texts and large integers (section 4)."""
    if not isinstance(attributes, dict):
        return {}
    title = name.replace("_", " ").capitalize()
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > 1500:
            raise invalid((name, f"{title} {key} length should be < 1500"))
        if type(value) is int and value > 9_999_999_999:
            raise invalid((name, f"{title} {key} value should be < 9999999999"))
    return attributes


def start(
    world: World, place: ContactInbox, *, status: str, wanted: Json, assignee_id: int | None
) -> Conversation:
    """A new conversation. A blocked contact's is resolved, whatever was asked."""
    state = world.state
    inbox = state.inboxes[place.inbox_id]
    account = state.accounts[inbox.account_id]
    additional = check_attributes("additional_attributes", wanted.get("additional_attributes"))
    custom = check_attributes("custom_attributes", wanted.get("custom_attributes"))
    now = time.time()
    conversation = state.add(
        Conversation(
            id=state.next_id(Conversation),
            display_id=state.display_id(account),
            account_id=account.id,
            inbox_id=inbox.id,
            contact_id=place.contact_id,
            contact_inbox_id=place.id,
            uuid=str(uuid.uuid4()),
            status="resolved" if state.contacts[place.contact_id].blocked else status,
            created_at=now,
            updated_at=now,
            last_activity_at=now,
            waiting_since=now,
            assignee_id=assignee_id,
            custom_attributes=custom,
            additional_attributes=additional,
        )
    )
    world.events.conversation("conversation_created", conversation)
    return conversation


def change(world: World, conversation: Conversation, **values: Any) -> list[Json]:
    """Set columns and tell about those that changed; the list of changes."""
    changed: list[Json] = []
    for name, value in values.items():
        before = getattr(conversation, name)
        if before == value:
            continue
        setattr(conversation, name, value)
        pair = {"previous_value": _seen(name, before), "current_value": _seen(name, value)}
        changed.append({name: pair})
    if not changed:
        return changed
    conversation.updated_at = time.time()
    world.state.save(conversation)
    if "status" in values and any("status" in one for one in changed):
        world.events.conversation("conversation_status_changed", conversation, changed)
    world.events.conversation("conversation_updated", conversation, changed)
    if any("assignee_id" in one for one in changed):
        world.events.conversation_told_agents("assignee.changed", conversation)
    return changed


def _seen(name: str, value: Any) -> Any:
    return iso(value) if name in _TIMES and value is not None else value


def set_status(
    world: World,
    conversation: Conversation,
    status: str,
    *,
    by: User | AgentBot | Contact,
    snoozed_until: float | None = None,
) -> None:
    """Open, resolve, snooze or leave pending, with the activity line Chatwoot writes."""
    values: Json = {"status": status}
    values["snoozed_until"] = snoozed_until if status == "snoozed" else None
    is_agent = isinstance(by, User) and by.roles.get(str(conversation.account_id)) == "agent"
    if status == "open" and is_agent:
        values["assignee_id"] = by.id
    if conversation.status == status:
        change(world, conversation, **values)
        return
    if status == "resolved":
        conversation.waiting_since = None
    change(world, conversation, **values)
    _write(world, conversation, ACTIVITY, _ACTIVITIES[status].format(by.name or "the contact"))
    settings = world.state.inboxes[conversation.inbox_id].settings
    if status == "resolved" and settings["csat_survey_enabled"]:
        say_template(world, conversation, _CSAT, content_type="input_csat")


def say_template(
    world: World, conversation: Conversation, content: str, *, content_type: str = "text"
) -> None:
    """A greeting or a survey: sent by nobody, told to the webhook like a reply."""
    _write(world, conversation, 3, content, content_type=content_type)


def _write(
    world: World,
    conversation: Conversation,
    message_type: int,
    content: str,
    content_type: str = "text",
) -> None:
    now = time.time()
    message = world.state.add(
        Message(
            id=world.state.next_id(Message),
            account_id=conversation.account_id,
            inbox_id=conversation.inbox_id,
            conversation_id=conversation.id,
            message_type=message_type,
            content=content,
            content_type=content_type,
            status="sent",
            content_attributes={},
            private=False,
            source_id=None,
            sender_type=None,
            sender_id=None,
            created_at=now,
            updated_at=now,
        )
    )
    conversation.last_activity_at = now
    conversation.updated_at = now
    world.state.save(conversation)
    world.events.message("message_created", message)


def mark_seen(world: World, conversation: Conversation) -> None:
    """An agent read it. Writes without callbacks: no webhook follows (section 4)."""
    conversation.agent_last_seen_at = time.time()
    world.state.save(conversation)
