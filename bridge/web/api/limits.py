"""How often one may call: counted per token, exact within one web process, or in Redis.

Rules: docs/contracts/ryzeapi.md, Limits.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from bridge.config.settings import Settings
from bridge.domain.errors import StartupError

#: How long one count may take in Redis, in seconds.
REDIS_S = 2.0
#: How long a Redis that failed is left alone, in seconds.
AWAY_S = 5.0
#: Wrong tokens that one address may present to the sign-in page.
SIGN_IN = parse("10/minute")
#: Wrong tokens that one address may present to the API and to /metrics: this share of the calls
#: that a token may make, and so many at least.
GUESSES_SHARE, GUESSES_LEAST = 10, 10
#: Refusals of one address that are noted in the audit trail.
REFUSAL = parse("1/minute")
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
    """The buckets of this installation. Raises StartupError for a storage that cannot be meant.

    A Redis that does not answer is no reason not to start, nor to stop: it may come back.
    """

    def __init__(self, settings: Settings) -> None:
        self.general = parse(settings.rate_limit)
        least = max(self.general.amount // GUESSES_SHARE, GUESSES_LEAST)
        self.guesses = type(self.general)(least, self.general.multiples)
        self.new_instances = parse(settings.rate_limit_new)
        self._storage = _storage(settings.rate_limit_storage)
        self._counter = FixedWindowRateLimiter(self._storage)
        # Counts while Redis is away: better bounded for each machine than no API at all.
        self._spare = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def take(self, item: RateLimitItem, *bucket: str) -> Allowance:
        """Counts one call against a bucket."""
        if time.monotonic() >= self._away_until:
            try:
                allowance = _take(self._counter, item, *bucket)
            except self._storage.base_exceptions as error:
                self._note_away(error)
            else:
                self._note_back()
                return allowance
        return _take(self._spare, item, *bucket)

    def forget(self, item: RateLimitItem, *bucket: str) -> None:
        self._spare.clear(item, *bucket)
        try:
            self._counter.clear(item, *bucket)
        except self._storage.base_exceptions as error:
            self._note_away(error)

    def _note_away(self, error: Exception) -> None:
        if not self._away_until:
            log.warning(
                "BRIDGE_RATE_LIMIT_STORAGE: %s; each process counts for itself meanwhile",
                type(error).__name__,
            )
        self._away_until = time.monotonic() + AWAY_S

    def _note_back(self) -> None:
        if self._away_until:
            self._away_until = 0.0
            log.warning("BRIDGE_RATE_LIMIT_STORAGE: it answers again")


def _storage(where: str) -> Storage:
    if where == "memory":
        return MemoryStorage()
    # An API call must not wait for a Redis that does not answer, nor for it to come back.
    quick: Any = {
        "socket_timeout": REDIS_S,
        "socket_connect_timeout": REDIS_S,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        storage = storage_from_string(where, **quick)
    except Exception as error:  # the libraries raise their own families of errors
        raise StartupError(
            reason=f"BRIDGE_RATE_LIMIT_STORAGE cannot be used: {type(error).__name__}"
        ) from None
    if not isinstance(storage, Storage):
        raise StartupError(reason="BRIDGE_RATE_LIMIT_STORAGE cannot be used: it is no such storage")
    return storage


def _take(counter: FixedWindowRateLimiter, item: RateLimitItem, *bucket: str) -> Allowance:
    granted = counter.hit(item, *bucket)
    stats = counter.get_window_stats(item, *bucket)
    return Allowance(item.amount, max(stats.remaining, 0), int(stats.reset_time) or 0, granted)
