"""How often one may call: counted per token, exact within one web process, or in Redis.

Rules: ryzeapi.md section 4 (limits, headers and the 429).
"""

from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from bridge.errors import StartupError
from bridge.settings import Settings

#: Wrong tokens that one address may present to the sign-in page.
SIGN_IN = parse("10/minute")
#: Live checks of the wizard: they make the bridge call an address that a person typed.
PROBE = parse("60/minute")


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
        where = settings.rate_limit_storage
        try:
            storage = storage_from_string("memory://" if where == "memory" else where)
            if not storage.check():
                raise ConnectionError("it does not answer")
        except Exception as error:  # the libraries raise their own families of errors
            raise StartupError(
                reason=f"BRIDGE_RATE_LIMIT_STORAGE cannot be used: {type(error).__name__}"
            ) from None
        self._counter = FixedWindowRateLimiter(storage)

    def take(self, item: RateLimitItem, *bucket: str) -> Allowance:
        """Counts one call against a bucket."""
        granted = self._counter.hit(item, *bucket)
        stats = self._counter.get_window_stats(item, *bucket)
        return Allowance(item.amount, max(stats.remaining, 0), int(stats.reset_time) or 0, granted)
