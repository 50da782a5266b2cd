"""Messages and those in trouble: `status`, `trace`, `dead`, `pause` and `resume`."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import click

from bridge.activation import instances
from bridge.cli import terminal
from bridge.domain.models import Actor, Instance, Integration
from bridge.operations import messages
from bridge.operations.messages import Step, Way
from bridge.routing import capabilities
from bridge.routing.from_chatwoot import copies, ways
from bridge.services import Services
from bridge.store.journal import State
from bridge.store.search import Item

_ARROWS = {"in": "from WhatsApp", "out": "to WhatsApp", "receipt": "receipt"}
_IDS = click.argument("ids", metavar="ID...", type=int, nargs=-1)


@click.command()
@terminal.instance_dir
@terminal.as_json
def status(instance_dir: str | None, as_json: bool) -> None:
    """Shows how each instance stands: what waits, what is in trouble, when it last moved."""
    with terminal.opened(instance_dir) as services:
        now, alive = services.clock(), services.router_alive
        by_id = {one.id: one for one in services.instances.all()}
        said = []
        for one in services.stats.all():
            instance = by_id[one.instance_id]
            integration = services.integrations.of(instance.id)
            said.append(
                {
                    "name": instance.name,
                    "status": integration.status if integration else "not activated",
                    "connection": instance.connection,
                    **{key: value for key, value in asdict(one).items() if key != "instance_id"},
                    "oldest_s": round(now - one.oldest_at, 1) if one.oldest_at else 0,
                    "hears": ways.used(integration, services) if integration else "",
                    "hearing": list(map(str, ways.troubles(integration, services)))
                    if integration
                    else [],
                    "missing": _missing(integration, services) if integration else [],
                    "last_error": terminal.words(integration.last_error if integration else None),
                    "status_at": integration.status_at if integration else 0,
                }
            )
    header = ["NAME", "STATUS", "WAITING", "OLDEST", "UNCONFIRMED", "DEAD", "LAST IN", "LAST OUT"]
    rows = [
        [
            one["name"],
            one["status"],
            str(one["waiting"]),
            terminal.age(one["oldest_s"]) if one["oldest_s"] else "-",
            str(one["unconfirmed"]),
            str(one["dead"]),
            terminal.moment(one["last_in_at"]),
            terminal.moment(one["last_out_at"]),
        ]
        for one in said
    ]
    lines = [f"router: {'runs' if alive else 'does not run'}", terminal.table(header, rows)]
    lines += [f"{one['name']}: {one['last_error']}" for one in said if one["last_error"]]
    lines += [
        f"{one['name']}: {each}" for one in said for each in [*one["hearing"], *one["missing"]]
    ]
    terminal.say({"router": alive, "instances": said}, "\n".join(lines), as_json=as_json)


def _missing(one: Integration, services: Services) -> list[str]:
    """What its Chatwoot cannot do, or did twice."""
    old = capabilities.too_old(one)
    problems = [each.problem for each in capabilities.missing(one, services)]
    problems += copies.told(one, services)
    return [*([old.message] if old else []), *map(str, problems)]


@click.command()
@click.argument("what")
@terminal.instance_dir
@terminal.as_json
def trace(what: str, instance_dir: str | None, as_json: bool) -> None:
    """Shows where a message is.

    WHAT is a phone number, a name, words of the text, an id of the gateway or of Chatwoot, or #7:
    the number under which the log and the lists know it.
    """
    with terminal.opened(instance_dir) as services:
        found = messages.find(what, services)
        if len(found) == 1:
            way = messages.trace(found[0].id, services)
            terminal.say(_way_json(way), _way_text(way), as_json=as_json)
            return
    terminal.say([_item_json(one) for one in found], _items(found), as_json=as_json)
    if not found:
        terminal.note("No message was found.")
        raise click.exceptions.Exit(1)


@click.group("dead")
def dead_group() -> None:
    """What was given up or is uncertain: list it, replay it, discard it, settle it."""


@dead_group.command("list")
@click.argument("instance", required=False)
@terminal.instance_dir
@terminal.as_json
def list_dead(instance: str | None, instance_dir: str | None, as_json: bool) -> None:
    """Lists dead letters and unconfirmed sends, with the reason of each."""
    with terminal.opened(instance_dir) as services:
        only = instances.find(instance, services) if instance else None
        found = messages.in_trouble(services, only)
    terminal.say([_item_json(one) for one in found], _items(found), as_json=as_json)


@dead_group.command("replay")
@_IDS
@click.option("--all", "instance", metavar="INSTANCE", help="Every dead letter of an instance.")
@terminal.instance_dir
@terminal.as_json
def replay(
    ids: tuple[int, ...], instance: str | None, instance_dir: str | None, as_json: bool
) -> None:
    """Tries dead letters again, after the cause was mended."""
    if bool(ids) == bool(instance):
        raise click.UsageError("name messages by their ID, or an instance with --all")
    with terminal.opened(instance_dir) as services:
        if instance:
            count = messages.replay_all(
                instances.find(instance, services), terminal.actor(), services
            )
        else:
            # The oldest first, so that a chat's messages leave in their order.
            count = _each(tuple(sorted(ids)), messages.replay, services)
    terminal.say({"replayed": count}, f"{count} will be tried again.", as_json=as_json)


@dead_group.command("discard")
@_IDS
@click.option("--yes", is_flag=True, help="Does not ask.")
@terminal.instance_dir
@terminal.as_json
def discard(ids: tuple[int, ...], yes: bool, instance_dir: str | None, as_json: bool) -> None:
    """Gives messages up for good: dead, unconfirmed, or waiting ones that hold up their chat."""
    _require(ids)
    with terminal.opened(instance_dir) as services:
        terminal.confirm(f"Give {len(ids)} up for good?", yes=yes)
        count = _each(ids, messages.discard, services)
    terminal.say({"discarded": count}, f"{count} discarded.", as_json=as_json)


@dead_group.command("settle")
@_IDS
@click.option(
    "--sent/--not-sent",
    required=True,
    help="Whether the message is on WhatsApp; if not, it is sent again.",
)
@terminal.instance_dir
@terminal.as_json
def settle(ids: tuple[int, ...], sent: bool, instance_dir: str | None, as_json: bool) -> None:
    """Says about unconfirmed sends what you have seen on the phone."""
    _require(ids)

    def one(entry_id: int, by: Actor, services: Services) -> None:
        messages.settle(entry_id, sent=sent, by=by, services=services)

    with terminal.opened(instance_dir) as services:
        count = _each(ids, one, services)
    text = f"{count} settled." if sent else f"{count} will be sent again."
    terminal.say({"settled": count}, text, as_json=as_json)


@click.command()
@click.argument("instance")
@terminal.instance_dir
@terminal.as_json
def pause(instance: str, instance_dir: str | None, as_json: bool) -> None:
    """Keeps what comes for an instance and delivers nothing until `resume`."""
    _judged(instance, messages.pause, "paused", instance_dir, as_json=as_json)


@click.command()
@click.argument("instance")
@terminal.instance_dir
@terminal.as_json
def resume(instance: str, instance_dir: str | None, as_json: bool) -> None:
    """Delivers again, also after an error that was mended."""
    _judged(instance, messages.resume, "active", instance_dir, as_json=as_json)


# -- small parts -----------------------------------------------------------------------------------


def _judged(
    name: str,
    deed: Callable[[Instance, Actor, Services], None],
    status: str,
    folder: str | None,
    *,
    as_json: bool,
) -> None:
    with terminal.opened(folder) as services:
        deed(instances.find(name, services), terminal.actor(), services)
    terminal.say({"instance": name, "status": status}, f"{name} is {status}.", as_json=as_json)


def _require(ids: tuple[int, ...]) -> None:
    if not ids:
        raise click.UsageError("name messages by their ID; `dead list` shows them")


def _each(
    ids: tuple[int, ...], deed: Callable[[int, Actor, Services], None], services: Services
) -> int:
    """Stops at the first that cannot be; those before it stay done."""
    for entry_id in ids:
        deed(entry_id, terminal.actor(), services)
    return len(ids)


def _item_json(one: Item) -> dict[str, Any]:
    """Without numbers that mean nothing outside, and with the error in words."""
    plain = asdict(replace(one, error=None))
    del plain["error"]
    plain["reason"] = terminal.words(one.error)
    return {key: value for key, value in plain.items() if not key.endswith("_id")}


def _step_json(one: Step) -> dict[str, Any]:
    plain = asdict(replace(one, error=None))
    del plain["error"]
    return plain | {"detail": one.detail or terminal.words(one.error)}


def _items(found: list[Item]) -> str:
    header = ["ID", "INSTANCE", "CHAT", "WAY", "STATE", "KEPT", "TEXT", "REASON"]
    rows = [
        [
            f"#{one.id}",
            one.instance,
            terminal.one_line(one.chat or one.address, 24),
            _ARROWS.get(one.direction, one.direction),
            one.state,
            terminal.moment(one.received_at),
            terminal.one_line(one.text, 30),
            terminal.one_line(terminal.words(one.error), 200)
            if one.state is not State.DONE
            else "",
        ]
        for one in found
    ]
    return terminal.table(header, rows)


def _way_json(way: Way) -> dict[str, Any]:
    return {
        **_item_json(way.item),
        "steps": [_step_json(one) for one in way.steps],
        "whatsapp_ids": way.whatsapp_ids,
        "chatwoot_ids": way.chatwoot_ids,
        "link": way.link,
    }


def _way_text(way: Way) -> str:
    one = way.item
    lines = [
        f"#{one.id}  {one.instance}  {_ARROWS.get(one.direction, one.direction)}  {one.state}",
        f"chat      {terminal.one_line(one.chat)} {one.address}",
        f"text      {terminal.one_line(one.text, 200)}" if one.text else "",
        f"whatsapp  {', '.join(way.whatsapp_ids)}" if way.whatsapp_ids else "",
        f"chatwoot  {', '.join(map(str, way.chatwoot_ids))}" if way.chatwoot_ids else "",
        f"link      {way.link}" if way.link else "",
    ]
    lines += [
        f"{terminal.moment(step.at)}  {step.what:<10}"
        f"{f'{step.seconds * 1000:.0f} ms  ' if step.seconds else ''}"
        f"{terminal.one_line(step.detail or terminal.words(step.error), 300)}".rstrip()
        for step in way.steps
    ]
    return "\n".join(line for line in lines if line)
