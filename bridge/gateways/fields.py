"""Reads JSON objects from outside, where nothing is where or what it should be. Never raises."""

import functools
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bridge.domain import texts

#: No message is older: 1 January 2009, the year WhatsApp began, in UTC seconds.
_FIRST_S = 1_230_768_000
#: A clock that is further ahead than this is wrong.
_AHEAD_S = 24 * 3600
#: Far more than any text of WhatsApp's, in characters.
_MAX_TEXT = 1_000_000
_MAX_NAME = 120
#: Separators, and what has no place in a name: controls, and marks that turn the reading direction.
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_MIME = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+_-]*")


def is_filled(value: object) -> bool:
    """Whether a field says anything: null and empty texts, lists and objects do not."""
    return value is not None and value != "" and value != [] and value != {}


class Fields:
    """An object of a body. Fields are found however they are spelt: `messageId`, `message_id`, ...

    What is not there, or of another type, reads as empty. The first name that is filled counts.
    """

    def __init__(self, value: object) -> None:
        self._fields: dict[str, object] = {}
        if isinstance(value, Mapping):
            for name, field in value.items():
                plain = spelt(str(name))
                if is_filled(field) or plain not in self._fields:
                    self._fields[plain] = field

    def __bool__(self) -> bool:
        return any(is_filled(field) for field in self._fields.values())

    def get(self, *names: str) -> object:
        """The first filled field of these names, None without one."""
        for name in names:
            value = self._fields.get(_plain(name))
            if is_filled(value):
                return value
        return None

    def text(self, *names: str) -> str:
        """The first of these fields that holds a text or a number."""
        for name in names:
            value = self._fields.get(_plain(name))
            if value is not None and (said := clean(value)):
                return said
        return ""

    def part(self, *names: str) -> "Fields":
        """The first of these fields that is an object and says something."""
        for name in names:
            value = self._fields.get(_plain(name))
            if value and (found := Fields(value)):
                return found
        return _EMPTY

    def items(self, *names: str) -> list[object]:
        """The first of these fields that is filled, as a list; a single value is a list of one."""
        value = self.get(*names)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def flag(self, *names: str) -> bool | None:
        """The first of these fields that is true or false; None when none is."""
        for name in names:
            value = self._fields.get(_plain(name))
            if isinstance(value, bool):
                return value
        return None

    def number(self, *names: str) -> float | None:
        """The first of these fields that is a finite number, also when written as a text."""
        for name in names:
            found = number(self._fields.get(_plain(name)))
            if found is not None:
                return found
        return None

    def merged(self, other: "Fields") -> "Fields":
        """Both in one; what is filled in `other` comes first."""
        both = Fields(None)
        filled = {name: value for name, value in other._fields.items() if is_filled(value)}
        both._fields = {**self._fields, **filled}
        return both

    def without(self, *names: str) -> "Fields":
        """The same without these fields."""
        rest = Fields(None)
        left_out = set(map(_plain, names))
        rest._fields = {name: one for name, one in self._fields.items() if name not in left_out}
        return rest

    @property
    def fields(self) -> Mapping[str, object]:
        """All of it, under names as `spelt`."""
        return self._fields

    def has(self, *names: str) -> bool:
        """Whether one of these fields is there, filled or not."""
        return any(_plain(name) in self._fields for name in names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)


#: Said by what is not there; nothing ever changes a part.
_EMPTY = Fields(None)


def spelt(name: str) -> str:
    """A name of a field as it is compared: without `_`, in lower case."""
    return name.replace("_", "").lower()


@functools.lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    """Of a name in our own code: there are few of them, and each is asked for in every event."""
    return spelt(name)


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
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: object, *, now: float) -> float | None:
    """A point in time as UTC seconds, from RFC 3339 or a count of seconds, milli- or nanoseconds.

    None for what is no time, or an absurd one: before WhatsApp or more than a day ahead of `now`.
    """
    found = number(value)
    if found is not None:
        while found > 100_000_000_000:
            found /= 1000
    elif isinstance(value, str):
        try:
            told = datetime.fromisoformat(value.strip())
            found = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if found is None or not _FIRST_S <= found <= now + _AHEAD_S:
        return None
    return found


def mime_type(value: str) -> str:
    """The bare type of a MIME text, empty for what is none or says nothing."""
    bare = value.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) and bare != "application/octet-stream" else ""


def file_name(value: str) -> str:
    """A name that no file system and no HTTP header can be harmed by; empty when nothing is left.

    Only the last part of a path, without controls, at most 120 characters with its ending kept.
    """
    name = _NOT_IN_NAMES.sub("_", re.split(r"[/\\]", value)[-1]).strip(" .")
    if len(name) <= _MAX_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:_MAX_NAME]
    return f"{stem[: _MAX_NAME - len(ending) - 1]}.{ending}"
