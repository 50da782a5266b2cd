"""Reads JSON objects from outside, where nothing is where or what it should be. Never raises."""

import functools
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from bridge.domain import texts

#: No message is older: 1 January 2009, the year WhatsApp began, in UTC seconds.
_FIRST_S = 1_230_768_000
#: A clock that is further ahead than this is wrong.
_AHEAD_S = 24 * 3600
#: Far more than any text of WhatsApp's, in characters.
_MAX_TEXT = 1_000_000
_LINK = re.compile(r"https?://\S+")
_MIME = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+_-]*")

_Value = TypeVar("_Value")


def is_filled(value: object) -> bool:
    """Whether a field says anything: null and empty texts, lists and objects do not."""
    return value is not None and value != "" and value != [] and value != {}


class Fields:
    """An object of a body. Fields are found however they are spelt: `messageId`, `message_id`, ...

    A field that is missing, or of another type, reads as empty. The first name that is filled
    counts.
    """

    def __init__(self, value: object = None) -> None:
        #: All of it, under folded names.
        self.by_name: dict[str, object] = {}
        if isinstance(value, Mapping):
            for name, field in value.items():
                plain = folded(str(name))
                if is_filled(field) or plain not in self.by_name:
                    self.by_name[plain] = field

    def __bool__(self) -> bool:
        return any(map(is_filled, self.by_name.values()))

    def get(self, *names: str) -> object:
        """The first filled field of these names, None without one."""
        return self._first(names, lambda value: value if is_filled(value) else None)

    def text(self, *names: str) -> str:
        """The first of these fields that holds a text or a number."""
        return self._first(names, lambda value: clean(value) or None) or ""

    def link(self, *names: str) -> str:
        """The same where it is a web address, empty where it is not."""
        text = self.text(*names)
        return text if _LINK.fullmatch(text) else ""

    def part(self, *names: str) -> "Fields":
        """The first of these fields that is an object and says something."""
        return self._first(names, lambda value: Fields(value) or None) or _EMPTY

    def items(self, *names: str) -> list[object]:
        """The first of these fields that is filled, as a list; a single value is a list of one."""
        value = self.get(*names)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def flag(self, *names: str) -> bool | None:
        """The first of these fields that is true or false; None when none is."""
        return self._first(names, lambda value: value if isinstance(value, bool) else None)

    def number(self, *names: str) -> float | None:
        """The first of these fields that is a finite number, also when written as a text."""
        return self._first(names, number)

    def _first(
        self, names: tuple[str, ...], read: Callable[[object], _Value | None]
    ) -> _Value | None:
        for name in names:
            value = read(self.by_name.get(_known(name)))
            if value is not None:
                return value
        return None

    def merged(self, other: "Fields") -> "Fields":
        """Both in one; what is filled in `other` comes first."""
        both = Fields()
        filled = {name: value for name, value in other.by_name.items() if is_filled(value)}
        both.by_name = {**self.by_name, **filled}
        return both

    def without(self, *names: str) -> "Fields":
        """The same without these fields."""
        rest, left_out = Fields(), set(map(_known, names))
        rest.by_name = {name: value for name, value in self.by_name.items() if name not in left_out}
        return rest

    def has(self, name: str) -> bool:
        """Whether the field is there, filled or not."""
        return _known(name) in self.by_name


#: Stands for an object that is missing; nothing ever changes fields.
_EMPTY = Fields()


def folded(name: str) -> str:
    """A name of a field as it is compared: without `_`, in lower case."""
    return name.replace("_", "").lower()


#: For names in our own code: there are few of them, and each is asked for in every event.
_known = functools.lru_cache(maxsize=1024)(folded)


def clean(value: object) -> str:
    """A text that every database takes: no NUL, no half characters, not without end."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        return texts.clean(str(value)[:_MAX_TEXT])
    except ValueError:  # an integer of more digits than Python writes out
        return ""


def number(value: object) -> float | None:
    """A finite number, also when written as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def timestamp(value: object, *, now: float) -> float | None:
    """A point in time as UTC seconds, from RFC 3339 or a count of seconds, milli- or nanoseconds.

    None for what is no time, or an absurd one: before WhatsApp or more than a day ahead of `now`.
    """
    seconds = number(value)
    if seconds is not None:
        while seconds > 100_000_000_000:
            seconds /= 1000
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if seconds is None or not _FIRST_S <= seconds <= now + _AHEAD_S:
        return None
    return seconds


def mime_type(value: str) -> str:
    """The bare type of a MIME text, empty for what is none or says nothing."""
    bare = value.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) and bare != "application/octet-stream" else ""
