"""Instances, and joining them to Chatwoot: `instance` and `activate`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

from bridge.activation import activate as activation
from bridge.activation import checks, instances, validation
from bridge.activation.activate import Step
from bridge.chatwoot.address import BadAddress, origin
from bridge.cli import terminal
from bridge.domain.errors import BridgeError, InstanceMissing
from bridge.domain.models import (
    DEFAULT_INBOX_NAME,
    InboxOptions,
    Instance,
    Integration,
    Secret,
    TokenOwner,
)
from bridge.services import Services

_OPTIONS = tuple(one.name for one in dataclasses.fields(InboxOptions))
_TOKEN = "Its token, shown this once:"  # noqa: S105 - a sentence
_STEPS = {
    Step.ADDRESS: "Asking the address for a Chatwoot",
    Step.TOKEN: "Asking whose the token is",
    Step.ACCOUNT: "Looking into the account",
    Step.INBOX: "Making or updating the inbox",
    Step.SAVE: "Writing the integration down",
    Step.WIRE: "Joining both directions",
}


@click.group("instance")
def instance_group() -> None:
    """Makes, lists and removes instances: the WhatsApp numbers of this bridge."""


@instance_group.command("add")
@click.argument("name")
@click.option("--gateway", "base_url", metavar="URL", help="Address of the gateway.")
@click.option(
    "--gateway-token",
    "token",
    metavar="TOKEN",
    envvar="GATEWAY_TOKEN",
    help="Token of the number in the gateway; better in the variable GATEWAY_TOKEN.",
)
@click.option(
    "--gateway-kind",
    "kind",
    type=click.Choice(validation.GATEWAY_KINDS),
    default=validation.GATEWAY_KINDS[0],
    show_default=True,
    help="What the gateway is.",
)
@terminal.instance_dir
@terminal.as_json
def add(
    name: str,
    base_url: str | None,
    token: str | None,
    kind: str,
    instance_dir: str | None,
    as_json: bool,
) -> None:
    """Makes an instance and prints its token, this once."""
    with terminal.opened(instance_dir, must_exist=False) as services:
        instance, own = _made(name, base_url, token, kind, services)
    said = {"name": instance.name, "token": str(own)}
    terminal.say(said, f"{instance.name} was made. {_TOKEN} {own}", as_json=as_json)


def _made(
    name: str, base_url: str | None, token: str | None, kind: str, services: Services
) -> tuple[Instance, Secret]:
    if terminal.is_asked() and not base_url and not token:
        base_url = click.prompt("Address of the gateway (empty: none)", default="", err=True)
    if terminal.is_asked() and base_url and not token:
        token = click.prompt("Token of the number there", hide_input=True, err=True)
    gateway = {"kind": kind, "baseUrl": base_url, "token": token} if base_url or token else None
    wish = validation.new_instance({"name": name, "gateway": gateway})
    return instances.create(wish, services, by=terminal.actor())


@instance_group.command("list")
@terminal.instance_dir
@terminal.as_json
def list_all(instance_dir: str | None, as_json: bool) -> None:
    """Lists the instances with their gateway and integration."""
    with terminal.opened(instance_dir) as services:
        found = [(one, services.integrations.of(one.id)) for one in services.instances.all()]
    said = [_listed(*pair) for pair in found]
    keys = ("name", "status", "connection", "gateway", "chatwoot", "last_error")
    header = [key.upper().replace("_", " ") for key in keys]
    rows = [[str(one[key] or "-") for key in keys] for one in said]
    terminal.say(said, terminal.table(header, rows), as_json=as_json)


def _listed(instance: Instance, one: Integration | None) -> dict[str, Any]:
    return {
        "name": instance.name,
        "status": one.status if one else "not activated",
        "connection": instance.connection,
        "gateway": instance.gateway.base_url if instance.gateway else "",
        "chatwoot": f"{one.base_url} account {one.account_id}" if one else "",
        "inbox": one.inbox_name if one else "",
        "last_error": terminal.words(one.last_error if one else None),
    }


@instance_group.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Does not ask.")
@terminal.instance_dir
@terminal.as_json
def remove(name: str, yes: bool, instance_dir: str | None, as_json: bool) -> None:
    """Removes an instance with its integration and messages; the inbox stays in Chatwoot."""
    with terminal.opened(instance_dir) as services:
        found = instances.find(name, services)
        terminal.confirm(f"Remove {name} with all that is kept of it?", yes=yes)
        instances.remove(found, services, by=terminal.actor())
    terminal.say({"removed": name}, f"{name} was removed.", as_json=as_json)


@click.command("webhook")
@click.argument("name")
@terminal.instance_dir
@terminal.as_json
def webhook(name: str, instance_dir: str | None, as_json: bool) -> None:
    """Has Chatwoot call the bridge again where only its socket is heard, and says whether it does.

    The address is taken out of the inbox again when Chatwoot refuses to call it.
    """
    with terminal.opened(instance_dir) as services:
        found = instances.find(name, services)
        called = activation.try_webhooks(found, services, by=terminal.actor())
    said = "Chatwoot calls the bridge." if called else "Chatwoot has not called yet."
    terminal.say({"instance": name, "called": called}, said, as_json=as_json)


@click.command()
@click.argument("name", required=False)
@click.option("--url", "base_url", metavar="URL", help="Address of Chatwoot.")
@click.option("--account", "account_id", type=int, help="Number of the account in Chatwoot.")
@click.option(
    "--token",
    "api_token",
    metavar="TOKEN",
    envvar="CHATWOOT_API_TOKEN",
    help="Access token of an administrator; better in the variable CHATWOOT_API_TOKEN.",
)
@click.option("--inbox", "inbox_name", metavar="NAME", help="Name of the inbox.")
@click.option(
    "--public-url",
    "public_url",
    metavar="URL",
    help="Address at which customers reach Chatwoot, if not --url; none to forget it.",
)
@click.option(
    "--sign-messages/--no-sign-messages",
    default=None,
    help="Puts the agent's name above each message.",
)
@click.option("--ignore-groups/--no-ignore-groups", default=None, help="Leaves group messages out.")
@click.option(
    "--start-as-pending/--no-start-as-pending",
    default=None,
    help="New conversations begin as pending, for a bot.",
)
@click.option(
    "--reopen-resolved/--no-reopen-resolved",
    default=None,
    help="One conversation per customer, opened again when they write.",
)
@click.option(
    "--ignore-calls/--no-ignore-calls", default=None, help="Says nothing of missed calls."
)
@click.option(
    "--keep-deleted/--no-keep-deleted",
    default=None,
    help="Marks what customers delete, and keeps it readable.",
)
@terminal.instance_dir
@terminal.as_json
def activate(name: str | None, instance_dir: str | None, as_json: bool, **given: Any) -> None:
    """Joins an instance to Chatwoot, or changes how it is joined.

    What is missing is asked for on a terminal; an integration that is there keeps what is not
    given.
    """
    with terminal.opened(instance_dir, must_exist=False) as services:
        instance = _instance(name, services)
        before = services.integrations.of(instance.id)
        body = _wish(given, before, services)
        wish = validation.activation_request(body)
        done = activation.activate(
            instance,
            wish,
            services,
            by=terminal.actor(),
            on_step=lambda step: terminal.note(f"{_STEPS[step]} ..."),
        )
    one = done.integration
    said = {
        "instance": instance.name,
        "status": one.status,
        "bridge_integration_id": one.id,
        "chatwoot_base_url": one.base_url,
        "chatwoot_account_id": one.account_id,
        "inbox_id": one.inbox_id,
        "inbox_name": one.inbox_name,
        "warnings": [str(warning) for warning in done.warnings],
    }
    for warning in done.warnings:
        terminal.note(f"Note: {warning}")
    text = f"{instance.name} is {one.status}: inbox {one.inbox_name!r} in {one.base_url}"
    terminal.say(said, text, as_json=as_json)


def _instance(name: str | None, services: Services) -> Instance:
    if name is None:
        _require_terminal("the name of the instance")
        name = str(click.prompt("Instance", err=True)).strip()
    found = services.instances.find(name)
    if found is None:
        if not terminal.is_asked():
            raise InstanceMissing
        click.confirm(f"There is no instance {name}. Make it?", abort=True, err=True)
        found, own = _made(name, None, None, validation.GATEWAY_KINDS[0], services)
        terminal.note(f"{_TOKEN} {own}")
    return found


def _wish(
    given: Mapping[str, Any], before: Integration | None, services: Services
) -> dict[str, object]:
    """The body as the API would get it: given, else as it is, else asked for."""
    base_url = given["base_url"] or (before.base_url if before else "")
    account_id = given["account_id"] or (before.account_id if before else None)
    # A saved token goes to nobody but the Chatwoot that it was given for.
    same_place = before is not None and origin(base_url) == origin(before.base_url)
    token = Secret(given["api_token"] or (before.api_token if before and same_place else ""))
    inbox_name = given["inbox_name"] or (before.inbox_name if before else "")
    if not base_url:
        base_url, account_id = _ask_address(account_id, services)
    owner = None
    if not token:
        token, owner = _ask_token(base_url, services)
    if account_id is None:
        account_id = _ask_account(owner or _owner(base_url, token, services))
    if not inbox_name and terminal.is_asked():
        inbox_name = click.prompt("Name of the inbox", default=DEFAULT_INBOX_NAME, err=True)
    chosen = {
        key: given[key] if given[key] is not None else bool(before and getattr(before.options, key))
        for key in _OPTIONS
    }
    facts = {
        "base_url": base_url,
        "account_id": account_id,
        "api_token": token,
        "public_url": _public_url(given["public_url"], before),
    }
    return {
        validation.SET_FIELDS[key]: value
        for key, value in {**facts, "inbox_name": inbox_name, **chosen}.items()
    }


def _public_url(given: str | None, before: Integration | None) -> str:
    if given is None:
        return before.public_url if before else ""
    return "" if given == "none" else given


def _ask_address(account_id: int | None, services: Services) -> tuple[str, int | None]:
    _require_terminal("--url")
    while True:
        text = click.prompt("Address of Chatwoot (a link from the browser will do)", err=True)
        try:
            found = checks.probe_address(text, services)
        except BridgeError as error:
            _complain(error)
        except BadAddress as error:
            terminal.note(str(error))
        else:
            terminal.note(f"Chatwoot {found.version} found at {found.base_url}")
            return found.base_url, account_id or found.account_id


def _ask_token(base_url: str, services: Services) -> tuple[Secret, TokenOwner]:
    _require_terminal("--token (or CHATWOOT_API_TOKEN)")
    while True:
        token = Secret(click.prompt("Access token (not shown)", hide_input=True, err=True).strip())
        try:
            return token, _owner(base_url, token, services)
        except BridgeError as error:
            _complain(error)


def _owner(base_url: str, token: Secret, services: Services) -> TokenOwner:
    owner = checks.probe_token(base_url, token, services)
    terminal.note(f"The token belongs to {owner.name}")
    return owner


def _ask_account(owner: TokenOwner) -> int:
    _require_terminal("--account")
    offered = [one for one in owner.accounts if one.may_administer]
    for one in offered:
        terminal.note(f"  {one.id}  {one.name}")
    default = offered[0].id if len(offered) == 1 else None
    return int(click.prompt("Account", type=int, default=default, err=True))


def _require_terminal(what: str) -> None:
    if not terminal.is_asked():
        raise click.UsageError(f"{what} is missing, and there is no terminal to ask on")


def _complain(error: BridgeError) -> None:
    terminal.note(f"{error.message}\n{error.next_step}")
