"""Asks Chatwoot for what neither a webhook nor the socket told, and looks after what is held.

One thread for each Chatwoot account polls all instances that are joined to it, so that they
share what a poll costs (`bridge.routing.from_chatwoot.account_polling`).
"""

import logging
import threading
from dataclasses import dataclass, field

from bridge.domain.models import Integration, Status
from bridge.routing.from_chatwoot.account_polling import AccountPolling
from bridge.routing.threads import Threads
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.feeds import Feed

log = logging.getLogger(__name__)

#: A Chatwoot account: its base URL and its id there.
Account = tuple[str, int]


@dataclass(slots=True)
class Polling:
    """`sync` begins and ends the threads; `ask` wants a poll of an integration at once."""

    services: Services
    heartbeat: Heartbeat
    _threads: Threads[Account] = field(default_factory=lambda: Threads("polling"))
    _wanted: dict[Account, list[Integration]] = field(default_factory=dict)
    _active: set[str] = field(default_factory=set)
    #: The integrations to poll before it is time, with all that agents may have retried.
    _asked: set[str] = field(default_factory=set)
    #: When a webhook of each was last passed over.
    _passed_over: dict[str, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def sync(self) -> None:
        """Polls the integrations that there are now, and nothing else."""
        wanted: dict[Account, list[Integration]] = {}
        active: set[str] = set()
        for integration in self.services.integrations.all():
            account = integration.base_url, integration.account_id
            if integration.status is not Status.PAUSED and integration.api_token:
                wanted.setdefault(account, []).append(integration)
                if integration.status is Status.ACTIVE:
                    active.add(integration.id)
        with self._changed:
            passed_over = self.services.feeds.rejected()
            for integration_id in active - self._active:
                self._note_feeds(integration_id)
            self._asked |= active - self._active
            self._active, self._wanted, self._passed_over = active, wanted, passed_over
            self._changed.notify_all()
        self._threads.sync(dict.fromkeys(wanted, self._run))

    def ask(self, integration_id: str) -> None:
        """Something may have been missed just now: a socket was closed, a webhook not stored."""
        with self._changed:
            self._asked.add(integration_id)
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends all polling; threads that wait for the network end with the process."""
        with self._changed:
            self._wanted = {}
            self._changed.notify_all()

    def _note_feeds(self, integration_id: str) -> None:
        """Which feeds are in use as this process begins to poll."""
        services = self.services
        has_address = bool(services.settings.public_url)
        used = {
            Feed.WEBHOOK: has_address and not services.webhooks.is_off(integration_id),
            Feed.CABLE: services.settings.chatwoot_socket,
        }
        for feed, is_used in used.items():
            if is_used:
                services.feeds.note_open(integration_id, feed, now=services.clock())
            else:
                services.feeds.note_closed(integration_id, feed)

    def _run(self, account: Account) -> None:
        work = AccountPolling(self.services)
        while True:
            with self._changed:
                integrations, before = self._wanted.get(account, []), self._state(account)
                asked = before.keys() & self._asked
                self._asked -= asked
            if not integrations:
                return
            try:
                with self.heartbeat.working() as progress:
                    wait_s = work.turn(integrations, asked, progress)
            except Exception:
                log.exception("polling %s, account %s, failed", *account)
                wait_s = self.services.settings.look_interval
            self._rest(account, before, wait_s)

    def _rest(self, account: Account, before: "_State", wait_s: float) -> None:
        """Until it is time, or something is to be done before that."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._state(account) != before or before.keys() & self._asked, wait_s
            )

    def _state(self, account: Account) -> "_State":
        return {
            integration.id: (integration.status, self._passed_over.get(integration.id, 0.0))
            for integration in self._wanted.get(account, [])
        }


#: The status of each integration of an account, and when a webhook of it was last passed over.
_State = dict[str, tuple[Status, float]]
