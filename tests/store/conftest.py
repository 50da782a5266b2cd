"""The stores on each engine: a second engine is one more line in `ENGINES`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.store import Store
from bridge.store.committer import Committer
from bridge.store.journal import Journal
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite_journal import SqliteJournal

Opener = Callable[[], Store]


@dataclass(frozen=True)
class Engine:
    """Opens the store of a folder, as each process of one installation does, and its journal."""

    open: Callable[[Path], Store]
    journal: Callable[[Store, Committer], Journal]


ENGINES = {
    "sqlite": Engine(lambda folder: SqliteStore.open(folder / "bridge.db"), SqliteJournal),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine."""
    return str(request.param)


@pytest.fixture
def open_store(engine: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the store of this test, each time as another process would."""
    opened: list[Store] = []

    def begin() -> Store:
        opened.append(ENGINES[engine].open(tmp_path))
        return opened[-1]

    yield begin
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Opener) -> Store:
    """An empty store."""
    return open_store()


@pytest.fixture
def other(open_store: Opener, store: Store) -> Store:
    """The same store as another process has it open."""
    return open_store()


@pytest.fixture
def committer(store: Store) -> Committer:
    """Group commit over the store."""
    return Committer(store)
