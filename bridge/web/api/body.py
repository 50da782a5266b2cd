"""Reads a JSON body strictly: what is ambiguous or hostile gets a clear 400, never a guess."""

import json
import re
from itertools import accumulate
from typing import Any, NoReturn

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from bridge.domain.errors import N_, BridgeError, InvalidBody, Problem

#: Largest body of the JSON API, in bytes.
MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
#: A text within JSON, or the beginning of one that has no end.
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BROKEN = N_("breaks off, or its chunks are malformed")


class NotJson(BridgeError, code="not_json", status=415):
    sentence = N_("Content-Type must be application/json")
    remedy = N_("Send the header Content-Type: application/json.")


class BodyTooLarge(BridgeError, code="body_too_large", status=413):
    sentence = N_("request body is larger than {limit} bytes")
    remedy = N_("Send only the fields of the description at /docs.")


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises NotJson, BodyTooLarge or InvalidBody."""
    if request.mimetype != "application/json":
        raise NotJson
    raw = _bytes(request)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        _refuse(N_("must be UTF-8"))
    if _depth(text) > MAX_DEPTH:
        _refuse(N_("must not be nested deeper than {limit} levels"), limit=MAX_DEPTH)
    try:
        body = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except json.JSONDecodeError as error:
        _refuse(
            N_("is not valid JSON: {reason} at line {line}, column {column}"),
            reason=error.msg.lower(),
            line=error.lineno,
            column=error.colno,
        )
    except ValueError:
        # A number with more digits than Python converts.
        _refuse(N_("holds a number that is too long"))
    if not isinstance(body, dict):
        _refuse(N_("must be a JSON object"))
    return body


def _bytes(request: Request) -> bytes:
    announced = request.content_length
    if (announced or 0) > MAX_BYTES:
        raise BodyTooLarge(limit=MAX_BYTES)
    # One more than allowed tells a body that is too large from one that just fits.
    request.max_content_length = MAX_BYTES + 1
    try:
        # To the end: a read of a certain size may stop short of it.
        raw = request.stream.read()
    except (ClientDisconnected, ParseException, OSError):
        _refuse(_BROKEN)
    if len(raw) > MAX_BYTES:
        raise BodyTooLarge(limit=MAX_BYTES)
    if announced is not None and len(raw) < announced:
        _refuse(_BROKEN)
    return raw


def _refuse(sentence: str, **values: object) -> NoReturn:
    raise InvalidBody({"": Problem(sentence, **values)})


def _depth(text: str) -> int:
    """The deepest nesting; brackets inside texts do not count."""
    brackets = re.findall(r"[\[\]{}]", _TEXT.sub("", text))
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            # Which of the two is meant cannot be known.
            shown = key[:80].encode("utf-8", "replace").decode()
            raise InvalidBody({shown: Problem(N_("stands twice in the body"))})
        values[key] = value
    return values


def _constant(name: str) -> NoReturn:
    _refuse(N_("must not contain {name}"), name=name)
