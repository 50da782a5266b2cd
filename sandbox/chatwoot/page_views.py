"""What the agent page shows: plain rows made ready for its templates."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from sandbox.chatwoot.markdown import as_html
from sandbox.chatwoot.records import ACTIVITY, INCOMING, TEMPLATE, Conversation, Json, Message
from sandbox.chatwoot.world import World

_NEWEST = 200
_SNIPPET = 90
_TINTS = 6


@dataclass(frozen=True)
class ListedInbox:
    """An inbox in the side list."""

    id: int
    name: str
    account: str
    webhook_url: str


@dataclass(frozen=True)
class ListedConversation:
    """A conversation in the side list."""

    account_id: int
    number: int
    name: str
    initials: str
    tint: int
    inbox: str
    snippet: str
    at: float
    unread: int
    status: str


@dataclass(frozen=True)
class Bubble:
    """A message in the thread. `kind`: in, out, note, auto or activity."""

    id: int
    kind: str
    html: Markup
    author: str
    at: float
    status: str
    error: str
    deleted: bool
    quote: str
    quoted_author: str
    attachments: list[Json]


@dataclass(frozen=True)
class Thread:
    """An open conversation."""

    listed: ListedConversation
    bubbles: list[Bubble]
    contact_id: int
    contact: dict[str, str]
    blocked: bool
    assignee: str
    is_long: bool


def clock_time(at: float) -> str:
    """Time of day today, the date otherwise; in the machine's own time zone."""
    then, now = time.localtime(at), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day else "%d %b, %H:%M", then)


class Views:
    """Reads a world for the templates; called under the state's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state = world.state

    def inboxes(self) -> list[ListedInbox]:
        """All inboxes of all accounts, by name."""
        listed = [
            ListedInbox(
                id=inbox.id,
                name=inbox.name,
                account=self._state.accounts[inbox.account_id].name,
                webhook_url=inbox.webhook_url or "",
            )
            for inbox in self._state.inboxes.values()
        ]
        return sorted(listed, key=lambda inbox: inbox.name.lower())

    def conversations(self, inbox_id: int | None, status: str) -> list[ListedConversation]:
        """The newest conversations that fit, last activity first."""
        fitting = [
            one
            for one in self._state.whole_conversations()
            if inbox_id in (None, one.inbox_id)
            and status in ("all", one.status)
            and one.contact_id in self._state.contacts
        ]
        fitting.sort(key=lambda one: one.last_activity_at, reverse=True)
        return [self.listed(one) for one in fitting[:_NEWEST]]

    def listed(self, conversation: Conversation) -> ListedConversation:
        """One conversation for the side list."""
        contact = self._state.contacts[conversation.contact_id]
        last = self._world.shapes.last_message(conversation)
        name = contact.name or contact.phone_number or contact.identifier or "No name"
        words = [word for word in name.split() if word[0].isalnum()] or ["#"]
        return ListedConversation(
            account_id=conversation.account_id,
            number=conversation.display_id,
            name=name,
            initials="".join(word[0] for word in (words[:1] + words[1:][-1:])).upper(),
            tint=contact.id % _TINTS,
            inbox=self._state.inboxes[conversation.inbox_id].name,
            snippet=self._snippet(last) if last else "No messages yet",
            at=conversation.last_activity_at,
            unread=self._world.shapes.unread_count(conversation),
            status=conversation.status,
        )

    def _snippet(self, message: Message) -> str:
        text = " ".join((message.content or "").split())
        if not text:
            count = len(message.attachment_ids)
            text = f"{count} attachment{'' if count == 1 else 's'}" if count else "Empty message"
        if message.message_type != INCOMING:
            text = f"You: {text}"
        return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"

    def thread(self, conversation: Conversation) -> Thread:
        """An open conversation with its newest messages."""
        contact = self._state.contacts[conversation.contact_id]
        place = self._state.contact_inboxes[conversation.contact_inbox_id]
        messages = self._state.thread[conversation.id]
        assignee = self._state.users.get(conversation.assignee_id or 0)
        facts = {
            "Phone": contact.phone_number,
            "Email": contact.email,
            "Identifier": contact.identifier,
            "source_id": place.source_id,
            "Labels": ", ".join(conversation.labels),
        }
        return Thread(
            listed=self.listed(conversation),
            bubbles=[self._bubble(message) for message in messages[-_NEWEST:]],
            contact_id=contact.id,
            contact={name: value for name, value in facts.items() if value},
            blocked=contact.blocked,
            assignee=assignee.name if assignee else "",
            is_long=len(messages) > _NEWEST,
        )

    def _bubble(self, message: Message) -> Bubble:
        if message.message_type == ACTIVITY:
            kind = "activity"
        elif message.private:
            kind = "note"
        elif message.message_type == TEMPLATE:
            kind = "auto"
        else:
            kind = "in" if message.message_type == INCOMING else "out"
        quoted = self._state.messages.get(message.content_attributes.get("in_reply_to") or 0)
        return Bubble(
            id=message.id,
            kind=kind,
            html=as_html(message.content),
            author=self._author(message),
            at=message.created_at,
            status=message.status,
            error=str(message.content_attributes.get("external_error") or ""),
            deleted=bool(message.content_attributes.get("deleted")),
            quote=self.quote(quoted) if quoted else "",
            quoted_author=self._author(quoted) if quoted else "",
            attachments=[self._file(one) for one in self._world.shapes.attachments(message)],
        )

    def quote(self, message: Message) -> str:
        """A message in one short line."""
        return self._snippet(message).removeprefix("You: ")

    def _author(self, message: Message) -> str:
        sender = self._world.shapes.sender_of(message)
        return (sender.name or "No name") if sender else "Automatic"

    def _file(self, attachment: Json) -> dict[str, Any]:
        # The page may be open under another name of this machine than base_url says.
        parts = urlsplit(attachment["data_url"])
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        stored = self._state.attachments[attachment["id"]]
        return {
            "kind": stored.file_type,
            "name": stored.file_name,
            "size": _size(stored.file_size),
            "path": path,
        }


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.0f} KB" if count < 1024**2 else f"{count / 1024**2:.1f} MB"
