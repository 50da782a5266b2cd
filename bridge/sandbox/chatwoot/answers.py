"""Chatwoot's refusals, word for word (chatwoot.md section 1), and how bodies are written."""

import json
from typing import Any

from flask import Response


def reply(body: Any, status: int = 200) -> Response:
    """A JSON answer as Rails writes it: raw UTF-8, no spaces."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json; charset=utf-8")


class Refusal(Exception):
    """An answer other than 200, raised from anywhere. A body of None is an empty body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body

    def response(self) -> Response:
        """The answer itself."""
        if self.body is None:
            return Response(status=self.status)
        if isinstance(self.body, str):
            return Response(self.body, self.status, content_type="text/plain")
        return reply(self.body, self.status)


def no_token(locale: str = "en") -> Refusal:
    """No token or an empty one: the only body with an array, and the only translated one."""
    sentences = {
        "pt_BR": "Para continuar, faça login ou registre-se.",
        "es": "Tienes que iniciar sesión o registrarte antes de continuar.",
    }
    default = "You need to sign in or sign up before continuing."
    return Refusal(401, {"errors": [sentences.get(locale, default)]})


def unauthorized(sentence: str) -> Refusal:
    """Chatwoot answers 401, not 403, for every trouble with permission."""
    return Refusal(401, {"error": sentence})


def unknown_token() -> Refusal:
    """The token belongs to nobody."""
    return unauthorized("Invalid Access Token")


def not_allowed() -> Refusal:
    """A member whose role does not suffice."""
    return unauthorized("You are not authorized to do this action")


def not_found() -> Refusal:
    """A record that is missing inside the account, or the account itself."""
    return Refusal(404, {"error": "Resource could not be found"})


def no_route() -> Refusal:
    """A path that does not exist, for a client that asks for JSON."""
    return Refusal(404, {"status": 404, "error": "Not Found"})


def crash() -> Refusal:
    """An exception nobody caught in Rails."""
    return Refusal(500, {"status": 500, "error": "Internal Server Error"})


def limit_exceeded() -> Refusal:
    """The account has as many inboxes as its plan allows."""
    return Refusal(402, {"error": "Account limit exceeded. Upgrade to a higher plan"})


def invalid(*problems: tuple[str, str]) -> Refusal:
    """A model's validation failed. Each problem is (attribute, full sentence)."""
    attributes = list(dict.fromkeys(attribute for attribute, _ in problems))
    message = ", ".join(sentence for _, sentence in problems)
    return Refusal(422, {"message": message, "attributes": attributes})


def unprocessable(text: str) -> Refusal:
    """The other 422: an exception's text under `error` (messages, filters, source_id)."""
    return Refusal(422, {"error": text})


def missing_param(name: str) -> Refusal:
    """Rails' params.require found nothing."""
    return unprocessable(f"param is missing or the value is empty: {name}")


# Rails' validation sentences come in the account's language (section 1, Localisation).
_TRANSLATIONS = {
    "pt_BR": {
        "can't be blank": "não pode ficar em branco",
        "has already been taken": "já está em uso",
        "is too long (maximum is": "é muito longo (máximo:",
        "characters)": "caracteres)",
        "is not included in the list": "não está incluído na lista",
        "must exist": "é obrigatório",
    },
    "es": {
        "can't be blank": "no puede estar en blanco",
        "has already been taken": "ya está en uso",
        "is too long (maximum is": "es demasiado largo (máximo:",
        "characters)": "caracteres)",
        "is not included in the list": "no está incluido en la lista",
        "must exist": "debe existir",
    },
}


def translated(refusal: Refusal, locale: str) -> Refusal:
    """A model's refusal in the account's language; the hard-coded English bodies stay."""
    body = refusal.body
    if locale not in _TRANSLATIONS or not isinstance(body, dict) or "attributes" not in body:
        return refusal
    message = body["message"]
    for english, local in _TRANSLATIONS[locale].items():
        message = message.replace(english, local)
    return Refusal(refusal.status, body | {"message": message})
