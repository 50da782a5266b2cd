"""What follows a message that is in Chatwoot already: its file, or the words for a placeholder.

WhatsApp gives a device words that it could not read at first, and gateways tell a message once more
when they have its file. Both stand as replies to what came first (docs/routing.md).
"""

from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.errors import N_, NotYet
from bridge.domain.messages import Message
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import changes, content, search
from bridge.routing.to_chatwoot.posting import Posting
from bridge.store.chats import Chat
from bridge.store.journal import Entry, Job, MessageLink

#: How long a file waits, in seconds, for the words that it follows to be in Chatwoot.
_WORDS_S = 3600.0


def fullest(entry: Entry, message: Message, context: Context) -> Message:
    """What is known of a message by now: a fuller event takes the place of a poorer one."""
    found = context.services.journal.find(
        entry.instance_id, jobs.fuller_key(message.id), Job.MESSAGE
    )
    fuller = jobs.decode(found.body) if found is not None else None
    return fuller if isinstance(fuller, Message) else message


def add(
    entry: Entry, message: Message, chat: Chat, poorer: MessageLink, context: Context
) -> list[MessageLink]:
    """The text, or the file, that was missing in what is there."""
    if poorer.integration_id != context.integration.id or poorer.reached == "deleted":
        return []
    try:
        there = _all_of(message, poorer, context)
        first = next((piece for piece in there if piece.id == poorer.chatwoot_id), None)
        if first is None or first.deleted:
            return []
        posting = Posting(entry, message, context)
        pieces = posting.pieces(content.text(message, chat, context))
        has_text = pieces[:1] == [first.text]
        if message.media is None and has_text:
            return []
        if message.media is not None:
            if any(piece.attachments for piece in there):
                return []
            pieces = [""] if first.text and has_text else pieces
        number = len(context.services.chats.pieces(entry.instance_id, message.id)) + 1
        found = [piece for piece in there if piece.id != poorer.chatwoot_id]
        link = posting.link_to(poorer.conversation_id)
        answers = {"in_reply_to": poorer.chatwoot_id}
        return posting.post(pieces, link, answers, found, first=number)
    except ConversationGone:
        return []


def deliver_file(entry: Entry, message: Message, context: Context) -> list[MessageLink]:
    """The file of a message whose words went ahead; raises NotYet until it is there."""
    words = context.services.chats.pair(entry.instance_id, message.id)
    if words is None:
        if entry.age_s(context.services.clock()) < _WORDS_S:
            raise NotYet(N_("the message that the file belongs to"), retry_after_s=2)
        return []
    is_deleted = words.reached == "deleted"
    if words.integration_id != context.integration.id or (is_deleted and not entry.doubtful):
        return []
    try:
        found = _all_of(message, words, context) if entry.doubtful else []
        posted = [piece.id for piece in found if not piece.deleted]
        if not is_deleted:
            links = Posting(entry, message, context).post_late_file(words, found)
            if not _is_deleted(message, context):
                return links
            posted += [link.chatwoot_id for link in links if link.chatwoot_id not in posted]
        # The deletion came while the file was posted: it is in another lane.
        for message_id in posted:
            changes.remove(words.conversation_id, message_id, context)
    except ConversationGone:
        pass
    return []


def _is_deleted(message: Message, context: Context) -> bool:
    pair = context.services.chats.pair(context.instance.id, message.id)
    return pair is not None and pair.reached == "deleted"


def _all_of(message: Message, first: MessageLink, context: Context) -> list[AgentMessage]:
    """The pieces of a message that are in Chatwoot, from its first one on."""
    later = search.messages_after(first.conversation_id, first.chatwoot_id - 1, context)
    return [
        piece for piece in later if search.is_of(piece, message) or piece.id == first.chatwoot_id
    ]
