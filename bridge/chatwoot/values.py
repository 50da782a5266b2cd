"""Reads values out of Chatwoot's JSON by their path. Total: another shape is empty."""

from datetime import datetime
from typing import Any

from bridge.domain.models import UNTOLD, ChatwootTime
from bridge.domain.texts import clean

_MAX_ID = 2**63 - 1


def at(value: object, *keys: str) -> object:
    """What lies under these keys of nested objects, None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: object, *keys: str) -> int:
    """An id, 0 for anything that is none."""
    found = at(value, *keys)
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) < 20:
        found = int(found)
    if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= _MAX_ID:
        return found
    return 0


def text(value: object, *keys: str) -> str:
    """A text that can be stored and sent again: halves of characters cannot."""
    found = at(value, *keys)
    return clean(found) if isinstance(found, str) else ""


def time(value: object, *keys: str) -> ChatwootTime:
    """A moment: ISO in webhooks, seconds everywhere else."""
    found = at(value, *keys)
    if isinstance(found, str):
        try:
            return ChatwootTime(datetime.fromisoformat(found).timestamp())
        except (ValueError, OverflowError, OSError):
            return UNTOLD
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e12:
        return ChatwootTime(float(found))
    return UNTOLD


def as_dict(value: object, *keys: str) -> dict[str, Any]:
    """An object, empty for anything else."""
    found = at(value, *keys)
    return found if isinstance(found, dict) else {}


def rows(value: object, *keys: str) -> list[dict[str, Any]]:
    """The objects in a list, empty when it is no list."""
    found = at(value, *keys)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
