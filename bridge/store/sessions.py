"""Who is signed in to the pages: since when, seen when last, and from where.

The browser holds an unguessable key; only its hash is stored, so that the database opens no page.
"""

import contextlib
from dataclasses import dataclass, replace

from bridge.domain.errors import StorageFailed
from bridge.store import Store
from bridge.store.columns import names, write

#: How long a session lasts from its beginning, whatever happens in it, in seconds.
LIFETIME_S = 24 * 3600
#: How exact `seen_at` is, in seconds: not every page is worth a write.
_SEEN_S = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser; `proof` is the fingerprint of the token that opened it. Times are UTC
    seconds."""

    hash: str
    who: str
    proof: str
    address: str
    began_at: float
    seen_at: float


class Sessions:
    """The sessions of the web process.

    While the disk takes nothing, changes stay in memory: whoever has the right token is let in, and
    whoever signs out is out.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[str, Session] = {}
        self._ended: set[str] = set()

    def begin(self, session: Session) -> None:
        """Opens a session, and forgets those that are over."""
        try:
            with self._store.write(messages=True) as db:
                db.execute(
                    "delete from session where began_at <= ?", [session.began_at - LIFETIME_S]
                )
                db.put("session", write(session), key="hash")
        except StorageFailed:
            self._unwritten[session.hash] = session

    def find(self, hashed: str, *, proof: str, now: float) -> Session | None:
        """The session, while it lasts and was opened by the token with that proof."""
        if hashed in self._ended:
            return None
        session = self._unwritten.get(hashed)
        if session is None:
            sql = f"select {names(Session)} from session where hash = ?"
            session = self._store.db.first(Session, sql, hashed)
        if (
            session is None
            or session.proof != proof
            or not 0 <= now - session.began_at < LIFETIME_S
        ):
            return None
        return session

    def note_seen(self, session: Session, *, address: str, now: float) -> None:
        """It was used; never fails."""
        if address == session.address and abs(now - session.seen_at) < _SEEN_S:
            return
        if session.hash in self._unwritten:
            self._unwritten[session.hash] = replace(session, address=address, seen_at=now)
            return
        with contextlib.suppress(StorageFailed):
            sql = "update session set address = ?, seen_at = ? where hash = ?"
            self._store.change(sql, address, now, session.hash, messages=True)

    def end(self, hashed: str) -> None:
        self._unwritten.pop(hashed, None)
        self._ended.add(hashed)
        with contextlib.suppress(StorageFailed):
            self._store.change("delete from session where hash = ?", hashed, messages=True)
            self._ended.discard(hashed)

    def end_others(self, hashed: str) -> None:
        """Ends all but one. Raises StorageFailed."""
        self._store.change("delete from session where hash <> ?", hashed, messages=True)
        self._unwritten = {
            key: session for key, session in self._unwritten.items() if key == hashed
        }

    def all(self, *, proof: str, now: float) -> list[Session]:
        """Those that last, newest first."""
        stored = self._store.db.all(
            Session,
            f"select {names(Session)} from session where proof = ? and began_at > ?",
            *(proof, now - LIFETIME_S),
        )
        return sorted(
            [*stored, *self._unwritten.values()], key=lambda session: session.began_at, reverse=True
        )
