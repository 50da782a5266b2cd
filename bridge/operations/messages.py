"""What the operator sees and decides about messages; pages and command line call the same.

Every change is in the audit trail. No delivery runs through here.
"""

from dataclasses import dataclass, replace

from bridge.domain.errors import (
    N_,
    BridgeError,
    IntegrationMissing,
    MessageElsewhere,
    MessageUnknown,
)
from bridge.domain.models import Actor, Instance, Integration, Status
from bridge.gateways import numbers
from bridge.routing import jobs
from bridge.routing.from_chatwoot import false_failures
from bridge.routing.jobs import ReplyPart
from bridge.services import Services
from bridge.store.journal import Job, State
from bridge.store.search import Item, Trace

#: Entries that a search shows at most.
MOST_FOUND = 50
#: What people have to look after.
TROUBLED = (State.DEAD, State.UNCONFIRMED)
_SHORTEST_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Event:
    """A moment in the timeline of a message. `at` is UTC seconds; `what` a stable word; `detail` an
    id or empty; `error` why it did not arrive; `seconds` how long a try took, otherwise 0."""

    at: float
    what: str
    detail: str = ""
    seconds: float = 0.0
    error: BridgeError | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A message with its events, oldest first, and where people find it in Chatwoot."""

    item: Item
    events: tuple[Event, ...]
    whatsapp_ids: tuple[str, ...]
    chatwoot_ids: tuple[int, ...]
    link: str


def find(text: str, services: Services, *, limit: int = MOST_FOUND) -> list[Item]:
    """Messages by phone number, name, words of their text, gateway id, Chatwoot id, or `#7`, the
    number in the log; newest first. Texts are not searched where contents are off.
    """
    text = text.strip()
    if not text:
        return []
    number = text.removeprefix("#")
    if text.startswith("#") and number.isascii() and number.isdigit() and len(number) < 19:
        item = services.search.item(int(number))
        return _shown([item] if item else [], services)
    digits = "".join(filter(str.isdigit, text))
    spellings: list[str] = []
    if len(digits) >= _SHORTEST_NUMBER and not set(text) - set("+-() .0123456789"):
        spellings = sorted({digits, numbers.canonical(digits)})
    contents = services.settings.show_contents
    items = services.search.search(text, digits=spellings, with_contents=contents, limit=limit)
    return _shown(items, services)


def trace(entry_id: int, services: Services) -> Timeline:
    """The timeline of one message. Raises MessageUnknown."""
    traced = services.search.trace(entry_id)
    if traced is None:
        raise MessageUnknown(id=entry_id)
    integration = services.integrations.of(traced.item.instance_id)
    [item] = _shown([traced.item], services)
    return Timeline(
        item=item,
        events=_events(traced),
        whatsapp_ids=tuple(twin.whatsapp_id for twin in traced.links),
        chatwoot_ids=tuple(dict.fromkeys(twin.chatwoot_id for twin in traced.links)),
        link=_link(traced, integration),
    )


def in_trouble(
    services: Services, instance: Instance | None = None, *, limit: int = 200
) -> list[Item]:
    """Dead letters and unconfirmed sends, newest first."""
    only = instance.id if instance else None
    return _shown(services.search.in_state(TROUBLED, instance_id=only, limit=limit), services)


def in_line(
    services: Services, instance: Instance | None = None, *, limit: int = 200
) -> list[Item]:
    """Queued messages, oldest first."""
    only = instance.id if instance else None
    return _shown(services.search.in_line(instance_id=only, limit=limit), services)


# -- decisions -------------------------------------------------------------------------------------


def replay(entry_id: int, by: Actor, services: Services) -> None:
    """Tries a dead letter again. Raises MessageUnknown or MessageElsewhere."""
    moved = services.search.replay([entry_id], now=services.clock())
    _noted(entry_id, moved, N_("replayed"), by, services)


def replay_all(instance: Instance, by: Actor, services: Services) -> int:
    """Tries every dead letter of an instance again; how many there were."""
    ids = services.search.dead_ids(instance.id)
    moved = services.search.replay(ids, now=services.clock())
    if moved:
        services.note(by, N_("replayed"), instance.name, f"dead letters: {len(moved)}")
        services.wakeup.wake(look_again=True)
    return len(moved)


def discard(entry_id: int, by: Actor, services: Services) -> None:
    """Gives a message up that is dead, unconfirmed or waiting. Raises MessageUnknown or
    MessageElsewhere."""
    moved = services.search.discard([entry_id], now=services.clock())
    _noted(entry_id, moved, N_("discarded"), by, services)


def settle(entry_id: int, by: Actor, services: Services, *, sent: bool) -> None:
    """A person says whether an unconfirmed message is on WhatsApp; if not, it is sent again.

    Raises MessageUnknown or MessageElsewhere.
    """
    now = services.clock()
    if sent:
        moved = services.search.settle_sent([entry_id], now=now)
        for body, integration_id in services.search.bodies(moved):
            part = jobs.decode(body)
            if isinstance(part, ReplyPart):
                false_failures.look_up(integration_id, part.message, services)
    else:
        moved = services.search.send_again([entry_id], now=now)
    _noted(entry_id, moved, N_("settled as sent") if sent else N_("sent again"), by, services)


def pause(instance: Instance, by: Actor, services: Services) -> None:
    """Stores what comes and delivers nothing until `resume`. Raises IntegrationMissing."""
    _judge(instance, Status.PAUSED, N_("paused"), by, services)


def resume(instance: Instance, by: Actor, services: Services) -> None:
    """Delivers again, also what was held back by an error. Raises IntegrationMissing."""
    _judge(instance, Status.ACTIVE, N_("resumed"), by, services)


# -- small parts -----------------------------------------------------------------------------------


def _judge(instance: Instance, status: Status, action: str, by: Actor, services: Services) -> None:
    integration = services.integrations.of(instance.id)
    if integration is None:
        raise IntegrationMissing
    services.integrations.judge(integration.id, status, None, now=services.clock())
    services.note(by, action, instance.name)
    services.wakeup.wake(look_again=True)


def _noted(entry_id: int, moved: list[int], action: str, by: Actor, services: Services) -> None:
    item = services.search.item(entry_id)
    if item is None:
        raise MessageUnknown(id=entry_id)
    if not moved:
        raise MessageElsewhere(id=entry_id, state=item.state.value)
    services.note(by, action, f"{item.instance} #{entry_id}")
    services.wakeup.wake(look_again=True)


def _shown(items: list[Item], services: Services) -> list[Item]:
    """Without their texts, where the operator is not to read what people write."""
    if services.settings.show_contents:
        return items
    return [replace(item, text="") for item in items]


def _events(traced: Trace) -> tuple[Event, ...]:
    item = traced.item
    ours = [
        Event(tried.began_at, tried.outcome, "", tried.seconds, tried.error)
        for tried in traced.tries
    ]
    ours.append(Event(item.received_at, "received"))
    if item.done_at and not any(tried.outcome == "arrived" for tried in traced.tries):
        ours.append(Event(item.done_at, item.state.value, error=item.error))
    # The clocks of others, often in whole seconds, must not turn the order round.
    before = [Event(traced.written_at, "written")] if traced.written_at else []
    after = [Event(receipt.at, receipt.reached, receipt.whatsapp_id) for receipt in traced.receipts]
    ours.sort(key=lambda event: event.at)
    return (*before, *ours, *(after if item.job is Job.REPLY else ()))


def _link(traced: Trace, integration: Integration | None) -> str:
    if integration is None or not traced.conversation_id:
        return ""
    if any(twin.integration_id != integration.id for twin in traced.links):
        return ""  # it went to a Chatwoot account that the instance has left since
    return (
        f"{integration.base_url}/app/accounts/{integration.account_id}"
        f"/conversations/{traced.conversation_id}"
    )
