"""Whether a signed webhook is of now.

The time in its signature keeps recorded webhooks from being played again later; repetitions within
the tolerance are recognised by the journal (docs/contracts/chatwoot.md, Signatures).
"""

from bridge.domain.models import ChatwootTime, Integration
from bridge.services import Services

#: How far a signature may be from what Chatwoot's clock shows, in seconds.
TOLERANCE_S = 300.0


def is_of_now(signed_at: ChatwootTime, one: Integration, services: Services) -> bool:
    """Whether Chatwoot's clock shows about that time. False while that clock is not known: then a
    signature proves nothing about when it was made."""
    clocks = services.chatwoot_clocks
    if not clocks.is_known(one.base_url):
        return False
    return abs(clocks.now(one.base_url).since(signed_at)) <= TOLERANCE_S
