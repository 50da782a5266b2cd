"""How rows become objects and back: each column is named as the field that it fills."""

import dataclasses
import enum
import functools
from collections.abc import Callable, Mapping, Sized
from typing import Any, TypeVar, get_type_hints

from bridge.domain.errors import BridgeError, dump, load
from bridge.domain.models import ChatwootTime

T = TypeVar("T")
Row = dict[str, Any]


def of_error(error: BridgeError | None) -> str:
    """The text of a column for an error; empty for none."""
    return dump(error) if error is not None else ""


def to_error(text: str) -> BridgeError | None:
    """The error of a column; None for the empty text."""
    return load(text) if text else None


def marks(values: Sized) -> str:
    """The placeholders of a list of values."""
    return ", ".join("?" * len(values))


def names(kind: type) -> str:
    """The columns of a class as a query names them: one for each field."""
    return ", ".join(_readers(kind))


def read(kind: type[T], row: Mapping[str, Any]) -> T:
    """The object of a row: enums, booleans, errors and Chatwoot's times are made of what the
    column holds."""
    return kind(
        **{name: reader(row[name]) for name, reader in _readers(kind).items() if name in row}
    )


def write(value: Any) -> Row:
    """The row of an object: what `read` makes it of."""
    return {name: _stored(getattr(value, name)) for name in _readers(type(value))}


def _stored(value: Any) -> object:
    if value is None or isinstance(value, BridgeError):
        return of_error(value)
    if isinstance(value, ChatwootTime):
        return value.seconds
    return int(value) if isinstance(value, bool) else value


def _reader(hint: Any) -> Callable[[Any], object]:
    if hint == BridgeError | None:
        return to_error
    if hint == bool | None:
        return lambda value: None if value is None else bool(value)
    if isinstance(hint, type) and issubclass(hint, (bool, enum.Enum, ChatwootTime)):
        return hint
    return lambda value: value


def _readers_of(kind: Any) -> Mapping[str, Callable[[Any], object]]:
    hints = get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}


_readers: Callable[[Any], Mapping[str, Callable[[Any], object]]] = functools.cache(_readers_of)
