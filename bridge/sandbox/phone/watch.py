"""What is remembered about API requests, and how many of them a token may make."""

import json
import re
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

_SECRET = re.compile(r"token|authorization", re.I)
_KEPT_BODY = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """One API request and how it was answered.  `status` 0 means: connection dropped."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    status: int
    ms: float


class Journal:
    """A ring of the latest API requests with counters; tokens never enter the readable form."""

    def __init__(self, size: int = 5000) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def add(self, call: Call) -> None:
        route = "/".join(call.path.split("/")[:4])
        with self._lock:
            self._calls.append(call)
            self._counts[f"{call.method} {route}"] += 1
            self._counts["total"] += 1

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def readable(self) -> dict[str, Any]:
        """Counters per route (without the instance), and the requests, oldest first."""
        with self._lock:
            calls, counts = list(self._calls), dict(self._counts)
        return {"counts": counts, "requests": [self._readable(call) for call in calls]}

    @staticmethod
    def _readable(call: Call) -> dict[str, Any]:
        return {
            "at": call.at,
            "method": call.method,
            "path": call.path,
            "query": {name: mask(name, value) for name, value in call.query.items()},
            "body": readable_body(call.body),
            "status": call.status,
            "ms": round(call.ms, 2),
        }


def keep(body: bytes) -> bytes:
    """As much of a body as is worth remembering: long ones (media) only by their beginning."""
    return body if len(body) <= _KEPT_BODY else body[:200] + b"..."


def readable_body(body: bytes) -> Any:
    """The body as JSON without secrets, or its text when it is not (whole) JSON."""
    try:
        return mask("", json.loads(body)) if body else None
    except ValueError:
        return re.sub(r'("\w*(?:token|authorization)\w*"\s*:\s*)"[^"]*"?', r'\1"***"',
                      body.decode("utf-8", "replace"), flags=re.I)  # fmt: skip


def mask(name: str, value: Any) -> Any:
    """The value with every token and authorization inside it replaced by stars."""
    if isinstance(value, dict):
        return {key: mask(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask(name, inner) for inner in value]
    return "***" if value and _SECRET.search(name) else value


class Limits:
    """Requests per token and minute, in fixed windows (ryzeapi.md section 4)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, bucket: str, token: str, limit: int) -> tuple[int, int]:
        """Count one request: (remaining, reset); remaining is -1 when it is one too many.

        `reset` is the Unix second at which the window ends.
        """
        window = int(time.time()) // 60
        with self._lock:
            began, used = self._used.get((bucket, token), (window, 0))
            used = used + 1 if began == window else 1
            self._used[(bucket, token)] = (window, used)
        return max(limit - used, -1), (window + 1) * 60

    def clear(self) -> None:
        with self._lock:
            self._used.clear()
