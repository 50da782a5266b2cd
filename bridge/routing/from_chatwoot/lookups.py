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
from bridge.domain.models import Integration
from bridge.routing.context import Context, of_instance
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
class LookupWorkers:
    """`sync` asks what is due; conversations side by side, each by one thread at a time."""

    services: Services
    heartbeat: Heartbeat
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="lookup")
    )
    _busy: set[tuple[str, int]] = field(default_factory=set)
    _failures: dict[tuple[str, int], int] = field(default_factory=dict)
    #: When each that was asked about may be asked about as often as ever.
    _full_at: dict[tuple[str, int], float] = field(default_factory=dict)
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
            integration.id: integration for integration in self.services.integrations.active()
        }
        for lookup in due:
            integration = active.get(lookup.integration_id)
            key = (lookup.integration_id, lookup.conversation_id)
            with self._lock:
                if integration is None or key in self._busy:
                    continue
                self._busy.add(key)
            self._pool.submit(self._run, lookup, integration, key)

    def stop(self) -> None:
        """Begins nothing new; what waits for the network ends with the process."""
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, lookup: Lookup, integration: Integration, key: tuple[str, int]) -> None:
        try:
            with self.heartbeat.working():
                self._ask(lookup, integration, key)
        except StorageFailed as error:
            log.error("what a lookup found could not be stored: %s", error.message)
        except Exception:
            log.exception("looking up conversation %s of %s failed", key[1], key[0])
            with contextlib.suppress(StorageFailed):
                self.services.lookups.postpone(lookup, self.services.clock() + _MOST_PAUSE_S)
        finally:
            with self._lock:
                self._busy.discard(key)

    def _ask(self, lookup: Lookup, integration: Integration, key: tuple[str, int]) -> None:
        lookups, now = self.services.lookups, self.services.clock()
        wait_s = 0.0 if lookup.trusted else self._wait_s(key)
        if wait_s:
            lookups.postpone(lookup, now + wait_s)
            return
        again: list[LookupRequest] = []
        try:
            again = answer(lookup, of_instance(integration.instance_id, self.services))
        except (IntegrationMissing, ConversationGone):
            pass
        except BridgeError as error:
            log.info("conversation %s of %s: %s", key[1], key[0], error.message)
            self._failures[key] = self._failures.get(key, 0) + 1
            lookups.postpone(lookup, now + backoff(self._failures[key], most_s=_MOST_PAUSE_S))
            return
        self._failures.pop(key, None)
        lookups.done(lookup)
        for request in again:
            lookups.ask(request)

    def _wait_s(self, key: tuple[str, int]) -> float:
        """In how many seconds this may be asked; when it is now, it counts as asked."""
        now = time.monotonic()
        limits = {key: _OF_CONVERSATION, (key[0], 0): _OF_INBOX}
        with self._lock:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
            wait_s = 0.0
            for limited, (most, gap_s) in limits.items():
                wait_s = max(wait_s, self._full_at.get(limited, now) - now - (most - 1) * gap_s)
            if not wait_s:
                for limited, (_, gap_s) in limits.items():
                    self._full_at[limited] = self._full_at.get(limited, now) + gap_s
            return wait_s


def answer(lookup: Lookup, context: Context) -> list[LookupRequest]:
    """Asks Chatwoot and stores what it says; what is to be asked again. Raises BridgeErrors."""
    services, integration = context.services, context.integration
    conversation_id = lookup.conversation_id
    if CONVERSATION in lookup.times:
        _read_conversation(conversation_id, context)
    if SINCE_LAST_LOOK in lookup.times:
        known = services.chats.thread_of_conversation(integration.id, conversation_id)
        after_id = max(known.checked_id - catchup.OVERLAP_IDS, 0) if known else 0
        catchup.read_conversation(conversation_id, after_id, context)
        return []
    again: list[LookupRequest] = []
    ids = [message_id for message_id in lookup.times if message_id > 0]
    while ids:
        page, _ = catchup.read_messages(conversation_id, ids[0] - 1, context)
        for message in page:
            if message.id in ids and false_failures.must_wait(integration, message, services):
                later = false_failures.next_lookup(integration, message, services)
                again += [later] if later else []
        # The next answer only tells more where this one was cut off.
        last_id = page[-1].id if len(page) >= catchup.PAGE else ids[-1]
        ids = [message_id for message_id in ids if message_id > last_id]
    return again


def _read_conversation(conversation_id: int, context: Context) -> None:
    chats, integration = context.services.chats, context.integration
    try:
        conversation = context.chatwoot().conversations.get(conversation_id)
    except ConversationGone:
        chats.forget_conversation(integration.id, conversation_id)
        raise
    status, contact_id = conversation.status, conversation.contact_id
    chats.note_status(integration.id, conversation_id, status, contact_id=contact_id)
