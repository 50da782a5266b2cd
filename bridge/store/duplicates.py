"""Messages of ours that stand twice in Chatwoot, each counted once."""

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
        return self._committer.run(
            lambda db: (
                db.execute(
                    "insert into copy values (?, ?, ?, ?) on conflict do nothing",
                    [integration_id, chatwoot_id, conversation_id, now],
                ).rowcount
                > 0
            )
        )

    def seen(self, integration_id: str, *, since: float) -> tuple[int, int]:
        """How many were first seen since then (UTC seconds), and the conversation of the newest."""
        found = self._store.db.execute(
            "select conversation_id from copy where integration_id = ? and seen_at >= ? "
            "order by seen_at desc",
            [integration_id, since],
        ).fetchall()
        return len(found), found[0][0] if found else 0
