"""Asks Chatwoot for what neither a webhook nor the socket told, and looks after what is held.

One thread for each Chatwoot account looks for all instances that are joined to it, so that they
share what a look costs (`bridge.routing.from_chatwoot.account_polling`).
"""

import logging
import threading
from dataclasses import dataclass, field

from bridge.domain.models import Integration, Status
from bridge.routing.from_chatwoot.account_polling import AccountPolling
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store.feeds import Feed

log = logging.getLogger(__name__)

#: A Chatwoot account: its base URL and its id there.
Account = tuple[str, int]


@dataclass(slots=True)
class Polling:
    """`sync` begins and ends the threads; `ask` wants a look at an integration at once."""

    services: Services
    heartbeat: Heartbeat
    _running: dict[Account, threading.Thread] = field(default_factory=dict)
    _wanted: dict[Account, list[Integration]] = field(default_factory=dict)
    #: The integrations to look at before it is time, with all that agents may have retried.
    _asked: set[str] = field(default_factory=set)
    #: When a webhook of each was last passed over.
    _passed_over: dict[str, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def sync(self) -> None:
        """Looks at the integrations that there are now, and at nothing else."""
        wanted: dict[Account, list[Integration]] = {}
        for one in self.services.integrations.all():
            if one.status is not Status.PAUSED and one.api_token:
                wanted.setdefault((one.base_url, one.account_id), []).append(one)
        with self._changed:
            before = _active(self._wanted)
            new = _active(wanted) - before
            passed_over = self.services.feeds.rejected()
            for integration_id in new:
                self._ways_stand(integration_id)
            self._asked |= new
            self._wanted, self._passed_over = wanted, passed_over
            self._changed.notify_all()
        for account in wanted:
            thread = self._running.get(account)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._run, args=(account,), name="polling", daemon=True
                )
                self._running[account] = thread
                thread.start()

    def ask(self, integration_id: str) -> None:
        """Something may have been missed just now: a socket was closed, a webhook not kept."""
        with self._changed:
            self._asked.add(integration_id)
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends all looking; threads that wait for the network end with the process."""
        with self._changed:
            self._wanted = {}
            self._changed.notify_all()

    def _ways_stand(self, integration_id: str) -> None:
        """The ways by which Chatwoot is heard, as this process begins to look."""
        services = self.services
        used = {
            Feed.WEBHOOK: services.settings.public_url
            and not services.webhooks.is_off(integration_id),
            Feed.CABLE: services.settings.chatwoot_socket,
        }
        for way in Feed:
            if used[way]:
                services.feeds.note_open(integration_id, way, now=services.clock())
            else:
                services.feeds.note_closed(integration_id, way)

    def _run(self, account: Account) -> None:
        work = AccountPolling(self.services)
        while True:
            with self._changed:
                ones = self._wanted.get(account, [])
                asked = {one.id for one in ones} & self._asked
                self._asked -= asked
                passed_over = self._passed_over
            if not ones:
                return
            try:
                with self.heartbeat.working() as progress:
                    wait_s = work.turn(ones, asked, progress)
            except Exception:
                log.exception("looking at %s, account %s, failed", *account)
                wait_s = self.services.settings.look_interval
            self._rest(account, ones, passed_over, wait_s)

    def _rest(
        self,
        account: Account,
        ones: list[Integration],
        passed_over: dict[str, float],
        wait_s: float,
    ) -> None:
        """Until it is time, or something is to be done before that."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_due(account, ones, passed_over), timeout=wait_s)

    def _is_due(
        self, account: Account, before: list[Integration], passed_over: dict[str, float]
    ) -> bool:
        """Whether something is to be done before it is time."""
        ones = self._wanted.get(account, [])
        if not ones or {(one.id, one.status) for one in ones} != {
            (one.id, one.status) for one in before
        }:
            return True
        return any(
            one.id in self._asked or self._passed_over.get(one.id) != passed_over.get(one.id)
            for one in ones
        )


def _active(wanted: dict[Account, list[Integration]]) -> set[str]:
    return {one.id for ones in wanted.values() for one in ones if one.status is Status.ACTIVE}
