"""JSON from outside, read field by field, and how JSON is written."""

import json
from typing import Any, TypeVar

Json = dict[str, Any]
Value = TypeVar("Value")


def dumps(value: Any) -> str:
    """Compact JSON with real letters instead of escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Body:
    """A JSON object whose fields are read with the type that each must have.

    A missing field or a null gives the default. Raises ValueError with the name of the field for
    a wrong type.
    """

    def __init__(self, fields: Any) -> None:
        if not isinstance(fields, dict):
            raise ValueError("a JSON object is expected")
        self.fields: Json = fields

    @classmethod
    def parse(cls, raw: bytes) -> "Body":
        """Read the bytes of a request; an empty body is an empty object."""
        try:
            return cls(json.loads(raw) if raw.strip() else {})
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"malformed JSON: {error}") from error

    def _read(self, name: str, kind: type[Value], noun: str, default: Value) -> Value:
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be a {noun}")
        return value

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        return self._read(name, str, "string", default)

    def boolean(self, name: str, default: bool = False) -> bool:
        return self._read(name, bool, "boolean", default)

    def number(self, name: str, default: float = 0.0) -> float:
        value = self.fields.get(name, default)
        if type(value) is int:
            value = float(value)
        if type(value) is not float or value != value:
            if value is None:
                return default
            raise ValueError(f"{name} must be a number")
        return value

    def texts(self, name: str) -> list[str]:
        values: list[Any] = self._read(name, list, "list of strings", [])
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{name} must be a list of strings")
        return values

    def objects(self, name: str) -> list["Body"]:
        """A list of objects; a single object counts as a list of one."""
        value = self.fields.get(name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        return [Body(item) for item in values]
