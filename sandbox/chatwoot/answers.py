"""Chatwoot's refusals, word for word (docs/contracts/chatwoot.md, Answers), and how bodies are
written."""

from typing import Any

from flask import Response

from sandbox.kit.body import dumps


def reply(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(dumps(body), status, content_type="application/json; charset=utf-8")


def empty(status: int = 200) -> Response:
    """An answer without a body, which Rails calls JSON all the same."""
    return Response(status=status, content_type="application/json")


class Refusal(Exception):
    """An answer other than 200, raised from anywhere. A body of None is an empty body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body

    def response(self) -> Response:
        if self.body is None:
            return empty(self.status)
        if isinstance(self.body, str):
            return Response(self.body, self.status, content_type="text/plain")
        return reply(self.body, self.status)


def unauthorized(sentence: str) -> Refusal:
    """Chatwoot answers 401, not 403, for every trouble with permission."""
    return Refusal(401, {"error": sentence})


def not_allowed() -> Refusal:
    """A member whose role does not suffice."""
    return unauthorized("You are not authorized to do this action")


def not_found() -> Refusal:
    """A record that is missing inside the account, or the account itself."""
    return Refusal(404, {"error": "Resource could not be found"})


def no_route() -> Refusal:
    """A path that does not exist, for a client that asks for JSON."""
    return Refusal(404, {"status": 404, "error": "Not Found"})


def bad_request() -> Refusal:
    """What Rack or Rails cannot read."""
    return Refusal(400, {"status": 400, "error": "Bad Request"})


def crash() -> Refusal:
    """An exception nobody caught in Rails."""
    return Refusal(500, {"status": 500, "error": "Internal Server Error"})


def invalid(*problems: tuple[str, str]) -> Refusal:
    """A model's validation failed. Each problem is (attribute, full sentence)."""
    attributes = list(dict.fromkeys(attribute for attribute, _ in problems))
    message = ", ".join(sentence for _, sentence in problems)
    return Refusal(422, {"message": message, "attributes": attributes})


def unprocessable(text: str) -> Refusal:
    """The other 422: an exception's text under `error` (messages, filters, source_id)."""
    return Refusal(422, {"error": text})
