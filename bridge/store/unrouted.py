"""What a gateway told and nobody in Chatwoot sees: counted, so that it can be seen that it came."""

from dataclasses import dataclass

from sqlite_utils import Database

from bridge.store import Store


@dataclass(frozen=True, slots=True)
class Unrouted:
    """`kind` says what it was or where it came from: `story`, `group`, `call`, `history`, or the
    domain of an address that leads to nobody, such as `newsletter`. `last_at` in UTC seconds."""

    instance_id: int
    kind: str
    times: int
    last_at: float


class UnroutedCounts:
    """What was not routed, of every instance."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, instance_id: int) -> list[Unrouted]:
        """Of one instance, by kind."""
        return [count for count in self.all() if count.instance_id == instance_id]

    def all(self) -> list[Unrouted]:
        """By instance and kind."""
        found = self._store.db.execute(
            "select instance_id, kind, times, last_at from unrouted order by instance_id, kind"
        )
        return [Unrouted(*row) for row in found]


def count(db: Database, instance_id: int, kind: str, *, now: float) -> None:
    """One more of them."""
    db.execute(
        "insert into unrouted values (?, ?, 1, ?) "
        "on conflict do update set times = times + 1, last_at = excluded.last_at",
        [instance_id, kind, now],
    )
