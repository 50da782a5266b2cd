"""Surveys: Chatwoot asks the customer to rate a conversation, and says where, or leaves it to us.

Only a webhook brings the link along, and not in every version (docs/contracts/chatwoot.md,
Surveys). Elsewhere it is made from the address at which customers reach Chatwoot: what the operator
said, or what Chatwoot showed of itself, or its base URL where that is none of a private network.
"""

import contextlib
import logging

from bridge import markup
from bridge.chatwoot import address
from bridge.chatwoot.address import SURVEY_PATH
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.errors import N_, BridgeError, NotYet
from bridge.domain.models import Integration
from bridge.routing import capabilities
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import reply_status
from bridge.routing.to_chatwoot.phrases import phrase
from bridge.services import Services
from bridge.store.journal import Entry

log = logging.getLogger(__name__)

_SURVEY = "input_csat"
#: Attachments that lie in Chatwoot's own storage; the address of others anybody may have given.
_STORED = {"image", "audio", "video", "file"}
#: How long, in seconds, a survey waits for the webhook that brings its link.
_PATIENCE_S = 5.0


def learn(integration: Integration, message: AgentMessage, services: Services) -> None:
    """Notes at which address Chatwoot shows itself to customers, where a message says so that
    Chatwoot itself has told. Raises StorageFailed."""
    shown = address.of_survey(message.text) if message.content_type == _SURVEY else ""
    for one in message.attachments:
        shown = shown or (address.of_file(one.url) if one.file_type in _STORED else "")
    if shown and shown != integration.seen_url:
        services.integrations.note_seen_url(integration.id, shown)


def text(message: AgentMessage, entry: Entry, context: Context) -> str:
    """What the customer reads: a survey with its link, everything else as it is. Where nobody knows
    an address that the customer could open it leaves without one, and its agents are told.

    Raises NotYet while a webhook may still bring the link, and BridgeErrors.
    """
    said = markup.to_whatsapp(message.text)
    if message.content_type != _SURVEY or SURVEY_PATH in said:
        return said
    link = _link(message, context)
    if link:
        return f"{said} {link}".strip()
    services, one = context.services, context.integration
    is_young = entry.age_s(services.clock()) < _PATIENCE_S
    if is_young and services.settings.public_url and one.webhook_secret:
        raise NotYet(N_("the link of the survey"), retry_after_s=0.5)
    words = phrase(services.settings.language, "survey_without_link")
    with contextlib.suppress(BridgeError):
        reply_status.leave_note(message.conversation_id, message.id, words, context)
    log.warning("%s: a survey leaves without its link", context.instance.name)
    return said


def _link(message: AgentMessage, context: Context) -> str:
    services, stored = context.services, context.integration
    try:
        found = context.chatwoot().conversations.survey(message.conversation_id)
    except ConversationGone:
        return ""
    if found.shown_at and found.shown_at != stored.seen_url:
        services.integrations.note_seen_url(stored.id, found.shown_at)
    now = services.integrations.of(stored.instance_id)  # it may have been learned just now
    base_url = capabilities.public_address(now) if now is not None else ""
    return f"{base_url}{SURVEY_PATH}{found.uuid}" if base_url and found.uuid else ""
