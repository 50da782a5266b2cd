"""Who is who: to which chat an address leads, whatever histories of numbers and LIDs there are."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bridge.domain.messages import Address
from bridge.gateways import jids
from bridge.routing import addresses
from bridge.store import Store, identity
from bridge.store.identity import AddressForms
from tests.store.conftest import ENGINES

OWN = "4915550000@s.whatsapp.net"


def phone(number: int | str) -> str:
    return f"{number}@s.whatsapp.net"


def lid(number: int | str) -> str:
    return f"{number}@lid"


class Book:
    """The chats of one instance in a database of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as db:
            db.execute(
                "insert or ignore into instance (id, name, created_at, own_phone) "
                "values (1, 'support', 1, ?)",
                [OWN],
            )

    def meets(self, jid: str = "", of_lid: str = "", *, sure: bool = True) -> int:
        """An event, or a look-up, names these forms together; the chat."""
        at = Address(jid, of_lid)
        kind = "group" if jid.endswith("@g.us") else "private"
        with self.store.write() as db:
            return identity.resolve(
                db,
                1,
                addresses.named(at),
                kind=kind,
                address=(jid or of_lid) if sure else "",
                sure=sure,
            ).chat_id

    def reaches(self, chat: int, to: str, jid: str = "", of_lid: str = "") -> None:
        """A message to `to` has come to that address."""
        sent_to, at = addresses.named(addresses.of_text(to)), addresses.named(Address(jid, of_lid))
        with self.store.write() as db:
            identity.reached(db, 1, chat, sent_to, at, jid or of_lid)

    def find(self, jid: str = "", of_lid: str = "") -> int | None:
        return identity.find(self.store.db, 1, addresses.named(Address(jid, of_lid)))

    def root(self, chat: int) -> int:
        return identity.root(self.store.db, chat)

    def address(self, chat: int) -> str:
        sql = "select address from chat where id = ?"
        return str(self.store.db.execute(sql, [self.root(chat)]).fetchone()[0])

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return list(self.store.db.execute(sql).fetchall())


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store)


# -- people ----------------------------------------------------------------------------------------


def test_a_number_that_was_given_to_somebody_else_moves(book: Book) -> None:
    anna = book.meets(phone(1111), lid(1))
    bob = book.meets(phone(1111), lid(2))
    assert bob != anna
    assert book.find(phone(1111)) == bob
    assert (book.address(bob), book.address(anna)) == (phone(1111), lid(1))
    assert book.meets(phone(2222), lid(1)) == anna
    assert book.address(anna) == phone(2222)
    assert book.address(bob) == phone(1111)


def test_a_chat_whose_number_was_all_that_was_known_of_it_is_reached_no_more(book: Book) -> None:
    stranger = book.meets(phone(1111))
    anna = book.meets(phone(2222), lid(1))
    assert book.meets(phone(1111), lid(1)) == anna
    assert book.address(stranger) == ""
    assert book.find(phone(2222)) is None


def test_number_and_lid_of_one_person_become_one_chat(book: Book) -> None:
    first, second = book.meets(phone(1111)), book.meets("", lid(1))
    assert book.meets(phone(1111), lid(1)) == first
    assert book.root(second) == first
    assert book.meets("", lid(1)) == first


def test_a_lookup_takes_nothing_away_from_anybody(book: Book) -> None:
    anna = book.meets(phone(1111), lid(1))
    other = book.meets("", lid(2))
    assert book.meets(phone(1111), lid(2), sure=False) == other
    assert book.find(phone(1111)) == anna
    assert book.address(anna) == phone(1111)
    assert book.meets(phone(3333), lid(1), sure=False) == anna
    assert book.find(phone(1111)) == anna
    assert book.find(phone(3333)) is None
    assert book.meets(phone(4444), lid(2), sure=False) == other
    assert book.find(phone(4444)) == other


def test_a_group_is_its_own_address_alone(book: Book) -> None:
    anna = book.meets(phone(1111), lid(1))
    group = book.meets("120363@g.us", lid(1))
    assert group != anna
    assert book.meets("120363@g.us", lid(2)) == group
    assert book.find("", lid(1)) == anna
    assert book.find("", lid(2)) is None


def test_our_own_number_is_bound_to_nobody(book: Book) -> None:
    anna = book.meets(OWN, lid(1))
    bob = book.meets(OWN, lid(2))
    assert anna != bob
    assert book.find(OWN) is None
    assert (book.address(anna), book.address(bob)) == (lid(1), lid(2))
    ourselves = book.meets(OWN)
    assert ourselves not in {anna, bob}
    assert book.meets(OWN, lid(1)) == anna


# -- spellings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5511988887777", "551188887777"),
        ("5215512345678", "525512345678"),
        ("5491123456789", "541123456789"),
        ("5491123456789", "54111523456789"),
        ("5493434123456", "54343154123456"),
        ("5492202412345", "54220215412345"),
    ],
)
def test_the_spellings_of_a_number_are_one_address(book: Book, one: str, other: str) -> None:
    chat = book.meets(phone(other))
    assert book.meets(phone(one), lid(1)) == chat
    assert book.meets(phone(other)) == chat
    assert book.address(chat) == phone(other), "replies go where the chat was last"


def test_chats_that_an_older_version_kept_for_two_spellings_become_one(book: Book) -> None:
    with book.store.write() as db:
        for number in ("525512345678", "5215512345678"):
            identity.resolve_chat(
                db, 1, [phone(number)], kind="private", address=phone(number), name=""
            )
    assert len(book.rows("select distinct chat_id from alias")) == 2
    chat = book.meets(phone("5215512345678"))
    assert book.find(phone("525512345678")) == chat
    assert len(book.rows("select distinct chat_id from alias")) == 1


def test_an_unlisted_spelling_is_learned_from_what_a_send_reached(book: Book) -> None:
    begun = book.meets(phone("23510000"))  # as an agent wrote it
    book.reaches(begun, phone("23510000"), phone("235910000"), lid(1))
    assert book.address(begun) == phone("235910000")
    assert book.meets(phone("235910000")) == begun
    assert book.meets("", lid(1)) == begun
    assert book.meets(phone("23510000")) == begun, "also when it is written so again"


def test_the_chat_that_a_send_reached_and_the_one_that_it_was_sent_in_are_one(book: Book) -> None:
    customer = book.meets(phone("235910000"), lid(1))
    begun = book.meets(phone("23510000"))
    book.reaches(begun, phone("23510000"), phone("235910000"))
    assert book.root(begun) == customer
    assert book.find(phone("23510000")) == customer


def test_a_send_that_reached_somebody_else_joins_nobody(book: Book) -> None:
    anna = book.meets(phone(1111), lid(1))
    book.reaches(anna, phone(1111), phone(1111), lid(2))
    assert book.address(anna) == lid(1)
    bob = book.find(phone(1111))
    assert bob is not None
    assert bob != anna
    book.reaches(anna, lid(1), phone(2222))
    assert book.address(anna) == phone(2222)
    book.reaches(anna, phone(2222), phone(1111))
    assert {book.find("", lid(1)), book.find("", lid(2))} == {anna, bob}
    book.reaches(bob, phone(1111), OWN)
    assert book.find(OWN) is None


# -- whatever happens ------------------------------------------------------------------------------

people = st.integers(0, 3)
numbers = st.integers(0, 4)
SETTINGS = settings(
    max_examples=int(os.environ.get("IDENTITY_EXAMPLES", "60")),
    stateful_step_count=40,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
)


class Histories(RuleBasedStateMachine):
    """People with LIDs of their own, who get, lose and pass on numbers; what the gateway names of
    them, in any order; and the one thing that must hold after each step: an address that is called
    a person's is that person's, or was and nobody has told otherwise."""

    engine: str
    folder: Path
    opened = 0

    @initialize()
    def begin(self) -> None:
        Histories.opened += 1
        folder = self.folder / str(Histories.opened)
        folder.mkdir()
        self.store = ENGINES[self.engine].open(folder)
        self.book = Book(self.store)
        self.number_of: dict[int, int] = {}
        #: Whose event named the number last, beside the LID; and the chats that speak for a person.
        self.told: dict[int, int] = {}
        self.chats: dict[int, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    @rule(person=people, number=numbers)
    def gets_a_number(self, person: int, number: int) -> None:
        """Whoever had it has none from now on; nobody tells."""
        self.number_of = {one: n for one, n in self.number_of.items() if n != number}
        self.number_of[person] = number

    @rule(person=people)
    def writes_by_both(self, person: int) -> None:
        number = self.number_of.get(person)
        if number is None:
            return
        self.chats[person] = self.book.meets(phone(7000 + number), lid(person))
        self.told[number] = person
        assert self.book.address(self.chats[person]) == phone(7000 + number)

    @rule(person=people)
    def writes_by_lid(self, person: int) -> None:
        self.chats[person] = self.book.meets("", lid(person))

    @rule(person=people, group=st.integers(0, 1))
    def writes_in_a_group_that_carries_the_lid(self, person: int, group: int) -> None:
        found = self.book.meets(f"12036{group}@g.us", lid(person))
        assert found not in {self.book.root(one) for one in self.chats.values()}

    @rule(person=people)
    def an_event_names_our_own_number(self, person: int) -> None:
        self.chats[person] = self.book.meets(OWN, lid(person))
        assert self.book.find(OWN) is None

    @rule(person=people, number=numbers)
    def a_lookup_is_out_of_date(self, person: int, number: int) -> None:
        before = {one: self.book.find("", lid(one)) for one in self.chats}
        holder = self.book.find(phone(7000 + number))
        if holder is None:
            return  # it would teach the number, as it must
        self.book.meets(phone(7000 + number), lid(person), sure=False)
        self.chats.setdefault(person, self.book.find("", lid(person)) or 0)
        assert self.book.find(phone(7000 + number)) == self.book.root(holder)
        for one, chat in before.items():
            assert self.book.root(chat or 0) == self.book.find("", lid(one))

    @rule(person=people)
    def is_answered(self, person: int) -> None:
        """The reply goes to the person whose chat it is: by LID, or by the number that the person
        was the last to be named with."""
        if person not in self.chats:
            return
        chat = self.book.root(self.chats[person])
        to = self.book.address(chat)
        if to.endswith("@lid"):
            assert to == lid(person)
        elif to:
            number = int(jids.phone(to)) - 7000
            assert self.told.get(number, person) == person

    @invariant()
    def two_people_are_two_chats(self) -> None:
        if not hasattr(self, "book"):
            return
        found = [self.book.find("", lid(person)) for person in self.chats]
        known = [one for one in found if one is not None]
        assert len(set(known)) == len(known)
        rows = self.book.rows("select chat_id, form from alias")
        sorts = [(chat, str(form).rpartition("@")[2]) for chat, form in rows]
        assert len(set(sorts)) == len(sorts)
        mixed = "select 1 from alias join chat on chat.id = chat_id where kind = 'group'"
        assert not self.book.rows(f"{mixed} and form not like '%@g.us'")


def test_no_history_of_numbers_makes_two_people_one(engine: str, tmp_path: Path) -> None:
    Histories.engine, Histories.folder = engine, tmp_path
    run_state_machine_as_test(Histories, settings=SETTINGS)


def test_the_forms_of_an_event_are_read_by_their_sort() -> None:
    assert AddressForms.of([lid(1), phone(2)]) == AddressForms(phone(2), lid(1))
    assert AddressForms.of(["12036@g.us"]) == AddressForms(other="12036@g.us")
    assert addresses.named(Address(phone(2), lid(1))) == AddressForms(phone(2), lid(1))
    assert addresses.named(Address("12036@g.us", lid(1))) == AddressForms(other="12036@g.us")
