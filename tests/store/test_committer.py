"""Group commit: what shares a transaction, what is told when, and what only goes along."""

import threading
from collections.abc import Callable

from bridge.store import Database, Store
from bridge.store.committer import Committer


def note(key: str, value: str = "") -> Callable[[Database], str]:
    """A write of one fact."""

    def work(db: Database) -> str:
        db.execute("insert into meta (key, value) values (?, ?)", [key, value])
        return key

    return work


def facts(store: Store) -> set[str]:
    """What has been written."""
    return set(store.db.values("select key from meta"))


def test_what_goes_along_is_written_with_the_next_write(store: Store, other: Store) -> None:
    committer = Committer(store)
    committer.along(note("hint"))
    assert "hint" not in facts(other)
    committer.run(note("fact"))
    assert {"hint", "fact"} <= facts(other)


def test_what_goes_along_and_fails_harms_no_write(store: Store, other: Store) -> None:
    committer = Committer(store)
    committer.run(note("taken"))
    committer.along(note("taken"))
    assert committer.run(note("fact")) == "fact"
    committer.along(note("hint"))
    committer.run(note("another"))
    assert {"fact", "hint", "another"} <= facts(other)


def test_many_writers_and_hints_at_once_all_arrive(store: Store, other: Store) -> None:
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
    found = facts(other)
    for kind in ("fact", "hint"):
        assert {f"{kind} {writer} {index}" for writer in range(8) for index in range(50)} <= found
    assert set(rung) == set(range(8))


def test_one_bad_write_takes_no_other_along(store: Store, other: Store) -> None:
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
