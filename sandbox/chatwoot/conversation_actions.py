"""What can be done with a conversation; REST routes and the agent page call the same functions.

Sources: docs/contracts/chatwoot.md, Conversations. All are called under the state's lock.
"""

import uuid
from typing import Any

from sandbox.chatwoot.answers import crash, invalid
from sandbox.chatwoot.options import Options
from sandbox.chatwoot.records import (
    INCOMING,
    AgentBot,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
    User,
)
from sandbox.chatwoot.shapes import iso
from sandbox.chatwoot.state import base58_token
from sandbox.chatwoot.templates import note, send_survey
from sandbox.chatwoot.versions import Trait
from sandbox.chatwoot.world import World

_TIMES = ("waiting_since", "first_reply_created_at", "snoozed_until", "updated_at")
#: How long a job waits until it gives a conversation to an agent, in seconds.
_ASSIGN_S = 0.1
LONGEST_SOURCE = 20_000


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
            created_at=world.state.options.now(),
        )
    )


def check_attributes(name: str, attributes: Any) -> Json:
    """A conversation's attribute map. Refuses long texts and large integers."""
    if not isinstance(attributes, dict):
        return {}
    title = name.replace("_", " ").capitalize()
    problems = []
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > 1500:
            problems.append((name, f"{title} {key} length should be < 1500"))
        if type(value) is int and value > 9_999_999_999:
            problems.append((name, f"{title} {key} value should be < 9999999999"))
    if problems:
        raise invalid(*problems)
    return attributes


def start(
    world: World,
    place: ContactInbox,
    *,
    status: str,
    wanted: Json,
    assignee: User | None,
    snoozed_until: float | None,
) -> Conversation:
    """A new conversation.

    A blocked contact's is resolved and that of an inbox with a bot pending, whatever was asked.
    """
    state = world.state
    inbox = state.inboxes[place.inbox_id]
    account = state.accounts[inbox.account_id]
    additional = check_attributes("additional_attributes", wanted.get("additional_attributes"))
    custom = check_attributes("custom_attributes", wanted.get("custom_attributes"))
    if inbox.agent_bot_id:
        status = "pending"
    if state.contacts[place.contact_id].blocked:
        status = "resolved"
    now = world.state.options.now()
    conversation = state.add(
        Conversation(
            id=state.next_id(Conversation),
            display_id=state.display_id(account),
            account_id=account.id,
            inbox_id=inbox.id,
            contact_id=place.contact_id,
            contact_inbox_id=place.id,
            uuid=str(uuid.uuid4()),
            status=status,
            created_at=now,
            updated_at=now,
            last_activity_at=now,
            waiting_since=now,
            snoozed_until=snoozed_until,
            assignee_id=assignee.id if assignee else None,
            assignee_agent_bot_id=inbox.agent_bot_id,
            custom_attributes=custom,
            additional_attributes=additional,
        )
    )
    world.events.conversation("conversation_created", conversation)
    _assign_by_policy(world, conversation)
    return conversation


def change(
    world: World, conversation: Conversation, *, labels_read: bool = False, **values: Any
) -> bool:
    """Set columns and tell about those that changed; whether any did.

    `labels_read`: the labels were shown since the row was loaded, so that their cached text is
    saved as well, which turns it from null to "" once. Refuses while a job deletes it.
    """
    before = {name: getattr(conversation, name) for name in values}
    before = {name: was for name, was in before.items() if was != values[name]}
    if not before:
        return False
    if conversation.contact_id not in world.state.contacts:
        missing = ("contact", "Contact must exist"), ("contact_inbox", "Contact inbox must exist")
        raise invalid(*missing)
    for name in before:
        setattr(conversation, name, values[name])
    before["updated_at"] = conversation.updated_at
    conversation.updated_at = world.state.options.now()
    changed = [one for name, was in before.items() for one in _changes(conversation, name, was)]
    if (labels_read or "labels" in before) and not conversation.labels_cached:
        conversation.labels_cached = True
        if "labels" not in before:
            changed.append(_pair("cached_label_list", None, ""))
    if "status" in before:
        if conversation.status == "resolved":
            conversation.waiting_since = None
        world.events.conversation("conversation_status_changed", conversation)
    world.state.save(conversation)
    world.events.conversation("conversation_updated", conversation, changed)
    if "assignee_id" in before:
        world.events.conversation_on_cable("assignee.changed", conversation)
    if "status" in before and conversation.status == "open":
        _assign_by_policy(world, conversation)
    return True


def _changes(conversation: Conversation, name: str, was: Any) -> list[Json]:
    """A changed column as `changed_attributes` shows it."""
    now = getattr(conversation, name)
    if name == "labels":
        cached = _pair("cached_label_list", ", ".join(was), ", ".join(now))
        return [cached, _pair("label_list", was, now)]
    if name in _TIMES:
        was, now = was and iso(was), now and iso(now)
    return [_pair(name, was, now)]


def _pair(name: str, was: Any, now: Any) -> Json:
    return {name: {"previous_value": was, "current_value": now}}


def set_status(
    world: World,
    conversation: Conversation,
    status: str,
    *,
    by: User | AgentBot | None,
    snoozed_until: float | None = None,
) -> None:
    """Open, resolve, snooze or leave pending, with the activity line Chatwoot writes.

    `by` is None when a customer's message reopens it. An agent who opens it gets it, and a
    person who opens it takes it from the bot.
    """
    was, until = conversation.status, snoozed_until if status == "snoozed" else None
    change(world, conversation, status=status, snoozed_until=until)
    if status != was:
        note(world, conversation, status if by else "reopened", name=by.name if by else "")
        if status == "resolved":
            send_survey(world, conversation)
    if status == "open" and isinstance(by, User):
        if by.roles.get(str(conversation.account_id)) == "agent":
            assign(world, conversation, by, by=by)
        change(world, conversation, assignee_agent_bot_id=None)


def assign(
    world: World, conversation: Conversation, agent: User | None, *, by: User | AgentBot | None
) -> None:
    """Give it to an agent, or to nobody; `by` is None when the default policy does."""
    if not change(world, conversation, assignee_id=agent.id if agent else None):
        return
    doer = by.name if by else "Default Policy"
    if agent is None:
        note(world, conversation, "unassigned", name=doer)
    elif agent is by:
        note(world, conversation, "self-assigned", name=doer)
    else:
        note(world, conversation, "assigned", agent=agent.name, name=doer)
        notify(world, conversation, agent.id)
    if agent and agent.id not in conversation.participants:
        conversation.participants.append(agent.id)
        world.state.save(conversation)


def _assign_by_policy(world: World, conversation: Conversation) -> None:
    """Have a job give an open conversation of nobody's to a member of the inbox who is online."""
    inbox = world.state.inboxes[conversation.inbox_id]
    if not inbox.settings["enable_auto_assignment"]:
        return

    def job() -> None:
        online = [one for one in inbox.members if one in world.hub.online()]
        gone = world.state.conversations.get(conversation.id) is not conversation
        if gone or not online or conversation.status != "open" or conversation.assignee_id:
            return
        # Round robin over those who are online.
        agent = world.state.users[online[conversation.display_id % len(online)]]
        assign(world, conversation, agent, by=None)

    world.later(_ASSIGN_S, job)


def notify(world: World, conversation: Conversation, user_id: int) -> None:
    """A notification for one agent, which only the websocket tells, and only that agent."""
    conversation.notified.append(user_id)
    world.state.save(conversation)
    world.events.notification("notification.created", conversation, user_id)


def remove(world: World, conversation: Conversation) -> None:
    """Delete it with its messages and notifications, which alone are told of."""
    for user_id in conversation.notified:
        world.events.notification("notification.deleted", conversation, user_id)
    world.state.remove_conversation(conversation)


def mark_seen(world: World, conversation: Conversation) -> None:
    """An agent read it. Writes without callbacks: no webhook follows."""
    conversation.agent_last_seen_at = world.state.options.now()
    world.state.save(conversation)


def mark_unread(world: World, conversation: Conversation) -> None:
    """An agent wants to read the last of the customer's messages again; no webhook either."""
    thread = reversed(world.state.thread[conversation.id])
    last = next((one.created_at for one in thread if one.message_type == INCOMING), None)
    conversation.agent_last_seen_at = None if last is None else last - 1
    world.state.save(conversation)
