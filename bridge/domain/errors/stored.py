"""Errors as the database keeps them: JSON of code and values. The words are found when it is shown.

`{"code": ..., "values": {...}, "detail": ..., "field": ...}`, without what is empty. A value is a
JSON scalar, an error that was the cause (an object of the same shape), or a problem
(`{"sentence": ..., "values": {...}}`).
"""

import json
import math
import string
from typing import Any

from bridge.domain.errors.base import KINDS, N_, BridgeError, Problem


class StoredWords(BridgeError):
    """What was stored in words, by a version that knew no codes, or under a code that this version
    does not know."""

    code = "told"
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
    return StoredWords(text=_clean(text))


# -- writing ---------------------------------------------------------------------------------------


def _facts(error: BridgeError) -> dict[str, Any]:
    facts = {
        "code": error.code,
        "values": {name: _written(value) for name, value in error.values.items()},
        "detail": _clean(error.detail),
        "field": error.field,
    }
    return {name: value for name, value in facts.items() if value}


def _written(value: object) -> Any:
    if isinstance(value, BridgeError):
        return _facts(value)
    if isinstance(value, Problem):
        values = {name: _written(one) for name, one in value.values.items()}
        return {"sentence": value.sentence, "values": values}
    if value is None or isinstance(value, int) or isinstance(value, float) and math.isfinite(value):
        return value
    return _clean(str(value))


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which neither the database nor a page takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


# -- reading ---------------------------------------------------------------------------------------


def _error(facts: dict[str, Any]) -> BridgeError:
    values = _values(facts)
    detail, field = facts.get("detail"), facts.get("field")
    kind = KINDS.get(facts["code"])
    if kind is None:
        listed = ", ".join(f"{name}: {value}" for name, value in values.items())
        code = _clean(facts["code"])
        kind, values = StoredWords, {"text": f"{code} ({listed})" if listed else code}
    for name in _placeholders(kind.sentence) | _placeholders(kind.remedy):
        values.setdefault(name, "?")  # a version before did not know it
    error = kind.__new__(kind)
    # A class may be made of other things than of its values.
    BridgeError.__init__(
        error,
        detail=_clean(detail) if isinstance(detail, str) else "",
        field=_clean(field) if isinstance(field, str) else None,
        **values,
    )
    return error


def _values(facts: dict[str, Any]) -> dict[str, Any]:
    found = facts.get("values")
    return {name: _value(one) for name, one in found.items()} if isinstance(found, dict) else {}


def _value(value: Any) -> object:
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
            return _clean(value)
    return value


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
