"""The check of our requests against Chatwoot's OpenAPI file does find what is wrong."""

from typing import Any

import pytest

from tests.support import chatwoot_contract

pytestmark = pytest.mark.skipif(
    not chatwoot_contract.is_present(), reason="Chatwoot's OpenAPI file is not here"
)

INBOXES = "/api/v1/accounts/1/inboxes"
MESSAGES = "/api/v1/accounts/1/conversations/3/messages"


def entry(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """A line of the sandbox's request log."""
    kind = "application/json" if body is not None else ""
    return {"method": method, "path": path, "body": body, "content_type": kind, "query": {}, **more}


def test_requests_as_described_pass_and_are_counted() -> None:
    before = chatwoot_contract.Counter.validated
    channel = {"type": "api", "webhook_url": "", "additional_attributes": {"ours": "int_1"}}
    chatwoot_contract.check(
        [
            entry("GET", "/api"),
            entry("GET", "/api/v1/profile"),
            entry("GET", INBOXES),
            entry("POST", INBOXES, {"name": "One", "channel": channel}),
            entry("PATCH", f"{INBOXES}/4", {"channel": {"webhook_url": "https://bridge.test"}}),
            entry("DELETE", f"{INBOXES}/4"),
            entry("POST", MESSAGES, {"content": "hello", "source_id": "WAID:1"}),
        ]
    )
    assert chatwoot_contract.Counter.validated == before + 7


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry("GET", "/api/v1/accounts/1/nonsense"), "no such operation"),
        (entry("PUT", INBOXES, {"name": "One"}), "no such operation"),
        (entry("POST", INBOXES), "the body is missing"),
        (entry("POST", INBOXES, {"name": 5}), "5 is not of type 'string'"),
        (entry("POST", INBOXES, {"name": "One", "colour": "red"}), "field colour is not described"),
        (
            entry("POST", INBOXES, {"name": "One", "channel": {"type": "api", "callback": "x"}}),
            "field callback is not described",
        ),
        (entry("POST", MESSAGES, {"private": False}), "'content' is a required property"),
        (entry("GET", INBOXES, query={"page": "2"}), "query parameter page is not described"),
        (
            entry("POST", INBOXES, {"name": "One"}, content_type="text/plain"),
            "no body of type text/plain",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_that_is_not_described_is_found(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError) as failure:
        chatwoot_contract.check([entry("GET", "/api"), wrong])
    assert said in str(failure.value)


def test_a_missing_file_is_a_failure_only_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATWOOT_OPENAPI", "/nowhere/chatwoot-openapi.json")
    monkeypatch.delenv("CI", raising=False)
    chatwoot_contract.check([entry("GET", "/api/v1/nonsense")])
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("BRIDGE_REQUIRE_CONTRACT", "1")
    with pytest.raises(AssertionError, match="OpenAPI file is missing"):
        chatwoot_contract.check([])
