"""The envelopes and refusals of RyzeAPI, word for word (docs/contracts/ryzeapi.md)."""

from typing import Any

from flask import Response

from sandbox.kit.body import Json, dumps

MISSING_TOKEN = "Missing token in header"  # noqa: S105 - a sentence, not a secret
MISSING_TOKEN_ANYWHERE = "Missing token in header, Authorization header, or query parameter"  # noqa: S105
INVALID_TOKEN = "Invalid token"  # noqa: S105
WRONG_INSTANCE_TOKEN = "Instance token does not match the requested instance"  # noqa: S105
INSTANCE_NOT_FOUND = "Instance not found"
NOT_CONNECTED = "Instance is not connected to WhatsApp"
RATE_LIMITED = "Rate limit exceeded. Try again later."
EVENTS = (
    *("message.exchange", "message.status", "call.update"),
    *("group.flow", "instance.state", "label.update"),
)


class Refusal(Exception):
    """A request that is answered with the error envelope."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def response(self) -> Response:
        """The error envelope: exactly these two fields."""
        body = {"success": False, "error": {"message": self.message}}
        return Response(dumps(body), self.status, mimetype="application/json")


def success(message: str, **payload: Any) -> Json:
    """The success envelope with the fields of the answer."""
    return {"success": True, "message": message, **payload}


def reject_body(detail: str) -> Refusal:
    """The 400 for a body that cannot be used."""
    return Refusal(400, f"Invalid request body: {detail}")
