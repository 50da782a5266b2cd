"""Reads values out of Chatwoot's JSON. Total: what has another shape than expected is empty."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.domain.models import UNTOLD, ChatwootTime
from bridge.domain.texts import clean

_MAX_ID = 2**63 - 1


def number(value: object) -> int:
    """An id, 0 for anything that is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_ID:
        return value
    return 0


def text(value: object) -> str:
    """A text that can be stored and sent again: halves of characters cannot."""
    return clean(value) if isinstance(value, str) else ""


def time(value: object) -> ChatwootTime:
    """A moment: ISO in webhooks, seconds everywhere else."""
    if isinstance(value, str):
        try:
            return ChatwootTime(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError, OSError):
            return UNTOLD
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return ChatwootTime(float(value))
    return UNTOLD


def as_dict(value: object, *keys: str) -> dict[str, Any]:
    """What lies under some keys of nested objects, empty when it is no object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def rows_of(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in a list, empty when it is no list."""
    rows = value.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
