"""Who writes in a group, and who was mentioned there: the names that agents can mention."""

from collections.abc import Mapping

from bridge.store import Database, Store


class Members:
    """The people of groups, as far as events have named them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, chat_id: int) -> Mapping[str, str]:
        """The name of each, by address: a phone JID where one is known, else a LID."""
        sql = "select address, name from member where chat_id = ? order by address"
        return {row["address"]: row["name"] for row in self._store.db.rows(sql, chat_id)}


def note(db: Database, chat_id: int, address: str, name: str) -> None:
    """Somebody with that address is called so in a group."""
    db.put(
        "member",
        {"chat_id": chat_id, "address": address, "name": name},
        key="chat_id, address",
    )
