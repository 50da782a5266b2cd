"""The description of the API is whole and true: schemathesis drives the running API from it."""

import copy
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation

from bridge import __version__
from bridge.config.settings import load
from bridge.services import Services
from bridge.web.api.openapi import document
from bridge.web.app import create_app
from tests.support.api import Instance, assert_limit_headers, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot

DOCUMENT = json.loads(json.dumps(document()))
_numbers = itertools.count()


def description(bridge: Bridge) -> dict[str, Any]:
    """The document as anybody gets it, without a token."""
    answer = requests.get(f"{bridge.base_url}/api/openapi.json", timeout=10)
    assert answer.status_code == 200
    assert_limit_headers(answer)
    return dict(answer.json())


def test_it_is_valid_openapi_of_this_version(shared_bridge: Bridge) -> None:
    served = description(shared_bridge)
    assert served == DOCUMENT
    assert served["openapi"].startswith("3.1.")
    assert served["info"]["version"] == __version__
    validate(served)


def test_every_route_is_described_and_every_description_has_a_route(
    shared_bridge: Bridge, tmp_path: Any
) -> None:
    services = Services.open(load({"BRIDGE_INSTANCE_DIR": str(tmp_path)}))
    app = create_app(services=services)
    services.close()
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api")
    }
    described = {
        (path, method)
        for path, item in description(shared_bridge)["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == served


def test_every_answer_is_described_with_its_headers_and_every_refusal_as_the_envelope(
    shared_bridge: Bridge,
) -> None:
    for item in description(shared_bridge)["paths"].values():
        for operation in (one for name, one in item.items() if name != "parameters"):
            assert operation["summary"]
            for status, answer in operation["responses"].items():
                assert len(answer["headers"]) == 3
                media = answer["content"]["application/json"]
                if int(status) >= 400:
                    assert media["schema"] == {"$ref": "#/components/schemas/Error"}
                    assert media["examples"]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The instance that the generated calls are for, at a bridge that may be filled with others."""
    limits: dict[str, Any] = {
        "BRIDGE_RATE_LIMIT": "1000000/minute",
        "BRIDGE_RATE_LIMIT_NEW": "1000000/minute",
    }
    bridge = Bridge(tmp_path_factory.mktemp("driven"), **limits)
    yield new_instance(bridge)
    bridge.stop()


load_all_checks()
# The document that is served, as the first test proves; a running bridge is not there yet.
api = schemathesis.openapi.from_dict(copy.deepcopy(DOCUMENT))
#: Chatwoot may refuse what the description allows: no such account, a wrong token.
_UNDECIDABLE: list[Any] = [CHECKS.get_one("positive_data_acceptance")]
_FROM_CHATWOOT = {502, 503}


@api.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_running_api_keeps_to_its_description(
    case: schemathesis.Case[Any], sandbox: SandboxChatwoot, probe: Instance
) -> None:
    _aim_path(case, probe, sandbox)
    _aim_body(case, sandbox)
    headers = {"token": probe.bridge.account_token}
    answer = case.call(base_url=probe.bridge.base_url, headers=headers, timeout=30)
    checks = _UNDECIDABLE
    if answer.status_code in _FROM_CHATWOOT:
        checks = [*checks, CHECKS.get_one("not_a_server_error")]
    case.validate_response(answer, excluded_checks=checks, headers=headers)


def _aim_path(case: schemathesis.Case[Any], probe: Instance, sandbox: SandboxChatwoot) -> None:
    """Names an instance that exists: every other call would end there with a 404."""
    part = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    if part is None or not part.mode.is_positive or next(_numbers) % 4 == 0:
        return
    if case.operation.label.startswith("DELETE /api/instance"):
        case.path_parameters["instance"] = new_instance(probe.bridge).name
    elif "instance" in case.path_parameters:
        case.path_parameters["instance"] = probe.name
        if not case.operation.label.startswith("POST"):
            assert probe.set(wish(sandbox)).status_code == 201


def _aim_body(case: schemathesis.Case[Any], sandbox: SandboxChatwoot) -> None:
    """Puts values that work in the place of well-formed ones, which is all that a schema can say.

    What is malformed stays so, and no server of strangers is called.
    """
    body: dict[str, Any] = case.body if isinstance(case.body, dict) else {}
    urls: list[tuple[Any, str]] = [(body, "chatwootBaseUrl"), (body.get("gateway"), "baseUrl")]
    for holder, field in urls:
        url = holder.get(field) if isinstance(holder, dict) else None
        if isinstance(url, str) and "://" in url and len(url) <= 2048:
            holder[field] = sandbox.base_url
    number = next(_numbers)
    if isinstance(body.get("name"), str) and re.fullmatch(r"[\w-]{1,100}", body["name"], re.ASCII):
        body["name"] = f"made-{number if number % 4 else 0}"
    account_id, token = body.get("chatwootAccountId"), body.get("chatwootApiToken")
    if number % 3 and type(account_id) is int and 0 < account_id <= 2**63 - 1:
        body["chatwootAccountId"] = 1
    if number % 3 and isinstance(token, str) and re.fullmatch(r"[!-~]{1,512}", token):
        body["chatwootApiToken"] = sandbox.admin


def test_the_examples_of_the_description_are_what_the_api_takes_and_answers(
    shared_bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    post = DOCUMENT["paths"]["/api/chatwoot/set/{instance}"]["post"]
    media = post["requestBody"]["content"]["application/json"]
    body = {
        **media["example"],
        "chatwootBaseUrl": sandbox.base_url,
        "chatwootAccountId": 1,
        "chatwootApiToken": sandbox.admin,
    }
    instance = new_instance(shared_bridge)
    answer = instance.set(body)
    assert answer.status_code == 201
    example = post["responses"]["201"]["content"]["application/json"]["example"]
    assert list(answer.json()) == list(example)
    view = DOCUMENT["paths"]["/api/chatwoot/list/{instance}"]["get"]
    shown = view["responses"]["200"]["content"]["application/json"]["example"]
    assert list(instance.list().json()) == list(shown)
