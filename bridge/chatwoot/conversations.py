"""What routing asks of Chatwoot: conversations and messages of one inbox, besides its contacts.

Each method is one HTTP call. Sources: docs/contracts/chatwoot.md, Contacts, Conversations, Messages
and Limits.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from bridge.chatwoot import address, attachments, events
from bridge.chatwoot.answers import as_dict, is_no_route, rows_of
from bridge.chatwoot.contacts import STORE_S, Contact, People
from bridge.chatwoot.events import AgentMessage, Attachment
from bridge.chatwoot.multipart import Multipart
from bridge.chatwoot.refusals import (
    ContactGone,
    ConversationFlooded,
    ConversationGone,
    FileNotThere,
    FileRefused,
    FileTooLarge,
    MessageGone,
    PhoneTaken,
    SourceTaken,
)
from bridge.domain.errors import ChatwootUnreachable
from bridge.domain.models import UNTOLD, ChatwootTime
from bridge.net.http import Answer

__all__ = [
    "Contact",
    "ContactGone",
    "Conversation",
    "ConversationFlooded",
    "ConversationGone",
    "FileNotThere",
    "FileRefused",
    "FileTooLarge",
    "MessageFields",
    "MessageGone",
    "Messaging",
    "NewMessage",
    "PhoneTaken",
    "SourceTaken",
    "Upload",
]


class MessageFields(TypedDict, total=False):
    """What a message can carry besides its text.

    `incoming`: from the contact; otherwise from the token's owner, and Chatwoot renders it as
    Liquid (see `bridge.markup.protect_liquid`). `private`: a note, for agents only.
    `content_attributes` are stored and come back. `uploads`: files that were uploaded
    before, by the `blob_id` of each.
    """

    incoming: bool
    source_id: str
    in_reply_to_external_id: str
    private: bool
    content_attributes: Mapping[str, object]
    uploads: Sequence[str]


class NewMessage(MessageFields):
    """A message with its text, as a conversation can be opened with."""

    content: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation: `id` as the API counts them.

    `message_id` is that of the message it was opened with, `last_message_id` of the last one that
    a person wrote, also of a private note, at `last_message_at`; 0 without one. `inbox_id` is 0
    where it is not told.
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
class Upload:
    """A file that no message has yet: `blob_id` gives it to one."""

    blob_id: str
    file: Attachment


@dataclass(frozen=True, slots=True)
class Survey:
    """`uuid` names the conversation in the link, ready for a URL; `shown_at` is the address at
    which Chatwoot shows itself, empty where the answer does not say."""

    uuid: str
    shown_at: str


#: The longest text of a message, in characters as Chatwoot counts them.
MAX_TEXT = 150_000
#: The longest reason beside a failed message, in characters; Chatwoot keeps 20,000.
_MAX_REASON = 2_000


class Messaging(People):
    """Raises ChatwootUnreachable and what derives from it, with `uncertain` where the request may
    have been acted upon; the classes of `bridge.chatwoot.refusals`; and what says that nothing will
    work until the operator acts: TokenRejected, AccessDenied, AccountUnknown, InboxGone.
    """

    # -- conversations -----------------------------------------------------------------------------

    def create_conversation(
        self, contact_id: int, source_id: str, status: str, message: NewMessage | None = None
    ) -> Conversation:
        """A new conversation, with its first message in the same transaction.

        An inbox that is locked to one conversation gives the last one instead, unchanged, and the
        message is added to it. Raises ContactGone (or the inbox is gone: Chatwoot does not tell
        them apart) and SourceTaken.
        """
        body: dict[str, object] = {
            "inbox_id": self._inbox_id,
            "contact_id": contact_id,
            "source_id": source_id,
            "status": status,
        }
        if message is not None:
            body["message"] = _message_body(**message)
        answer = self._send("POST", self._path("conversations"), body)
        self._expect(answer, ContactGone, taken=SourceTaken)
        said = self._read(answer)
        made = self._conversation(as_dict(said), answer)
        if message is None:
            return made
        message_id = _message_with(message.get("source_id", ""), as_dict(said))
        if not message_id:
            # Something else was written into it in the same moment, such as a greeting.
            try:
                latest = self.latest_messages(made.id)
            except ChatwootUnreachable as error:
                error.uncertain = True  # the message is there, whatever became of this look
                raise
            mine = [one.id for one in latest if one.own_source_id == message.get("source_id", "")]
            message_id = max(mine, default=0)
        return Conversation(
            made.id, made.status, made.last_activity_at, made.contact_id, message_id
        )

    def conversations_of(self, source_id: str) -> list[Conversation]:
        """The conversations under `source_id`, latest activity first, 25 at most."""
        query = f"?inbox_id={self._inbox_id}&status=all&source_id={quote(source_id, safe='')}"
        return self._conversations(query)

    def conversations_of_contact(self, contact_id: int) -> list[Conversation]:
        """A contact's conversations in the inbox, under whatever source_id, latest activity first:
        those among its latest twenty of all inboxes. Raises ContactGone."""
        answer = self._send("GET", self._path("contacts", contact_id, "conversations"))
        self._expect(answer, ContactGone)
        return [
            self._conversation(row, answer)
            for row in self._rows(answer, "payload")
            if events.number(row.get("inbox_id")) == self._inbox_id
        ]

    def moved_conversations(self, page: int) -> list[Conversation]:
        """The inbox's conversations, latest activity first, 25 a page from 1 on."""
        return self._conversations(f"?inbox_id={self._inbox_id}&status=all&page={page}")

    def conversation(self, conversation_id: int) -> Conversation:
        """A conversation as it is now. Raises ConversationGone, also for another inbox's."""
        answer = self._send("GET", self._path("conversations", conversation_id))
        self._expect(answer, ConversationGone)
        found = self._conversation(as_dict(self._read(answer)), answer)
        if found.inbox_id != self._inbox_id:
            raise ConversationGone(detail=f"it is in inbox {found.inbox_id}")
        return found

    def survey(self, conversation_id: int) -> Survey:
        """What the link to the survey of a conversation is made of. Raises ConversationGone."""
        answer = self._send("GET", self._path("conversations", conversation_id))
        self._expect(answer, ConversationGone)
        said = as_dict(self._read(answer))
        picture = str(as_dict(said, "meta", "sender").get("thumbnail") or "")
        return Survey(quote(str(said.get("uuid") or ""), safe=""), address.of_file(picture))

    def toggle_status(self, conversation_id: int, status: str) -> None:
        """Sets a conversation to open, resolved, pending or snoozed. Raises ConversationGone."""
        path = self._path("conversations", conversation_id, "toggle_status")
        answer = self._send("POST", path, {"status": status})
        self._expect(answer, ConversationGone)
        self._read(answer)

    def stop_typing(self, conversation_id: int) -> None:
        """Says that the token's owner is not typing, which Chatwoot tells its webhooks and nobody
        sees. Raises ConversationGone."""
        path = self._path("conversations", conversation_id, "toggle_typing_status")
        answer = self._send("POST", path, {"typing_status": "off"})
        self._expect(answer, ConversationGone)

    # -- messages ----------------------------------------------------------------------------------

    def post_message(
        self, conversation_id: int, content: str, **fields: Unpack[MessageFields]
    ) -> int:
        """Adds a message; its id. Raises ConversationGone and ConversationFlooded."""
        body = _message_body(content=content, **fields)
        answer = self._send("POST", self._thread(conversation_id), body)
        return self._posted(answer)

    def post_file(
        self,
        conversation_id: int,
        path: Path,
        *,
        file_name: str,
        mime_type: str,
        content: str = "",
        **fields: Unpack[MessageFields],
    ) -> int:
        """Adds a message with one file, streamed; its id. Raises FileTooLarge besides."""
        body = _message_body(content=content, **fields)
        texts = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in body.items()
        }
        form = Multipart(texts, "attachments[]", path, name=file_name, mime_type=mime_type)
        answer = self._send("POST", self._thread(conversation_id), form=form, read_s=STORE_S)
        return self._posted(answer)

    def upload(self, path: Path, *, file_name: str, mime_type: str) -> Upload | None:
        """Has Chatwoot keep a file for a message to come; an account may do so 60 times an hour.

        None where it does not keep it, as while its storage is full. Raises FileTooLarge.
        """
        form = Multipart({}, "attachment", path, name=file_name, mime_type=mime_type)
        answer = self._send("POST", self._path("upload"), form=form, read_s=STORE_S)
        if answer.status in {422, 500}:
            return None
        said = as_dict(self._read(answer))
        blob_id, url = said.get("blob_id"), said.get("file_url")
        if not isinstance(blob_id, str) or not isinstance(url, str):
            return None
        kept = Upload(blob_id, Attachment(url, size=path.stat().st_size))
        return kept if self.is_stored(kept.file) else None

    def is_stored(self, attachment: Attachment) -> bool:
        """Whether the bytes of a file are there; rules: `bridge.chatwoot.attachments`."""
        return attachments.is_stored(
            self._http,
            attachment,
            base_url=self._base_url,
            deadline=self._deadline,
            diagnosis=self._diagnosis,
        )

    def messages_after(self, conversation_id: int, after_id: int) -> list[AgentMessage]:
        """The messages of every kind with a greater id, oldest first, up to 100."""
        return self._messages(conversation_id, f"?after={after_id}")

    def latest_messages(self, conversation_id: int) -> list[AgentMessage]:
        """The newest twenty messages, oldest first."""
        return self._messages(conversation_id, "")

    def set_status(
        self, conversation_id: int, message_id: int, status: str, reason: str = ""
    ) -> bool:
        """Shows how far a message has come; `reason` with failed only. Raises MessageGone.

        False when this Chatwoot cannot show it (before 4.2.0).
        """
        body = {"status": status}
        if status == "failed":
            body["external_error"] = reason[:_MAX_REASON]
        answer = self._send("PATCH", self._thread(conversation_id, message_id), body)
        if is_no_route(answer):
            return False
        self._expect(answer, MessageGone)
        self._id(as_dict(self._read(answer)), answer)
        return True

    def retry_message(self, conversation_id: int, message_id: int) -> None:
        """Takes the failed mark off a message, whoever wrote it, and everything else that is kept
        in its content_attributes. Raises MessageGone."""
        path = self._thread(conversation_id, message_id, "retry")
        answer = self._send("POST", path, {"message_id": message_id})
        self._expect(answer, MessageGone)
        self._read(answer)

    def delete_message(self, conversation_id: int, message_id: int) -> None:
        """Takes a message back: Chatwoot keeps it, without its content. Raises MessageGone."""
        answer = self._send("DELETE", self._thread(conversation_id, message_id))
        self._expect(answer, MessageGone)
        self._read(answer)

    def download(self, url: str, *, to: Path, max_bytes: int) -> str:
        """An attachment into the new file `to`; its media type, empty when not said.

        Rules: `bridge.chatwoot.attachments`. Raises FileNotThere, FileTooLarge and FileRefused.
        """
        return attachments.download(
            self._http,
            url,
            base_url=self._base_url,
            to=to,
            max_bytes=max_bytes,
            deadline=self._deadline,
            diagnosis=self._diagnosis,
        )

    # -- underneath --------------------------------------------------------------------------------

    def _thread(self, conversation_id: int, *more: object) -> str:
        return self._path("conversations", conversation_id, "messages", *more)

    def _posted(self, answer: Answer) -> int:
        self._expect(answer, ConversationGone)
        return self._id(as_dict(self._read(answer)), answer)

    def _messages(self, conversation_id: int, query: str) -> list[AgentMessage]:
        answer = self._send("GET", self._thread(conversation_id) + query)
        self._expect(answer, ConversationGone)
        rows = self._rows(answer, "payload")
        contact = as_dict(self._read(answer), "meta", "contact")
        found = [
            events.parse_message(row, conversation_id=conversation_id, contact=contact)
            for row in rows
        ]
        return sorted((one for one in found if one), key=lambda one: one.id)

    def _conversations(self, query: str) -> list[Conversation]:
        answer = self._send("GET", self._path("conversations") + query)
        return [self._conversation(row, answer) for row in self._rows(answer, "data", "payload")]

    def _conversation(self, row: Mapping[str, Any], answer: Answer) -> Conversation:
        at = row.get("last_activity_at") or row.get("timestamp")
        last = as_dict(row, "last_non_activity_message")
        return Conversation(
            id=self._id(row, answer),
            status=str(row.get("status") or ""),
            last_activity_at=_time(at),
            contact_id=events.number(as_dict(row, "meta", "sender").get("id")),
            last_message_id=events.number(last.get("id")),
            last_message_at=_time(last.get("created_at")),
            inbox_id=events.number(row.get("inbox_id")),
        )


def _message_body(
    *,
    content: str,
    incoming: bool = False,
    source_id: str = "",
    in_reply_to_external_id: str = "",
    private: bool = False,
    content_attributes: Mapping[str, object] | None = None,
    uploads: Sequence[str] = (),
) -> dict[str, object]:
    attributes = dict(content_attributes or {})
    if in_reply_to_external_id:
        attributes["in_reply_to_external_id"] = in_reply_to_external_id
    body: dict[str, object] = {
        "content": content,
        "message_type": "incoming" if incoming else "outgoing",
    }
    if private:
        body["private"] = True
    if source_id:
        body["source_id"] = source_id
    if attributes:
        body["content_attributes"] = attributes
    if uploads:
        body["attachments"] = list(uploads)
    return body


def _time(value: object) -> ChatwootTime:
    """A time as the API writes it."""
    return ChatwootTime(float(value)) if isinstance(value, int | float) else UNTOLD


def _message_with(source_id: str, conversation: Mapping[str, Any]) -> int:
    """The id of the message with that source_id among those that a conversation shows."""
    shown = [*rows_of(conversation, "messages"), as_dict(conversation, "last_non_activity_message")]
    mine = [events.number(row.get("id")) for row in shown if row.get("source_id") == source_id]
    return max(mine, default=0) if source_id else 0
