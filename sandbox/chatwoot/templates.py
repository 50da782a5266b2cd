"""What Chatwoot itself writes into a conversation: activities, greetings, out-of-office, surveys.

Its background jobs do it, so that nobody is named as the one who did (docs/contracts/chatwoot.md,
Texts). All are called under the state's lock.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.chatwoot.liquid import Drop, render
from sandbox.chatwoot.records import (
    ACTIVITY,
    OUTGOING,
    TEMPLATE,
    AgentBot,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.versions import Trait
from sandbox.chatwoot.webhook_bodies import SURVEY_PATH
from sandbox.chatwoot.world import World

_PER_MINUTE = 200
#: Seconds after a reply in which nobody is told that the agents are away.
_RECENT = 300


def flooded(world: World, conversation: Conversation) -> bool:
    """Whether 200 messages of the last minute keep every message from being saved (3.9.0)."""
    options = world.state.options
    thread = world.state.thread[conversation.id]
    if not options.flood_guard or not options.has(Trait.FLOOD_GUARD) or len(thread) < _PER_MINUTE:
        return False
    return thread[-_PER_MINUTE].created_at > world.state.options.now() - 60


def note(world: World, conversation: Conversation, key: str, **values: object) -> None:
    """A line about what happened, such as who resolved it, in the account's language."""
    locale = world.state.accounts[conversation.account_id].locale
    _write(world, conversation, ACTIVITY, sentence(locale, key, **values))


def answer_incoming(world: World, conversation: Conversation) -> None:
    """Out-of-office and greeting, after a customer's message.

    Out-of-office comes once a day while the inbox is closed and no agent replied within five
    minutes; the greeting while nobody wrote before.
    """
    inbox = world.state.inboxes[conversation.inbox_id]
    settings, thread = inbox.settings, world.state.thread[conversation.id]
    now = world.state.options.now()
    replied = any(
        one.message_type == OUTGOING and not one.private and one.created_at > now - _RECENT
        for one in thread
    )
    midnight = now - now % 86_400
    told = any(one.message_type == TEMPLATE and one.created_at >= midnight for one in thread)
    if settings["out_of_office_message"] and _closed(inbox, now) and not replied and not told:
        _say(world, conversation, settings["out_of_office_message"])
    first = all(one.message_type not in (OUTGOING, TEMPLATE) for one in thread)
    if first and settings["greeting_enabled"] and settings["greeting_message"]:
        _say(world, conversation, settings["greeting_message"])


def _closed(inbox: Inbox, now: float) -> bool:
    """Whether the inbox keeps working hours and is outside of them."""
    if not inbox.settings["working_hours_enabled"]:
        return False
    at = datetime.fromtimestamp(now, ZoneInfo(inbox.settings["timezone"]))
    # Chatwoot counts the days of the week from Sunday.
    hours = inbox.working_hours[(at.weekday() + 1) % 7]
    if hours["closed_all_day"] or hours["open_all_day"]:
        return bool(hours["closed_all_day"])
    opens = hours["open_hour"] * 60 + hours["open_minutes"]
    closes = hours["close_hour"] * 60 + hours["close_minutes"]
    return not opens <= at.hour * 60 + at.minute < closes


def send_survey(world: World, conversation: Conversation) -> None:
    """The CSAT survey of a resolved conversation, once."""
    settings = world.state.inboxes[conversation.inbox_id].settings
    thread = world.state.thread[conversation.id]
    if not settings["csat_survey_enabled"] or any(m.content_type == "input_csat" for m in thread):
        return
    config = settings["csat_config"] or {}
    locale = world.state.accounts[conversation.account_id].locale
    content, style = config.get("message") or sentence(locale, "survey"), {}
    options = world.state.options
    if not options.has(Trait.SURVEY_WITHOUT_LINK):
        link = f"{world.base_url}{SURVEY_PATH}{conversation.uuid}"
        own = config.get("message")
        content = f"{own} {link}" if own else sentence(locale, "survey link", link=link)
    if options.has(Trait.SURVEY_STYLE):
        style = {"display_type": config.get("display_type") or "emoji"}
    _say(world, conversation, content, content_type="input_csat", content_attributes=style)


def _say(world: World, conversation: Conversation, content: str, **columns: Any) -> None:
    """A message of nobody's, told to the webhook like a reply."""
    content = render(content, drops(world, conversation, None))
    _write(world, conversation, TEMPLATE, content, **columns)


def _write(
    world: World,
    conversation: Conversation,
    message_type: int,
    content: str,
    content_type: str = "text",
    content_attributes: Json | None = None,
) -> None:
    """Save and tell; the flood guard lets it vanish."""
    if flooded(world, conversation):
        return
    now = world.state.options.now()
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
            content_attributes=content_attributes or {},
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
    world.events.message("message_created", message, by_job=True)


def drops(
    world: World, conversation: Conversation, author: User | AgentBot | None
) -> dict[str, Any]:
    """What Liquid in a message may name."""
    contact = world.state.contacts[conversation.contact_id]
    found: dict[str, Any] = {
        "contact": Drop(
            "ContactDrop",
            **_named(contact.name),
            email=contact.email,
            phone_number=contact.phone_number,
            custom_attribute=contact.custom_attributes,
        ),
        "conversation": Drop(
            "ConversationDrop",
            id=conversation.display_id,
            display_id=conversation.display_id,
            contact_name=(contact.name or "").capitalize() or "Customer",
            custom_attribute=conversation.custom_attributes,
        ),
        "inbox": Drop("InboxDrop", name=world.state.inboxes[conversation.inbox_id].name),
        "account": Drop("AccountDrop", name=world.state.accounts[conversation.account_id].name),
    }
    if author:
        email = getattr(author, "email", None)
        person = Drop("UserDrop", **_named(author.name), available_name=author.name, email=email)
        found["agent"] = person
    return found


def _named(name: str | None) -> dict[str, Any]:
    words = [word.capitalize() for word in (name or "").split()]
    return {
        "name": " ".join(words),
        "first_name": words[0] if words else "",
        "last_name": words[-1] if len(words) > 1 else "",
    }
