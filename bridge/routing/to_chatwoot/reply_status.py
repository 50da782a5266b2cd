"""Shows agents how far their replies have come: sent, delivered, read, or failed and why; in a note
where this Chatwoot shows no status. Clears the failed marks of Chatwoot's own that are not true.

What can be shown depends on the version (`bridge.chatwoot.versions`). Rules:
docs/contracts/chatwoot.md, Versions and Messages; docs/contracts/ryzeapi.md, Receipts.
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
from bridge.config import languages
from bridge.domain.errors import N_, NotYet, load
from bridge.domain.messages import STEPS, DeliveryStatus, Receipt
from bridge.routing.context import Context
from bridge.routing.ids import NOTE_PREFIX
from bridge.routing.jobs import Failure
from bridge.routing.to_chatwoot import search
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.store.journal import Entry

log = logging.getLogger(__name__)

#: How long a receipt waits for the message that it is about, in seconds: webhooks come in any
#: order. Most that are never found are about messages from before the integration.
_PATIENCE_S = 5.0
#: How many answers of Chatwoot are read to find a note, at most.
_MOST_PAGES = 50


class _Shown(Enum):
    """What became of a status: it is shown, this Chatwoot cannot show it, the message is gone."""

    YES = auto()
    CANNOT = auto()
    GONE = auto()


def show_receipt(entry: Entry, receipt: Receipt, context: Context) -> None:
    """Shows how far a reply has come: only forward, failed at any time. Raises BridgeErrors."""
    services, (whatsapp_id, *_) = context.services, receipt.ids
    pair = services.chats.pair(entry.instance_id, whatsapp_id)
    if pair is None:
        is_young = entry.age_s(services.clock()) < _PATIENCE_S
        if is_young or services.journal.is_sending(entry.chat_id):
            raise NotYet(N_("the message that this receipt is about"), retry_after_s=1)
        return
    if not pair.from_me or pair.integration_id != context.integration.id:
        return
    if pair.reached == "deleted" or STEPS.get(pair.reached, 0) >= STEPS[receipt.reached]:
        return
    place = pair.conversation_id, pair.chatwoot_id
    # Where another part of the same reply is a dead letter, it stays shown as failed.
    if receipt.reached is not DeliveryStatus.SENT and not services.journal.gave_up(
        context.reply_id(pair.chatwoot_id)
    ):
        if receipt.reached is DeliveryStatus.FAILED:
            reason = receipt.reason or phrase(services.settings.language, "not_delivered")
            _show_failure(*place, reason, context)
        elif _show(*place, receipt.reached, "", context) is _Shown.CANNOT:
            return
    services.chats.note_reached(entry.instance_id, whatsapp_id, receipt.reached)


def show_failure(failure: Failure, context: Context) -> None:
    """Shows that a reply could not be sent, and why. Raises BridgeErrors."""
    reason = languages.say(load(failure.reason).whole, context.services.settings.language)
    _show_failure(failure.conversation_id, failure.message_id, reason, context)


def _show_failure(conversation_id: int, message_id: int, reason: str, context: Context) -> None:
    """On the reply, or in a private note below it. Only what was shown on the reply may be taken
    for the agent's Retry when it is gone again."""
    match _show(conversation_id, message_id, DeliveryStatus.FAILED, reason, context):
        case _Shown.YES:
            context.services.journal.note_shown(context.reply_id(message_id))
        case _Shown.CANNOT:
            language = context.services.settings.language
            text = phrase(language, "failed", reason=markup.plain(reason))
            leave_note(conversation_id, message_id, text, context)


def _show(
    conversation_id: int, message_id: int, reached: str, reason: str, context: Context
) -> _Shown:
    integration = context.integration
    if not versions.can(integration, Can.SHOW_STATUS):
        return _Shown.CANNOT
    try:
        if context.chatwoot().messages.set_status(conversation_id, message_id, reached, reason):
            return _Shown.YES
    except MessageGone:
        return _Shown.GONE
    version = integration.chatwoot_version
    log.warning("%s: Chatwoot %s shows no status", context.instance.name, version)
    context.services.integrations.note_refused(integration.id, Can.SHOW_STATUS.name)
    return _Shown.CANNOT


def leave_note(conversation_id: int, message_id: int, text: str, context: Context) -> None:
    """A private note about a message, once: the same one that is there already is not left again,
    whoever saw the answer of Chatwoot to the first. Raises BridgeErrors."""
    key = f"{NOTE_PREFIX}{message_id}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with contextlib.suppress(ConversationGone):
        later = search.messages_after(conversation_id, message_id, context, pages=_MOST_PAGES)
        if any(found.own_source_id == key for found in later):
            return
        context.chatwoot().messages.post(
            conversation_id,
            markup.protect_liquid(text),
            private=True,
            source_id=key,
            content_attributes={"in_reply_to": message_id},
        )


def clear_failed_mark(message: AgentMessage, reached: str, context: Context) -> None:
    """Takes Chatwoot's own failed mark off a message that has arrived all the same, as it was seen
    just now. Raises BridgeErrors."""
    if not message.is_marked or message.deleted:
        return
    is_guarded = versions.is_guards(message.external_error)
    if is_guarded and not context.services.webhooks.is_off(context.integration.id):
        return  # Chatwoot still has the address that it may not call, and would mark it again
    if versions.can(context.integration, Can.SHOW_STATUS):
        _show(message.conversation_id, message.id, reached or DeliveryStatus.SENT, "", context)
    elif not message.in_reply_to_id and not message.in_reply_to_external_id:
        # Chatwoot's Retry empties what is kept with a message, and so would lose a quote.
        with contextlib.suppress(MessageGone):
            context.chatwoot().messages.retry(message.conversation_id, message.id)
