"""The wizard's answers between two pages: sealed, because a token is among them."""

import json
import secrets
from typing import Any

from bridge.store import Store
from bridge.store.vault import SealBroken, Vault

#: How long an unfinished draft stays, in seconds.
LIFETIME_S = 24 * 3600


class Drafts:
    """Drafts by their unguessable id, which is all that the browser gets."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def begin(self, answers: dict[str, Any], *, now: float) -> str:
        """A new draft's id. Drafts that were left behind are deleted."""
        draft_id = secrets.token_urlsafe(24)
        with self._store.write() as db:
            db.execute("delete from draft where changed_at < ?", [now - LIFETIME_S])
            db.execute(
                "insert into draft (id, answers, progress, changed_at) values (?, ?, '[]', ?)",
                [draft_id, self._seal(draft_id, answers), now],
            )
        return draft_id

    def read(self, draft_id: str, *, now: float) -> dict[str, Any] | None:
        """The answers so far, None when there is no such draft or it has grown too old."""
        sealed = self._store.db.value(
            "select answers from draft where id = ? and changed_at >= ?", draft_id, now - LIFETIME_S
        )
        if sealed is None:
            return None
        try:
            answers = json.loads(self._vault.open(sealed, where=f"draft/{draft_id}"))
        except SealBroken:
            return None
        return dict(answers)

    def save(self, draft_id: str, answers: dict[str, Any], *, now: float) -> None:
        sql = "update draft set answers = ?, changed_at = ? where id = ?"
        self._store.change(sql, self._seal(draft_id, answers), now, draft_id)

    def note_progress(self, draft_id: str, steps: list[str]) -> None:
        """Which steps of the activation are done, for the page that watches it."""
        sql = "update draft set progress = ? where id = ?"
        self._store.change(sql, json.dumps(steps), draft_id)

    def progress(self, draft_id: str) -> list[str]:
        sql = "select progress from draft where id = ?"
        return list(json.loads(self._store.db.value(sql, draft_id, default="[]")))

    def remove(self, draft_id: str) -> None:
        self._store.change("delete from draft where id = ?", draft_id)

    def _seal(self, draft_id: str, answers: dict[str, Any]) -> str:
        return self._vault.seal(json.dumps(answers), where=f"draft/{draft_id}")
