"""The cards of the overview: the status of each instance, what is wrong, and the one next step.

Drawing them calls nobody, and every query uses an index of the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.domain.errors import N_, BridgeError, Problem
from bridge.domain.models import Instance, Integration, Status
from bridge.routing import capabilities
from bridge.routing.from_chatwoot import duplicates, feed_status
from bridge.routing.from_gateway import gateway_webhook
from bridge.services import Services
from bridge.store.journal import Job
from bridge.store.stats import InstanceStats
from bridge.store.unrouted import Unrouted
from bridge.web import times
from bridge.web.console import plot
from bridge.web.console.plot import Plot
from bridge.web.pages import Trouble

#: How long a message may wait before it is worth a word, in seconds.
SLOW_S = 120.0
#: Errors whose remedy is another answer in the wizard; after the others a check is the next step.
_EDITED = {
    "chatwoot_not_found",
    "chatwoot_redirects",
    "not_chatwoot",
    "account_unknown",
    "not_member",
    "token_rejected",
    "not_administrator",
    "bot_token",
    "access_denied",
    "token_unreadable",
    "inbox_gone",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is wrong. `step` names the button that helps: connect, edit, check, resume,
    gateway, webhooks, replay or waiting. `since` is UTC seconds, 0 for not known."""

    step: str
    trouble: Trouble
    is_grave: bool = True
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Card:
    """An instance as the overview shows it; the gravest complaint first.

    `transport`: `all` ways; `webhook`, `mixed` (the gateway calls, Chatwoot has a socket), `turned`
    (the other way round), `socket`, or `none` where Chatwoot is only asked.
    """

    instance: Instance
    integration: Integration | None
    stats: InstanceStats
    plot: Plot
    transport: str
    complaints: tuple[Complaint, ...]
    unrouted: tuple[Unrouted, ...]


def of(rows: list[Instance], services: Services) -> list[Card]:
    """The cards of instances, in their order."""
    stats = {row.instance_id: row for row in services.stats.all()}
    return [_card(row, stats.get(row.id, InstanceStats(row.id)), services) for row in rows]


def _card(instance: Instance, stats: InstanceStats, services: Services) -> Card:
    now, integration = services.clock(), services.integrations.of(instance.id)
    minutes = services.stats.per_minute(instance.id, now=now)
    return Card(
        instance=instance,
        integration=integration,
        stats=stats,
        plot=plot.draw(minutes[Job.MESSAGE], minutes[Job.REPLY]),
        transport=_transport(instance, integration, services),
        complaints=tuple(_complaints(instance, integration, stats, services, now)),
        unrouted=tuple(services.unrouted.of(instance.id)),
    )


def _transport(instance: Instance, integration: Integration | None, services: Services) -> str:
    gateway_calls = gateway_webhook.is_relied_on(instance.id, services)
    used = feed_status.feeds_in_use(integration, services) if integration else "socket"
    if used == "none":
        return "none"
    if gateway_calls:
        return {"both": "all", "socket": "mixed"}.get(used, "webhook")
    return "socket" if used == "socket" else "turned"


def _complaints(
    instance: Instance,
    integration: Integration | None,
    stats: InstanceStats,
    services: Services,
    now: float,
) -> Iterator[Complaint]:
    if integration is None:
        yield _mild("connect", N_("This number is not connected to a Chatwoot inbox."))
    else:
        yield from _of_integration(integration, services)
        yield from _of_gateway(instance, services)
    if stats.dead:
        sentence = Problem(N_("Dead letters: {count}"), count=stats.dead)
        remedy = N_("The bridge has given up on these messages. Fix the cause, then retry them.")
        yield Complaint("replay", Trouble(sentence, Problem(remedy)))
    if stats.unconfirmed:
        yield _mild("waiting", N_("Unconfirmed sends: {count}"), count=stats.unconfirmed)
    if stats.waiting and now - stats.oldest_at > SLOW_S:
        yield _mild("waiting", N_("Messages have been waiting for more than two minutes."))


def _mild(step: str, sentence: str, remedy: str = "", **values: object) -> Complaint:
    trouble = Trouble(Problem(sentence, **values), Problem(remedy) if remedy else None)
    return Complaint(step, trouble, is_grave=False)


def _of_integration(integration: Integration, services: Services) -> Iterator[Complaint]:
    if integration.status is Status.ERROR:
        error = integration.last_error or BridgeError()
        step = "edit" if error.code in _EDITED else "check"
        if error.code == "gateway_denies":
            step = "gateway"
        yield Complaint(step, Trouble.of(error), since=integration.status_at)
    elif integration.status is Status.PAUSED:
        yield _mild("resume", N_("Paused: messages are stored, and delivered once you resume."))
    if old := capabilities.too_old(integration):
        yield Complaint("check", Trouble.of(old))
    for problem in feed_status.problems(integration, services):
        step = "webhooks" if feed_status.can_try(integration, services) else "check"
        is_grave = not feed_status.is_heard(integration, services)
        yield Complaint(step, Trouble(problem), is_grave=is_grave)
    for problem in duplicates.problems(integration, services):
        yield Complaint("check", Trouble(problem, Problem(duplicates.REMEDY)), is_grave=False)


def _of_gateway(instance: Instance, services: Services) -> Iterator[Complaint]:
    if instance.gateway is None:
        sentence = Problem(N_("The bridge does not know the gateway of this number."))
        remedy = N_("Messages flow once you enter its address.")
        yield Complaint("gateway", Trouble(sentence, Problem(remedy)))
    elif instance.connected is False:
        sentence = Problem(
            N_("The gateway says that the number is not connected to WhatsApp: {state}"),
            state=instance.connection,
        )
        remedy = N_("Connect it in the gateway; messages wait until then.")
        yield Complaint("check", Trouble(sentence, Problem(remedy)))
    if silence := gateway_webhook.silence(instance.id, services):
        since, until = map(times.exact, silence)
        yield _mild(
            "check",
            N_(
                "Nothing came from the gateway between {since} and {until}, and it repeats nothing."
            ),
            N_("Check on the phone what customers wrote in that time."),
            since=since,
            until=until,
        )
