"""An option of an integration is one row; wherever options are said, all of them are."""

import click
import pytest

from bridge.activation import validation
from bridge.cli.instances import join
from bridge.domain.options import OPTIONS, InboxOptions, Option
from bridge.web.api.openapi import document
from bridge.web.forms import InboxForm
from tests.support.api import Instance, wish
from tests.support.processes import SandboxChatwoot

every_option = pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.api)


@every_option
def test_the_api_describes_it_in_both_bodies_and_in_the_answer(option: Option) -> None:
    schemas = document()["components"]["schemas"]
    inline = validation.SET_TO_INLINE[option.api]
    assert schemas["Activation"]["properties"][option.api]["description"] == option.meaning
    assert option.api in schemas["NewInstance"]["properties"][inline]["description"]
    assert option.shown in schemas["Integration"]["required"]


@every_option
def test_the_command_line_and_the_wizard_offer_it(option: Option) -> None:
    flags = {flag for one in join.params if isinstance(one, click.Option) for flag in one.opts}
    assert option.flag in flags
    assert hasattr(InboxForm, option.name)


@every_option
def test_it_is_stored_and_shown(
    option: Option, instance: Instance, sandbox: SandboxChatwoot
) -> None:
    value: object = True if option.is_switch else "https://chat.example.com"
    assert instance.set(wish(sandbox, **{option.api: value})).status_code == 201
    assert instance.list().json()[option.shown] == value


def test_what_is_left_out_has_the_default_of_the_row() -> None:
    body = {"chatwootBaseUrl": "https://x.test", "chatwootAccountId": 1, "chatwootApiToken": "t"}
    assert validation.activation_request(body).options == InboxOptions()
