"""Posts a WhatsApp message to its conversation: its text, in pieces if it is long, and its file.

What an earlier try brought is not posted again. A file is there when its bytes are, not when
Chatwoot lists it (docs/contracts/chatwoot.md, Files): where they are missing, it is uploaded again
as a reply to the message that lost it. No chat waits long for a file: where it does not come soon,
the text goes ahead and the file follows as a reply (docs/routing.md).
"""

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge import markup
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.messages import MAX_TEXT, MessageFields, NewMessage
from bridge.chatwoot.refusals import FileEmpty, FileTooLarge
from bridge.domain import texts
from bridge.domain.errors import N_, ChatwootThrottles, NotYet
from bridge.domain.messages import MEDIA, Message
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
from bridge.routing.to_chatwoot import conversations, permissions, search
from bridge.routing.to_chatwoot.phrases import file_size, phrase
from bridge.store.conversation_links import ConversationLink
from bridge.store.journal import Entry, Job, MessageLink, State

log = logging.getLogger(__name__)

#: Room for a note beside the text of a message whose file cannot be brought, in characters.
_NOTE = 1_000
#: How long a chat may wait for a file, and a call for it last at the least, in seconds.
_CHAT_WAITS_S = 25.0
_LEAST_CALL_S = 3.0
#: How long a file that follows is asked for, in seconds: one that the gateway does not have, and
#: one that cannot be asked for because the gateway is down.
_FILE_PATIENCE_S = 600.0
_GATEWAY_PATIENCE_S = 24 * 3600.0
_FILE_PAUSE_S = 3.0


@dataclass(slots=True)
class Posting:
    """One message that is posted to Chatwoot. `private`: as a note, which changes nothing about a
    conversation that is resolved."""

    entry: Entry
    message: Message
    context: Context
    private: bool = False
    #: What earlier tries brought of it.
    _found: Sequence[AgentMessage] = ()

    def pieces(self, text: str) -> list[str]:
        """The text as the messages that it becomes in Chatwoot, which takes so much in one."""
        limit = MAX_TEXT - _NOTE if self.message.kind in MEDIA else MAX_TEXT
        return texts.split(text, limit, sent=self._shown)

    def post(
        self,
        pieces: Sequence[str],
        link: ConversationLink,
        attributes: Mapping[str, object],
        found: Sequence[AgentMessage],
        *,
        first: int = 1,
    ) -> list[MessageLink]:
        """Posts what is not among `found`, which earlier tries brought; the pairs of all of it. The
        first piece has the `attributes`, and the number `first`. Raises BridgeErrors."""
        self._found, pairs = found, []
        for number, text in enumerate(pieces, first):
            name = piece_id(self._own_id, number)
            earlier = self._earlier(name)
            if earlier is not None:
                message_id = earlier.id
            elif number > first:
                message_id = self._post(link.conversation_id, text, self._fields(name))
            else:
                link, message_id = self._begin(link, text, self._fields(name, attributes))
            pairs.append(self.pair(name, link.conversation_id, message_id))
            if earlier is not None and earlier.attachments:
                pairs += self._complete(earlier, link.conversation_id)
        return pairs

    def post_late_file(self, text: MessageLink, found: Sequence[AgentMessage]) -> list[MessageLink]:
        """Posts the file that follows its text, as a reply to it; or that it does not come."""
        self._found = found
        name, conversation_id = copy_id(self._own_id, 1), text.conversation_id
        earlier = self._earlier(name)
        if earlier is not None:
            return self._complete(earlier, conversation_id)
        fields = self._fields(name, {"in_reply_to": text.chatwoot_id})
        message_id = self._with_file(conversation_id, "", fields)
        return [self.pair(name, conversation_id, message_id)]

    def link_to(self, conversation_id: int) -> ConversationLink:
        """A conversation of the chat, whatever has become of it."""
        here, chat_id = self.context.integration.id, self.entry.chat_id
        return ConversationLink(here, chat_id, "", conversation_id=conversation_id, status="open")

    def pair(self, name: str, conversation_id: int, message_id: int) -> MessageLink:
        """The ids of a piece on both sides."""
        return MessageLink(
            instance_id=self.context.instance.id,
            whatsapp_id=name,
            chat_id=self.entry.chat_id,
            from_me=self.message.from_me,
            integration_id=self.context.integration.id,
            conversation_id=conversation_id,
            chatwoot_id=message_id,
            author=permissions.author(self.message),
            reference=self.message.reference,
        )

    # -- the message -------------------------------------------------------------------------------

    @property
    def _own_id(self) -> str:
        return search.own_id(self.message)

    def _begin(
        self, link: ConversationLink, text: str, fields: MessageFields
    ) -> tuple[ConversationLink, int]:
        """The first or only message, in a new conversation where there is none that goes on."""
        is_new = conversations.is_over(link, self.context)
        if self.message.kind not in MEDIA:
            if is_new:
                message: NewMessage = {"content": self._shown(text), **fields}
                return conversations.begin(link, self.context, message)
            return link, self._post(link.conversation_id, text, fields)
        if is_new:
            link, _ = conversations.begin(link, self.context)
        if self._follows():
            return link, self._post(link.conversation_id, self._noted(text, "file_follows"), fields)
        return link, self._with_file(link.conversation_id, text, fields)

    def _post(self, conversation_id: int, text: str, fields: MessageFields) -> int:
        text = self._shown(text)
        return self.context.chatwoot().messages.post(conversation_id, text, **fields)

    def _post_file(self, conversation_id: int, text: str, fields: MessageFields, file: File) -> int:
        return self.context.chatwoot(FILE_S).messages.post_file(
            conversation_id,
            file.path,
            file_name=file.name,
            mime_type=file.mime_type,
            content=self._shown(text),
            **fields,
        )

    def _with_file(
        self,
        conversation_id: int,
        text: str,
        fields: MessageFields,
        *,
        is_copy: bool = False,
    ) -> int:
        """Posts the file, or the text with a note where it cannot be had or is not taken.
        `is_copy`: in place of one whose bytes Chatwoot has lost."""
        post, size = self._post_copy if is_copy else self._post_file, 0
        once = self.message.media is not None and self.message.media.view_once
        try:
            with files.from_gateway(self.message, self.context, seconds=self._left_s()) as file:
                size = file.size
                return post(conversation_id, text, fields, file)
        except FileTooLarge:
            key = "too_large"
        except FileEmpty:
            key = "file_empty"
        except GatewayRefuses as error:
            key = "too_large" if isinstance(error, MediaTooLarge) else "file_gone"
            key = "view_once" if once and key == "file_gone" else key
        except GatewayUnavailable as error:
            key = "view_once" if once else self._missing(error, follows=not is_copy)
        return self._post(conversation_id, self._noted(text, key, size), fields)

    def _noted(self, text: str, key: str, size: int = 0) -> str:
        language = self.context.services.settings.language
        shown = file_size(language, size) if size else f"> {file_size(language, files.MAX_BYTES)}"
        name = self.message.media.file_name if self.message.media else ""
        note = phrase(language, key, name=markup.literal(name or self.message.kind), size=shown)
        return f"{text}\n\n{note}".strip()

    def _left_s(self) -> float:
        """How long a call for the file may last: as long as the chat may still wait for it."""
        if self.entry.job is Job.FILE:
            return FILE_S
        return max(_CHAT_WAITS_S - self._age_s(), _LEAST_CALL_S)

    def _age_s(self) -> float:
        return self.entry.age_s(self.context.services.clock())

    def _follows(self) -> bool:
        """Whether a note has announced the file before, and it is still being asked for."""
        late = self.context.services.journal.find(
            self.entry.instance_id, late_key(self.message.id), Job.FILE
        )
        return late is not None and late.state is State.READY

    def _missing(self, error: GatewayUnavailable, *, follows: bool) -> str:
        """The note for a file that the gateway does not give now. Raises NotYet to ask again: it
        may still be fetching it, so the chat waits, but not for long. Then the file `follows`:
        nothing waits for it any more, and it may take its time, but not for ever."""
        is_late, services = self.entry.job is Job.FILE, self.context.services
        most_s, pause_s = _CHAT_WAITS_S, _FILE_PAUSE_S
        if is_late:
            is_answered = isinstance(error, MediaNotReady)
            most_s = _FILE_PATIENCE_S if is_answered else _GATEWAY_PATIENCE_S
            pause_s = min(_FILE_PAUSE_S * (1 + self.entry.attempts / 4), 60.0)
        left_s = most_s - self._age_s()
        if left_s > 0:
            after_s = min(pause_s, max(left_s, 0.1))
            raise NotYet(N_("a file of the message"), retry_after_s=after_s) from error
        if is_late or not follows:
            return "file_gone"
        now = services.clock()
        late = jobs.new(
            self.entry.chat_id,
            late_key(self.message.id),
            LateFile(self.message),
            due_at=now + _FILE_PAUSE_S,
            integration_id=self.context.integration.id,
        )
        # Before the text that announces it: a file that was promised is never forgotten.
        services.journal.accept(self.entry.instance_id, [late], now=now)
        services.wakeup.wake()
        return "file_follows" if self._follows() else "file_gone"

    # -- a file whose bytes are missing ------------------------------------------------------------

    def _complete(self, listed: AgentMessage, conversation_id: int) -> list[MessageLink]:
        """The pairs of the copies of a file that Chatwoot lists, and may not have."""
        pairs, newest = [], listed
        for number in itertools.count(1):
            name = copy_id(self._own_id, number)
            copy = self._earlier(name)
            if copy is None:
                break
            pairs.append(self.pair(name, conversation_id, copy.id))
            newest = copy
        if all(map(self.context.chatwoot().files.is_stored, newest.attachments)):
            return pairs
        log.info("Chatwoot lost the file of message %s: it is posted again", listed.id)
        fields = self._fields(name, {"in_reply_to": listed.id})
        message_id = self._with_file(conversation_id, "", fields, is_copy=True)
        return [*pairs, self.pair(name, conversation_id, message_id)]

    def _post_copy(self, conversation_id: int, text: str, fields: MessageFields, file: File) -> int:
        """Uploads it first, so that a storage that still keeps nothing makes no further message
        without a file."""
        chatwoot = self.context.chatwoot(FILE_S)
        try:
            upload = chatwoot.files.upload(file.path, file_name=file.name, mime_type=file.mime_type)
        except ChatwootThrottles:
            # Chatwoot takes so many uploads an hour, and no more.
            return self._post_file(conversation_id, text, fields, file)
        if upload is None:
            after_s = backoff(self.entry.attempts)
            raise NotYet(N_("the storage of Chatwoot, which keeps no files"), retry_after_s=after_s)
        return self._post(conversation_id, text, {**fields, "uploads": [upload.blob_id]})

    # -- small parts -------------------------------------------------------------------------------

    def _earlier(self, name: str) -> AgentMessage | None:
        source_id = WHATSAPP_ID_PREFIX + name
        return next((piece for piece in self._found if piece.own_source_id == source_id), None)

    def _fields(self, name: str, attributes: Mapping[str, object] | None = None) -> MessageFields:
        attributes = dict(attributes or {})
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
        """As it must be posted for the agent to read `text`."""
        return markup.protect_liquid(text) if self.message.from_me or self.private else text
