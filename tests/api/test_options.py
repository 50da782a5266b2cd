"""An option of an integration is one row; wherever options are said, all of them are."""

from pathlib import Path

import click
import pytest

from bridge.activation import validation
from bridge.cli.instances import activate
from bridge.config.settings import load
from bridge.domain.options import OPTIONS, InboxOptions, Option
from bridge.services import Services
from bridge.web.api.openapi import document
from bridge.web.forms import InboxForm

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
    flags = {flag for one in activate.params if isinstance(one, click.Option) for flag in one.opts}
    assert option.flag in flags
    assert hasattr(InboxForm, option.name)


def test_the_table_of_integrations_has_a_column_for_each(tmp_path: Path) -> None:
    services = Services.open(load({"BRIDGE_INSTANCE_DIR": str(tmp_path)}))
    columns = {row["name"] for row in services.store.rows("pragma table_info(integration)")}
    services.close()
    assert columns >= {option.name for option in OPTIONS}


def test_what_is_left_out_has_the_default_of_the_row() -> None:
    body = {"chatwootBaseUrl": "https://x.test", "chatwootAccountId": 1, "chatwootApiToken": "t"}
    assert validation.activation_request(body).options == InboxOptions()
