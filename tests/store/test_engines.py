"""What every engine promises to the stores."""

import threading

import pytest

from bridge.domain.errors import ActivationRunning
from bridge.store import Store


def test_a_transaction_is_seen_whole_by_other_processes(store: Store, other: Store) -> None:
    with store.write() as db:
        db.put("meta", {"key": "a", "value": "1"}, key="key")
        assert other.meta("a") is None
        db.put("meta", {"key": "b", "value": "2"}, key="key")
    assert (other.meta("a"), other.meta("b")) == ("1", "2")


def test_of_a_transaction_that_fails_nothing_is_left(store: Store, other: Store) -> None:
    def fails() -> None:
        with store.write() as db:
            db.put("meta", {"key": "a", "value": "1"}, key="key")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert store.meta("a") is other.meta("a") is None
    store.set_meta("a", "2")
    assert other.meta("a") == "2"


def test_a_fact_is_replaced_only_where_it_may_be(store: Store) -> None:
    store.set_meta("fact", "one")
    store.set_meta("fact", "two", replace=False)
    assert store.meta("fact") == "one"
    store.set_meta("fact", "two")
    assert store.meta("fact") == "two"


def test_a_row_is_put_in_place_of_the_one_with_its_key(store: Store) -> None:
    with store.write() as db:
        assert db.put("meta", {"key": "a", "value": "1"}, key="key")
        assert not db.put("meta", {"key": "a", "value": "2"}, key="key", replace=False)
        assert db.rows("select key, value from meta where key = ?", "a") == [
            {"key": "a", "value": "1"}
        ]
        assert db.put("meta", {"key": "a", "value": "2"}, key="key")
    assert store.db.value("select value from meta where key = ?", "a") == "2"
    assert store.db.value("select value from meta where key = ?", "none", default="") == ""
    assert store.db.has("select 1 from meta where key = ?", "a")
    assert not store.db.has("select 1 from meta where key = ?", "none")
    assert store.change("delete from meta where key in (?, ?)", "a", "none") == 1


def test_every_process_sees_that_something_has_changed(store: Store, other: Store) -> None:
    edition, version = other.edition, other.version
    assert (other.edition, other.version) == (edition, version)
    store.set_meta("fact", "one")
    assert other.edition != edition
    assert other.version != version
    edition, version = other.edition, other.version
    store.change("delete from meta where key = ?", "fact", messages=True)
    assert other.edition == edition, "messages are cached by nobody"
    assert other.version != version


def test_many_threads_and_processes_write_without_loss(store: Store, other: Store) -> None:
    store.set_meta("count", "0")

    def count(writer: Store) -> None:
        for _ in range(20):
            with writer.write() as db:
                value = int(db.value("select value from meta where key = 'count'"))
                db.put("meta", {"key": "count", "value": str(value + 1)}, key="key")

    threads = [threading.Thread(target=count, args=(one,)) for one in (store, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.meta("count") == "120"


def test_a_name_has_one_holder(store: Store, other: Store) -> None:
    with store.exclusive("router", timeout_s=0):
        with pytest.raises(ActivationRunning), other.exclusive("router", timeout_s=0):
            pass
        with other.exclusive("another", timeout_s=0):
            pass
    with other.exclusive("router", timeout_s=0):
        pass


def test_a_sign_of_life_is_seen_by_other_processes(store: Store, other: Store) -> None:
    assert other.beat_at("router") == 0.0
    store.beat("router")
    at = other.beat_at("router")
    assert at > 0
    store.move_beat("router", -100.0)
    assert other.beat_at("router") == pytest.approx(at - 100.0, abs=1.0)
