"""What both pretend servers share: faults by time, chance and count; the log; the limits."""

import threading
from dataclasses import dataclass

import pytest

from sandbox.kit.faults import Faults, Rule
from sandbox.kit.limits import Limits
from sandbox.kit.loopback import is_loopback
from sandbox.kit.requestlog import RequestLog


@dataclass(eq=False)
class Kind(Rule):
    """A server's own kind of fault."""

    names: list[str] | None = None


def faults() -> Faults[Kind]:
    return Faults(Kind, ["slow", "drop"])


def struck(some: Faults[Kind]) -> bool:
    return some.take("slow", fits=lambda one: one.fits("POST", "/messages")) is not None


def test_a_fault_strikes_as_often_as_it_says() -> None:
    some = faults()
    some.add({"kind": "slow", "times": 2})
    assert [struck(some) for _ in range(3)] == [True, True, False]


def test_a_fault_strikes_with_the_chance_it_says() -> None:
    some = faults()
    some.add({"kind": "slow", "chance": 0.5})
    hits = sum(struck(some) for _ in range(400))
    assert 100 < hits < 300
    assert some.listed()[0]["hits"] == hits


def test_a_fault_ends_by_itself_and_wakes_who_waits() -> None:
    some = faults()
    fault = some.add({"kind": "slow", "lasts_s": 0.05})
    assert struck(some)
    assert fault.wait(30)
    assert not struck(some)
    assert some.listed() == []


@pytest.mark.parametrize(("how", "ended"), [("clear", True), ("interrupt", False)])
def test_clearing_ends_a_wait_and_so_does_an_interruption(how: str, ended: bool) -> None:
    some = faults()
    fault = some.add({"kind": "slow"})
    seen: list[bool] = []
    waiting = threading.Thread(target=lambda: seen.append(fault.wait(30)))
    waiting.start()
    while not seen:
        getattr(some, how)()
        waiting.join(0.01)
    assert seen == [ended]


def test_clearing_wakes_who_waits_for_a_fault_that_strikes_no_more() -> None:
    some = faults()
    fault = some.add({"kind": "slow", "times": 1})
    assert struck(some)
    assert some.listed() == []
    waiting = threading.Thread(target=fault.wait, args=(30,))
    waiting.start()
    some.clear()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "other"},
        {"kind": "slow", "unheard": 1},
        {"kind": "slow", "times": "two"},
        {"kind": "slow", "times": True},
        {"kind": "slow", "path": "("},
        {"kind": "slow", "names": ["a", 1]},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="kind|field"):
        faults().add(wrong)


def test_method_is_whole_and_path_is_a_part() -> None:
    some = faults()
    some.add({"kind": "slow", "method": "POS", "path": "message"})
    assert not struck(some)
    some.add({"kind": "slow", "method": "post|put", "path": "message", "names": None})
    assert struck(some)


def test_the_log_hides_secrets_and_goes_on_numbering() -> None:
    log = RequestLog(2)
    secret = {"token": "x", "list": [{"Authorization": "y"}], "secret": "z", "name": "n"}
    for number in range(3):
        log.add({"method": "GET", "route": "/", "status": 200, "body": secret, "at": number})
    shown = log.since()
    assert [one["id"] for one in shown["requests"]] == [2, 3]
    hidden = {"token": "***", "list": [{"Authorization": "***"}], "secret": "***", "name": "n"}
    assert shown["requests"][0]["body"] == hidden
    assert shown["totals"] == {
        "requests": 3,
        "by_route": {"GET /": 3},
        "by_status": {"200": 3},
    }
    log.clear()
    log.add({"method": "GET", "route": "/", "status": 200})
    assert log.since()["requests"][0]["id"] == 4


def test_one_request_too_many_is_refused_for_its_key_only() -> None:
    limits = Limits()
    assert [limits.count("a", 2)[0] for _ in range(4)] == [1, 0, -1, -1]
    assert limits.allow("b", 1)
    limits.clear()
    assert limits.allow("a", 1)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("a.localhost", True), ("10.0.0.1", False), ("x", False)],
)
def test_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) == here
