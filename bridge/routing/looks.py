"""Asks Chatwoot for what neither a webhook nor the socket told.

Chatwoot repeats nothing that it told (docs/contracts/chatwoot.md). One thread for each Chatwoot
account looks for all instances that are joined to it, so that they share what a look costs.
"""

import logging
import threading
from dataclasses import dataclass, field

from bridge.errors import BridgeError, IntegrationMissing
from bridge.models import Integration, Status
from bridge.routing import catchup, context
from bridge.services import Services
from bridge.store.hearing import Way

log = logging.getLogger(__name__)

#: How often Chatwoot is asked for missed replies although it tells of each, in seconds.
LOOK_S = 60.0

#: A Chatwoot account: its base URL and its id there.
Account = tuple[str, int]


@dataclass(slots=True)
class Looks:
    """`sync` begins and ends the threads; `ask` wants a look at an integration at once."""

    services: Services
    _running: dict[Account, threading.Thread] = field(default_factory=dict)
    _wanted: dict[Account, list[Integration]] = field(default_factory=dict)
    #: The integrations whose replies may have been retried while nobody could tell us.
    _asked: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def sync(self) -> None:
        """Looks at the integrations that there are now, and at nothing else."""
        wanted: dict[Account, list[Integration]] = {}
        for one in self.services.integrations.all():
            if one.status is Status.ACTIVE:
                wanted.setdefault((one.base_url, one.account_id), []).append(one)
        with self._changed:
            known = {one.id for ones in self._wanted.values() for one in ones}
            new = {one.id for ones in wanted.values() for one in ones} - known
            self._wanted = wanted
            for integration_id in new:
                self._ways_stand(integration_id)
            if new:
                self._asked |= new
                self._changed.notify_all()
        for account in wanted:
            thread = self._running.get(account)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._run, args=(account,), name="look", daemon=True
                )
                self._running[account] = thread
                thread.start()

    def _ways_stand(self, integration_id: str) -> None:
        """The ways by which Chatwoot is heard, as this process begins to look."""
        services = self.services
        used = {
            Way.WEBHOOK: services.settings.public_url
            and not services.webhooks.is_off(integration_id),
            Way.CABLE: services.settings.chatwoot_socket,
        }
        for way in Way:
            if used[way]:
                services.hearing.stands(integration_id, way, now=services.clock())
            else:
                services.hearing.falls(integration_id, way)

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

    def _run(self, account: Account) -> None:
        while True:
            with self._changed:
                ones = self._wanted.get(account, [])
                asked = {one.id for one in ones} & self._asked
                self._asked -= asked
            if not ones:
                return
            for one in ones:
                self._look(one, again=one.id in asked)
            with self._changed:
                self._changed.wait_for(lambda: self._is_due(account), timeout=LOOK_S)

    def _is_due(self, account: Account) -> bool:
        ones = self._wanted.get(account, [])
        return not ones or any(one.id in self._asked for one in ones)

    def _look(self, one: Integration, *, again: bool) -> None:
        try:
            found = context.of_instance(one.instance_id, self.services)
            if again:
                catchup.look_at_retries(found)
            catchup.catch_up(found)
        except IntegrationMissing:
            return
        except BridgeError as error:
            log.info("looking at %s: %s", one.id, error.message)
            if error.holds:
                now = self.services.clock()
                self.services.integrations.judge(one.id, Status.ERROR, error, now=now)
        except Exception:
            log.exception("looking at %s failed", one.id)
