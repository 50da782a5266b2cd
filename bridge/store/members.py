"""Who writes in a group, and who was mentioned there: the names that agents can mention."""

from collections.abc import Mapping

from sqlite_utils import Database

from bridge.store import Store


class Members:
    """The people of groups, as far as events have named them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, chat_id: int) -> Mapping[str, str]:
        """The name of each, by address: a phone JID where one is known, else a LID."""
        found = self._store.db.execute(
            "select address, name from member where chat_id = ? order by address", [chat_id]
        )
        return {str(row[0]): str(row[1]) for row in found}


def note(db: Database, chat_id: int, address: str, name: str) -> None:
    """Somebody with that address is called so in a group."""
    db.execute(
        "insert into member values (?, ?, ?) "
        "on conflict do update set name = excluded.name where name <> excluded.name",
        [chat_id, address, name],
    )
