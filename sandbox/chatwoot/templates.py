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
    Message,
    User,
)
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.server import Server
from sandbox.chatwoot.versions import Trait
from sandbox.chatwoot.webhook_bodies import SURVEY_PATH

_PER_MINUTE = 200
#: Seconds after a reply in which no out-of-office is written.
_RECENT = 300


def flooded(server: Server, conversation: Conversation) -> bool:
    """Whether 200 messages of the last minute keep every message from being saved (3.9.0)."""
    options = server.state.options
    thread = server.state.thread(conversation)
    if not options.flood_guard or not options.has(Trait.FLOOD_GUARD) or len(thread) < _PER_MINUTE:
        return False
    return thread[-_PER_MINUTE].created_at > server.state.options.now() - 60


def new_message(server: Server, conversation: Conversation, **columns: Any) -> Message:
    """A message of a conversation, written now, that is not stored yet."""
    now = server.state.options.now()
    return Message(
        id=server.state.next_id(Message),
        account_id=conversation.account_id,
        inbox_id=conversation.inbox_id,
        conversation_id=conversation.id,
        created_at=now,
        updated_at=now,
        **columns,
    )


def note(server: Server, conversation: Conversation, key: str, **values: object) -> None:
    """A line about what happened, such as who resolved it, in the account's language."""
    locale = server.state.accounts[conversation.account_id].locale
    _write(server, conversation, ACTIVITY, sentence(locale, key, **values))


def answer_incoming(server: Server, conversation: Conversation) -> None:
    """After a customer's message: out-of-office once a day while closed, and the greeting once."""
    inbox = server.state.inboxes[conversation.inbox_id]
    settings, thread = inbox.settings, server.state.thread(conversation)
    now = server.state.options.now()
    replied = any(
        row.message_type == OUTGOING and not row.private and row.created_at > now - _RECENT
        for row in thread
    )
    midnight = now - now % 86_400
    was_away = any(row.message_type == TEMPLATE and row.created_at >= midnight for row in thread)
    if settings["out_of_office_message"] and _closed(inbox, now) and not replied and not was_away:
        _say(server, conversation, settings["out_of_office_message"])
    types = {message.message_type for message in server.state.thread(conversation)}
    if (
        not types & {OUTGOING, TEMPLATE}
        and settings["greeting_enabled"]
        and settings["greeting_message"]
    ):
        _say(server, conversation, settings["greeting_message"])


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


def send_survey(server: Server, conversation: Conversation) -> None:
    """The CSAT survey of a resolved conversation, once."""
    settings = server.state.inboxes[conversation.inbox_id].settings
    thread = server.state.thread(conversation)
    if not settings["csat_survey_enabled"] or any(m.content_type == "input_csat" for m in thread):
        return
    config = settings["csat_config"] or {}
    locale = server.state.accounts[conversation.account_id].locale
    content, style = config.get("message") or sentence(locale, "survey"), {}
    options = server.state.options
    if not options.has(Trait.SURVEY_WITHOUT_LINK):
        link = f"{server.base_url}{SURVEY_PATH}{conversation.uuid}"
        own = config.get("message")
        content = f"{own} {link}" if own else sentence(locale, "survey link", link=link)
    if options.has(Trait.SURVEY_STYLE):
        style = {"display_type": config.get("display_type") or "emoji"}
    _say(server, conversation, content, content_type="input_csat", content_attributes=style)


def _say(server: Server, conversation: Conversation, content: str, **columns: Any) -> None:
    """A message without a sender, sent to the webhook like a reply."""
    content = render(content, drops(server, conversation, None))
    _write(server, conversation, TEMPLATE, content, **columns)


def _write(
    server: Server, conversation: Conversation, message_type: int, content: str, **columns: Any
) -> None:
    """Save and tell; the flood guard lets it vanish."""
    if flooded(server, conversation):
        return
    columns |= {"message_type": message_type, "content": content}
    message = server.state.add(new_message(server, conversation, **columns))
    conversation.last_activity_at = conversation.updated_at = message.created_at
    server.state.save(conversation)
    server.events.message("message_created", message, by_job=True)


def drops(
    server: Server, conversation: Conversation, author: User | AgentBot | None
) -> dict[str, Any]:
    """What Liquid in a message may name."""
    contact = server.state.contacts[conversation.contact_id]
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
        "inbox": Drop("InboxDrop", name=server.state.inboxes[conversation.inbox_id].name),
        "account": Drop("AccountDrop", name=server.state.accounts[conversation.account_id].name),
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
