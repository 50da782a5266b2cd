"""What the operator sees and decides about messages; browser and command line call the same.

Every change is noted with who made it. Nothing here runs on the way of a message.
"""

from dataclasses import dataclass, replace

from bridge.domain.errors import BridgeError, IntegrationMissing, MessageElsewhere, MessageUnknown
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
class Step:
    """One moment of a message's way. `at` is UTC seconds; `what` a stable word, `detail` an id or
    empty, `error` why it did not arrive; `seconds` is how long a try took, 0 for what is no try."""

    at: float
    what: str
    detail: str = ""
    seconds: float = 0.0
    error: BridgeError | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A message with all its steps, in their order, and where people find it in Chatwoot."""

    item: Item
    steps: tuple[Step, ...]
    whatsapp_ids: tuple[str, ...]
    chatwoot_ids: tuple[int, ...]
    link: str


def find(text: str, services: Services, *, limit: int = MOST_FOUND) -> list[Item]:
    """Messages by phone number, name, words of their text, gateway id, Chatwoot id, or `#7`, the
    number that the log gives them; newest first. Words are not looked for where contents are off.
    """
    text = text.strip()
    if not text:
        return []
    own = text.removeprefix("#")
    if text.startswith("#") and own.isascii() and own.isdigit() and len(own) < 19:
        one = services.search.item(int(own))
        return [_shown(one, services)] if one else []
    digits = "".join(filter(str.isdigit, text))
    spellings: list[str] = []
    if len(digits) >= _SHORTEST_NUMBER and not set(text) - set("+-() .0123456789"):
        spellings = sorted({digits, numbers.canonical(digits)})
    found = services.search.search(
        text, digits=spellings, with_contents=services.settings.show_contents, limit=limit
    )
    return [_shown(one, services) for one in found]


def trace(entry_id: int, services: Services) -> Way:
    """The way of one message. Raises MessageUnknown."""
    found = services.search.trace(entry_id)
    if found is None:
        raise MessageUnknown(id=entry_id)
    integration = services.integrations.of(found.item.instance_id)
    return Way(
        item=_shown(found.item, services),
        steps=_steps(found),
        whatsapp_ids=tuple(one.whatsapp_id for one in found.twins),
        chatwoot_ids=tuple(dict.fromkeys(one.chatwoot_id for one in found.twins)),
        link=_link(found, integration),
    )


def in_trouble(
    services: Services, instance: Instance | None = None, *, limit: int = 200
) -> list[Item]:
    """Dead letters and unconfirmed sends, newest first."""
    found = services.search.in_state(
        TROUBLED, instance_id=instance.id if instance else None, limit=limit
    )
    return [_shown(one, services) for one in found]


def in_line(
    services: Services, instance: Instance | None = None, *, limit: int = 200
) -> list[Item]:
    """Messages whose turn has not come yet, the oldest first."""
    found = services.search.in_line(instance_id=instance.id if instance else None, limit=limit)
    return [_shown(one, services) for one in found]


# -- decisions -------------------------------------------------------------------------------------


def replay(entry_id: int, by: Actor, services: Services) -> None:
    """Tries a dead letter again. Raises MessageUnknown or MessageElsewhere."""
    moved = services.search.replay([entry_id], now=services.clock())
    _noted(entry_id, moved, "replayed", by, services)


def replay_all(instance: Instance, by: Actor, services: Services) -> int:
    """Tries every dead letter of an instance again; how many there were."""
    ids = services.search.dead_ids(instance.id)
    moved = services.search.replay(ids, now=services.clock())
    if moved:
        _note(by, "replayed", instance.name, services, f"{len(moved)} dead letters")
        services.wakeup.wake(look_again=True)
    return len(moved)


def discard(entry_id: int, by: Actor, services: Services) -> None:
    """Gives a message up that is dead, unconfirmed or waiting. Raises MessageUnknown or
    MessageElsewhere."""
    moved = services.search.discard([entry_id], now=services.clock())
    _noted(entry_id, moved, "discarded", by, services)


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
    _noted(entry_id, moved, "settled as sent" if sent else "sent again", by, services)


def pause(instance: Instance, by: Actor, services: Services) -> None:
    """Keeps what comes and delivers nothing until `resume`. Raises IntegrationMissing."""
    _judge(instance, Status.PAUSED, "paused", by, services)


def resume(instance: Instance, by: Actor, services: Services) -> None:
    """Delivers again, also what was held back by an error. Raises IntegrationMissing."""
    _judge(instance, Status.ACTIVE, "resumed", by, services)


# -- small parts -----------------------------------------------------------------------------------


def _judge(instance: Instance, status: Status, deed: str, by: Actor, services: Services) -> None:
    integration = services.integrations.of(instance.id)
    if integration is None:
        raise IntegrationMissing
    services.integrations.judge(integration.id, status, None, now=services.clock())
    _note(by, deed, instance.name, services)
    services.wakeup.wake(look_again=True)


def _noted(entry_id: int, moved: list[int], deed: str, by: Actor, services: Services) -> None:
    item = services.search.item(entry_id)
    if item is None:
        raise MessageUnknown(id=entry_id)
    if not moved:
        raise MessageElsewhere(id=entry_id, state=item.state.value)
    _note(by, deed, f"{item.instance} #{entry_id}", services)
    services.wakeup.wake(look_again=True)


def _note(by: Actor, deed: str, subject: str, services: Services, detail: str = "") -> None:
    services.audit.note(by, deed, subject, detail, at=services.clock())


def _shown(item: Item, services: Services) -> Item:
    """Without its text, where the operator is not to read what people write."""
    if services.settings.show_contents:
        return item
    return replace(item, text="")


def _steps(found: Trace) -> tuple[Step, ...]:
    item = found.item
    ours = [Step(one.began_at, one.outcome, "", one.seconds, one.error) for one in found.tries]
    ours.append(Step(item.received_at, "kept"))
    if item.done_at and not any(one.outcome == "arrived" for one in found.tries):
        ours.append(Step(item.done_at, item.state.value, error=item.error))
    # The clocks of others, often in whole seconds, must not turn the order round.
    before = [Step(found.written_at, "written")] if found.written_at else []
    after = [Step(one.at, one.reached, one.whatsapp_id) for one in found.receipts]
    ours.sort(key=lambda step: step.at)
    return (*before, *ours, *(after if item.job is Job.REPLY else ()))


def _link(found: Trace, integration: Integration | None) -> str:
    if integration is None or not found.conversation_id:
        return ""
    if any(one.integration_id != integration.id for one in found.twins):
        return ""  # it went to a Chatwoot account that the instance has left since
    return (
        f"{integration.base_url}/app/accounts/{integration.account_id}"
        f"/conversations/{found.conversation_id}"
    )
