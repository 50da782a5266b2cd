"""/docs: the description of the JSON API as a page, drawn from the very document that is served."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, render_template, request

from bridge.web.api.openapi import Part, document

docs = Blueprint("docs", __name__)


@docs.get("/docs")
def page() -> str:
    return render_template(
        "docs.html",
        described=document(),
        here=request.host_url.rstrip("/"),
        body=lambda schema: _fields(_resolved(schema)),
        parameters=_parameters,
        pretty=_pretty,
        curl=_curl,
    )


def _resolved(part: Part) -> Part:
    """With its reference followed; what may be null has both types and the rules of the other."""
    if "anyOf" in part:
        value = _resolved(part["anyOf"][0])
        return {**value, **part, "type": [value["type"], "null"]}
    if "$ref" not in part:
        return part
    target: Any = document()
    for step in part["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return dict(target)


def _parameters(item: Part, call: Part) -> list[Part]:
    parts = map(_resolved, [*item.get("parameters", []), *call.get("parameters", [])])
    return [{**part, "kind": f"in the {part['in']}"} for part in parts]


def _fields(schema: Part, before: str = "") -> Iterator[Part]:
    """Every field of a body with its path, those of objects within it too."""
    required = schema.get("required", [])
    for name, raw in schema.get("properties", {}).items():
        part = _resolved(raw)
        kind = part.get("type", "as there")
        yield {
            "name": before + name,
            "kind": kind if isinstance(kind, str) else " or ".join(kind),
            "required": name in required,
            "rule": _rule(part),
            "description": part.get("description", ""),
        }
        yield from _fields(part, f"{before}{name}.")


def _rule(schema: Part) -> str:
    """The bounds in words; a pattern is left to the description, which says it better."""
    rules = []
    if "enum" in schema:
        rules.append("one of " + ", ".join(map(str, schema["enum"])))
    if "minimum" in schema:
        rules.append(f"at least {schema['minimum']}")
    if "maxLength" in schema:
        rules.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") is not None:
        rules.append(f"default {json.dumps(schema['default'])}")
    return "; ".join(rules)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(here: str, method: str, path: str, call: Part) -> str:
    lines = [f"curl -X {method.upper()} {here}{path.replace('{instance}', 'suporte')}"]
    if call["security"]:
        lines.append('-H "token: $TOKEN"')
    if "requestBody" in call:
        lines.append("-H 'Content-Type: application/json'")
        # The quotes of a shell end at an apostrophe; the examples have none.
        example = call["requestBody"]["content"]["application/json"]["example"]
        lines.append(f"-d '{_pretty(example)}'")
    return " \\\n  ".join(lines)
