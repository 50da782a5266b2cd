"""What was asked of a pretend server: a ring of the last requests, counters that never forget."""

import json
import re
import threading
from collections import Counter, deque
from typing import Any

Entry = dict[str, Any]

_SECRET = re.compile(r"token|authorization|^secret$", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(r'("\w*(?:token|authorization)\w*"\s*:\s*)"[^"]*"?', re.IGNORECASE)
_LONGEST_TEXT = 20_000


def masked(value: Any, name: str = "") -> Any:
    """The same JSON with stars for every token, authorization and secret, megabytes cut.

    Bytes are read as JSON, or as text where they are none.
    """
    if isinstance(value, bytes):
        try:
            return masked(json.loads(value)) if value else None
        except ValueError:
            return _SECRET_IN_TEXT.sub(r'\1"***"', value.decode("utf-8", "replace"))
    if isinstance(value, dict):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, name) for inner in value]
    if value and _SECRET.search(name):
        return "***"
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value


class RequestLog:
    """The requests in order; the cursor is the number of the last one."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=size)
        self._by_route: Counter[str] = Counter()
        self._by_status: Counter[str] = Counter()
        self._cursor = 0

    def clear(self) -> None:
        """Forget requests and counters; numbering goes on."""
        with self._lock:
            self._entries.clear()
            self._by_route.clear()
            self._by_status.clear()

    def add(self, entry: Entry) -> None:
        """Note a request: at least its method, route and status."""
        with self._lock:
            self._cursor += 1
            self._entries.append({"id": self._cursor, **entry})
            self._by_route[f"{entry['method']} {entry['route']}"] += 1
            self._by_status[str(entry["status"])] += 1

    def since(self, cursor: int = 0, limit: int | None = None) -> dict[str, Any]:
        """The requests after `cursor`, oldest first, at most `limit`, with the counters."""
        with self._lock:
            entries = [entry for entry in self._entries if entry["id"] > cursor][:limit]
            totals = {
                "requests": sum(self._by_route.values()),
                "by_route": dict(self._by_route),
                "by_status": dict(self._by_status),
            }
            last = self._cursor
        return {
            "requests": masked(entries),
            "cursor": entries[-1]["id"] if entries else last,
            "totals": totals,
        }
