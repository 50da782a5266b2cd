"""What follows a message that is in Chatwoot already: its file, or the words for a placeholder.

WhatsApp gives a device words that it could not read at first, and gateways tell a message once more
when they have its file. Both stand as replies to what came first (docs/routing.md).
"""

from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.errors import N_, NotYet
from bridge.domain.messages import Message
from bridge.routing import ids, jobs
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import content
from bridge.routing.to_chatwoot.posting import Posting, own_id, pieces
from bridge.store.chats import Chat, ConversationLink
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
    """The words, or the file, that were missing in what is there."""
    if poorer.integration_id != context.integration.id or poorer.reached == "deleted":
        return []
    thread = _beside(poorer, entry, context)
    try:
        listed = _all_of(message, poorer, context)
        first = next((one for one in listed if one.id == poorer.chatwoot_id), None)
        if first is None or first.deleted:
            return []
        said = pieces(message, content.text(message, chat, context))
        if message.media is not None:
            if any(one.attachments for one in listed):
                return []
            said = said if not first.text or said[:1] != [first.text] else [""]
        elif said[:1] == [first.text]:
            return []
        number = len(context.services.chats.pieces(entry.instance_id, message.id)) + 1
        found = [one for one in listed if one.id != poorer.chatwoot_id]
        answers = {"in_reply_to": poorer.chatwoot_id}
        return Posting(entry, message, context, found).post(said, thread, answers, first=number)
    except ConversationGone:
        return []


def bring_file(entry: Entry, message: Message, context: Context) -> list[MessageLink]:
    """The file of a message whose words went ahead; raises NotYet until it is there."""
    words = context.services.chats.pair(entry.instance_id, message.id)
    if words is None:
        if context.services.clock() - entry.received_at < _WORDS_S:
            raise NotYet(N_("the message that the file belongs to"), retry_after_s=2)
        return []
    if words.integration_id != context.integration.id or words.reached == "deleted":
        return []
    try:
        found = _all_of(message, words, context) if entry.doubtful else []
        posting = Posting(entry, message, context, found)
        return posting.bring_late(_beside(words, entry, context), words.chatwoot_id)
    except ConversationGone:
        return []


def _beside(pair: MessageLink, entry: Entry, context: Context) -> ConversationLink:
    """The conversation of a message, whatever has become of it."""
    return ConversationLink(
        context.integration.id,
        entry.chat_id,
        "",
        conversation_id=pair.conversation_id,
        status="open",
    )


def _all_of(message: Message, first: MessageLink, context: Context) -> list[AgentMessage]:
    """What stands in Chatwoot of a message, from its first piece on."""
    chatwoot, found, after = context.chatwoot(), [], first.chatwoot_id - 1
    ours = WHATSAPP_ID_PREFIX + own_id(message)
    while page := chatwoot.messages.after(first.conversation_id, after):
        found += [
            one
            for one in page
            if ids.whole_id(one.own_source_id) == ours or one.id == first.chatwoot_id
        ]
        after = page[-1].id
        if len(page) < 100:
            break
    return found
