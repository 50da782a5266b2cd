"""Activates, deactivates and removes integrations; API, pages and command line call this.

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
from bridge.domain import errors
from bridge.domain.errors import N_, BridgeError, Problem
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
    except errors.StorageFailed as error:
        # The attempt is stored: the next try finds the inbox by it and takes it over.
        raise errors.PersistFailed(cause=error.values["cause"]) from None
    return done


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
        raise errors.InvalidBody({"inboxName": problem})
    on_step(ActivationStep.TOKEN)
    owner = account.owner()
    on_step(ActivationStep.ACCOUNT)
    inboxes = account.inboxes()
    account.require_administrator(owner)
    stored = services.integrations.of(instance.id)
    on_step(ActivationStep.INBOX)
    attempt = services.attempts.begin(
        instance.id, request.base_url, request.account_id, started_at=services.clock()
    )
    # The integration before this one, where it is in the same account: it is changed, not replaced.
    same = stored if stored is not None and stored.id == attempt.id else None
    known = services.webhooks.of(attempt.id)
    planned = webhook_address.plan(known, version, services, is_new=same is None)
    inbox = _one_inbox(account, inboxes, same, attempt, request, planned, services)
    if planned.public_url and webhook_address.is_taken(inbox.webhook_url, attempt.webhook_key):
        planned = replace(planned, calls=WebhookCalls.OFF, why=Why.TAKEN)
    on_step(ActivationStep.SAVE)
    joined = _integration(instance, request, services, attempt, inbox, version, same)
    services.integrations.save(joined)
    webhook_address.save(joined, planned, services)
    if stored is not None and same is None:
        _unlink(stored, services, deadline)
    on_step(ActivationStep.WIRE)
    warnings = [
        *(missing.problem for missing in capabilities.missing(joined, services, inbox)),
        *connect.wire(instance, services, deadline),
    ]
    if known is not None and planned.calls is WebhookCalls.OFF:
        _try_webhooks(joined, services, by)
    warnings += feed_status.problems(joined, services, is_settled=False)
    detail = f"{joined.base_url} account {joined.account_id}, inbox {joined.inbox_id}"
    services.note(by, N_("activated"), instance.name, detail)
    return ActivationResult(joined, tuple(warnings))


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
        services.note(by, N_("deleted the instance"), instance.name)


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
            raise errors.NothingToDelete
        _unlink(stored, services, deadline)
        services.integrations.remove(stored)
        services.note(by, N_("deactivated"), instance.name)
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
    joined = services.integrations.of(instance.id)
    if joined is None:
        raise errors.IntegrationMissing
    done = webhook_address.put(joined, services, by=by, wait_s=_TRY_S)
    services.wakeup.wake(look_again=True)
    return done.calls is WebhookCalls.ON


# -- one inbox -------------------------------------------------------------------------------------


def _one_inbox(
    account: Account,
    inboxes: list[Inbox],
    same: Integration | None,
    attempt: Attempt,
    request: ActivationRequest,
    planned: Webhook,
    services: Services,
) -> Inbox:
    """The inbox of this attempt: the one in use, else one that carries its id, else a new one."""
    is_off = planned.calls is WebhookCalls.OFF
    wish = InboxSettings(
        name=request.inbox_name,
        webhook_url="" if is_off else webhook_address.address(attempt.webhook_key, services),
        lock_to_single_conversation=request.options.reopen_resolved,
        marker=attempt.id,
    )
    ours = [inbox for inbox in inboxes if inbox.marker == attempt.id]
    used = [inbox for inbox in inboxes if same is not None and inbox.id == same.inbox_id]
    for inbox in [*used, *ours][:1]:
        if webhook_address.is_taken(inbox.webhook_url, attempt.webhook_key):
            wish = replace(wish, webhook_url=None)
        try:
            updated = account.update_inbox(inbox.id, wish)
        except errors.InboxGone:
            break
        duplicate_inboxes.remove_others(account, [inbox.id for inbox in ours], updated.id)
        return updated
    try:
        return account.create_inbox(wish)
    except errors.ChatwootUnreachable:
        # Chatwoot may have made it before the answer was lost; asking again would make another.
        made = next((inbox for inbox in _marked(account, attempt) if inbox not in ours), None)
        if made is None:
            raise
        return made


def _marked(account: Account, attempt: Attempt) -> list[Inbox]:
    with contextlib.suppress(BridgeError):
        return [inbox for inbox in account.inboxes() if inbox.marker == attempt.id]
    return []


# -- small parts -----------------------------------------------------------------------------------


def _lock(instance: Instance) -> str:
    return f"instance-{instance.id}"


def _require_still_there(instance: Instance, services: Services) -> None:
    """The wait for the lock may have been the wait for somebody who removed the instance."""
    stored = services.instances.find(instance.name)
    if stored is None or (stored.id, stored.created_at) != (instance.id, instance.created_at):
        raise errors.InstanceUnknown


def _integration(
    instance: Instance,
    request: ActivationRequest,
    services: Services,
    attempt: Attempt,
    inbox: Inbox,
    version: str,
    same: Integration | None,
) -> Integration:
    now, was_active = services.clock(), same is not None and same.status is Status.ACTIVE
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
        created_at=same.created_at if same else now,
        began_at=same.began_at if same else _now_there(request, services),
        chatwoot_version=version,
        webhook_key=attempt.webhook_key,
        webhook_secret=inbox.secret,
        seen_url=same.seen_url if same else "",
        status_at=same.status_at if same and was_active else now,
    )


def _now_there(request: ActivationRequest, services: Services) -> ChatwootTime:
    """What Chatwoot's clock shows, UNTOLD where it has not said."""
    clocks = services.chatwoot_clocks
    return clocks.now(request.base_url) if clocks.is_known(request.base_url) else UNTOLD


def _unlink(integration: Integration, services: Services, deadline: Deadline) -> None:
    account = context.account_of(integration, services, deadline.within(UNLINK_S))
    try:
        inbox = account.inbox(integration.inbox_id)
        if not webhook_address.is_taken(inbox.webhook_url, integration.webhook_key):
            account.set_webhook(integration.inbox_id, "")
    except errors.InboxGone:
        return
    except BridgeError as error:
        log.warning("inbox %s could not be unlinked: %s", integration.inbox_id, error.message)


def _try_webhooks(joined: Integration, services: Services, by: Actor) -> None:
    """The operator may have changed what kept Chatwoot from calling us; no message is put at risk
    for that."""
    if not feed_status.can_try(joined, services):
        return
    try:
        webhook_address.put(joined, services, by=by, only_proven=True, wait_s=_TRY_S)
    except BridgeError as error:
        log.info("the webhooks of %s: %s", joined.id, error.message)
