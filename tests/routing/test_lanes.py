"""Who is served next: one worker for a lane, a turn for everybody."""

from bridge.net.pace import Pace
from bridge.routing.lanes import Lanes
from bridge.store.journal import Job, Lane


def lane(instance: int, chat: int) -> Lane:
    return Lane(instance, Job.MESSAGE, chat)


def take(lanes: Lanes) -> Lane:
    found = lanes.take()
    assert found is not None
    return found


def test_instances_take_turns() -> None:
    lanes = Lanes(most=10)
    lanes.add([lane(1, chat) for chat in range(3)] + [lane(2, 7)])
    assert [take(lanes) for _ in range(3)] == [lane(1, 0), lane(2, 7), lane(1, 1)]


def test_a_lane_is_with_one_worker_and_comes_again_when_more_has_come() -> None:
    lanes = Lanes(most=10)
    lanes.add([lane(1, 0)])
    working = take(lanes)
    lanes.add([lane(1, 0), lane(2, 0)])
    assert take(lanes) == lane(2, 0)
    lanes.release(working)
    assert take(lanes) == lane(1, 0)


def test_an_instance_whose_calls_hang_leaves_workers_for_the_others() -> None:
    lanes = Lanes(most=2)
    lanes.add([lane(1, chat) for chat in range(5)])
    hanging = [take(lanes), take(lanes)]
    lanes.add([lane(2, 0)])
    assert take(lanes) == lane(2, 0)
    lanes.release(hanging[0])
    assert take(lanes).instance_id == 1


def test_however_many_instances_hang_the_next_one_is_served() -> None:
    lanes, workers = Lanes(most=12), 16
    lanes.add([lane(instance, chat) for instance in (1, 2) for chat in range(20)])
    hanging = [take(lanes) for _ in range(workers)]
    assert {one.instance_id for one in hanging} == {1, 2}
    lanes.add([lane(3, 0), lane(4, 0)])
    assert lanes.starving(workers)
    served = [lanes.take(reserve=True), lanes.take(reserve=True)]
    assert served == [lane(3, 0), lane(4, 0)]
    assert not lanes.starving(workers + 2)  # 1 and 2 wait for workers of their own


def test_what_waits_for_a_time_comes_when_it_is_due_or_all_are_woken() -> None:
    lanes = Lanes(most=10)
    for chat, due_at in ((0, 5.0), (1, 50.0)):
        lanes.add([lane(1, chat)])
        lanes.release(take(lanes), due_at=due_at)
    assert lanes.tick(4.0) == 1.0
    lanes.tick(5.0)
    assert take(lanes) == lane(1, 0)
    lanes.wake_all()
    assert take(lanes) == lane(1, 1)


def test_the_pace_of_an_address_is_kept() -> None:
    pace = Pace("120/minute")
    waits = [pace.turn("https://chat.example", now=100.0) for _ in range(5)]
    assert waits[:2] == [0.0, 0.0]  # a second's worth at once
    assert [round(wait, 6) for wait in waits[2:]] == [0.5, 1.0, 1.5]
    assert pace.turn("https://other.example", now=100.0) == 0.0
    assert pace.turn("https://chat.example", now=200.0) == 0.0


def test_a_chatwoot_on_this_machine_is_not_slowed_down() -> None:
    pace = Pace("1/hour")
    for _ in range(3):
        pace.wait("http://127.0.0.1:3000")
        pace.wait("http://localhost:3000")
