"""Everything one sandbox consists of, in one place."""

from collections.abc import Callable
from pathlib import Path

from sandbox.chatwoot.events import Events
from sandbox.chatwoot.faults import Faults
from sandbox.chatwoot.jobs import Jobs, later
from sandbox.chatwoot.shapes import Shapes
from sandbox.chatwoot.state import State
from sandbox.chatwoot.subscribers import Subscribers
from sandbox.chatwoot.webhook_bodies import WebhookBodies
from sandbox.kit.limits import Limits
from sandbox.kit.requestlog import RequestLog

_LOGGED_REQUESTS = 20_000


class Server:
    """State, shapes, events, faults and request log of one sandbox.

    `base_url` is Chatwoot's FRONTEND_URL. `lost_bytes` are the keys of uploads that a full storage
    did not take, `being_deleted` the ids of inboxes in the moment before they are gone.
    """

    def __init__(self, database: Path | None, base_url: str, phone_url: str) -> None:
        self._resets = 0
        self.base_url = base_url
        self.phone_url = phone_url
        self.state = State(database)
        self.faults = Faults()
        self.log = RequestLog(_LOGGED_REQUESTS)
        self.limits = Limits()
        self.jobs = Jobs(self.faults)
        self.lost_bytes: set[str] = set()
        self.being_deleted: set[int] = set()
        self.subscribers = Subscribers(self.state, self.faults, self.jobs)
        self.shapes = Shapes(self.state, base_url)
        bodies = WebhookBodies(self.state, self.shapes, base_url)
        self.events = Events(
            self.state, self.faults, self.shapes, bodies, self.subscribers, self.jobs
        )

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Run a background job under the state's lock, `seconds` from now; a reset forgets it."""
        resets = self._resets

        def run() -> None:
            with self.state.lock:
                if self._resets == resets:
                    job()

        later(max(seconds, 0.001), run)

    def reset(self) -> None:
        """Back to the seed: rows, options, faults and log."""
        self.jobs.empty()
        self.faults.clear()
        self.subscribers.deaf = False
        self.lost_bytes.clear()
        self.being_deleted.clear()
        self.log.clear()
        with self.state.lock:
            self._resets += 1
            self.state.reset()
