"""/docs: the description of the JSON API as a page, drawn from the very document that is served."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request

from bridge.web.api.openapi import document

docs = Blueprint("docs", __name__)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body or a parameter of an address, as a reader wants to know it."""

    name: str
    kind: str
    required: bool
    rule: str
    said: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, what it means, and examples of its body as text."""

    status: int
    said: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One route with everything that is known about it."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    said: str
    who: str
    parameters: tuple[Field, ...]
    fields: tuple[Field, ...]
    call: str
    answers: tuple[Answer, ...]


@docs.get("/docs")
def page() -> str:
    """The page; readable without scripts, and without signing in."""
    described = document()
    return render_template(
        "docs.html",
        described=described,
        paragraphs=described["info"]["description"].split("\n\n"),
        routes=routes(described, request.host_url.rstrip("/")),
    )


def routes(described: dict[str, Any], here: str) -> list[Route]:
    """The routes of a description in its order; `here` is the address that the examples call."""
    return [
        _route(described, path, method, item, here)
        for path, item in described["paths"].items()
        for method in ("get", "post", "delete")
        if method in item
    ]


def _route(
    described: dict[str, Any], path: str, method: str, item: dict[str, Any], here: str
) -> Route:
    operation = item[method]
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = _resolved(described, media["schema"]) if media else {}
    parameters = [
        _resolved(described, one)
        for one in [*item.get("parameters", []), *operation.get("parameters", [])]
    ]
    return Route(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        tag=operation["tags"][0],
        summary=operation["summary"],
        said=operation.get("description", ""),
        who=_who(operation["security"]),
        parameters=tuple(
            Field(one["name"], f"in the {one['in']}", one.get("required", False), "", one[_SAID])
            for one in parameters
        ),
        fields=tuple(_fields(described, body)),
        call=_curl(here, path, method, media, signed=bool(operation["security"])),
        answers=tuple(
            Answer(int(status), answer[_SAID], tuple(_examples(answer)))
            for status, answer in operation["responses"].items()
        ),
    )


_SAID = "description"


def _resolved(described: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """With its reference followed; what may be null has both types and the rules of the other."""
    if "anyOf" in part:
        value = _resolved(described, part["anyOf"][0])
        return {**value, **part, "type": [value["type"], "null"]}
    if "$ref" not in part:
        return part
    target: Any = described
    for step in part["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return dict(target)


def _who(security: list[dict[str, Any]]) -> str:
    names = {name for one in security for name in one}
    if not names:
        return "Needs no token."
    if any(name.startswith("instance") for name in names):
        return "Account token, or the token of the instance."
    return "Account token only."


def _fields(described: dict[str, Any], schema: dict[str, Any], before: str = "") -> Iterator[Field]:
    required = schema.get("required", [])
    for name, raw in schema.get("properties", {}).items():
        part = _resolved(described, raw)
        yield Field(before + name, _kind(part), name in required, _rule(part), part.get(_SAID, ""))
        yield from _fields(described, part, f"{before}{name}.")


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "as there")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _rule(schema: dict[str, Any]) -> str:
    """The bounds in words; a pattern is left to the description, which says it better."""
    said = []
    if "enum" in schema:
        said.append("one of " + ", ".join(map(str, schema["enum"])))
    if "minimum" in schema:
        said.append(f"at least {schema['minimum']}")
    if "maxLength" in schema:
        said.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") is not None:
        said.append(f"default {json.dumps(schema['default'])}")
    return "; ".join(said)


def _examples(answer: dict[str, Any]) -> Iterator[str]:
    media = answer["content"]["application/json"]
    if "example" in media:
        yield _pretty(media["example"])
    for one in media.get("examples", {}).values():
        yield _pretty(one["value"])


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(here: str, path: str, method: str, media: dict[str, Any] | None, *, signed: bool) -> str:
    lines = [f"curl -X {method.upper()} {here}{path.replace('{instance}', 'suporte')}"]
    if signed:
        lines.append('-H "token: $TOKEN"')
    if media:
        lines.append("-H 'Content-Type: application/json'")
        # The quotes of a shell end at an apostrophe; the examples have none.
        lines.append(f"-d '{_pretty(media['example'])}'")
    return " \\\n  ".join(lines)
