"""What is remembered about API requests."""

import json
import re
from typing import Any

from sandbox.kit.requestlog import Entry, RequestLog, masked

KEPT_CALLS = 5000
_KEPT_BODY = 4096


def journal() -> RequestLog:
    """A log whose entries keep the request's bytes until somebody wants to read them."""
    return RequestLog(KEPT_CALLS, readable_call)


def readable_call(entry: Entry) -> Entry:
    """An entry as it may be shown: its body as JSON, without secrets."""
    return {**masked(entry), "body": readable_body(entry["body"])}


def route_of(path: str) -> str:
    """The path without the instance."""
    return "/".join(path.split("/")[:4])


def keep(body: bytes) -> bytes:
    """As much of a body as is worth remembering: long ones (media) only by their beginning."""
    return body if len(body) <= _KEPT_BODY else body[:200] + b"..."


def readable_body(body: bytes) -> Any:
    """The body as JSON without secrets, or its text when it is not (whole) JSON."""
    try:
        return masked(json.loads(body)) if body else None
    except ValueError:
        return re.sub(r'("\w*(?:token|authorization)\w*"\s*:\s*)"[^"]*"?', r'\1"***"',
                      body.decode("utf-8", "replace"), flags=re.I)  # fmt: skip
