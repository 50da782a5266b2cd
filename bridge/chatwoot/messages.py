"""The messages of a conversation. Each method is one HTTP call.

Source: docs/contracts/chatwoot.md, Messages.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from bridge.chatwoot import events
from bridge.chatwoot.answers import InboxCalls, is_no_route
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.multipart import STORE_S, Multipart
from bridge.chatwoot.refusals import ConversationGone, MessageGone
from bridge.net.http import Answer

#: The longest text of a message, in characters as Chatwoot counts them.
MAX_TEXT = 150_000
#: The longest reason beside a failed message, in characters; Chatwoot stores 20,000.
_MAX_REASON = 2_000


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


class Messages:
    """Raises the errors of `bridge.chatwoot.answers`."""

    def __init__(self, calls: InboxCalls) -> None:
        self._calls = calls

    def post(self, conversation_id: int, content: str, **fields: Unpack[MessageFields]) -> int:
        """Adds a message; its id. Raises ConversationGone and ConversationFlooded."""
        body = message_body(content=content, **fields)
        return self._posted(self._calls.transport.send("POST", _path(conversation_id), body))

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
        texts = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in message_body(content=content, **fields).items()
        }
        form = Multipart(texts, "attachments[]", path, name=file_name, mime_type=mime_type)
        send = self._calls.transport.send
        return self._posted(send("POST", _path(conversation_id), form=form, read_s=STORE_S))

    def after(self, conversation_id: int, after_id: int) -> list[AgentMessage]:
        """The messages of every kind with a greater id, oldest first, up to 100."""
        return self._list(f"{_path(conversation_id)}?after={after_id}", conversation_id)

    def latest(self, conversation_id: int) -> list[AgentMessage]:
        """The newest twenty messages, oldest first."""
        return self._list(_path(conversation_id), conversation_id)

    def set_status(
        self, conversation_id: int, message_id: int, status: str, reason: str = ""
    ) -> bool:
        """Shows how far a message has come; `reason` with failed only. Raises MessageGone.

        False when this Chatwoot cannot show it (before 4.2.0).
        """
        wanted = {"status": status}
        if status == "failed":
            wanted["external_error"] = reason[:_MAX_REASON]
        answer = self._calls.transport.send("PATCH", _path(conversation_id, message_id), wanted)
        if is_no_route(answer):
            return False
        body = self._calls.read(answer, gone=MessageGone)
        body.id_of(body.object())
        return True

    def retry(self, conversation_id: int, message_id: int) -> None:
        """Takes the failed mark off a message, whoever wrote it, and everything else that is in its
        content_attributes. Raises MessageGone."""
        path = f"{_path(conversation_id, message_id)}/retry"
        self._calls.ask("POST", path, {"message_id": message_id}, gone=MessageGone)

    def delete(self, conversation_id: int, message_id: int) -> None:
        """Removes the content of a message; Chatwoot keeps the message. Raises MessageGone."""
        self._calls.ask("DELETE", _path(conversation_id, message_id), gone=MessageGone)

    def _posted(self, answer: Answer) -> int:
        body = self._calls.read(answer, gone=ConversationGone)
        return body.id_of(body.object())

    def _list(self, path: str, conversation_id: int) -> list[AgentMessage]:
        body = self._calls.ask("GET", path, gone=ConversationGone)
        contact = body.object("meta", "contact")
        messages = [
            events.parse_message(row, conversation_id=conversation_id, contact=contact)
            for row in body.rows("payload")
        ]
        return sorted(filter(None, messages), key=lambda message: message.id)


def message_body(
    *,
    content: str,
    incoming: bool = False,
    source_id: str = "",
    in_reply_to_external_id: str = "",
    private: bool = False,
    content_attributes: Mapping[str, object] | None = None,
    uploads: Sequence[str] = (),
) -> dict[str, object]:
    """A new message as the API takes it."""
    attributes = dict(content_attributes or {})
    if in_reply_to_external_id:
        attributes["in_reply_to_external_id"] = in_reply_to_external_id
    optional = {
        "private": private,
        "source_id": source_id,
        "content_attributes": attributes,
        "attachments": list(uploads),
    }
    return {
        "content": content,
        "message_type": "incoming" if incoming else "outgoing",
        **{name: value for name, value in optional.items() if value},
    }


def _path(conversation_id: int, *message_id: int) -> str:
    return "/".join(map(str, ("conversations", conversation_id, "messages", *message_id)))
