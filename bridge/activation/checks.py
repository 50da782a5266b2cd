"""Looks without making anything: what answers at an address, whose token it is, how one fares.

Every door calls these. Rules: docs/contracts/ryzeapi.md, Chatwoot module;
docs/contracts/chatwoot.md, Answers.
"""

import logging
from dataclasses import replace

from bridge.chatwoot import address, versions
from bridge.chatwoot.account import Chatwoot
from bridge.domain.errors import BridgeError, IntegrationMissing, StorageFailed, TokenUnreadable
from bridge.domain.models import (
    BRIDGE,
    ActivationRequest,
    Actor,
    ChatwootFound,
    Instance,
    Integration,
    Secret,
    Status,
    TokenOwner,
)
from bridge.net.deadline import Deadline
from bridge.routing.to_chatwoot import rechecks
from bridge.services import Services

#: Limits in seconds; the contract promises 10 for a look (docs/contracts/ryzeapi.md, Chatwoot
#: module).
LOOK_S = 10.0
PROBE_S = 15.0

log = logging.getLogger(__name__)


def client(to: ActivationRequest | Integration, services: Services, deadline: Deadline) -> Chatwoot:
    """Calls to the account that an instance is, or is to be, joined to, under one limit."""
    return Chatwoot(
        services.http,
        to.base_url,
        clocks=services.chatwoot_clocks,
        deadline=deadline,
        token=to.api_token,
        account_id=to.account_id,
    )


def probe_address(text: str, services: Services) -> ChatwootFound:
    """What answers at an address that a person typed or pasted.

    Raises address.BadAddress, ChatwootTooOld, or the errors of `bridge.chatwoot.diagnosis`.
    """
    found = address.parse_pasted(text)
    chatwoot = Chatwoot(
        services.http,
        found.base_url,
        clocks=services.chatwoot_clocks,
        deadline=Deadline(PROBE_S),
        account_id=found.account_id,
    )
    version = chatwoot.version()
    versions.require(version)
    return ChatwootFound(found.base_url, version, found.account_id)


def probe_token(base_url: str, token: Secret, services: Services) -> TokenOwner:
    """Whose token it is and which accounts that person may administer."""
    return Chatwoot(
        services.http,
        base_url,
        clocks=services.chatwoot_clocks,
        deadline=Deadline(PROBE_S),
        token=token,
    ).owner()


def probe_account(base_url: str, account_id: int, token: Secret, services: Services) -> None:
    """Raises what would keep the token's owner from making an inbox in the account."""
    chatwoot = Chatwoot(
        services.http,
        base_url,
        clocks=services.chatwoot_clocks,
        deadline=Deadline(PROBE_S),
        token=token,
        account_id=account_id,
    )
    owner = chatwoot.owner()
    chatwoot.inboxes()
    chatwoot.require_administrator(owner)


def look(
    instance: Instance, services: Services, *, by: Actor = BRIDGE
) -> tuple[Integration, BridgeError | None]:
    """The integration as it is now, and what keeps it from working; within 10 s.

    Whoever looks makes nothing worse: only what routing itself would stop for, in Chatwoot's own
    words, makes an active integration wait; when Chatwoot cannot be asked, the stored status stays
    (docs/contracts/ryzeapi.md, Chatwoot module), and a paused one stays paused. Raises
    IntegrationMissing.
    """
    stored = services.integrations.of(instance.id)
    if stored is None:
        raise IntegrationMissing
    if not stored.api_token:
        return stored, TokenUnreadable()
    error = rechecks.ask(stored, services, Deadline(LOOK_S))
    try:
        if error is None and stored.status is Status.ERROR:
            rechecks.resume([stored], services, by=by)
        elif error is not None and error.holds and stored.status is not Status.PAUSED:
            rechecks.hold(stored, error, services)
    except StorageFailed as failure:  # who only looks needs no disk
        log.warning("the status of %s could not be noted: %s", stored.id, failure.message)
        return _as_found(stored, error), error
    return services.integrations.of(instance.id) or stored, error


def _as_found(stored: Integration, error: BridgeError | None) -> Integration:
    if error is None and stored.status is Status.ERROR:
        return replace(stored, status=Status.ACTIVE, last_error=None)
    if error is not None and error.holds and stored.status is not Status.PAUSED:
        return replace(stored, status=Status.ERROR, last_error=error)
    return stored
