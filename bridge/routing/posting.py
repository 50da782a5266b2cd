"""Puts a WhatsApp message into its conversation: its text, in pieces if it is long, and its file.

What an earlier try brought is given by the caller and is not brought again. A file is there when
its bytes are, not when Chatwoot lists it (docs/contracts/chatwoot.md, Files): where they are
missing, the file is uploaded again and stands as a reply to the message that lost it.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge import markup, texts
from bridge.chatwoot import versions
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.messaging import MAX_TEXT, MessageFields
from bridge.chatwoot.refusals import FileEmpty, FileTooLarge
from bridge.chatwoot.versions import Can
from bridge.errors import N_, BridgeError, ChatwootThrottles, NotYet
from bridge.gateways import base
from bridge.gateways.base import GatewayRefuses, GatewayUnavailable
from bridge.messages import MEDIA, Kind, Message
from bridge.routing import contacts, media, rights
from bridge.routing.context import FILE_S, Context
from bridge.routing.media import File
from bridge.routing.notes import file_size, note
from bridge.routing.outcome import backoff
from bridge.routing.outgoing import WHATSAPP_ID_PREFIX, copy_id, piece_id
from bridge.store.chats import Thread
from bridge.store.journal import Entry, Pair

log = logging.getLogger(__name__)

#: Room for a note beside the text of a message whose file cannot be brought, in characters.
_NOTE = 1_000
#: How long a message waits for its file, in seconds, before it comes without: one that the
#: gateway does not have, and one that cannot be asked for because the gateway is down.
_FILE_PATIENCE_S = 600.0
_GATEWAY_PATIENCE_S = 24 * 3600.0
_FILE_PAUSE_S = 3.0


def own_id(message: Message) -> str:
    """An edit or a reaction must not carry the id of the message that it is about."""
    if message.kind in {Kind.EDIT, Kind.REACTION}:
        return f"{message.kind}:{message.target_id}:{message.id}:{int(message.at)}"
    return message.id


def pieces(message: Message, text: str) -> list[str]:
    """The text as the messages that it becomes in Chatwoot, which takes so much in one."""
    limit = MAX_TEXT - _NOTE if message.kind in MEDIA else MAX_TEXT
    return texts.split(text, limit, sent=lambda piece: _shown(message, piece))


@dataclass(frozen=True, slots=True)
class Posting:
    """One message on its way into Chatwoot; `found` is what earlier tries brought of it."""

    entry: Entry
    message: Message
    context: Context
    found: Sequence[AgentMessage] = ()

    def post(self, said: Sequence[str], thread: Thread) -> list[Pair]:
        """Brings what is not there yet; the pairs of all of it. Raises BridgeErrors."""
        pairs = []
        for number, text in enumerate(said, 1):
            name = piece_id(own_id(self.message), number)
            there = self._earlier(name)
            if there is not None:
                message_id = there.id
            elif number > 1:
                message_id = self._post(thread, text, self._fields(name))
            else:
                thread, message_id = self._begin(thread, text, name)
            pairs.append(self._pair(name, thread, message_id))
            if there is not None and there.attachments:
                pairs += self._complete(there, thread)
        return pairs

    # -- the message -------------------------------------------------------------------------------

    def _begin(self, thread: Thread, text: str, name: str) -> tuple[Thread, int]:
        """The first or only message, in a new conversation where there is none that goes on."""
        fresh = self._is_over(thread)
        if fresh and (thread.conversation_id or self.entry.attempts or self.entry.doubtful):
            thread = contacts.with_what_an_agent_began(thread, self.context)
            fresh = self._is_over(thread)
        fields = self._fields(name, self._quoted(thread))
        if self.message.kind in MEDIA:
            if fresh:
                thread = contacts.open_conversation(thread, self.context)
            return thread, self._with_file(
                thread, text, fields, lambda file: self._post_file(thread, text, fields, file)
            )
        if fresh:
            text = _shown(self.message, text)
            return contacts.open_conversation_with(thread, text, self.context, fields)
        return thread, self._post(thread, text, fields)

    def _is_over(self, thread: Thread) -> bool:
        """Whether there is no conversation that goes on."""
        reopens = self.context.integration.options.reopen_resolved
        return not thread.conversation_id or (thread.status == "resolved" and not reopens)

    def _post(self, thread: Thread, text: str, fields: MessageFields) -> int:
        text = _shown(self.message, text)
        return self.context.chatwoot().post_message(thread.conversation_id, text, **fields)

    def _post_file(self, thread: Thread, text: str, fields: MessageFields, file: File) -> int:
        return self.context.chatwoot(FILE_S).post_file(
            thread.conversation_id,
            file.path,
            file_name=file.name,
            mime_type=file.mime_type,
            content=_shown(self.message, text),
            **fields,
        )

    def _with_file(
        self, thread: Thread, text: str, fields: MessageFields, bring: Callable[[File], int]
    ) -> int:
        """Brings the file, or the text with a note where it cannot be had or is not taken."""
        size = 0
        try:
            with media.from_gateway(self.message, self.context) as file:
                size = file.size
                return bring(file)
        except FileTooLarge:
            key = "too_large"
        except FileEmpty:
            key = "file_empty"
        except GatewayRefuses as error:
            key = "too_large" if isinstance(error, base.FileTooLarge) else "file_gone"
        except GatewayUnavailable as error:
            self._be_patient(error)
            key = "file_gone"
        language = self.context.services.settings.language
        told = file_size(language, size) if size else f"> {file_size(language, media.MAX_BYTES)}"
        name = self.message.media.file_name if self.message.media else ""
        said = note(language, key, name=name or self.message.kind, size=told)
        return self._post(thread, f"{text}\n\n{said}".strip(), fields)

    def _be_patient(self, error: GatewayUnavailable) -> None:
        """The gateway may still be fetching it, or be down: it is waited for, not for ever."""
        entry = self.entry
        there = isinstance(error, base.FileNotYet)
        patience_s = _FILE_PATIENCE_S if there else _GATEWAY_PATIENCE_S
        if self.context.services.clock() - entry.received_at < patience_s:
            after_s = min(_FILE_PAUSE_S * (1 + entry.attempts / 4), 60.0)
            raise NotYet(N_("a file of the message"), retry_after_s=after_s) from error

    # -- a file whose bytes are missing ------------------------------------------------------------

    def _complete(self, listed: AgentMessage, thread: Thread) -> list[Pair]:
        """The pairs of the copies of a file that Chatwoot lists, and may not have."""
        pairs, newest, number = [], listed, 1
        name = copy_id(own_id(self.message), number)
        while (copy := self._earlier(name)) is not None:
            pairs.append(self._pair(name, thread, copy.id))
            newest, number = copy, number + 1
            name = copy_id(own_id(self.message), number)
        if all(map(self.context.chatwoot().is_stored, newest.attachments)):
            return pairs
        log.info("Chatwoot lost the file of message %s: it is brought again", listed.id)
        fields = self._fields(name, {"in_reply_to": listed.id})
        message_id = self._with_file(
            thread, "", fields, lambda file: self._post_copy(thread, fields, file)
        )
        return [*pairs, self._pair(name, thread, message_id)]

    def _post_copy(self, thread: Thread, fields: MessageFields, file: File) -> int:
        """Uploads it first, so that a storage that still keeps nothing makes no further message
        without a file."""
        chatwoot = self.context.chatwoot(FILE_S)
        try:
            upload = chatwoot.upload(file.path, file_name=file.name, mime_type=file.mime_type)
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

    def _fields(self, name: str, about: dict[str, object] | None = None) -> MessageFields:
        attributes = dict(about or {})
        if self.message.from_me:
            # Shown as written on the phone, and not by the owner of the token (since 4.11).
            attributes["external_echo"] = True
        fields: MessageFields = {
            "incoming": not self.message.from_me,
            "source_id": WHATSAPP_ID_PREFIX + name,
        }
        if attributes:
            fields["content_attributes"] = attributes
        return fields

    def _quoted(self, thread: Thread) -> dict[str, object]:
        """What a message is about, as Chatwoot finds it: by its own id where we know it, since a
        message that an agent wrote cannot be given a source_id (docs/contracts/chatwoot.md,
        Messages)."""
        message, context = self.message, self.context
        is_change = message.kind in {Kind.EDIT, Kind.REACTION}
        about = message.target_id if is_change else message.quoted_id
        if not about:
            return {}
        pair = context.services.chats.pair(context.instance.id, about)
        if pair is not None and not self._may_be_about(pair):
            return {}
        if pair is not None and pair.integration_id == context.integration.id:
            return {"in_reply_to": pair.chatwoot_id}
        external = WHATSAPP_ID_PREFIX + about
        if versions.can(context.integration, Can.KEEP_ATTRIBUTES):
            return {"in_reply_to_external_id": external}
        # An older one keeps nothing but its own id of the message, which is looked for.
        with contextlib.suppress(BridgeError):
            latest = (
                context.chatwoot().latest_messages(thread.conversation_id)
                if thread.conversation_id
                else []
            )
            for one in latest:
                if one.own_source_id == external:
                    return {"in_reply_to": one.id}
        return {}

    def _may_be_about(self, target: Pair) -> bool:
        chat = self.context.services.chats.get(self.entry.chat_id)
        if self.message.kind is Kind.EDIT:
            return rights.may_change(self.message, target, chat, self.context)
        return rights.may_point_at(target, chat)

    def _pair(self, name: str, thread: Thread, message_id: int) -> Pair:
        return Pair(
            instance_id=self.context.instance.id,
            whatsapp_id=name,
            chat_id=thread.chat_id,
            from_me=self.message.from_me,
            integration_id=self.context.integration.id,
            conversation_id=thread.conversation_id,
            chatwoot_id=message_id,
            author=rights.author(self.message),
        )


def _shown(message: Message, text: str) -> str:
    """As it must be sent for the agent to read `text`."""
    return markup.protect_liquid(text) if message.from_me else text
