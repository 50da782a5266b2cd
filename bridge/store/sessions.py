"""Who is signed in to the pages: since when, seen when last, and from where.

The browser holds an unguessable key; its hash is what is kept, so that the database opens no page.
"""

import contextlib
from dataclasses import dataclass, replace

from bridge.domain.errors import StorageFailed
from bridge.store import Store

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

    While the disk takes nothing, what changes is kept in memory: whoever has the right token is let
    in, and whoever signs out is out.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[str, Session] = {}
        self._ended: set[str] = set()

    def begin(self, one: Session) -> None:
        """Opens a session; those that are over are forgotten on this occasion."""
        try:
            with self._store.write(messages=True) as db:
                db.execute("delete from session where began_at <= ?", [one.began_at - LIFETIME_S])
                db.execute(
                    "insert into session (hash, who, proof, address, began_at, seen_at) "
                    "values (?, ?, ?, ?, ?, ?)",
                    [one.hash, one.who, one.proof, one.address, one.began_at, one.seen_at],
                )
        except StorageFailed:
            self._unwritten[one.hash] = one

    def find(self, hashed: str, *, proof: str, now: float) -> Session | None:
        """The session, while it lasts and was opened by the token with that proof."""
        if hashed in self._ended:
            return None
        found = self._unwritten.get(hashed)
        if found is None:
            row = self._store.row("select * from session where hash = ?", hashed)
            found = Session(**row) if row else None
        if found is None or found.proof != proof or not 0 <= now - found.began_at < LIFETIME_S:
            return None
        return found

    def note_seen(self, one: Session, *, address: str, now: float) -> None:
        """It was used; never fails."""
        if address == one.address and abs(now - one.seen_at) < _SEEN_S:
            return
        if one.hash in self._unwritten:
            self._unwritten[one.hash] = replace(one, address=address, seen_at=now)
            return
        with contextlib.suppress(StorageFailed), self._store.write(messages=True) as db:
            db.execute(
                "update session set address = ?, seen_at = ? where hash = ?",
                [address, now, one.hash],
            )

    def end(self, hashed: str) -> None:
        """Ends one at once."""
        self._unwritten.pop(hashed, None)
        self._ended.add(hashed)
        with contextlib.suppress(StorageFailed):
            with self._store.write(messages=True) as db:
                db.execute("delete from session where hash = ?", [hashed])
            self._ended.discard(hashed)

    def end_others(self, hashed: str) -> None:
        """Ends all but one. Raises StorageFailed."""
        with self._store.write(messages=True) as db:
            db.execute("delete from session where hash <> ?", [hashed])
        self._unwritten = {name: one for name, one in self._unwritten.items() if name == hashed}

    def all(self, *, proof: str, now: float) -> list[Session]:
        """Those that last, the newest first."""
        rows = self._store.rows(
            "select * from session where proof = ? and began_at > ?", proof, now - LIFETIME_S
        )
        found = [*(Session(**row) for row in rows), *self._unwritten.values()]
        return sorted(found, key=lambda one: -one.began_at)
