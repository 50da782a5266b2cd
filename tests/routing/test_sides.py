"""Which lane may try a side that fails: one bad chat never decides for all others."""

from dataclasses import dataclass, field

import pytest

from bridge.routing.sides import SideHealth
from bridge.store.journal import Job, Lane


@dataclass
class Ground:
    """A side, and the time that passes there."""

    now: float = 100.0
    side: SideHealth = field(init=False)

    def __post_init__(self) -> None:
        self.side = SideHealth(lambda: self.now)

    def goes(self, chat: int) -> bool:
        """Whether the lane may try the side at this moment."""
        return self.side.admit(lane(chat)) is None

    def fails(self, *chats: int) -> None:
        """Each tries, as soon as it may, and fails."""
        for chat in chats:
            while (at := self.side.admit(lane(chat))) is not None:
                self.now = max(at, self.now)
            self.side.failed(lane(chat))


def lane(chat: int) -> Lane:
    return Lane(1, Job.MESSAGE, chat)


@pytest.fixture
def ground() -> Ground:
    return Ground()


def test_one_lane_that_fails_takes_nobody_along(ground: Ground) -> None:
    ground.fails(1, 1, 1, 1)
    assert not ground.side.is_down
    assert all(ground.goes(chat) for chat in (2, 3, 4))


def test_a_success_between_two_failures_says_that_the_side_is_up(ground: Ground) -> None:
    ground.fails(1)
    ground.side.succeeded(lane(3))
    ground.fails(2)
    assert not ground.side.is_down


def test_two_lanes_that_fail_take_the_side_down_and_the_next_try_is_anothers(
    ground: Ground,
) -> None:
    ground.fails(1, 2)
    assert ground.side.is_down
    assert not ground.goes(3)
    ground.now += 2
    assert not ground.goes(2)  # it was the last, and another one waits
    assert ground.goes(3)


def test_a_side_that_is_down_is_tried_by_one_lane_at_a_time(ground: Ground) -> None:
    ground.fails(1, 2)
    ground.now += 30
    assert ground.goes(3)
    assert not ground.goes(4)
    ground.side.left(lane(3))
    assert ground.goes(4)


def test_lanes_that_never_succeed_starve_no_lane_that_would(ground: Ground) -> None:
    """Two bad chats fail for an hour; a good one that comes any time is served within 2 s."""
    ground.fails(1, 2)
    for _ in range(50):
        ground.fails(1, 2)
    came_at = ground.now
    while (at := ground.side.admit(lane(7))) is not None:
        ground.now = max(at, ground.now)
    assert ground.now - came_at <= 2
    assert ground.side.succeeded(lane(7))
    assert not ground.side.is_down


def test_with_a_success_all_go_again(ground: Ground) -> None:
    ground.fails(1, 2, 3)
    ground.now += 30
    assert ground.goes(3)
    assert ground.side.succeeded(lane(3))
    assert all(ground.goes(chat) for chat in (1, 2, 4))


def test_a_lane_is_blamed_once_others_were_served_meanwhile(ground: Ground) -> None:
    ground.fails(1)
    assert not ground.side.blames(lane(1))
    ground.now += 1
    ground.side.succeeded(lane(2))
    assert ground.side.blames(lane(1))
    ground.side.succeeded(lane(1))
    assert not ground.side.blames(lane(1))
    ground.now += 1
    ground.fails(1)
    assert not ground.side.blames(lane(1))
