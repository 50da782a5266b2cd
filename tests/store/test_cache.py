"""What is cached in memory is never older than the last change of any process."""

from bridge.store import Store
from bridge.store.cache import Cache
from bridge.store.committer import Committer


def reading(store: Store, asked: list[str]) -> Cache[str]:
    """What is cached of the facts in the database; `asked` grows with each look at it."""

    def read(key: str) -> str | None:
        asked.append(key)
        return store.meta(key)

    return Cache(store, read)


def test_it_is_read_once_while_nothing_changes(store: Store) -> None:
    store.set_meta("fact", "one")
    asked: list[str] = []
    cached = reading(store, asked)
    assert [cached.get("fact") for _ in range(3)] == ["one"] * 3
    assert asked == ["fact"]


def test_a_change_of_another_process_is_seen_at_once(store: Store, other: Store) -> None:
    store.set_meta("fact", "one")
    cached = reading(store, [])
    assert cached.get("fact") == "one"
    other.set_meta("fact", "two")
    assert cached.get("fact") == "two"


def test_what_is_not_there_is_asked_for_again(store: Store) -> None:
    asked: list[str] = []
    cached = reading(store, asked)
    assert [cached.get("nothing"), cached.get("nothing")] == [None, None]
    assert len(asked) == 2


def test_messages_change_nothing_that_is_cached(store: Store, other: Store) -> None:
    store.set_meta("fact", "one")
    asked: list[str] = []
    cached = reading(store, asked)
    cached.get("fact")
    Committer(other).run(lambda db: db.execute("insert into meta values ('message', '')"))
    cached.get("fact")
    assert asked == ["fact"]
