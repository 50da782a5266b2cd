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
    """Notes the address that Chatwoot itself shows to customers. Raises StorageFailed."""
    shown = address.of_survey(message.text) if message.content_type == _SURVEY else ""
    for file in message.attachments:
        shown = shown or (address.of_file(file.url) if file.file_type in _STORED else "")
    if shown and shown != integration.seen_url:
        services.integrations.note_seen_url(integration.id, shown)


def text_of(message: AgentMessage, entry: Entry, context: Context) -> str:
    """What the customer reads. A survey waits for its link, and leaves without one, with a note to
    the agents, where nobody knows it. Raises NotYet and BridgeErrors."""
    text = markup.to_whatsapp(message.text)
    if message.content_type != _SURVEY or SURVEY_PATH in text:
        return text
    link = _link(message, context)
    if link:
        return f"{text} {link}".strip()
    services = context.services
    is_young = entry.age_s(services.clock()) < _PATIENCE_S
    if is_young and services.settings.public_url and context.integration.webhook_secret:
        raise NotYet(N_("the link of the survey"), retry_after_s=0.5)
    words = phrase(services.settings.language, "survey_without_link")
    with contextlib.suppress(BridgeError):
        reply_status.leave_note(message.conversation_id, message.id, words, context)
    log.warning("%s: a survey leaves without its link", context.instance.name)
    return text


def _link(message: AgentMessage, context: Context) -> str:
    integrations, stored = context.services.integrations, context.integration
    try:
        survey = context.chatwoot().conversations.survey(message.conversation_id)
    except ConversationGone:
        return ""
    if survey.shown_at and survey.shown_at != stored.seen_url:
        integrations.note_seen_url(stored.id, survey.shown_at)
    current = integrations.of(stored.instance_id)  # it may have been learned just now
    base_url = capabilities.public_address(current) if current is not None else ""
    return f"{base_url}{SURVEY_PATH}{survey.uuid}" if base_url and survey.uuid else ""
