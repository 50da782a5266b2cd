"""Shows agents the truth about their replies: sent, delivered, read, or failed and why.

Rules: docs/contracts/chatwoot.md, Messages (PATCH), docs/contracts/ryzeapi.md, Receipts (receipts
in any order).
"""

import logging

from bridge.config import languages
from bridge.domain.errors import N_, NotYet, load
from bridge.domain.messages import STEPS, DeliveryStatus, Receipt
from bridge.routing.context import Context
from bridge.routing.jobs import Failure
from bridge.routing.to_chatwoot import reply_status
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.store.journal import Entry, MessageLink

log = logging.getLogger(__name__)

#: How long a receipt waits for the message that it is about, in seconds: webhooks come in any
#: order. Most that are never found are about messages from before the integration.
_PATIENCE_S = 5.0


def tell_failure(failure: Failure, context: Context) -> None:
    """Shows that a reply could not be sent. Raises BridgeErrors."""
    error, language = load(failure.reason), context.services.settings.language
    reason = languages.say(error.whole, language)
    reply_status.tell_failure(failure.conversation_id, failure.message_id, reason, context)


def tell(entry: Entry, receipt: Receipt, context: Context) -> None:
    """Shows how far a reply has come: only forward, failed at any time. Raises BridgeErrors."""
    services = context.services
    pair = services.chats.pair(entry.instance_id, receipt.ids[0])
    if pair is None:
        young = services.clock() - entry.received_at < _PATIENCE_S
        if young or services.journal.is_sending(entry.chat_id):
            raise NotYet(N_("the message that this receipt is about"), retry_after_s=1)
        return
    if not pair.from_me or pair.integration_id != context.integration.id:
        return
    if pair.reached == "deleted" or STEPS.get(pair.reached, 0) >= STEPS[receipt.reached]:
        return
    if receipt.reached is not DeliveryStatus.SENT and not _failed_in_part(pair, context):
        if receipt.reached is DeliveryStatus.FAILED:
            reason = receipt.reason or phrase(services.settings.language, "not_delivered")
            reply_status.tell_failure(pair.conversation_id, pair.chatwoot_id, reason, context)
        elif (
            reply_status.show(pair.conversation_id, pair.chatwoot_id, receipt.reached, "", context)
            is reply_status.MarkOutcome.CANNOT
        ):
            return
    services.chats.note_reached(entry.instance_id, receipt.ids[0], receipt.reached)


def _failed_in_part(pair: MessageLink, context: Context) -> bool:
    """Whether another part of the same reply is a dead letter: then it stays shown as failed."""
    return context.services.journal.gave_up(context.reply_id(pair.chatwoot_id))
