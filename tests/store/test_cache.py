"""What is kept in memory is never older than the last change of any process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store import Store
from bridge.store.cache import Cache
from bridge.store.committer import Committer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path)
    yield opened
    opened.close()


@pytest.fixture
def other(path: Path, store: Store) -> Iterator[Store]:
    """As another process has it open."""
    opened = Store.open(path)
    yield opened
    opened.close()


def reading(store: Store, asked: list[str]) -> Cache[str]:
    """What is kept of the facts in the database; `asked` grows with each look at it."""

    def read(key: str) -> str | None:
        asked.append(key)
        row = store.row("select value from meta where key = ?", key)
        return str(row["value"]) if row else None

    return Cache(store, read)


def test_it_is_read_once_while_nothing_changes(store: Store) -> None:
    store.set_meta("fact", "one")
    asked: list[str] = []
    kept = reading(store, asked)
    assert [kept.get("fact") for _ in range(3)] == ["one"] * 3
    assert asked == ["fact"]


def test_a_change_of_another_process_is_seen_at_once(store: Store, other: Store) -> None:
    store.set_meta("fact", "one")
    kept = reading(store, [])
    assert kept.get("fact") == "one"
    other.set_meta("fact", "two")
    assert kept.get("fact") == "two"


def test_what_is_not_there_is_asked_for_again(store: Store) -> None:
    asked: list[str] = []
    kept = reading(store, asked)
    assert [kept.get("nothing"), kept.get("nothing")] == [None, None]
    assert len(asked) == 2


def test_messages_change_nothing_that_is_kept(store: Store, other: Store) -> None:
    store.set_meta("fact", "one")
    asked: list[str] = []
    kept = reading(store, asked)
    kept.get("fact")
    Committer(other).run(lambda db: db.execute("insert into meta values ('message', '')"))
    kept.get("fact")
    assert asked == ["fact"]
