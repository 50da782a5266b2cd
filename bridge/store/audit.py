"""Who changed what, and when: kept for people, never changed."""

from dataclasses import dataclass

from bridge.domain.models import Actor
from bridge.store import Store


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the trail. `at` is UTC seconds; `subject` names an instance or a message."""

    id: int
    at: float
    who: str
    address: str
    deed: str
    subject: str
    detail: str


class Audit:
    """The trail of deeds, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, by: Actor, deed: str, subject: str, detail: str = "", *, at: float) -> None:
        """Adds a line. Raises StorageFailed."""
        with self._store.write() as db:
            db.execute(
                "insert into audit (at, who, address, deed, subject, detail) "
                "values (?, ?, ?, ?, ?, ?)",
                [at, by.who, by.address, deed, subject, detail],
            )

    def latest(self, *, limit: int = 100, before_id: int | None = None) -> list[Deed]:
        """The newest lines, or those before one of them."""
        rows = self._store.db.execute(
            "select id, at, who, address, deed, subject, detail from audit where id < ? "
            "order by id desc limit ?",
            [before_id if before_id is not None else 2**62, limit],
        )
        return [Deed(*row) for row in rows]
