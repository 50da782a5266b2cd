"""How often one may call: counted per token, exact within one web process, or in Redis.

Rules: ryzeapi.md section 4 (limits, headers and the 429).
"""

import logging
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from bridge.errors import StartupError
from bridge.settings import Settings

#: How long one count may take in Redis, in seconds.
REDIS_S = 1.0
#: Wrong tokens that one address may present to the sign-in page.
SIGN_IN = parse("10/minute")
#: Live checks of the wizard: they make the bridge call an address that a person typed.
PROBE = parse("60/minute")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a bucket; `reset_at` is UTC seconds."""

    limit: int
    remaining: int
    reset_at: int
    granted: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every API response carries."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }


class Limits:
    """The buckets of this installation. Raises StartupError when their storage cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self.general = parse(settings.rate_limit)
        self.new_instances = parse(settings.rate_limit_new)
        self._storage = _storage(settings.rate_limit_storage)
        self._counter = FixedWindowRateLimiter(self._storage)
        # Counts while Redis is away: better bounded for each machine than no API at all.
        self._spare = FixedWindowRateLimiter(MemoryStorage())
        self._is_away = False

    def take(self, item: RateLimitItem, *bucket: str) -> Allowance:
        """Counts one call against a bucket."""
        try:
            allowance = _take(self._counter, item, *bucket)
        except self._storage.base_exceptions as error:
            self._note(f"{type(error).__name__}; each process counts for itself meanwhile")
            return _take(self._spare, item, *bucket)
        self._note("")
        return allowance

    def forget(self, item: RateLimitItem, *bucket: str) -> None:
        """Empties a bucket."""
        self._spare.clear(item, *bucket)
        try:
            self._counter.clear(item, *bucket)
        except self._storage.base_exceptions as error:
            self._note(type(error).__name__)

    def _note(self, trouble: str) -> None:
        if bool(trouble) != self._is_away:
            self._is_away = bool(trouble)
            log.warning("BRIDGE_RATE_LIMIT_STORAGE: %s", trouble or "it answers again")


def _storage(where: str) -> Storage:
    try:
        # An API call must not wait for a Redis that does not answer, nor for it to come back.
        quick: Any = {
            "socket_timeout": REDIS_S,
            "socket_connect_timeout": REDIS_S,
            "retry": Retry(NoBackoff(), 0),
        }
        found = MemoryStorage() if where == "memory" else storage_from_string(where, **quick)
        if not isinstance(found, Storage) or not found.check():
            raise ConnectionError("it does not answer")
    except Exception as error:  # the libraries raise their own families of errors
        raise StartupError(
            reason=f"BRIDGE_RATE_LIMIT_STORAGE cannot be used: {type(error).__name__}"
        ) from None
    return found


def _take(counter: FixedWindowRateLimiter, item: RateLimitItem, *bucket: str) -> Allowance:
    granted = counter.hit(item, *bucket)
    stats = counter.get_window_stats(item, *bucket)
    return Allowance(item.amount, max(stats.remaining, 0), int(stats.reset_time) or 0, granted)
