"""Chatwoot's filter language: conditions over columns, joined by AND and OR as in SQL
(docs/contracts/chatwoot.md, Contacts)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sandbox.chatwoot.answers import crash, unprocessable
from sandbox.chatwoot.records import Contact, Conversation, Json
from sandbox.chatwoot.sentences import sentence

Row = TypeVar("Row", Contact, Conversation)
Test = Callable[[Row], bool]

EQUAL = ("equal_to", "not_equal_to")
TEXT = (*EQUAL, "contains", "does_not_contain")


def chosen(
    conditions: object, attributes: Mapping[str, tuple[str, ...]], locale: str, rows: list[Row]
) -> list[Row]:
    """The rows that fit `conditions`; `attributes` maps each column to its operators."""
    if not isinstance(conditions, list):
        raise crash()
    alternatives: list[list[Test[Row]]] = [[]]
    for number, condition in enumerate(conditions):
        if not isinstance(condition, dict):
            raise crash()
        alternatives[-1].append(_test(condition, attributes, locale))
        joined = str(condition.get("query_operator") or "").upper()
        if joined not in ("", "AND", "OR"):
            raise unprocessable('Query operator must be either "AND" or "OR".')
        if not joined and number < len(conditions) - 1:
            raise crash()
        if joined == "OR":
            alternatives.append([])
    return [
        row
        for row in rows
        if not conditions or any(ts and all(test(row) for test in ts) for ts in alternatives)
    ]


def _test(condition: Json, attributes: Mapping[str, tuple[str, ...]], locale: str) -> Test[Row]:
    key, operator = str(condition.get("attribute_key")), condition.get("filter_operator")
    if key not in attributes:
        keys = ",".join(attributes)
        raise unprocessable(sentence(locale, "invalid attribute", key=key, keys=keys))
    if operator not in attributes[key]:
        allowed = ",".join(attributes[key])
        raise unprocessable(f"Invalid operator. The allowed operators for {key} are [{allowed}].")
    values: Any = condition.get("values")
    # Only the first value counts; of a text, which Ruby indexes as well, the first letter.
    first = values[0] if isinstance(values, list | str) and values else None
    if first is None or first == "":
        raise unprocessable(f"Invalid value. The values provided for {key} are invalid")
    wanted = str(first).lower()
    if key == "phone_number":
        wanted = "+" + wanted.replace("+", "")

    def text(row: Row) -> str:
        value = getattr(row, key, row.additional_attributes.get(key))
        return "" if value is None else str(value).lower()

    match operator:
        case "equal_to":
            return lambda row: text(row) == wanted
        case "not_equal_to":
            return lambda row: text(row) != wanted
        case "contains":
            return lambda row: wanted in text(row)
        case "does_not_contain":
            return lambda row: wanted not in text(row)
    return lambda row: text(row).startswith(wanted)
