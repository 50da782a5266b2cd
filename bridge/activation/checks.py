"""Checks that make nothing: what answers at an address, whose token it is, how one fares.

API, pages and command line call these. Rules: docs/contracts/ryzeapi.md, Chatwoot module;
docs/contracts/chatwoot.md, Answers.
"""

import logging
from dataclasses import dataclass, replace

from bridge.chatwoot import address, versions
from bridge.chatwoot.account import Account, Inbox
from bridge.chatwoot.transport import Transport
from bridge.domain.errors import BridgeError, IntegrationMissing, StorageFailed, TokenUnreadable
from bridge.domain.models import (
    BRIDGE,
    Actor,
    ChatwootFound,
    Instance,
    Integration,
    Secret,
    Status,
    TokenOwner,
)
from bridge.net.deadline import Deadline
from bridge.routing.to_chatwoot import integration_checks
from bridge.services import Services

#: Limits in seconds; the contract promises 10 for a look (docs/contracts/ryzeapi.md, Chatwoot
#: module).
LOOK_S = 10.0
PROBE_S = 15.0

log = logging.getLogger(__name__)


def probe_address(text: str, services: Services) -> ChatwootFound:
    """What answers at an address that a person typed or pasted.

    Raises address.BadAddress, ChatwootTooOld, or the errors of `bridge.chatwoot.diagnosis`.
    """
    found = address.parse_pasted(text)
    version = _account(found.base_url, services, account_id=found.account_id).version()
    versions.require(version)
    return ChatwootFound(found.base_url, version, found.account_id)


def probe_token(base_url: str, token: Secret, services: Services) -> TokenOwner:
    """Whose token it is and which accounts that person may administer."""
    return _account(base_url, services, token).owner()


def probe_account(base_url: str, account_id: int, token: Secret, services: Services) -> None:
    """Raises what would keep the token's owner from making an inbox in the account."""
    account = _account(base_url, services, token, account_id)
    owner = account.owner()
    account.inboxes()
    account.require_administrator(owner)


@dataclass(frozen=True, slots=True)
class Look:
    """An integration as it is now, and its inbox in Chatwoot or what keeps it from working."""

    integration: Integration
    found: Inbox | BridgeError

    @property
    def inbox(self) -> Inbox | None:
        """The inbox of an integration that works."""
        return None if isinstance(self.found, BridgeError) else self.found

    @property
    def error(self) -> BridgeError | None:
        """What keeps the integration from working."""
        return self.found if isinstance(self.found, BridgeError) else None


def look(instance: Instance, services: Services, *, by: Actor = BRIDGE) -> Look:
    """Asks Chatwoot how the integration of an instance fares; within 10 s.

    Only what routing itself would stop for, in Chatwoot's own words, makes an active integration
    wait; when Chatwoot cannot be asked, the stored status stays (docs/contracts/ryzeapi.md,
    Chatwoot module), and a paused one stays paused. Raises IntegrationMissing.
    """
    stored = services.integrations.of(instance.id)
    if stored is None:
        raise IntegrationMissing
    if not stored.api_token:
        return Look(stored, TokenUnreadable())
    found: Inbox | BridgeError
    try:
        found = integration_checks.read_inbox(stored, services, Deadline(LOOK_S))
    except BridgeError as error:
        found = error
    judged = _judged(stored, found)
    try:
        if judged.last_error is not None and judged is not stored:
            integration_checks.hold(stored, judged.last_error, services)
        elif judged is not stored:
            integration_checks.resume([stored], services, by=by)
    except StorageFailed as failure:  # who only looks needs no disk
        log.warning("the status of %s could not be noted: %s", stored.id, failure.message)
        return Look(judged, found)
    return Look(services.integrations.of(instance.id) or stored, found)


def _judged(stored: Integration, found: Inbox | BridgeError) -> Integration:
    """What becomes of an integration; the very same one where nothing does."""
    if not isinstance(found, BridgeError):
        is_over = stored.status is Status.ERROR
        return replace(stored, status=Status.ACTIVE, last_error=None) if is_over else stored
    if found.holds and stored.status is not Status.PAUSED:
        return replace(stored, status=Status.ERROR, last_error=found)
    return stored


def _account(
    base_url: str, services: Services, token: str = "", account_id: int | None = None
) -> Account:
    transport = Transport(
        services.http,
        base_url,
        clocks=services.chatwoot_clocks,
        deadline=Deadline(PROBE_S),
        token=token,
        account_id=account_id,
    )
    return Account(transport)
