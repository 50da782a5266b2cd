"""Puts a WhatsApp message into its conversation: its text, in pieces if it is long, and its file.

What an earlier try brought is given by the caller and is not brought again. A file is there when
its bytes are, not when Chatwoot lists it (docs/contracts/chatwoot.md, Files): where they are
missing, the file is uploaded again and stands as a reply to the message that lost it. No chat
stands for a file: where it does not come soon, the words go ahead and it follows as a reply
(docs/routing.md).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.messages import MAX_TEXT, MessageFields
from bridge.chatwoot.refusals import FileEmpty, FileTooLarge
from bridge.domain import texts
from bridge.domain.errors import N_, ChatwootThrottles, NotYet
from bridge.domain.messages import CHANGES, MEDIA, Message
from bridge.gateways.base import (
    GatewayRefuses,
    GatewayUnavailable,
    MediaNotReady,
    MediaTooLarge,
)
from bridge.routing import files, jobs
from bridge.routing.context import FILE_S, Context
from bridge.routing.files import File
from bridge.routing.ids import WHATSAPP_ID_PREFIX, copy_id, piece_id
from bridge.routing.jobs import LateFile, late_key
from bridge.routing.retry import backoff
from bridge.routing.to_chatwoot import contacts, permissions
from bridge.routing.to_chatwoot.phrases import file_size, phrase
from bridge.store.chats import ConversationLink
from bridge.store.journal import Entry, Job, MessageLink

log = logging.getLogger(__name__)

#: Room for a note beside the text of a message whose file cannot be brought, in characters.
_NOTE = 1_000
#: How long a chat may stand for a file, and a call for it last at the least, in seconds.
_CHAT_WAITS_S = 25.0
_LEAST_CALL_S = 3.0
#: How long a file that follows is asked for, in seconds: one that the gateway does not have, and
#: one that cannot be asked for because the gateway is down.
_FILE_PATIENCE_S = 600.0
_GATEWAY_PATIENCE_S = 24 * 3600.0
_FILE_PAUSE_S = 3.0


def own_id(message: Message) -> str:
    """What only says something of a message must not carry the id of that message."""
    if message.kind in CHANGES:
        return f"{message.kind}:{message.target_id}:{message.id}:{int(message.at)}"
    return message.id


def pieces(message: Message, text: str) -> list[str]:
    """The text as the messages that it becomes in Chatwoot, which takes so much in one."""
    limit = MAX_TEXT - _NOTE if message.kind in MEDIA else MAX_TEXT
    return texts.split(text, limit, sent=lambda piece: _shown(message, piece))


@dataclass(frozen=True, slots=True)
class Posting:
    """One message on its way into Chatwoot; `found` is what earlier tries brought of it.

    `private`: as a note, which changes nothing about a conversation that is resolved.
    """

    entry: Entry
    message: Message
    context: Context
    found: Sequence[AgentMessage] = ()
    private: bool = False

    def post(
        self,
        said: Sequence[str],
        thread: ConversationLink,
        about: Mapping[str, object],
        *,
        first: int = 1,
    ) -> list[MessageLink]:
        """Brings what is not there yet; the pairs of all of it. `about` is what the first piece
        carries besides, `first` its number. Raises BridgeErrors."""
        pairs = []
        for number, text in enumerate(said, first):
            name = piece_id(own_id(self.message), number)
            there = self._earlier(name)
            if there is not None:
                message_id = there.id
            elif number > first:
                message_id = self._post(thread, text, self._fields(name))
            else:
                thread, message_id = self._begin(thread, text, self._fields(name, about))
            pairs.append(self._pair(name, thread, message_id))
            if there is not None and there.attachments:
                pairs += self._complete(there, thread)
        return pairs

    def bring_late(self, thread: ConversationLink, listed_id: int) -> list[MessageLink]:
        """The file that follows the words, as a reply to them; or that it does not come."""
        name = copy_id(own_id(self.message), 1)
        there = self._earlier(name)
        if there is not None:
            return self._complete(there, thread)
        fields = self._fields(name, {"in_reply_to": listed_id})

        def bring(file: File) -> int:
            return self._post_file(thread, "", fields, file)

        message_id = self._with_file(thread, "", fields, bring, self._late)
        return [self._pair(name, thread, message_id)]

    # -- the message -------------------------------------------------------------------------------

    def _begin(
        self, thread: ConversationLink, text: str, fields: MessageFields
    ) -> tuple[ConversationLink, int]:
        """The first or only message, in a new conversation where there is none that goes on."""
        fresh = contacts.is_over(thread, self.context)
        if self.message.kind in MEDIA:
            if fresh:
                thread = contacts.open_conversation(thread, self.context)

            def bring(file: File) -> int:
                return self._post_file(thread, text, fields, file)

            if self._follows():
                return thread, self._post(thread, self._noted(text, "file_follows"), fields)
            return thread, self._with_file(thread, text, fields, bring, self._soon)
        if fresh:
            return contacts.open_conversation_with(thread, self._shown(text), self.context, fields)
        return thread, self._post(thread, text, fields)

    def _post(self, thread: ConversationLink, text: str, fields: MessageFields) -> int:
        text = self._shown(text)
        return self.context.chatwoot().messages.post(thread.conversation_id, text, **fields)

    def _post_file(
        self, thread: ConversationLink, text: str, fields: MessageFields, file: File
    ) -> int:
        return self.context.chatwoot(FILE_S).messages.post_file(
            thread.conversation_id,
            file.path,
            file_name=file.name,
            mime_type=file.mime_type,
            content=self._shown(text),
            **fields,
        )

    def _with_file(
        self,
        thread: ConversationLink,
        text: str,
        fields: MessageFields,
        bring: Callable[[File], int],
        without: Callable[[GatewayUnavailable], str],
    ) -> int:
        """Brings the file, or the text with a note where it cannot be had or is not taken.

        `without` says which note where the gateway does not give it now; raises NotYet to wait."""
        size = 0
        once = self.message.media is not None and self.message.media.view_once
        try:
            with files.from_gateway(self.message, self.context, seconds=self._left_s()) as file:
                size = file.size
                return bring(file)
        except FileTooLarge:
            key = "too_large"
        except FileEmpty:
            key = "file_empty"
        except GatewayRefuses as error:
            key = "too_large" if isinstance(error, MediaTooLarge) else "file_gone"
            key = "view_once" if once and key == "file_gone" else key
        except GatewayUnavailable as error:
            key = "view_once" if once else without(error)
        return self._post(thread, self._noted(text, key, size), fields)

    def _noted(self, text: str, key: str, size: int = 0) -> str:
        """The text with a note about its file."""
        language = self.context.services.settings.language
        told = file_size(language, size) if size else f"> {file_size(language, files.MAX_BYTES)}"
        name = self.message.media.file_name if self.message.media else ""
        said = phrase(language, key, name=markup.literal(name or self.message.kind), size=told)
        return f"{text}\n\n{said}".strip()

    def _left_s(self) -> float:
        """How long a call for the file may last: as long as the chat may still stand for it."""
        if self.entry.job is Job.FILE:
            return FILE_S
        return max(_CHAT_WAITS_S - self._age_s(), _LEAST_CALL_S)

    def _age_s(self) -> float:
        entry = self.entry
        return self.context.services.clock() - entry.received_at - entry.held_s

    def _follows(self) -> bool:
        """Whether it was said before that the file follows."""
        place = self.entry.instance_id, self.context.integration.id
        return self.context.services.journal.knows(*place, late_key(self.message.id), Job.FILE)

    def _soon(self, error: GatewayUnavailable) -> str:
        """The gateway may still be fetching it: it is waited for, but not for long."""
        if self._age_s() < _CHAT_WAITS_S:
            after_s = min(_FILE_PAUSE_S, max(_CHAT_WAITS_S - self._age_s(), 0.1))
            raise NotYet(N_("a file of the message"), retry_after_s=after_s) from error
        services, entry = self.context.services, self.entry
        now = services.clock()
        late = jobs.new(
            entry.chat_id,
            late_key(self.message.id),
            LateFile(self.message),
            due_at=now + _FILE_PAUSE_S,
            integration_id=self.context.integration.id,
        )
        # Before the words that announce it: a file that was promised is never forgotten.
        services.journal.accept(entry.instance_id, [late], now=now)
        services.wakeup.wake()
        return "file_follows"

    def _gone(self, error: GatewayUnavailable) -> str:
        """A copy is waited for as long as a chat may stand."""
        if self.entry.job is Job.FILE:
            return self._late(error)
        if self._age_s() < _CHAT_WAITS_S:
            raise NotYet(N_("a file of the message"), retry_after_s=_FILE_PAUSE_S) from error
        return "file_gone"

    def _late(self, error: GatewayUnavailable) -> str:
        """Nothing waits for it any more: it may take its time, but not for ever."""
        there = isinstance(error, MediaNotReady)
        if self._age_s() < (_FILE_PATIENCE_S if there else _GATEWAY_PATIENCE_S):
            after_s = min(_FILE_PAUSE_S * (1 + self.entry.attempts / 4), 60.0)
            raise NotYet(N_("a file of the message"), retry_after_s=after_s) from error
        return "file_gone"

    # -- a file whose bytes are missing ------------------------------------------------------------

    def _complete(self, listed: AgentMessage, thread: ConversationLink) -> list[MessageLink]:
        """The pairs of the copies of a file that Chatwoot lists, and may not have."""
        pairs, newest, number = [], listed, 1
        name = copy_id(own_id(self.message), number)
        while (copy := self._earlier(name)) is not None:
            pairs.append(self._pair(name, thread, copy.id))
            newest, number = copy, number + 1
            name = copy_id(own_id(self.message), number)
        if all(map(self.context.chatwoot().files.is_stored, newest.attachments)):
            return pairs
        log.info("Chatwoot lost the file of message %s: it is brought again", listed.id)
        fields = self._fields(name, {"in_reply_to": listed.id})
        message_id = self._with_file(
            thread, "", fields, lambda file: self._post_copy(thread, fields, file), self._gone
        )
        return [*pairs, self._pair(name, thread, message_id)]

    def _post_copy(self, thread: ConversationLink, fields: MessageFields, file: File) -> int:
        """Uploads it first, so that a storage that still keeps nothing makes no further message
        without a file."""
        chatwoot = self.context.chatwoot(FILE_S)
        try:
            upload = chatwoot.files.upload(file.path, file_name=file.name, mime_type=file.mime_type)
        except ChatwootThrottles:
            return self._post_file(thread, "", fields, file)  # so many uploads an hour, no more
        if upload is None:
            after_s = backoff(self.entry.attempts)
            raise NotYet(N_("the storage of Chatwoot, which keeps no files"), retry_after_s=after_s)
        return self._post(thread, "", {**fields, "uploads": [upload.blob_id]})

    # -- small parts -------------------------------------------------------------------------------

    def _earlier(self, name: str) -> AgentMessage | None:
        wanted = WHATSAPP_ID_PREFIX + name
        return next((one for one in self.found if one.own_source_id == wanted), None)

    def _fields(self, name: str, about: Mapping[str, object] | None = None) -> MessageFields:
        attributes = dict(about or {})
        if self.message.from_me and not self.private:
            # Shown as written on the phone, and not by the owner of the token (since 4.11).
            attributes["external_echo"] = True
        fields: MessageFields = {
            "incoming": not self.message.from_me and not self.private,
            "source_id": WHATSAPP_ID_PREFIX + name,
        }
        if self.private:
            fields["private"] = True
        if attributes:
            fields["content_attributes"] = attributes
        return fields

    def _shown(self, text: str) -> str:
        return _shown(self.message, text, private=self.private)

    def _pair(self, name: str, thread: ConversationLink, message_id: int) -> MessageLink:
        return MessageLink(
            instance_id=self.context.instance.id,
            whatsapp_id=name,
            chat_id=thread.chat_id,
            from_me=self.message.from_me,
            integration_id=self.context.integration.id,
            conversation_id=thread.conversation_id,
            chatwoot_id=message_id,
            author=permissions.author(self.message),
            reference=self.message.reference,
        )


def _shown(message: Message, text: str, *, private: bool = False) -> str:
    """As it must be sent for the agent to read `text`."""
    return markup.protect_liquid(text) if message.from_me or private else text
