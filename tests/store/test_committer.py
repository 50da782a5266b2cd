"""Group commit: what shares a transaction, what is told when, and what only goes along."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from bridge.store import Store
from bridge.store.committer import Committer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "bridge.db")
    yield opened
    opened.close()


def note(key: str, value: str = "") -> object:
    """A write of one fact."""

    def work(db: Database) -> str:
        db.execute("insert into meta values (?, ?)", [key, value])
        return key

    return work


def facts(path: Path) -> set[str]:
    """What another process would find."""
    other = Store.open(path)
    try:
        return {row[0] for row in other.db.execute("select key from meta")}
    finally:
        other.close()


def test_what_goes_along_is_written_with_the_next_write(store: Store) -> None:
    committer = Committer(store)
    committer.along(note("hint"))
    assert "hint" not in facts(store.path)
    committer.run(note("fact"))
    assert {"hint", "fact"} <= facts(store.path)


def test_what_goes_along_and_fails_harms_no_write(store: Store) -> None:
    committer = Committer(store)
    committer.run(note("taken"))
    committer.along(note("taken"))
    assert committer.run(note("fact")) == "fact"
    committer.along(note("hint"))
    committer.run(note("another"))
    assert {"fact", "hint", "another"} <= facts(store.path)


def test_many_writers_and_hints_at_once_all_arrive(store: Store) -> None:
    committer, rung = Committer(store), []

    def write(writer: int) -> None:
        for index in range(50):
            committer.along(note(f"hint {writer} {index}"))
            committer.run(note(f"fact {writer} {index}"), lambda: rung.append(writer))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = facts(store.path)
    for kind in ("fact", "hint"):
        assert {f"{kind} {writer} {index}" for writer in range(8) for index in range(50)} <= found
    assert set(rung) == set(range(8))


def test_one_bad_write_takes_no_other_along(store: Store) -> None:
    committer = Committer(store)
    committer.run(note("taken"))
    outcomes: dict[int, object] = {}

    def write(writer: int) -> None:
        try:
            outcomes[writer] = committer.run(note("taken" if writer == 3 else f"fact {writer}"))
        except Exception as error:
            outcomes[writer] = error

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(outcomes.pop(3), Exception)
    assert set(outcomes.values()) == {f"fact {writer}" for writer in (0, 1, 2, 4, 5, 6, 7)}
