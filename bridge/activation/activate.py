"""THE shared functions: API, wizard and command line call these, never each other.

Rules: docs/contracts/ryzeapi.md, Chatwoot module (what `set`, `list` and `delete` promise),
docs/contracts/chatwoot.md, Access and Inboxes.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from bridge.activation import connect
from bridge.chatwoot import versions
from bridge.chatwoot.account import Account, Inbox, InboxSettings
from bridge.domain.errors import (
    BridgeError,
    ChatwootUnreachable,
    InboxGone,
    InstanceUnknown,
    IntegrationMissing,
    InvalidBody,
    NothingToDelete,
    PersistFailed,
    Problem,
    StorageFailed,
)
from bridge.domain.models import (
    UNTOLD,
    ActivationRequest,
    Actor,
    ChatwootTime,
    Instance,
    Integration,
    Status,
)
from bridge.net.deadline import Deadline
from bridge.routing import capabilities, context
from bridge.routing.from_chatwoot import feed_status, webhook_address
from bridge.routing.to_chatwoot import duplicate_inboxes
from bridge.services import Services
from bridge.store.integrations import Attempt
from bridge.store.webhooks import Webhook, WebhookCalls, Why

#: Limits in seconds for a whole operation; the contract promises 60 and 30
#: (docs/contracts/ryzeapi.md, Chatwoot module).
ACTIVATE_S = 55.0
UNLINK_S = 30.0
#: How long an activation waits for a webhook that it asks for, in seconds.
_TRY_S = 3.0

log = logging.getLogger(__name__)


class ActivationStep(StrEnum):
    """What an activation does, in this order."""

    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105 - the name of a step
    ACCOUNT = "account"
    INBOX = "inbox"
    SAVE = "save"
    WIRE = "wire"


@dataclass(frozen=True, slots=True)
class ActivationResult:
    """The integration, and what its operator should know besides."""

    integration: Integration
    warnings: tuple[Problem, ...]


def activate(
    instance: Instance,
    request: ActivationRequest,
    services: Services,
    *,
    by: Actor,
    on_step: Callable[[ActivationStep], None] = lambda step: None,
) -> ActivationResult:
    """Joins an instance to a Chatwoot account, or changes how it is joined; under 60 s in all.

    Makes one inbox at most, ever: an inbox whose making was cut short is found again by the id that
    it carries. `on_step` hears of each step as it begins. Raises the errors of
    `bridge.chatwoot.diagnosis`, InvalidBody, ActivationRunning and PersistFailed.
    """
    deadline = Deadline(ACTIVATE_S)
    try:
        with services.store.exclusive(_lock(instance), timeout_s=deadline.remaining()):
            done = _activate(instance, request, services, deadline, on_step, by)
            one = done.integration
            detail = f"{one.base_url} account {one.account_id}, inbox {one.inbox_id}"
            _note(by, "activated", instance, services, detail)
            return done
    except StorageFailed as error:
        # The attempt is on the disk: the next try finds the inbox by it and takes it over.
        raise PersistFailed(cause=error.values["cause"]) from None


def _activate(
    instance: Instance,
    request: ActivationRequest,
    services: Services,
    deadline: Deadline,
    on_step: Callable[[ActivationStep], None],
    by: Actor,
) -> ActivationResult:
    _require_still_there(instance, services)
    account = context.account_of(request, services, deadline)
    on_step(ActivationStep.ADDRESS)
    version = account.version()
    versions.require(version)
    problem = versions.name_problem(request.inbox_name, version)
    if problem:
        raise InvalidBody({"inboxName": problem})
    on_step(ActivationStep.TOKEN)
    owner = account.owner()
    on_step(ActivationStep.ACCOUNT)
    inboxes = account.inboxes()
    account.require_administrator(owner)
    before = services.integrations.of(instance.id)
    on_step(ActivationStep.INBOX)
    attempt = services.attempts.begin(
        instance.id, request.base_url, request.account_id, started_at=services.clock()
    )
    known = services.webhooks.of(attempt.id)
    is_new = before is None or before.id != attempt.id
    planned = webhook_address.plan(known, version, services, is_new=is_new)
    inbox = _one_inbox(account, inboxes, before, attempt, request, planned, services)
    if planned.public_url and webhook_address.is_taken(inbox.webhook_url, attempt.webhook_key):
        planned = replace(planned, calls=WebhookCalls.OFF, why=Why.TAKEN)
    on_step(ActivationStep.SAVE)
    after = _integration(instance, request, services, attempt, inbox, version, before)
    services.integrations.save(after)
    webhook_address.begin(after, planned, services)
    if before is not None and before.id != after.id:
        _unlink(before, services, deadline)
    on_step(ActivationStep.WIRE)
    warnings = [
        *(one.problem for one in capabilities.missing(after, services, inbox)),
        *connect.wire(instance, services, deadline),
    ]
    if known is not None and planned.calls is WebhookCalls.OFF:
        _try_webhooks(after, services, by)
    warnings += feed_status.problems(after, services, now_standing=False)
    return ActivationResult(after, tuple(warnings))


def remove(instance: Instance, services: Services, *, by: Actor) -> None:
    """Deactivates the integration, if there is one, and forgets the instance itself.

    Raises InstanceUnknown when somebody else was faster.
    """
    deadline = Deadline(UNLINK_S)
    with services.store.exclusive(_lock(instance), timeout_s=deadline.remaining()):
        _require_still_there(instance, services)
        stored = services.integrations.of(instance.id)
        if stored is not None:
            _unlink(stored, services, deadline)
        # Still under the lock: nobody may activate what is about to go.
        services.instances.remove(instance.id)
        _note(by, "deleted the instance", instance, services)


def deactivate(instance: Instance, services: Services, *, by: Actor) -> None:
    """Unlinks the inbox, which stays in Chatwoot, and forgets the integration; within 30 s.

    Succeeds also when Chatwoot cannot be reached (docs/contracts/ryzeapi.md, Chatwoot module).
    Raises NothingToDelete.
    """
    deadline = Deadline(UNLINK_S)
    with services.store.exclusive(_lock(instance), timeout_s=deadline.remaining()):
        _require_still_there(instance, services)
        stored = services.integrations.of(instance.id)
        if stored is None:
            raise NothingToDelete
        _unlink(stored, services, deadline)
        services.integrations.remove(stored)
        _note(by, "deactivated", instance, services)
    try:
        connect.unwire(instance, services, deadline)
    except BridgeError as error:
        log.warning("the gateway of %s still calls us: %s", instance.name, error.message)


def try_webhooks(instance: Instance, services: Services, *, by: Actor) -> bool:
    """Has Chatwoot call us again, at a person's wish; whether it did so within some seconds.

    Where it did not, the address stays for a moment longer: its first refusal takes it off again.
    Raises IntegrationMissing, NoWebhookAddress, WebhookTaken, WebhookRefused, and what a call
    raises.
    """
    one = services.integrations.of(instance.id)
    if one is None:
        raise IntegrationMissing
    done = webhook_address.put(one, services, by=by, only_proven=False, wait_s=_TRY_S)
    services.wakeup.wake(look_again=True)
    return done.calls is WebhookCalls.ON


# -- one inbox -------------------------------------------------------------------------------------


def _one_inbox(
    account: Account,
    inboxes: list[Inbox],
    before: Integration | None,
    attempt: Attempt,
    request: ActivationRequest,
    planned: Webhook,
    services: Services,
) -> Inbox:
    """The inbox of this attempt: the one in use, else one that carries its id, else a new one."""
    wish = InboxSettings(
        name=request.inbox_name,
        webhook_url=webhook_address.address_with(attempt.webhook_key, services)
        if planned.calls is not WebhookCalls.OFF
        else "",
        lock_to_single_conversation=request.options.reopen_resolved,
        marker=attempt.id,
    )
    ours = [one for one in inboxes if one.marker == attempt.id]
    used = before.inbox_id if before is not None and before.id == attempt.id else None
    found = next((one for one in inboxes if one.id == used), None) or next(iter(ours), None)
    if found is not None:
        if webhook_address.is_taken(found.webhook_url, attempt.webhook_key):
            wish = replace(wish, webhook_url=None)
        try:
            kept = account.update_inbox(found.id, wish)
        except InboxGone:
            found = None
        else:
            duplicate_inboxes.remove_others(account, [one.id for one in ours], kept.id)
            return kept
    try:
        return account.create_inbox(wish)
    except ChatwootUnreachable:
        # Chatwoot may have made it before the answer was lost; asking again would make another.
        made = next((one for one in _marked(account, attempt) if one not in ours), None)
        if made is None:
            raise
        return made


def _marked(account: Account, attempt: Attempt) -> list[Inbox]:
    with contextlib.suppress(BridgeError):
        return [one for one in account.inboxes() if one.marker == attempt.id]
    return []


# -- small parts -----------------------------------------------------------------------------------


def _note(by: Actor, deed: str, instance: Instance, services: Services, detail: str = "") -> None:
    services.audit.note(by, deed, instance.name, detail, at=services.clock())


def _lock(instance: Instance) -> str:
    return f"instance-{instance.id}"


def _require_still_there(instance: Instance, services: Services) -> None:
    """The wait for the lock may have been the wait for somebody who removed the instance."""
    found = services.instances.find(instance.name)
    if found is None or (found.id, found.created_at) != (instance.id, instance.created_at):
        raise InstanceUnknown


def _integration(
    instance: Instance,
    request: ActivationRequest,
    services: Services,
    attempt: Attempt,
    inbox: Inbox,
    version: str,
    before: Integration | None,
) -> Integration:
    same = before is not None and before.id == attempt.id
    return Integration(
        id=attempt.id,
        instance_id=instance.id,
        base_url=request.base_url,
        account_id=request.account_id,
        api_token=request.api_token,
        inbox_id=inbox.id,
        inbox_name=inbox.name,
        options=request.options,
        status=Status.ACTIVE,
        last_error=None,
        created_at=before.created_at if before is not None and same else services.clock(),
        began_at=before.began_at if before is not None and same else _now_there(request, services),
        chatwoot_version=version,
        webhook_key=attempt.webhook_key,
        webhook_secret=inbox.secret,
        seen_url=before.seen_url if before is not None and same else "",
        status_at=before.status_at
        if before is not None and same and before.status is Status.ACTIVE
        else services.clock(),
    )


def _now_there(request: ActivationRequest, services: Services) -> ChatwootTime:
    """What Chatwoot's clock shows, UNTOLD where it has not said."""
    clocks = services.chatwoot_clocks
    return clocks.now(request.base_url) if clocks.is_known(request.base_url) else UNTOLD


def _unlink(integration: Integration, services: Services, deadline: Deadline) -> None:
    account = context.account_of(integration, services, deadline.within(UNLINK_S))
    try:
        found = account.inbox(integration.inbox_id)
        if not webhook_address.is_taken(found.webhook_url, integration.webhook_key):
            account.set_webhook(integration.inbox_id, "")
    except InboxGone:
        return
    except BridgeError as error:
        log.warning("inbox %s could not be unlinked: %s", integration.inbox_id, error.message)


def _try_webhooks(one: Integration, services: Services, by: Actor) -> None:
    """Who sets it anew may have changed what kept Chatwoot from calling us; no message is put at
    risk for that."""
    if not feed_status.can_try(one, services):
        return
    try:
        webhook_address.put(one, services, by=by, only_proven=True, wait_s=_TRY_S)
    except BridgeError as error:
        log.info("the webhooks of %s: %s", one.id, error.message)
