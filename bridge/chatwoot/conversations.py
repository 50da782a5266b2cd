"""The conversations of one inbox. Each method is one HTTP call, but for `create`.

Sources: docs/contracts/chatwoot.md, Contacts and Conversations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from bridge.chatwoot import address
from bridge.chatwoot.answers import Body, InboxCalls
from bridge.chatwoot.messages import Messages, NewMessage, message_body
from bridge.chatwoot.refusals import ContactGone, ConversationGone, SourceTaken
from bridge.chatwoot.values import as_dict, at, number, rows, text, time
from bridge.domain.errors import ChatwootUnreachable
from bridge.domain.models import UNTOLD, ChatwootTime


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation: `id` as the API counts them.

    `message_id` is that of the message it was opened with, `last_message_id` of the last one that
    a person wrote, also of a private note, at `last_message_at`; 0 without one. `inbox_id` is 0
    where the answer does not say.
    """

    id: int
    status: str
    last_activity_at: ChatwootTime
    contact_id: int
    message_id: int = 0
    last_message_id: int = 0
    last_message_at: ChatwootTime = UNTOLD
    inbox_id: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """`uuid` names the conversation in the link, ready for a URL; `shown_at` is the address at
    which Chatwoot shows itself, empty where the answer does not say."""

    uuid: str
    shown_at: str


class Conversations:
    """Raises the errors of `bridge.chatwoot.answers`."""

    def __init__(self, calls: InboxCalls, messages: Messages) -> None:
        self._calls, self._messages = calls, messages

    def create(
        self, contact_id: int, source_id: str, status: str, message: NewMessage | None = None
    ) -> Conversation:
        """A new conversation, with its first message in the same transaction.

        An inbox that is locked to one conversation gives the last one instead, unchanged, and the
        message is added to it. Raises ContactGone (or the inbox is gone: Chatwoot does not tell
        them apart) and SourceTaken.
        """
        wanted: dict[str, object] = {
            "inbox_id": self._calls.inbox_id,
            "contact_id": contact_id,
            "source_id": source_id,
            "status": status,
        }
        if message is not None:
            wanted["message"] = message_body(**message)
        body = self._calls.ask("POST", "conversations", wanted, gone=ContactGone, taken=SourceTaken)
        made = _conversation(body, body.object())
        if message is None:
            return made
        own_id = message.get("source_id", "")
        message_id = _message_with(own_id, body.object())
        if not message_id:
            # Something else was written into it in the same moment, such as a greeting.
            try:
                latest = self._messages.latest(made.id)
            except ChatwootUnreachable as error:
                error.uncertain = True  # the message is there, whatever became of this look
                raise
            message_id = max((row.id for row in latest if row.own_source_id == own_id), default=0)
        return replace(made, message_id=message_id)

    def of_source(self, source_id: str) -> list[Conversation]:
        """The conversations under `source_id`, latest activity first, 25 at most."""
        return self._list(f"source_id={quote(source_id, safe='')}")

    def of_contact(self, contact_id: int) -> list[Conversation]:
        """A contact's conversations in the inbox, under whatever source_id, latest activity first:
        those among its latest twenty of all inboxes. Raises ContactGone."""
        body = self._calls.ask("GET", f"contacts/{contact_id}/conversations", gone=ContactGone)
        conversations = [_conversation(body, row) for row in body.rows("payload")]
        return [row for row in conversations if row.inbox_id == self._calls.inbox_id]

    def latest(self, page: int) -> list[Conversation]:
        """The inbox's conversations, latest activity first, 25 a page from 1 on."""
        return self._list(f"page={page}")

    def get(self, conversation_id: int) -> Conversation:
        """A conversation as it is now. Raises ConversationGone, also for another inbox's."""
        body = self._get(conversation_id)
        conversation = _conversation(body, body.object())
        if conversation.inbox_id != self._calls.inbox_id:
            raise ConversationGone(detail=f"it is in inbox {conversation.inbox_id}")
        return conversation

    def survey(self, conversation_id: int) -> Survey:
        """What the link to the survey of a conversation is made of. Raises ConversationGone."""
        body = self._get(conversation_id)
        picture = str(body.object("meta", "sender").get("thumbnail") or "")
        uuid = str(body.object().get("uuid") or "")
        return Survey(quote(uuid, safe=""), address.of_file(picture))

    def stop_typing(self, conversation_id: int) -> None:
        """Says that the token's owner is not typing, which calls Chatwoot's webhooks and is shown
        to nobody. Raises ConversationGone."""
        path = f"conversations/{conversation_id}/toggle_typing_status"
        answer = self._calls.transport.send("POST", path, {"typing_status": "off"})
        self._calls.require_success(answer, gone=ConversationGone)

    def _get(self, conversation_id: int) -> Body:
        return self._calls.ask("GET", f"conversations/{conversation_id}", gone=ConversationGone)

    def _list(self, query: str) -> list[Conversation]:
        path = f"conversations?inbox_id={self._calls.inbox_id}&status=all&{query}"
        body = self._calls.ask("GET", path)
        return [_conversation(body, row) for row in body.rows("data", "payload")]


def _conversation(body: Body, row: Mapping[str, Any]) -> Conversation:
    return Conversation(
        id=body.id_of(row),
        status=text(row, "status"),
        last_activity_at=time(at(row, "last_activity_at") or at(row, "timestamp")),
        contact_id=number(row, "meta", "sender", "id"),
        last_message_id=number(row, "last_non_activity_message", "id"),
        last_message_at=time(row, "last_non_activity_message", "created_at"),
        inbox_id=number(row, "inbox_id"),
    )


def _message_with(source_id: str, conversation: Mapping[str, Any]) -> int:
    """The id of the message with that source_id among those that a conversation shows."""
    shown = [*rows(conversation, "messages"), as_dict(conversation, "last_non_activity_message")]
    matching = [number(row, "id") for row in shown if row.get("source_id") == source_id]
    return max(matching, default=0) if source_id else 0
