"""Errors in the database: JSON of code and values. The words are found when it is shown.

`{"code": ..., "values": {...}, "detail": ..., "field": ..., "retry_after_s": ...}`, without what is
empty. A value is a JSON scalar, an error that was the cause (an object of the same shape), or a
problem (`{"sentence": ..., "values": {...}}`).
"""

import json
import math
import string
from typing import Any

from bridge.domain.errors.base import KINDS, N_, UNKNOWN, BridgeError, Problem
from bridge.domain.texts import clean


class StoredWords(BridgeError, code="told"):
    """What was stored in words, by a version that knew no codes, or under a code that this version
    does not know."""

    sentence = "{text}"
    remedy = N_("If it is still so, look at what the other side says about it.")


def dump(error: BridgeError) -> str:
    """An error for the database."""
    return json.dumps(_facts(error), ensure_ascii=False)


def load(text: str) -> BridgeError:
    """An error from the database. Never raises: what is no error that this version knows becomes
    one that says what it holds."""
    try:
        facts = json.loads(text)
        if isinstance(facts, dict) and isinstance(facts.get("code"), str):
            return _error(facts)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    return StoredWords(text=clean(text))


def _facts(error: BridgeError) -> dict[str, Any]:
    facts = {
        "code": error.code,
        "values": {name: pack(value) for name, value in error.values.items()},
        "detail": clean(error.detail),
        "field": clean(error.field or ""),
        "retry_after_s": error.retry_after_s,
    }
    return {name: value for name, value in facts.items() if value}


def pack(value: object) -> Any:
    """A value of an error, or a problem, as JSON can hold it."""
    match value:
        case BridgeError():
            return _facts(value)
        case Problem():
            values = {name: pack(inner) for name, inner in value.values.items()}
            return {"sentence": value.sentence, "values": values}
        case None | int():
            return value
        case float() if math.isfinite(value):
            return value
    return clean(str(value))


def _error(facts: dict[str, Any]) -> BridgeError:
    values = _values(facts)
    detail, field = facts.get("detail"), facts.get("field")
    # Older versions stored the wait among the values.
    wait_s = facts.get("retry_after_s", values.pop("retry_after_s", 0))
    kind = KINDS.get(facts["code"])
    if kind is None:
        listed = ", ".join(f"{name}: {value}" for name, value in values.items())
        code = clean(facts["code"])
        kind, values = StoredWords, {"text": f"{code} ({listed})" if listed else code}
    for name in _placeholders(kind.sentence) | _placeholders(kind.remedy):
        values.setdefault(name, UNKNOWN)  # an older version did not store it
    error = kind.__new__(kind)
    # A class may take other arguments than its values.
    BridgeError.__init__(
        error,
        detail=clean(detail) if isinstance(detail, str) else "",
        field=clean(field) if isinstance(field, str) else None,
        retry_after_s=wait_s if isinstance(wait_s, int | float) and math.isfinite(wait_s) else 0,
        **values,
    )
    return error


def _values(facts: dict[str, Any]) -> dict[str, Any]:
    values = facts.get("values")
    return (
        {name: unpack(value) for name, value in values.items()} if isinstance(values, dict) else {}
    )


def unpack(value: Any) -> Any:
    """As it was before `pack`."""
    match value:
        case {"code": str()}:
            return _error(value)
        case {"sentence": str(sentence)}:
            problem = Problem(sentence, **_values(value))
            str(problem)  # raises what `load` is prepared for, where a value is missing
            return problem
        case dict() | list():
            return json.dumps(value)
        case str():
            return clean(value)
    return value


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
