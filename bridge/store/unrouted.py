"""What a gateway told and nobody in Chatwoot sees: counted, so that it can be seen that it came."""

from dataclasses import dataclass

from bridge.store import Database, Store
from bridge.store.columns import names


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
        sql = f"select {names(Unrouted)} from unrouted where instance_id = ? order by kind"
        return self._store.db.all(Unrouted, sql, instance_id)

    def all(self) -> list[Unrouted]:
        sql = f"select {names(Unrouted)} from unrouted order by instance_id, kind"
        return self._store.db.all(Unrouted, sql)


def count(db: Database, instance_id: int, kind: str, *, now: float) -> None:
    db.execute(
        "insert into unrouted (instance_id, kind, times, last_at) values (?, ?, 1, ?) "
        "on conflict (instance_id, kind) "
        "do update set times = unrouted.times + 1, last_at = excluded.last_at",
        [instance_id, kind, now],
    )
