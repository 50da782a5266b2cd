"""Instances, and joining them to Chatwoot: `instance` and `activate`."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from bridge.activation import activate, checks, instances, validation
from bridge.activation.activate import ActivationStep
from bridge.activation.reader import GATEWAY_KINDS
from bridge.chatwoot.address import BadAddress
from bridge.cli.terminal import (
    Terminal,
    actor,
    confirm,
    is_asked,
    note,
    table,
    with_terminal,
    words,
)
from bridge.domain.errors import BridgeError, InstanceMissing
from bridge.domain.models import (
    DEFAULT_INBOX_NAME,
    Instance,
    Integration,
    Secret,
    TokenOwner,
)
from bridge.domain.options import OPTIONS
from bridge.domain.urls import origin_of
from bridge.services import Services

T = TypeVar("T")
_TOKEN = "Its token, shown this once:"  # noqa: S105 - a sentence
_STEPS = {
    ActivationStep.ADDRESS: "Asking the address for a Chatwoot",
    ActivationStep.TOKEN: "Asking whose the token is",
    ActivationStep.ACCOUNT: "Looking into the account",
    ActivationStep.INBOX: "Making or updating the inbox",
    ActivationStep.SAVE: "Storing the integration",
    ActivationStep.WIRE: "Connecting both directions",
}


def _of_inbox(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every option of the integration."""
    for option in reversed(OPTIONS):
        if option.is_switch:
            names = f"{option.flag}/--no-{option.flag[2:]}"
            command = click.option(names, default=None, help=option.meaning)(command)
        else:
            help_text = f"{option.meaning} `none` empties it."
            command = click.option(option.flag, metavar="URL", help=help_text)(command)
    return command


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
    type=click.Choice(GATEWAY_KINDS),
    default=GATEWAY_KINDS[0],
    show_default=True,
    help="What the gateway is.",
)
@with_terminal
def add(terminal: Terminal, name: str, base_url: str | None, token: str | None, kind: str) -> None:
    """Makes an instance and prints its token, this once."""
    with terminal.opened(must_exist=False) as services:
        instance, own = _made(name, base_url, token, kind, services)
    made = {"name": instance.name, "token": str(own)}
    terminal.say(made, f"{instance.name} was made. {_TOKEN} {own}")


def _made(
    name: str, base_url: str | None, token: str | None, kind: str, services: Services
) -> tuple[Instance, Secret]:
    if is_asked() and not base_url and not token:
        base_url = click.prompt("Address of the gateway (empty: none)", default="", err=True)
    if is_asked() and base_url and not token:
        token = click.prompt("Token of the number there", hide_input=True, err=True)
    gateway = {"kind": kind, "baseUrl": base_url, "token": token} if base_url or token else None
    wish = validation.new_instance({"name": name, "gateway": gateway})
    return instances.create(wish, services, by=actor())


@instance_group.command("list")
@with_terminal
def list_all(terminal: Terminal) -> None:
    """Lists the instances with their gateway and integration."""
    with terminal.opened() as services:
        listed = [
            _listed(instance, services.integrations.of(instance.id))
            for instance in services.instances.all()
        ]
    keys = ("name", "status", "connection", "gateway", "chatwoot", "last_error")
    header = [key.upper().replace("_", " ") for key in keys]
    rows = [[str(row[key] or "-") for key in keys] for row in listed]
    terminal.say(listed, table(header, rows))


def _listed(instance: Instance, joined: Integration | None) -> dict[str, Any]:
    return {
        "name": instance.name,
        "status": joined.status if joined else "not activated",
        "connection": instance.connection,
        "gateway": instance.gateway.base_url if instance.gateway else "",
        "chatwoot": f"{joined.base_url} account {joined.account_id}" if joined else "",
        "inbox": joined.inbox_name if joined else "",
        "last_error": words(joined.last_error if joined else None),
    }


@instance_group.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Does not ask.")
@with_terminal
def remove(terminal: Terminal, name: str, yes: bool) -> None:
    """Removes an instance with its integration and messages; the inbox stays in Chatwoot."""
    with terminal.opened() as services:
        instance = instances.find(name, services)
        confirm(f"Remove {name} with all that is stored of it?", yes=yes)
        instances.remove(instance, services, by=actor())
    terminal.say({"removed": name}, f"{name} was removed.")


@click.command("webhook")
@click.argument("name")
@with_terminal
def webhook(terminal: Terminal, name: str) -> None:
    """Has Chatwoot call the bridge again where only its socket is heard, and says whether it does.

    The address is taken out of the inbox again when Chatwoot refuses to call it.
    """
    with terminal.opened() as services:
        instance = instances.find(name, services)
        called = activate.try_webhooks(instance, services, by=actor())
    text = "Chatwoot calls the bridge." if called else "Chatwoot has not called yet."
    terminal.say({"instance": name, "called": called}, text)


@click.command("activate")
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
@_of_inbox
@with_terminal
def join(terminal: Terminal, name: str | None, **given: Any) -> None:
    """Joins an instance to Chatwoot, or changes how it is joined.

    What is missing is asked for on a terminal; an integration that is there keeps what is not
    given.
    """
    with terminal.opened(must_exist=False) as services:
        instance = _instance(name, services)
        before = services.integrations.of(instance.id)
        body = _wish(given, before, services)
        wish = validation.activation_request(body)
        done = activate.activate(
            instance,
            wish,
            services,
            by=actor(),
            on_step=lambda step: note(f"{_STEPS[step]} ..."),
        )
    joined = done.integration
    result = {
        "instance": instance.name,
        "status": joined.status,
        "bridge_integration_id": joined.id,
        "chatwoot_base_url": joined.base_url,
        "chatwoot_account_id": joined.account_id,
        "inbox_id": joined.inbox_id,
        "inbox_name": joined.inbox_name,
        "warnings": [str(warning) for warning in done.warnings],
    }
    for warning in done.warnings:
        note(f"Note: {warning}")
    text = f"{instance.name} is {joined.status}: inbox {joined.inbox_name!r} in {joined.base_url}"
    terminal.say(result, text)


def _instance(name: str | None, services: Services) -> Instance:
    if name is None:
        _require_terminal("the name of the instance")
        name = str(click.prompt("Instance", err=True)).strip()
    instance = services.instances.find(name)
    if instance is None:
        if not is_asked():
            raise InstanceMissing
        click.confirm(f"There is no instance {name}. Make it?", abort=True, err=True)
        instance, own = _made(name, None, None, GATEWAY_KINDS[0], services)
        note(f"{_TOKEN} {own}")
    return instance


def _wish(
    given: Mapping[str, Any], before: Integration | None, services: Services
) -> dict[str, object]:
    """The body as the API would get it: given, else as it is, else asked for."""
    base_url = given["base_url"] or (before.base_url if before else "")
    account_id = given["account_id"] or (before.account_id if before else None)
    # A saved token goes to nobody but the Chatwoot that it was given for.
    same_place = before is not None and origin_of(base_url) == origin_of(before.base_url)
    token = Secret(given["api_token"] or (before.api_token if before and same_place else ""))
    inbox_name = given["inbox_name"] or (before.inbox_name if before else "")
    if not base_url:
        base_url, account_id = _ask_address(account_id, services)
    owner = None
    if not token:
        token, owner = _ask_token(base_url, services)
    if account_id is None:
        account_id = _ask_account(owner or _owner(base_url, token, services))
    if not inbox_name and is_asked():
        inbox_name = click.prompt("Name of the inbox", default=DEFAULT_INBOX_NAME, err=True)
    chosen = dataclasses.asdict(before.options) if before else {}
    for option in OPTIONS:
        if given[option.name] is not None:
            chosen[option.name] = None if given[option.name] == "none" else given[option.name]
    facts = {
        "base_url": base_url,
        "account_id": account_id,
        "api_token": token,
        "inbox_name": inbox_name,
    }
    return {validation.SET_FIELDS[key]: value for key, value in {**facts, **chosen}.items()}


def _ask_address(account_id: int | None, services: Services) -> tuple[str, int | None]:
    _require_terminal("--url")
    question = "Address of Chatwoot (a link from the browser will do)"
    found = _asked(question, lambda text: checks.probe_address(text, services))
    note(f"Chatwoot {found.version} found at {found.base_url}")
    return found.base_url, account_id or found.account_id


def _ask_token(base_url: str, services: Services) -> tuple[Secret, TokenOwner]:
    _require_terminal("--token (or CHATWOOT_API_TOKEN)")

    def probe(text: str) -> tuple[Secret, TokenOwner]:
        token = Secret(text.strip())
        return token, _owner(base_url, token, services)

    return _asked("Access token (not shown)", probe, hide_input=True)


def _asked(question: str, probe: Callable[[str], T], *, hide_input: bool = False) -> T:
    """What `probe` makes of an answer; asks again while it refuses."""
    while True:
        try:
            return probe(click.prompt(question, err=True, hide_input=hide_input))
        except BadAddress as error:
            note(str(error))
        except BridgeError as error:
            note(f"{error.message}\n{error.next_step}")


def _owner(base_url: str, token: Secret, services: Services) -> TokenOwner:
    owner = checks.probe_token(base_url, token, services)
    note(f"The token belongs to {owner.name}")
    return owner


def _ask_account(owner: TokenOwner) -> int:
    _require_terminal("--account")
    offered = owner.administered
    for account in offered:
        note(f"  {account.id}  {account.name}")
    default = offered[0].id if len(offered) == 1 else None
    return int(click.prompt("Account", type=int, default=default, err=True))


def _require_terminal(what: str) -> None:
    if not is_asked():
        raise click.UsageError(f"{what} is missing, and there is no terminal to ask on")
