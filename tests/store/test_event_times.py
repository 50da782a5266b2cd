"""The clock of a gateway's events: how far it is ahead of ours at most, whatever calls last and
whichever clock is set."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store import Store, clock_changes, event_times
from bridge.store.committer import Committer
from bridge.store.event_times import EventTimes
from bridge.store.sqlite import SqliteStore

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = SqliteStore.open(tmp_path / "bridge.db")
    with store.write() as db:
        db.execute("insert into instance (id, name, created_at) values (1, 'support', 1)")
        event_times.note(db, 1, 1000.0, called=True, now=1000.5)
    yield store
    store.close()


def times(store: Store) -> EventTimes:
    return event_times.of(store.db, 1)


def echo(store: Store, *, ahead_s: float, call_s: float = 0.0) -> None:
    """The echo of a send, whose call took so long, by a clock that is so far ahead of ours."""
    sent_at = 5000.5
    with store.write() as db:
        event_times.note_echo(db, 1, int(sent_at + call_s + ahead_s), sent_at=sent_at)


@pytest.mark.parametrize("ahead_s", [0.0, 300.0, -300.0, HOUR, -HOUR])
def test_the_first_echo_shows_how_far_the_clock_is_ahead(store: Store, ahead_s: float) -> None:
    assert times(store).ahead_s == 0.0
    echo(store, ahead_s=ahead_s)
    assert ahead_s <= times(store).ahead_s <= ahead_s + 1


def test_a_call_that_took_long_counts_for_little(store: Store) -> None:
    echo(store, ahead_s=0)
    before = times(store).ahead_s
    echo(store, ahead_s=0, call_s=30)
    assert before <= times(store).ahead_s <= before + 1
    echo(store, ahead_s=0)
    assert times(store).ahead_s == before


@pytest.mark.parametrize("ahead_s", [HOUR, -HOUR, 120.0, -5.0])
def test_a_clock_that_was_set_is_believed_at_the_next_echo(store: Store, ahead_s: float) -> None:
    echo(store, ahead_s=0)
    echo(store, ahead_s=ahead_s)
    assert ahead_s <= times(store).ahead_s <= ahead_s + 1


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_when_our_clock_is_set_the_other_one_is_as_far_from_it(
    store: Store, seconds: float
) -> None:
    echo(store, ahead_s=0)
    before = times(store).ahead_s
    committer = Committer(store)
    clock_changes.shift(committer, seconds)
    assert times(store).ahead_s == before - seconds


def test_the_newest_time_is_kept_and_none_that_is_yet_to_come(store: Store) -> None:
    with store.write() as db:
        event_times.note(db, 1, 900.0, called=True, now=1001.0)
        event_times.note(db, 1, 1002.0, called=False, now=1002.5)
        assert event_times.of(db, 1) == EventTimes(1002.0, 1000.0, 0.0)
        event_times.note(db, 1, 90000.0, called=True, now=1010.0)
        assert event_times.of(db, 1) == EventTimes(1010.0, 1010.0, 0.0)
