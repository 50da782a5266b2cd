"""Messages and those in trouble: `status`, `trace`, `dead`, `pause` and `resume`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import click

from bridge.activation import instances
from bridge.cli.terminal import (
    Terminal,
    actor,
    age,
    confirm,
    moment,
    note,
    one_line,
    table,
    with_terminal,
    words,
)
from bridge.domain.models import Actor, Instance, Integration
from bridge.operations import messages
from bridge.operations.messages import Event, Timeline
from bridge.routing import capabilities
from bridge.routing.from_chatwoot import duplicates, feed_status
from bridge.services import Services
from bridge.store.journal import Job, State
from bridge.store.search import Item
from bridge.store.stats import InstanceStats

_DIRECTIONS = {Job.MESSAGE: "from WhatsApp", Job.REPLY: "to WhatsApp"}
_IDS = click.argument("ids", metavar="ID...", type=int, nargs=-1)


@click.command()
@with_terminal
def status(terminal: Terminal) -> None:
    """Shows the state of each instance: what waits, what is in trouble, when it last moved."""
    with terminal.opened() as services:
        alive = services.router_alive
        by_id = {instance.id: instance for instance in services.instances.all()}
        shown = [
            _status(by_id[stats.instance_id], stats, services) for stats in services.stats.all()
        ]
    header = ["NAME", "STATUS", "WAITING", "OLDEST", "UNCONFIRMED", "DEAD", "LAST IN", "LAST OUT"]
    rows = [
        [
            row["name"],
            row["status"],
            str(row["waiting"]),
            age(row["oldest_s"]) if row["oldest_s"] else "-",
            str(row["unconfirmed"]),
            str(row["dead"]),
            moment(row["last_in_at"]),
            moment(row["last_out_at"]),
        ]
        for row in shown
    ]
    lines = [f"router: {'runs' if alive else 'does not run'}", table(header, rows)]
    lines += [f"{row['name']}: {row['last_error']}" for row in shown if row["last_error"]]
    lines += [
        f"{row['name']}: {line}" for row in shown for line in [*row["hearing"], *row["missing"]]
    ]
    terminal.say({"router": alive, "instances": shown}, "\n".join(lines))


def _status(instance: Instance, stats: InstanceStats, services: Services) -> dict[str, Any]:
    integration = services.integrations.of(instance.id)
    counts = asdict(stats)
    del counts["instance_id"]
    return {
        "name": instance.name,
        "status": integration.status if integration else "not activated",
        "connection": instance.connection,
        **counts,
        "oldest_s": round(services.clock() - stats.oldest_at, 1) if stats.oldest_at else 0,
        "hears": feed_status.feeds_in_use(integration, services) if integration else "",
        "hearing": [*map(str, feed_status.problems(integration, services))] if integration else [],
        "missing": _missing(integration, services) if integration else [],
        "last_error": words(integration.last_error if integration else None),
        "status_at": integration.status_at if integration else 0,
    }


def _missing(integration: Integration, services: Services) -> list[str]:
    """What its Chatwoot cannot do, or did twice."""
    old = capabilities.too_old(integration)
    problems = [missing.problem for missing in capabilities.missing(integration, services)]
    problems += duplicates.problems(integration, services)
    return [*([old.message] if old else []), *map(str, problems)]


@click.command()
@click.argument("what")
@with_terminal
def trace(terminal: Terminal, what: str) -> None:
    """Shows where a message is.

    WHAT is a phone number, a name, words of the text, an id of the gateway or of Chatwoot, or #7:
    the number under which the log and the lists know it.
    """
    with terminal.opened() as services:
        items = messages.find(what, services)
        if len(items) == 1:
            timeline = messages.trace(items[0].id, services)
            terminal.say(_timeline_json(timeline), _timeline_text(timeline))
            return
    _say_items(terminal, items)
    if not items:
        note("No message was found.")
        raise click.exceptions.Exit(1)


@click.group("dead")
def dead_group() -> None:
    """What was given up or is uncertain: list it, replay it, discard it, settle it."""


@dead_group.command("list")
@click.argument("instance", required=False)
@with_terminal
def list_dead(terminal: Terminal, instance: str | None) -> None:
    """Lists dead letters and unconfirmed sends, with the reason of each."""
    with terminal.opened() as services:
        only = instances.find(instance, services) if instance else None
        items = messages.in_trouble(services, only)
    _say_items(terminal, items)


@dead_group.command("replay")
@_IDS
@click.option("--all", "instance", metavar="INSTANCE", help="Every dead letter of an instance.")
@with_terminal
def replay(terminal: Terminal, ids: tuple[int, ...], instance: str | None) -> None:
    """Tries dead letters again, after the cause was fixed."""
    if bool(ids) == bool(instance):
        raise click.UsageError("name messages by their ID, or an instance with --all")
    with terminal.opened() as services:
        if instance:
            count = messages.replay_all(instances.find(instance, services), actor(), services)
        else:
            # Oldest first, so that a chat's messages leave in their order.
            count = _each(sorted(ids), messages.replay, services)
    terminal.say({"replayed": count}, f"{count} will be tried again.")


@dead_group.command("discard")
@_IDS
@click.option("--yes", is_flag=True, help="Does not ask.")
@with_terminal
def discard(terminal: Terminal, ids: tuple[int, ...], yes: bool) -> None:
    """Gives messages up for good: dead, unconfirmed, or waiting ones that hold up their chat."""
    _require(ids)
    with terminal.opened() as services:
        confirm(f"Give {len(ids)} up for good?", yes=yes)
        count = _each(ids, messages.discard, services)
    terminal.say({"discarded": count}, f"{count} discarded.")


@dead_group.command("settle")
@_IDS
@click.option(
    "--sent/--not-sent",
    required=True,
    help="Whether the message is on WhatsApp; if not, it is sent again.",
)
@with_terminal
def settle(terminal: Terminal, ids: tuple[int, ...], sent: bool) -> None:
    """Says about unconfirmed sends what you have seen on the phone."""
    _require(ids)
    with terminal.opened() as services:
        count = _each(ids, partial(messages.settle, sent=sent), services)
    text = f"{count} settled." if sent else f"{count} will be sent again."
    terminal.say({"settled": count}, text)


@click.command()
@click.argument("instance")
@with_terminal
def pause(terminal: Terminal, instance: str) -> None:
    """Stores what comes for an instance and delivers nothing until `resume`."""
    with terminal.opened() as services:
        messages.pause(instances.find(instance, services), actor(), services)
    terminal.say({"instance": instance, "status": "paused"}, f"{instance} is paused.")


@click.command()
@click.argument("instance")
@with_terminal
def resume(terminal: Terminal, instance: str) -> None:
    """Delivers again, also after an error that was fixed."""
    with terminal.opened() as services:
        messages.resume(instances.find(instance, services), actor(), services)
    terminal.say({"instance": instance, "status": "active"}, f"{instance} is active.")


# -- small parts -----------------------------------------------------------------------------------


def _require(ids: Sequence[int]) -> None:
    if not ids:
        raise click.UsageError("name messages by their ID; `dead list` shows them")


def _each(
    ids: Sequence[int], action: Callable[[int, Actor, Services], None], services: Services
) -> int:
    """Stops at the first that cannot be; those before it stay done."""
    for entry_id in ids:
        action(entry_id, actor(), services)
    return len(ids)


def _item_json(item: Item) -> dict[str, Any]:
    """Without numbers that mean nothing outside, and with the error in words."""
    plain = asdict(replace(item, error=None))
    del plain["error"], plain["job"]
    plain |= {"direction": item.job.direction, "reason": words(item.error)}
    return {key: value for key, value in plain.items() if not key.endswith("_id")}


def _event_json(event: Event) -> dict[str, Any]:
    plain = asdict(replace(event, error=None))
    del plain["error"]
    return plain | {"detail": event.detail or words(event.error)}


def _say_items(terminal: Terminal, items: list[Item]) -> None:
    header = ["ID", "INSTANCE", "CHAT", "DIRECTION", "STATE", "RECEIVED", "TEXT", "REASON"]
    rows = [
        [
            f"#{item.id}",
            item.instance,
            one_line(item.chat or item.address, 24),
            _DIRECTIONS.get(item.job, item.job.direction),
            item.state,
            moment(item.received_at),
            one_line(item.text, 30),
            "" if item.state is State.DONE else one_line(words(item.error), 200),
        ]
        for item in items
    ]
    terminal.say([_item_json(item) for item in items], table(header, rows))


def _timeline_json(timeline: Timeline) -> dict[str, Any]:
    return {
        **_item_json(timeline.item),
        "steps": [_event_json(event) for event in timeline.events],
        "whatsapp_ids": timeline.whatsapp_ids,
        "chatwoot_ids": timeline.chatwoot_ids,
        "link": timeline.link,
    }


def _timeline_text(timeline: Timeline) -> str:
    item = timeline.item
    direction = _DIRECTIONS.get(item.job, item.job.direction)
    lines = [f"#{item.id}  {item.instance}  {direction}  {item.state}"]
    facts = {
        "chat": f"{one_line(item.chat)} {item.address}",
        "text": one_line(item.text, 200),
        "whatsapp": ", ".join(timeline.whatsapp_ids),
        "chatwoot": ", ".join(map(str, timeline.chatwoot_ids)),
        "link": timeline.link,
    }
    lines += [f"{name:<8}  {fact}" for name, fact in facts.items() if fact]
    lines += [
        f"{moment(event.at)}  {event.what:<10}"
        f"{f'{event.seconds * 1000:.0f} ms  ' if event.seconds else ''}"
        f"{one_line(event.detail or words(event.error), 300)}".rstrip()
        for event in timeline.events
    ]
    return "\n".join(lines)
