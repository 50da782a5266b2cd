"""Failed marks that Chatwoot tells of: a webhook about a message failed, whatever became of the
message (docs/contracts/chatwoot.md, Webhooks). They are looked at soon, and `catchup.mend` takes
those off that are not true."""

from bridge.chatwoot import versions
from bridge.chatwoot.events import AgentMessage
from bridge.models import Integration
from bridge.routing import outgoing
from bridge.routing.outgoing import WHATSAPP_ID_PREFIX
from bridge.services import Services
from bridge.store.journal import ReplyId
from bridge.store.lookups import Asked

#: How soon a mark is looked at, how late at most, and for how long one that stands, in seconds.
_SOON_S = 5.0
_LATE_S = 600.0
_PATIENCE_S = 3600.0


def seen(one: Integration, message: AgentMessage, services: Services) -> None:
    """Chatwoot told of a message that it shows as failed, or an answer of it shows so. Raises
    StorageFailed."""
    if not message.external_error:
        return
    now = services.clock()
    is_guards = versions.is_guards(message.external_error)
    if is_guards and services.webhooks.note_refused(one.id, now=now):
        services.bell.ring(look_again=True)
    age_s = now - message.created_at
    if age_s > _PATIENCE_S or not _is_carried(one, message, services):
        return
    # The older the message, the later: where a webhook about the mended mark fails as well, it is
    # marked again.
    due_at = now + min(max(_SOON_S, age_s), _LATE_S)
    services.lookups.ask(Asked(one.id, message.conversation_id, message.id, due_at=due_at))


def must_wait(one: Integration, message: AgentMessage, services: Services) -> bool:
    """Whether a mark can only be judged or taken off later: its message is on its way, or Chatwoot
    still has the address to call that it may not call."""
    if versions.is_guards(message.external_error) and not services.webhooks.is_off(one.id):
        return True
    return not message.own_source_id and not services.journal.arrived(
        ReplyId(one.instance_id, one.id, message.id)
    )


def _is_carried(one: Integration, message: AgentMessage, services: Services) -> bool:
    """Whether we brought it to one side or the other, or still try to."""
    if message.own_source_id:
        return message.own_source_id.startswith(WHATSAPP_ID_PREFIX)
    journal = services.journal
    is_known = any(
        journal.knows(one.instance_id, one.id, outgoing.part_key(message.id, index))
        for index in (0, 1)
    )
    return is_known and not journal.gave_up(ReplyId(one.instance_id, one.id, message.id))
