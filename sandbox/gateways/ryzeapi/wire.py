"""The words of the RyzeAPI contract: its envelopes, its refusals and how a request body is read.

Nothing here knows what a message is.  Texts are those of docs/contracts/ryzeapi.md, Tokens, Not
found, Envelopes and Answers.
"""

import json
from typing import Any

Json = dict[str, Any]

MISSING_TOKEN = "Missing token in header"  # noqa: S105 - a sentence, not a secret
MISSING_TOKEN_ANYWHERE = "Missing token in header, Authorization header, or query parameter"  # noqa: S105
INVALID_TOKEN = "Invalid token"  # noqa: S105
WRONG_INSTANCE_TOKEN = "Instance token does not match the requested instance"  # noqa: S105
INSTANCE_NOT_FOUND = "Instance not found"
NOT_CONNECTED = "Instance is not connected to WhatsApp"
RATE_LIMITED = "Rate limit exceeded. Try again later."


class Refusal(Exception):
    """A request that is answered with the contract's error envelope."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def success(message: str, *, status: str | None = None, **payload: Any) -> Json:
    """The success envelope; `status` and the payload keys appear only where they are given."""
    answer: Json = {"success": True, "message": message}
    if status is not None:
        answer["status"] = status
    return answer | payload


def failure(message: str) -> Json:
    """The error envelope: exactly these two fields."""
    return {"success": False, "error": {"message": message}}


def dumps(value: Any) -> str:
    """JSON as it goes over the wire: compact, with real letters instead of escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def reject_body(detail: str) -> Refusal:
    """The 400 for a body that cannot be used."""
    return Refusal(400, f"Invalid request body: {detail}")


class Body:
    """A JSON object from outside, read field by field with the type each field must have.

    A missing field or a null gives the default; a wrong type is refused with its name.
    """

    def __init__(self, fields: Json) -> None:
        self.fields = fields

    @classmethod
    def parse(cls, raw: bytes) -> "Body":
        """Read the bytes of a request; an empty body is an empty object."""
        if not raw.strip():
            return cls({})
        try:
            fields = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise reject_body(f"malformed JSON: {error}") from error
        if not isinstance(fields, dict):
            raise reject_body("a JSON object is expected")
        return cls(fields)

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise reject_body(f"{name} must be a string")
        return value

    def boolean(self, name: str, default: bool = False) -> bool:
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise reject_body(f"{name} must be a boolean")
        return value

    def number(self, name: str, default: float = 0.0) -> float:
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise reject_body(f"{name} must be a number")
        return float(value)

    def texts(self, name: str) -> list[str]:
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise reject_body(f"{name} must be a list of strings")
        return value

    def objects(self, name: str) -> list["Body"]:
        """A list of objects; a single object is tolerated, as for `vcard`."""
        value = self.fields.get(name)
        if value is None:
            return []
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in items):
            raise reject_body(f"{name} must be a list of objects")
        return [Body(item) for item in items]
