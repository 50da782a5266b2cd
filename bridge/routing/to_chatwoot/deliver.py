"""From WhatsApp to Chatwoot: one message, once, in one call when all is known.

Rules: docs/contracts/chatwoot.md, Contacts, Conversations and Messages; the flags in
docs/contracts/ryzeapi.md, Chatwoot module.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator

from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone, SourceTaken
from bridge.domain.errors import N_, NotYet
from bridge.domain.messages import ANSWERED, Kind, Message
from bridge.routing import ids, jobs
from bridge.routing.context import Context
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.routing.to_chatwoot import changes, contacts, content, late_content
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.routing.to_chatwoot.posting import Posting, own_id, pieces
from bridge.store.chats import Chat, ConversationLink
from bridge.store.journal import Entry, MessageLink

log = logging.getLogger(__name__)

#: How often a conversation that was deleted is made anew for one message.
_HEALS = 3
#: In how many of a contact's latest conversations a message is looked for.
_LATEST = 3


def deliver(entry: Entry, message: Message, context: Context) -> list[MessageLink]:
    """Brings one message to Chatwoot; the pairs that this made. Raises BridgeErrors."""
    services = context.services
    chat = services.chats.get(entry.chat_id)
    if message.kind is Kind.REVOKE:
        return changes.take_back(entry, message, context)
    if message.kind in {Kind.EDIT, Kind.REACTION}:
        return changes.add(entry, message, chat, context)
    if message.kind is Kind.CALL and message.label == ANSWERED:
        return []  # kept so that its end does not count as one that was missed
    known = services.chats.pair(entry.instance_id, message.id)
    if known is not None:
        # It arrived before, is the echo of our own send, or says more than what arrived.
        is_fuller = entry.key == jobs.fuller_key(message.id)
        return late_content.add(entry, message, chat, known, context) if is_fuller else []
    if message.from_me and _may_be_echo(entry, context):
        # Of a send of ours that does not know its id yet.
        raise NotYet(N_("a send of ours in the same chat"), retry_after_s=0.5)
    is_gone = changes.is_taken_back(entry, message, context)
    if is_gone and not context.integration.options.keep_deleted:
        return []  # its deletion came first
    if not entry.doubtful:
        message = late_content.fullest(entry, message, context)
    return _put(entry, message, chat, context, is_gone=is_gone)


def _may_be_echo(entry: Entry, context: Context) -> bool:
    """Whether what comes from our own number may be the echo of a send that is under way. Where
    echoes carry our marker they were told apart at the door, and nobody waits for a send."""
    marked = context.gateway is not None and context.gateway.echoes_source
    return not marked and context.services.journal.is_sending(entry.chat_id)


def _put(
    entry: Entry, message: Message, chat: Chat, context: Context, *, is_gone: bool
) -> list[MessageLink]:
    written = content.text(message, chat, context)
    if is_gone:
        written = f"{phrase(context.services.settings.language, 'deleted')}\n{written}".rstrip()
    tried = bool(entry.attempts) or entry.doubtful
    for _ in range(_HEALS):
        thread = contacts.ensure_contact(chat, context)
        contacts.keep_known(chat, thread, context)
        found: list[AgentMessage] = []
        try:
            thread = contacts.where_it_goes_on(thread, context, tried=tried)
            attributes, quote = content.quote(message, chat, thread, context)
            said = pieces(message, "\n\n".join(filter(None, [quote, written])))
            if entry.doubtful or len(said) > 1:  # of several, an earlier try may have brought some
                thread, found = _already_there(entry, message, thread, context)
            attributes |= content.origin(message)
            return Posting(entry, message, context, found).post(said, thread, attributes)
        except (ConversationGone, SourceTaken):
            # Deleted in Chatwoot, perhaps with its contact: both are looked up anew.
            context.services.chats.forget_contact(thread.integration_id, thread.contact_id)
    raise NotYet(N_("Chatwoot to settle a conversation that was deleted"), retry_after_s=5)


def _already_there(
    entry: Entry, message: Message, thread: ConversationLink, context: Context
) -> tuple[ConversationLink, list[AgentMessage]]:
    """What an earlier try did bring, and where: its source_id is looked for, since Chatwoot takes
    the same message any number of times (docs/contracts/chatwoot.md, Messages)."""
    ours = WHATSAPP_ID_PREFIX + own_id(message)
    for one in _where_it_may_be(thread, context):
        try:
            found = [
                said
                for said in _unknown(one.conversation_id, entry, context)
                if ids.whole_id(said.own_source_id) == ours
            ]
        except ConversationGone:
            if one is thread:
                raise
            continue
        if found:
            if not thread.conversation_id:
                context.services.chats.save_thread(one)
            # Where the chat goes on elsewhere by now, only this message belongs there.
            return one, found
    return thread, []


def _where_it_may_be(thread: ConversationLink, context: Context) -> Iterator[ConversationLink]:
    """The thread, and as if it were in the other conversations of its contact: an agent may have
    begun a new one since, under another source_id."""
    seen = {thread.conversation_id}
    if thread.conversation_id:
        yield thread
    looks: tuple[Callable[[], list[Conversation]], ...] = (
        lambda: context.chatwoot().conversations.of_source(thread.source_id),
        lambda: contacts.conversations_of(thread, context),
    )
    for look in looks:
        for one in look()[:_LATEST]:
            if one.id not in seen:
                seen.add(one.id)
                yield dataclasses.replace(thread, conversation_id=one.id, status=one.status)


def _unknown(conversation_id: int, entry: Entry, context: Context) -> Iterator[AgentMessage]:
    """The newest messages of a conversation, and what lies between them and the end of what was
    known when the entry was tried first: after the restore of a backup, or when a dead letter is
    replayed whose lane went on without it, that may be much."""
    chatwoot, chats = context.chatwoot(), context.services.chats
    latest = chatwoot.messages.latest(conversation_id)
    yield from latest
    place = context.integration.id, entry.chat_id, conversation_id
    after = chats.newest_from_customer(place)
    if not after:
        return
    before = chats.newest_before(place, entry.id)
    after = after if before is None else min(after, before)
    while latest and after < latest[0].id:
        page = chatwoot.messages.after(conversation_id, after)
        yield from page
        if not page:
            return
        after = page[-1].id
