"""What can be done with a conversation, under the state's lock (docs/contracts/chatwoot.md)."""

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
from sandbox.chatwoot.server import Server
from sandbox.chatwoot.shapes import iso
from sandbox.chatwoot.state import base58_token
from sandbox.chatwoot.templates import note, send_survey
from sandbox.chatwoot.versions import Trait

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
    server: Server, contact: Contact, inbox: Inbox, source_id: str | None
) -> ContactInbox | None:
    """Find or make a contact_inbox; None for an empty source_id. Raises SourceTaken."""
    state = server.state
    if source_id == "":
        return None
    source_id = source_id or str(uuid.uuid4())
    check_source(state.options, source_id)
    found = state.contact_inboxes.first(inbox_id=inbox.id, source_id=source_id)
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
            created_at=server.state.options.now(),
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
    server: Server,
    place: ContactInbox,
    *,
    status: str,
    wanted: Json,
    assignee: User | None,
    snoozed_until: float | None,
) -> Conversation:
    """A new conversation: resolved for a blocked contact, pending in the inbox of a bot."""
    state = server.state
    inbox = state.inboxes[place.inbox_id]
    account = state.accounts[inbox.account_id]
    additional = check_attributes("additional_attributes", wanted.get("additional_attributes"))
    custom = check_attributes("custom_attributes", wanted.get("custom_attributes"))
    if inbox.agent_bot_id:
        status = "pending"
    if state.contacts[place.contact_id].blocked:
        status = "resolved"
    now = server.state.options.now()
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
    server.events.conversation("conversation_created", conversation)
    _assign_by_policy(server, conversation)
    return conversation


def change(
    server: Server, conversation: Conversation, *, labels_read: bool = False, **values: Any
) -> bool:
    """Set columns and tell about those that changed; whether any did.

    `labels_read`: the labels were shown since the row was loaded, so that their cached text is
    saved as well, which turns it from null to "" once. Refuses while a job deletes it.
    """
    before = {name: getattr(conversation, name) for name in values}
    before = {name: was for name, was in before.items() if was != values[name]}
    if not before:
        return False
    if conversation.contact_id not in server.state.contacts:
        missing = ("contact", "Contact must exist"), ("contact_inbox", "Contact inbox must exist")
        raise invalid(*missing)
    for name in before:
        setattr(conversation, name, values[name])
    before["updated_at"] = conversation.updated_at
    conversation.updated_at = server.state.options.now()
    changed = [row for name, was in before.items() for row in _changes(conversation, name, was)]
    if (labels_read or "labels" in before) and not conversation.labels_cached:
        conversation.labels_cached = True
        if "labels" not in before:
            changed.append(_pair("cached_label_list", None, ""))
    if "status" in before:
        if conversation.status == "resolved":
            conversation.waiting_since = None
        server.events.conversation("conversation_status_changed", conversation)
    server.state.save(conversation)
    server.events.conversation("conversation_updated", conversation, changed)
    if "assignee_id" in before:
        server.events.conversation_on_cable("assignee.changed", conversation)
    if "status" in before and conversation.status == "open":
        _assign_by_policy(server, conversation)
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
    server: Server,
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
    change(server, conversation, status=status, snoozed_until=until)
    if status != was:
        note(server, conversation, status if by else "reopened", name=by.name if by else "")
        if status == "resolved":
            send_survey(server, conversation)
    if status == "open" and isinstance(by, User):
        if by.roles.get(str(conversation.account_id)) == "agent":
            assign(server, conversation, by, by=by)
        change(server, conversation, assignee_agent_bot_id=None)


def assign(
    server: Server, conversation: Conversation, agent: User | None, *, by: User | AgentBot | None
) -> None:
    """Give it to an agent, or to nobody; `by` is None when the default policy does."""
    if not change(server, conversation, assignee_id=agent.id if agent else None):
        return
    doer = by.name if by else "Default Policy"
    if agent is None:
        note(server, conversation, "unassigned", name=doer)
    elif agent is by:
        note(server, conversation, "self-assigned", name=doer)
    else:
        note(server, conversation, "assigned", agent=agent.name, name=doer)
        notify(server, conversation, agent.id)
    if agent and agent.id not in conversation.participants:
        conversation.participants.append(agent.id)
        server.state.save(conversation)


def _assign_by_policy(server: Server, conversation: Conversation) -> None:
    """Have a job give an open conversation of nobody's to a member of the inbox who is online."""
    inbox = server.state.inboxes[conversation.inbox_id]
    if not inbox.settings["enable_auto_assignment"]:
        return

    def job() -> None:
        online = [row for row in inbox.members if row in server.subscribers.online()]
        gone = server.state.conversations.get(conversation.id) is not conversation
        if gone or not online or conversation.status != "open" or conversation.assignee_id:
            return
        # Round robin over those who are online.
        agent = server.state.users[online[conversation.display_id % len(online)]]
        assign(server, conversation, agent, by=None)

    server.later(_ASSIGN_S, job)


def notify(server: Server, conversation: Conversation, user_id: int) -> None:
    """A notification for one agent, which only the websocket tells, and only that agent."""
    conversation.notified.append(user_id)
    server.state.save(conversation)
    server.events.notification("notification.created", conversation, user_id)


def remove(server: Server, conversation: Conversation) -> None:
    """Delete it with its messages and notifications, for which alone events are sent."""
    if server.state.conversations.get(conversation.id) is not conversation:
        return
    for user_id in conversation.notified:
        server.events.notification("notification.deleted", conversation, user_id)
    server.state.remove_conversation(conversation)


def mark_seen(server: Server, conversation: Conversation) -> None:
    """An agent read it. Writes without callbacks: no webhook follows."""
    conversation.agent_last_seen_at = server.state.options.now()
    server.state.save(conversation)


def mark_unread(server: Server, conversation: Conversation) -> None:
    """An agent wants to read the last of the customer's messages again; no webhook either."""
    thread = reversed(server.state.thread(conversation))
    last = next((row.created_at for row in thread if row.message_type == INCOMING), None)
    conversation.agent_last_seen_at = None if last is None else last - 1
    server.state.save(conversation)
