"""Everything one sandbox consists of, in one place."""

from pathlib import Path

from bridge.sandbox.chatwoot.faults import Faults
from bridge.sandbox.chatwoot.requestlog import RequestLog
from bridge.sandbox.chatwoot.state import State


class World:
    """State, faults and request log of one sandbox. `base_url` is Chatwoot's FRONTEND_URL."""

    def __init__(self, database: Path | None, base_url: str) -> None:
        self.base_url = base_url
        self.state = State(database)
        self.faults = Faults()
        self.log = RequestLog()

    def reset(self) -> None:
        """Back to the seed: rows, options, faults and log."""
        self.faults.clear()
        self.log.clear()
        self.state.reset()
