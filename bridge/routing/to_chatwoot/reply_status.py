"""What agents are shown of a message: how far it has come, that it failed, a note where neither can
be shown; and the failed marks of Chatwoot's own, which are cleared.

What can be shown depends on the version (`bridge.chatwoot.versions`). Rules:
docs/contracts/chatwoot.md, Versions and Messages.
"""

import contextlib
import hashlib
import logging
from enum import Enum, auto

from bridge import markup
from bridge.chatwoot import versions
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone, MessageGone
from bridge.chatwoot.versions import Can
from bridge.domain.messages import DeliveryStatus
from bridge.routing.context import Context
from bridge.routing.ids import NOTE_PREFIX
from bridge.routing.to_chatwoot.phrases import phrase

log = logging.getLogger(__name__)

#: Messages in an answer to `after`, and how many answers are read at most.
_PAGE = 100
_MOST_ANSWERS = 50


class MarkOutcome(Enum):
    """What became of a mark: it stands, this Chatwoot cannot show it, the message is gone."""

    YES = auto()
    CANNOT = auto()
    GONE = auto()


def show(
    conversation_id: int, message_id: int, reached: str, reason: str, context: Context
) -> MarkOutcome:
    """Shows how far a message has come; `reason` with failed only. Raises BridgeErrors."""
    one = context.integration
    if not versions.can(one, Can.SHOW_STATUS):
        return MarkOutcome.CANNOT
    try:
        if context.chatwoot().messages.set_status(conversation_id, message_id, reached, reason):
            return MarkOutcome.YES
    except MessageGone:
        return MarkOutcome.GONE
    log.warning("%s: Chatwoot %s shows no status", context.instance.name, one.chatwoot_version)
    context.services.integrations.note_refused(one.id, Can.SHOW_STATUS.name)
    return MarkOutcome.CANNOT


def tell_failure(conversation_id: int, message_id: int, reason: str, context: Context) -> None:
    """Has the agent see that a reply did not reach the customer, and why: on the reply, or in a
    private note below it. Only what was shown there may be taken for the agent's Retry when it is
    gone again. Raises BridgeErrors."""
    match show(conversation_id, message_id, DeliveryStatus.FAILED, reason, context):
        case MarkOutcome.YES:
            context.services.journal.note_shown(context.reply_id(message_id))
        case MarkOutcome.CANNOT:
            said = phrase(context.services.settings.language, "failed", reason=markup.plain(reason))
            leave_note(conversation_id, message_id, said, context)


def leave_note(conversation_id: int, message_id: int, text: str, context: Context) -> None:
    """A private note about a message, once: the same one that is there already is not left again,
    whoever saw the answer of Chatwoot to the first. Raises BridgeErrors."""
    key = f"{NOTE_PREFIX}{message_id}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with contextlib.suppress(ConversationGone):
        if _stands(key, conversation_id, message_id, context):
            return
        context.chatwoot().messages.post(
            conversation_id,
            markup.protect_liquid(text),
            private=True,
            source_id=key,
            content_attributes={"in_reply_to": message_id},
        )


def _stands(key: str, conversation_id: int, after_id: int, context: Context) -> bool:
    for _ in range(_MOST_ANSWERS):
        found = context.chatwoot().messages.after(conversation_id, after_id)
        if any(one.own_source_id == key for one in found):
            return True
        if len(found) < _PAGE:
            return False
        after_id = found[-1].id
    return False


def clear(message: AgentMessage, reached: str, context: Context) -> None:
    """Takes Chatwoot's own failed mark off a message that has arrived all the same, as it was seen
    just now. Raises BridgeErrors."""
    if not message.is_marked or message.deleted or _comes_again(message, context):
        return
    if versions.can(context.integration, Can.SHOW_STATUS):
        show(message.conversation_id, message.id, reached or DeliveryStatus.SENT, "", context)
    elif not message.in_reply_to_id and not message.in_reply_to_external_id:
        # Chatwoot's Retry empties what is kept with a message, and so would lose a quote.
        with contextlib.suppress(MessageGone):
            context.chatwoot().messages.retry(message.conversation_id, message.id)


def _comes_again(message: AgentMessage, context: Context) -> bool:
    """Whether Chatwoot still has the address to call that it may not call."""
    if not versions.is_guards(message.external_error):
        return False
    return not context.services.webhooks.is_off(context.integration.id)
