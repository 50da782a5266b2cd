"""What a gateway could not do, as the error that tells routing what to do next."""

from typing import TypeVar

from bridge.domain.models import GatewayConfig
from bridge.gateways.base import (
    GatewayDenies,
    GatewayError,
    GatewayUnavailable,
    GatewayUncertain,
    MediaTooLarge,
)
from bridge.net.http import CallFailed

_MAX_REASON = 300
_Error = TypeVar("_Error", bound=GatewayError)


class Failures:
    """Makes the errors of one gateway: its token shows up in none of them."""

    def __init__(self, config: GatewayConfig) -> None:
        self._base_url, self._token = config.base_url, str(config.token)

    def of(self, kind: type[_Error], reason: str, **values: object) -> _Error:
        """An error of that kind; where its sentence does not hold the reason, it is the detail."""
        masked = reason.replace(self._token, "***") if self._token else reason
        name = "reason" if "{reason}" in kind.sentence else "detail"
        values[name] = " ".join(masked.split())[:_MAX_REASON]
        return kind(base_url=self._base_url, **values)  # type: ignore[arg-type]

    def of_call(self, failure: CallFailed, *, is_harmless: bool) -> GatewayError:
        """No answer came. `is_harmless`: the call may be repeated, whether it arrived or not."""
        if failure.blocked:
            return self.of(GatewayDenies, failure.cause)
        if failure.sent and not is_harmless:
            return self.of(GatewayUncertain, failure.cause)
        return self.of(GatewayUnavailable, failure.cause)

    def too_large(self, limit: int) -> MediaTooLarge:
        return self.of(MediaTooLarge, f"the file is larger than {limit} bytes")
