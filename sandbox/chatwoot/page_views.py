"""What the agent page shows: rows made ready for its templates."""

import time
from typing import Any
from urllib.parse import urlsplit

from sandbox.chatwoot.records import ACTIVITY, INCOMING, TEMPLATE, Conversation, Json, Message
from sandbox.chatwoot.server import Server
from sandbox.kit.markup import markdown

_NEWEST = 200
_SNIPPET = 90
_TINTS = 6


def clock_time(at: float) -> str:
    """Time of day today, the date otherwise; in the machine's own time zone."""
    then, now = time.localtime(at), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day else "%d %b, %H:%M", then)


class Views:
    """Reads a server for the templates; called under the state's lock."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = server.state

    def inboxes(self) -> list[Json]:
        """All inboxes of all accounts, by name."""
        listed = [
            {
                "id": inbox.id,
                "name": inbox.name,
                "account": self._state.accounts[inbox.account_id].name,
                "webhook_url": inbox.webhook_url or "",
            }
            for inbox in self._state.inboxes.values()
        ]
        return sorted(listed, key=lambda inbox: str(inbox["name"]).lower())

    def conversations(self, inbox_id: int | None, status: str) -> list[Json]:
        """The newest conversations that fit, last activity first."""
        fitting = [
            conversation
            for conversation in self._state.whole_conversations()
            if inbox_id in (None, conversation.inbox_id) and status in ("all", conversation.status)
        ]
        fitting.sort(key=lambda conversation: conversation.last_activity_at, reverse=True)
        return [self._listed(conversation) for conversation in fitting[:_NEWEST]]

    def _listed(self, conversation: Conversation) -> Json:
        contact = self._state.contact_of(conversation)
        last = self._server.shapes.last_message(conversation)
        name = contact.name or contact.phone_number or contact.identifier or "No name"
        words = [word for word in name.split() if word[0].isalnum()] or ["#"]
        return {
            "account_id": conversation.account_id,
            "number": conversation.display_id,
            "name": name,
            "initials": "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper(),
            "tint": contact.id % _TINTS,
            "inbox": self._state.inboxes[conversation.inbox_id].name,
            "snippet": self._snippet(last) if last else "No messages yet",
            "at": conversation.last_activity_at,
            "unread": self._server.shapes.unread_count(conversation),
            "status": conversation.status,
        }

    def _snippet(self, message: Message) -> str:
        by_us = message.message_type != INCOMING
        return f"You: {self.quote(message)}" if by_us else self.quote(message)

    def quote(self, message: Message) -> str:
        """A message in one short line."""
        text = " ".join((message.content or "").split())
        if not text:
            count = len(message.attachment_ids)
            text = f"{count} attachment{'' if count == 1 else 's'}" if count else "Empty message"
        return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1] + "…"

    def thread(self, conversation: Conversation) -> Json:
        """An open conversation with its newest messages."""
        contact = self._state.contact_of(conversation)
        messages = self._state.thread(conversation)
        assignee = self._state.users.get(conversation.assignee_id or 0)
        facts = {
            "Phone": contact.phone_number,
            "Email": contact.email,
            "Identifier": contact.identifier,
            "source_id": self._state.contact_inboxes[conversation.contact_inbox_id].source_id,
            "Labels": ", ".join(conversation.labels),
        }
        return {
            "listed": self._listed(conversation),
            "bubbles": [self._bubble(message) for message in messages[-_NEWEST:]],
            "contact_id": contact.id,
            "contact": {name: value for name, value in facts.items() if value},
            "blocked": contact.blocked,
            "assignee": assignee.name if assignee else "",
            "is_long": len(messages) > _NEWEST,
        }

    def _bubble(self, message: Message) -> Json:
        kind = {ACTIVITY: "activity", TEMPLATE: "auto", INCOMING: "in"}.get(message.message_type)
        attributes = message.content_attributes
        quoted = self._state.messages.get(attributes.get("in_reply_to") or 0)
        return {
            "id": message.id,
            "kind": "note" if message.private else kind or "out",
            "html": markdown(message.content),
            "author": self._author(message),
            "at": message.created_at,
            "status": message.status,
            "error": str(attributes.get("external_error") or ""),
            "deleted": bool(attributes.get("deleted")),
            "quote": self.quote(quoted) if quoted else "",
            "quoted_author": self._author(quoted) if quoted else "",
            "attachments": [self._file(row) for row in self._server.shapes.attachments(message)],
        }

    def _author(self, message: Message) -> str:
        sender = self._server.shapes.sender_of(message)
        return (sender.name or "No name") if sender else "Automatic"

    def _file(self, attachment: Json) -> dict[str, Any]:
        # The page may be open under another name of this machine than base_url says.
        path = urlsplit(attachment["data_url"])._replace(scheme="", netloc="").geturl()
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
