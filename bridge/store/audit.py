"""Who changed what, and when: stored for people, never changed."""

from dataclasses import dataclass

from bridge.domain.models import Actor
from bridge.store import Store
from bridge.store.columns import names


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log. `at` is UTC seconds; `subject` names an instance or a message."""

    id: int
    at: float
    who: str
    address: str
    action: str
    subject: str
    detail: str


class Audit:
    """The audit log, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, by: Actor, action: str, subject: str, detail: str = "", *, at: float) -> None:
        """Adds a line. Raises StorageFailed."""
        self._store.change(
            "insert into audit (at, who, address, action, subject, detail) "
            "values (?, ?, ?, ?, ?, ?)",
            *(at, by.who, by.address, action, subject, detail),
        )

    def latest(self, *, limit: int = 100, before_id: int | None = None) -> list[AuditEntry]:
        """The newest lines, or those before one of them."""
        return self._store.db.all(
            AuditEntry,
            f"select {names(AuditEntry)} from audit where id < ? order by id desc limit ?",
            *(before_id if before_id is not None else 2**62, limit),
        )
