"""Messages that Chatwoot has twice: it did what nobody waited for any more.

A request that got no answer may be carried out long after a look for its message was believed
(docs/contracts/chatwoot.md, Answers). Nothing of ours deletes what an agent may have read, so the
operator is told.
"""

import logging
from collections.abc import Iterator

from bridge.chatwoot.events import AgentMessage
from bridge.domain.errors import N_, Problem
from bridge.domain.models import Integration
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.services import Services

log = logging.getLogger(__name__)

#: For how many seconds the operator is told of one.
_TOLD_S = 7 * 86400.0
_TWICE = N_(
    "Chatwoot carried out requests so late that {count} messages of the last seven days stand "
    "twice in it, the newest in conversation {conversation}."
)
REMEDY = N_(
    "Delete the second one there. If there are more and more, look at what keeps Chatwoot busy, or "
    "raise BRIDGE_CHATWOOT_RUNS_ON."
)


def count(integration: Integration, message: AgentMessage, services: Services) -> None:
    """Counts a message that Chatwoot has beside the one that we know. Raises StorageFailed."""
    if not message.own_source_id.startswith(WHATSAPP_ID_PREFIX) or message.deleted:
        return
    whatsapp_id = message.own_source_id.removeprefix(WHATSAPP_ID_PREFIX)
    known = services.chats.pair(integration.instance_id, whatsapp_id)
    if known is None or known.integration_id != integration.id:
        return
    if not known.chatwoot_id or known.chatwoot_id == message.id:
        return
    place = integration.id, message.id, message.conversation_id
    if services.duplicates.note(*place, now=services.clock()):
        report = "%s: Chatwoot has message %s of conversation %s twice, as %s too"
        log.warning(report, *place, known.chatwoot_id)


def problems(integration: Integration, services: Services) -> Iterator[Problem]:
    """What the operator is told of them."""
    since = services.clock() - _TOLD_S
    count, conversation = services.duplicates.seen(integration.id, since=since)
    if count:
        yield Problem(_TWICE, count=count, conversation=conversation)
