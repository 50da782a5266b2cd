"""Failed marks of Chatwoot's own: a webhook about a message failed, whatever became of the message
(docs/contracts/chatwoot.md, Webhooks). They are looked at when Chatwoot tells of one and when a
reply has gone out late, and `catchup.mend` takes those off that are not true."""

from bridge.chatwoot import versions
from bridge.chatwoot.events import AgentMessage
from bridge.domain.models import Integration
from bridge.routing import jobs
from bridge.routing.ids import WHATSAPP_ID_PREFIX
from bridge.services import Services
from bridge.store.journal import ReplyId
from bridge.store.lookup_queue import LookupRequest

#: How soon a mark is looked at, in seconds, and after how many a reply has gone out late: Chatwoot
#: waits for the answer to a webhook for as long.
SOON_S = 5.0


def seen(one: Integration, message: AgentMessage, services: Services) -> None:
    """Chatwoot told of a message that it shows as failed. Raises StorageFailed."""
    asked = look_later(one, message, services)
    if asked is not None:
        services.lookups.ask(asked)


def look_later(one: Integration, message: AgentMessage, services: Services) -> LookupRequest | None:
    """When a mark is to be looked at (again); None where there is none, or it is true. Raises
    StorageFailed."""
    if not message.external_error:
        return None
    now = services.clock()
    is_guards = versions.is_guards(message.external_error)
    if is_guards and services.webhooks.note_refused(one.id, now=now):
        services.wakeup.wake(look_again=True)
    if not _is_carried(one, message, services):
        return None
    # The older the message, the later: where a webhook about the mended mark fails as well, it is
    # marked again.
    age_s = services.chatwoot_clocks.age_s(one.base_url, message.created_at)
    due_at = now + max(SOON_S, age_s)
    return LookupRequest(one.id, message.conversation_id, message.id, due_at=due_at)


def went_out(integration_id: str, message: AgentMessage, services: Services) -> None:
    """A reply has gone out of which agents may see that it failed. Never fails."""
    services.lookups.ask(LookupRequest(integration_id, message.conversation_id, message.id))


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
    journal, reply = services.journal, ReplyId(one.instance_id, one.id, message.id)
    text = jobs.part_key(message.id, jobs.TEXT_PART)
    is_known = journal.knows(one.instance_id, one.id, text) or journal.knows_file(reply)
    return is_known and not journal.gave_up(reply)
