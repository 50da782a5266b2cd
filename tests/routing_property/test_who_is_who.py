"""Whatever becomes of numbers and LIDs: a reply reaches the person whose conversation it is, or its
agent is told; and no conversation holds the words of two people.

The bridge, Chatwoot and the phone are real processes; Hypothesis makes up the histories. What a
store makes of them alone is in tests/store/test_identity.py, with many more of them.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.routing.desk import Desk, party, until

PEOPLE, NUMBERS = 3, 3
SETTINGS = settings(
    max_examples=int(os.environ.get("ROUTING_EXAMPLES", "10")) // 2 or 1,
    stateful_step_count=14,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
)
people, numbers = st.integers(0, PEOPLE - 1), st.integers(0, NUMBERS - 1)


class Histories(RuleBasedStateMachine):
    """Three people share three numbers; each word says whose it is."""

    desk: ClassVar[Desk]
    words: ClassVar[Iterator[int]]

    @initialize()
    def begin(self) -> None:
        self.numbers = [self.desk.number() for _ in range(NUMBERS)]
        for number in self.numbers:
            self.desk.knows(number, f"P{number}")
        base = next(self.words)
        self.lids = [f"9{base}{person}{self.numbers[0]}" for person in range(PEOPLE)]
        #: Who was the last to be named with a number, and by which number a person can be reached.
        self.holder: dict[int, int] = {}
        self.wrote: dict[str, int] = {}
        self.seen: dict[str, int] = {}

    # -- what customers and the gateway do ---------------------------------------------------------

    @rule(person=people, number=numbers)
    def writes_from_a_number(self, person: int, number: int) -> None:
        """It is the person's from now on, whoever had it."""
        self.holder = {one: who for one, who in self.holder.items() if who != person}
        self.holder[number] = person
        self._writes(person, party(self.numbers[number], self.lids[person], f"N{person}"))

    @rule(person=people)
    def writes_by_lid_alone(self, person: int) -> None:
        self._writes(person, party("", self.lids[person], f"N{person}"))

    @rule(person=people)
    def writes_while_the_gateway_names_our_own_number(self, person: int) -> None:
        [(own,)] = self.desk.rows("select own_phone from instance")
        self._writes(person, party(own.partition("@")[0], self.lids[person], f"N{person}"))

    @rule(person=people, other=people)
    def writes_in_a_group_that_carries_a_lid(self, person: int, other: int) -> None:
        group = {"jid": f"12036{self.lids[0]}@g.us", "lid": f"{self.lids[other]}@lid"}
        text = f"group {next(self.words)}"
        self.desk.raw(group, f"G{text}", text, sender=party("", self.lids[person]))

    @rule(person=people, other=people)
    def writes_while_the_sender_is_named_as_somebody_else(self, person: int, other: int) -> None:
        sender = party("", self.lids[other], f"N{other}")
        self._writes(person, party("", self.lids[person], f"N{person}"), sender=sender)

    def _writes(self, person: int, chat: dict[str, Any], **more: Any) -> None:
        text = f"of {person}: {next(self.words)}"
        self.desk.raw(chat, f"W{self.lids[0]}{text}", text, **more)
        self.wrote[text] = person

    # -- what agents do ----------------------------------------------------------------------------

    @rule(person=people)
    def is_answered(self, person: int) -> None:
        """In any conversation that has a word of the person's."""
        mine = [text for text, who in self.wrote.items() if who == person]
        if not mine:
            return
        conversation = self._place(mine[-1])
        text = f"for {person}: {next(self.words)}"
        said = self.desk.reply(conversation, text)
        number = next((one for one, who in self.holder.items() if who == person), None)

        def ended() -> bool:
            status = self.desk.status(conversation, said["id"])
            return status == "failed" or any(text in self._got(one) for one in range(NUMBERS))

        until(ended, f"the end of {text!r}")
        reached = [one for one in range(NUMBERS) if text in self._got(one)]
        assert reached in ([], [number]), f"{text!r} reached {reached}, {self.holder}"

    def _got(self, number: int) -> list[str]:
        return self.desk.sent(self.numbers[number])

    def _place(self, text: str) -> int:
        if text not in self.seen:
            found: list[int] = []

            def look() -> bool:
                for one in self.desk.chatwoot.control("GET", "agent/conversations"):
                    if text in self.desk.texts(int(one["id"])):
                        found.append(int(one["id"]))
                return bool(found)

            until(look, f"{text!r} in Chatwoot")
            assert len(found) == 1
            self.seen[text] = found[0]
        return self.seen[text]

    def teardown(self) -> None:
        """Every word is in one conversation, and each conversation has one person."""
        if not hasattr(self, "wrote"):
            return
        owners: dict[int, int] = {}
        for text, person in self.wrote.items():
            assert owners.setdefault(self._place(text), person) == person, text


@pytest.mark.slow
def test_every_reply_reaches_its_person_or_nobody(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        Histories.desk, Histories.words = desk, itertools.count()
        run_state_machine_as_test(Histories, settings=SETTINGS)
    finally:
        desk.close()
