"""Messages of ours that are twice in Chatwoot, each counted once."""

from bridge.store import Store
from bridge.store.committer import Committer


class Duplicates:
    """The second and further ones of a message, by the ids that Chatwoot gave them."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def note(
        self, integration_id: str, chatwoot_id: int, conversation_id: int, *, now: float
    ) -> bool:
        """Counts one, seen at `now` (UTC seconds); whether it is new. Raises StorageFailed."""
        row = {
            "integration_id": integration_id,
            "chatwoot_id": chatwoot_id,
            "conversation_id": conversation_id,
            "seen_at": now,
        }
        key = "integration_id, chatwoot_id"
        return self._committer.run(lambda db: db.put("copy", row, key=key, replace=False))

    def seen(self, integration_id: str, *, since: float) -> tuple[int, int]:
        """How many were first seen since then (UTC seconds), and the conversation of the newest."""
        conversations = self._store.db.values(
            "select conversation_id from copy where integration_id = ? and seen_at >= ? "
            "order by seen_at desc",
            *(integration_id, since),
        )
        return len(conversations), conversations[0] if conversations else 0
