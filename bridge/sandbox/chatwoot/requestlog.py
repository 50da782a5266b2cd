"""What was asked of the sandbox: a ring of the last requests and counters that never forget."""

import threading
from collections import Counter, deque
from typing import Any

KEPT = 20_000
_SECRET_NAMES = {"access_token", "api_access_token", "pubsub_token", "secret", "hmac_token"}
_LONGEST_TEXT = 20_000


def without_secrets(value: Any) -> Any:
    """The same JSON with tokens replaced and megabyte strings cut."""
    if isinstance(value, dict):
        return {
            name: "***" if name in _SECRET_NAMES else without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return value[:_LONGEST_TEXT]
    return value


class RequestLog:
    """The requests in order; `cursor` is the number of the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget requests and counters; numbering goes on."""
        with self._lock:
            self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
            self._by_route: Counter[str] = Counter()
            self._by_status: Counter[str] = Counter()
            self._cursor = getattr(self, "_cursor", 0)

    def add(self, entry: dict[str, Any]) -> None:
        """Note a request: method, path, route, query, body, files, status, at."""
        with self._lock:
            self._cursor += 1
            self._kept.append({"id": self._cursor, **entry})
            self._by_route[f"{entry['method']} {entry['route']}"] += 1
            self._by_status[str(entry["status"])] += 1

    def since(self, cursor: int, limit: int) -> dict[str, Any]:
        """The requests after `cursor`, oldest first, at most `limit`, with the counters."""
        with self._lock:
            kept = [entry for entry in self._kept if entry["id"] > cursor][:limit]
            totals = {
                "requests": sum(self._by_route.values()),
                "by_route": dict(self._by_route),
                "by_status": dict(self._by_status),
            }
            last = self._cursor
        return {
            "requests": [without_secrets(entry) for entry in kept],
            "cursor": kept[-1]["id"] if kept else last,
            "totals": totals,
        }

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest requests, newest first."""
        with self._lock:
            newest = list(self._kept)[-count:]
        return [without_secrets(entry) for entry in reversed(newest)]
