"""Asks Chatwoot about conversations of which an event may not be believed, was not stored, or did
not say enough (`bridge.store.lookup_queue`).

What Chatwoot answers is all that counts: the ids that were named only say where to look.
"""

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.errors import BridgeError, IntegrationMissing, StorageFailed
from bridge.domain.models import Integration, Status
from bridge.routing import context as contexts
from bridge.routing.context import Context
from bridge.routing.from_chatwoot import catchup, false_failures
from bridge.routing.retry import backoff
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.lookup_queue import CONVERSATION, SINCE_LAST_LOOK, Lookup, LookupRequest

log = logging.getLogger(__name__)

_WORKERS = 4
_MOST_PAUSE_S = 60.0
#: What may be asked because of somebody who need not be Chatwoot: calls at once, and seconds until
#: one more; of one conversation, and of all of an inbox.
_OF_CONVERSATION = (5, 2.0)
_OF_INBOX = (60, 1.0)


@dataclass(slots=True)
class _Allowance:
    """A token bucket: `most` calls at once, one more every `gap_s` seconds."""

    most: int
    gap_s: float
    _full_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """In how many seconds a call is allowed; 0 for now."""
        return max(self._full_at - now - (self.most - 1) * self.gap_s, 0.0)

    def is_full(self, now: float) -> bool:
        """Whether nothing was asked for so long that it need not be remembered."""
        return self._full_at <= now

    def take(self, now: float) -> None:
        """One call is made."""
        self._full_at = max(self._full_at, now) + self.gap_s


@dataclass(slots=True)
class LookupWorkers:
    """`sync` asks what is due; conversations side by side, each by one thread at a time."""

    services: Services
    heartbeat: Heartbeat
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="lookup")
    )
    _busy: set[tuple[str, int]] = field(default_factory=set)
    _failures: dict[tuple[str, int], int] = field(default_factory=dict)
    _allowances: dict[tuple[str, int], _Allowance] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def sync(self) -> None:
        """Begins what is due and not under way."""
        if self._stopped:
            return
        due = self.services.lookups.due(self.services.clock())
        if not due:
            return
        active = {
            integration.id: integration
            for integration in self.services.integrations.all()
            if integration.status is Status.ACTIVE
        }
        for lookup in due:
            integration = active.get(lookup.integration_id)
            key = (lookup.integration_id, lookup.conversation_id)
            with self._lock:
                if integration is None or key in self._busy:
                    continue
                self._busy.add(key)
            self._pool.submit(self._watched, lookup, integration, key)

    def stop(self) -> None:
        """Begins nothing new; what waits for the network ends with the process."""
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _watched(self, lookup: Lookup, integration: Integration, key: tuple[str, int]) -> None:
        with self.heartbeat.working():
            self._run(lookup, integration, key)

    def _run(self, lookup: Lookup, integration: Integration, key: tuple[str, int]) -> None:
        lookups, now = self.services.lookups, self.services.clock()
        try:
            wait_s = 0.0 if lookup.trusted else self._wait_s(key)
            if wait_s:
                lookups.postpone(lookup, now + wait_s)
                return
            again: list[LookupRequest] = []
            try:
                again = answer(lookup, contexts.of_instance(integration.instance_id, self.services))
            except (IntegrationMissing, ConversationGone):
                pass
            except BridgeError as error:
                log.info("conversation %s of %s: %s", key[1], key[0], error.message)
                self._failures[key] = self._failures.get(key, 0) + 1
                lookups.postpone(lookup, now + backoff(self._failures[key], most_s=_MOST_PAUSE_S))
                return
            self._failures.pop(key, None)
            lookups.done(lookup)
            for asked in again:
                lookups.ask(asked)
        except StorageFailed as error:
            log.error("what a lookup found could not be stored: %s", error.message)
        except Exception:
            log.exception("looking up conversation %s of %s failed", key[1], key[0])
            with contextlib.suppress(StorageFailed):
                lookups.postpone(lookup, now + _MOST_PAUSE_S)
        finally:
            with self._lock:
                self._busy.discard(key)

    def _wait_s(self, key: tuple[str, int]) -> float:
        """In how many seconds this may be asked; when it is now, it counts as asked."""
        now = time.monotonic()
        with self._lock:
            for stale in [
                key for key, allowance in self._allowances.items() if allowance.is_full(now)
            ]:
                del self._allowances[stale]
            asked = [
                self._allowances.setdefault(key, _Allowance(*_OF_CONVERSATION)),
                self._allowances.setdefault((key[0], 0), _Allowance(*_OF_INBOX)),
            ]
            wait_s = max(allowance.wait_s(now) for allowance in asked)
            if not wait_s:
                for allowance in asked:
                    allowance.take(now)
            return wait_s


def answer(lookup: Lookup, context: Context) -> list[LookupRequest]:
    """Asks Chatwoot, and keeps what it says; what is to be asked again. Raises BridgeErrors,
    StorageFailed among them."""
    services, integration = context.services, context.integration
    conversation_id = lookup.conversation_id
    if CONVERSATION in lookup.times:
        _look_at_conversation(conversation_id, context)
    if SINCE_LAST_LOOK in lookup.times:
        known = services.chats.thread_of_conversation(integration.id, conversation_id)
        after_id = max(known.checked_id - catchup.OVERLAP_IDS, 0) if known else 0
        catchup.look_at(conversation_id, after_id, context)
        return []
    again: list[LookupRequest] = []
    asked = [message_id for message_id in lookup.times if message_id > 0]
    while asked:
        page, _ = catchup.read_messages(conversation_id, asked[0] - 1, context)
        for message in page:
            if message.id in asked and false_failures.must_wait(integration, message, services):
                later = false_failures.next_lookup(integration, message, services)
                again += [later] if later else []
        # The next answer only tells more where this one was cut off.
        last_id = page[-1].id if len(page) >= catchup.PAGE else asked[-1]
        asked = [message_id for message_id in asked if message_id > last_id]
    return again


def _look_at_conversation(conversation_id: int, context: Context) -> None:
    chats, integration = context.services.chats, context.integration
    try:
        found = context.chatwoot().conversations.get(conversation_id)
    except ConversationGone:
        chats.forget_conversation(integration.id, conversation_id)
        raise
    chats.note_status(integration.id, conversation_id, found.status, contact_id=found.contact_id)
