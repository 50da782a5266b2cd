"""Holds every request that reached the sandbox Chatwoot against Chatwoot's own OpenAPI file.

The file is documentation, not truth (docs/contracts/chatwoot.md, OpenAPI): where the server is
known to differ, a row in the tables below says so and why. Everything else that is not described
fails the test.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[2]
_ACCOUNT = "/api/v1/accounts/{account_id}"
_MESSAGE = f"{_ACCOUNT}/conversations/{{conversation_id}}/messages"
_URI = "urn:chatwoot"

#: Operations that the server has and the file lacks: method and path -> the heading of the contract
#: that says so.
UNDOCUMENTED = {
    ("GET", "/api"): "Access: version detection",
    ("GET", "/cable"): "Socket",
    ("DELETE", f"{_ACCOUNT}/inboxes/{{id}}"): "OpenAPI",
    ("POST", f"{_ACCOUNT}/contact_inboxes/filter"): "OpenAPI",
    ("POST", f"{_ACCOUNT}/conversations/{{conversation_id}}/update_last_seen"): "OpenAPI",
    ("PATCH", f"{_MESSAGE}/{{message_id}}"): "OpenAPI",
    ("POST", f"{_MESSAGE}/{{message_id}}/retry"): "OpenAPI",
}
#: Fields and parameters that the server takes and the file lacks: operation and name -> why.
EXTRA = {
    ("POST", _MESSAGE, "source_id"): "OpenAPI",
    ("POST", _MESSAGE, "echo_id"): "OpenAPI",
    ("POST", f"{_ACCOUNT}/contacts", "source_id"): "Contacts",
    ("GET", f"{_ACCOUNT}/conversations", "source_id"): "Conversations: since 2.17.0",
    # The first message of a conversation is built as any other is.
    ("POST", f"{_ACCOUNT}/conversations", "message_type"): "Conversations",
    ("POST", f"{_ACCOUNT}/conversations", "source_id"): "Conversations",
    ("POST", f"{_ACCOUNT}/conversations", "content_attributes"): "Conversations",
}
#: Fields that the file calls required and the server does not: operation and name -> why.
OPTIONAL = {
    ("POST", f"{_ACCOUNT}/contacts", "inbox_id"): "OpenAPI",
    ("POST", f"{_ACCOUNT}/conversations", "source_id"): "OpenAPI",
}


class Counter:
    """How many requests were held against the file in this run."""

    validated = 0


def file() -> Path:
    """Where Chatwoot's OpenAPI file is expected."""
    if named := os.environ.get("CHATWOOT_OPENAPI"):
        return Path(named)
    folder = os.environ.get("CONTRACTS")
    return Path(folder or ROOT.parent / "shared" / "contracts") / "chatwoot-openapi.json"


def is_present() -> bool:
    """Whether requests can be validated."""
    return file().is_file()


def is_required() -> bool:
    """Whether a run without the file is a failure: in CI, where the contracts are at hand."""
    asked = os.environ.get("BRIDGE_REQUIRE_CONTRACT") == "1" or "CONTRACTS" in os.environ
    return os.environ.get("CI") == "true" and asked


def check(requests: list[dict[str, Any]]) -> None:
    """Fails with every deviation of these entries of the sandbox's request log."""
    if not is_present():
        assert not is_required(), f"Chatwoot's OpenAPI file is missing: {file()}"
        return
    contract = _contract()
    problems = [
        f"{entry['method']} {entry['path']}: {problem}"
        for entry in requests
        for problem in contract.problems(entry)
    ]
    assert not problems, "requests that Chatwoot does not describe:\n" + "\n".join(problems)


@cache
def _contract() -> "_Contract":
    return _Contract(json.loads(file().read_text(encoding="utf-8")))


class _Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Any = Registry().with_resource(_URI, resource)
        # Literal paths first: contacts/filter is not the contact called "filter".
        paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self._described = [(_pattern(path), path) for path in paths]
        self._undocumented = [(method, _pattern(path)) for method, path in UNDOCUMENTED]

    def problems(self, entry: dict[str, Any]) -> Iterator[str]:
        """What the file does not describe about a request."""
        method, path = entry["method"], entry["path"].rstrip("/")
        if not path.startswith(("/api", "/cable")):
            return  # a test asked at a wrong address on purpose
        Counter.validated += 1
        found = self._operation(method, path)
        if found is None:
            known = any(method == one and shape.match(path) for one, shape in self._undocumented)
            if not known:
                yield "no such operation"
            return
        described, operation = found
        yield from self._query(method, described, operation, entry.get("query") or {})
        body = operation.get("requestBody", {})
        content = self._resolved(body).get("content", {})
        media = content.get(entry.get("content_type") or "application/json")
        if entry.get("body") is None and not entry.get("fields") and not entry.get("files"):
            if self._resolved(body).get("required"):
                yield "the body is missing"
        elif media is None:
            # The file knows messages as JSON alone, although files come as multipart.
            if entry.get("content_type") != "multipart/form-data":
                yield f"no body of type {entry.get('content_type')}"
        else:
            yield from self._body(method, described, media["schema"], entry)

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        for shape, described in self._described:
            item = self._document["paths"][described]
            if shape.match(path) and method.lower() in item:
                shared = item.get("parameters", [])
                operation = item[method.lower()]
                every = [*shared, *operation.get("parameters", [])]
                return described.rstrip("/"), {**operation, "parameters": every}
        return None

    def _query(
        self, method: str, path: str, operation: dict[str, Any], query: dict[str, str]
    ) -> Iterator[str]:
        described = {
            one["name"].removesuffix("[]"): one
            for one in map(self._resolved, operation["parameters"])
            if one["in"] == "query"
        }
        for name, value in query.items():
            key = name.removesuffix("[]")
            if key in described:
                schema = self._resolved(described[key].get("schema", {}))
                yield from self._errors(_as_type(value, schema), schema, name)
            elif (method, path, key) not in EXTRA:
                yield f"query parameter {name} is not described"
        for name, one in described.items():
            if one.get("required") and name not in query:
                yield f"query parameter {name} is missing"

    def _body(
        self, method: str, path: str, schema: dict[str, Any], entry: dict[str, Any]
    ) -> Iterator[str]:
        body = entry["body"]
        if entry["content_type"] == "application/json":
            for error in self._validator(schema).iter_errors(body):
                missing = re.match(r"'(\w+)' is a required property", error.message)
                if not (missing and (method, path, missing[1]) in OPTIONAL):
                    yield f"{error.json_path}: {error.message[:300]}"
        for name in _unknown(body, self._names(schema)):
            if (method, path, name) not in EXTRA:
                yield f"field {name} is not described"

    def _errors(self, value: object, schema: dict[str, Any], name: str) -> Iterator[str]:
        for error in self._validator(schema).iter_errors(value):
            yield f"{name}: {error.message[:300]}"

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        absolute = json.loads(json.dumps(schema).replace('"#/', f'"{_URI}#/'))
        return Draft202012Validator(absolute, registry=self._registry)

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            found: Any = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def _names(self, schema: dict[str, Any]) -> dict[str, Any] | None:
        """The described fields, each with those inside it; None where anything may stand."""
        schema = self._resolved(schema)
        parts = [*schema.get("allOf", []), *schema.get("oneOf", []), *schema.get("anyOf", [])]
        names: dict[str, Any] = {}
        for part in [schema.get("properties") and schema, *map(self._names, parts)]:
            if part is schema:
                for name, inner in schema["properties"].items():
                    names[name] = self._names(inner)
            elif part:
                for name, inner in part.items():
                    merged = {**(names.get(name) or {}), **(inner or {})}
                    names[name] = merged or None
        return names or None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path.rstrip("/"))) + "$")


def _as_type(value: str, schema: dict[str, Any]) -> object:
    """A query's text as the type that its schema wants; unchanged when it is none such."""
    kind = schema.get("type")
    if kind in {"integer", "number"} and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    return [value] if kind == "array" else value


def _unknown(body: object, names: dict[str, Any] | None) -> Iterator[str]:
    if names is None or not isinstance(body, dict):
        return
    for name, value in body.items():
        if name not in names:
            yield name
        else:
            yield from _unknown(value, names[name])
