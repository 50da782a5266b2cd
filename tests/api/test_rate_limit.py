"""How often one may call (docs/contracts/ryzeapi.md, Limits): exact, and told on every response."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from fakeredis import TcpFakeServer

from tests.support.api import LIMIT_HEADERS, assert_error, assert_limit_headers, new_instance
from tests.support.processes import Bridge, free_port

TOO_MANY = "Rate limit exceeded. Try again later."


def at_once(
    calls: int, make: Callable[[int], requests.Response], threads: int = 16
) -> list[requests.Response]:
    """So many calls, as many at a time as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(make, range(calls)))


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_exactly_a_hundred_of_many_simultaneous_calls_are_granted(bridge: Bridge) -> None:
    answers = at_once(150, lambda _: bridge.api("GET", "/api/instance/list"))
    assert statuses(answers) == {200: 100, 429: 50}
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == "100"
        assert_limit_headers(answer)
        if answer.status_code == 429:
            assert_error(answer, 429, TOO_MANY)
            assert answer.headers["X-RateLimit-Remaining"] == "0"


def test_new_instances_have_a_bucket_of_twenty_apart_from_the_rest(bridge: Bridge) -> None:
    answers = at_once(
        30, lambda number: bridge.api("POST", "/api/instance/new", {"name": f"i{number}"})
    )
    assert statuses(answers) == {201: 20, 429: 10}
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"20"}
    listed = bridge.api("GET", "/api/instance/list")
    assert listed.headers["X-RateLimit-Remaining"] == "99"
    assert len(listed.json()["instances"]) == 20


def test_the_remaining_calls_count_down_and_the_reset_lies_within_the_window(
    bridge: Bridge,
) -> None:
    answers = [bridge.api("GET", "/api/instance/list") for _ in range(3)]
    assert [one.headers["X-RateLimit-Remaining"] for one in answers] == ["99", "98", "97"]
    assert len({one.headers["X-RateLimit-Reset"] for one in answers}) == 1
    assert 0 <= int(answers[0].headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_the_window_ends_and_calls_are_granted_again(
    start_bridge: Callable[..., Bridge],
) -> None:
    bridge = start_bridge(BRIDGE_RATE_LIMIT="2/second")
    seen = statuses([bridge.api("GET", "/api/instance/list") for _ in range(3)])
    assert seen[200] >= 2
    time.sleep(1.1)
    assert bridge.api("GET", "/api/instance/list").status_code == 200


def test_each_token_has_a_bucket_of_its_own(start_bridge: Callable[..., Bridge]) -> None:
    bridge = start_bridge(BRIDGE_RATE_LIMIT="2/minute")
    one, other = new_instance(bridge), new_instance(bridge)
    for instance in (one, other):
        headers = {"token": instance.token}
        calls = [bridge.api("GET", "/api/instance/list", headers=headers) for _ in range(3)]
        assert [call.status_code for call in calls] == [200, 200, 429]


def test_wrong_tokens_do_not_use_up_the_calls_of_the_right_one(
    start_bridge: Callable[..., Bridge],
) -> None:
    bridge = start_bridge(BRIDGE_RATE_LIMIT="2/minute")
    for number in range(5):
        answer = bridge.api("GET", "/api/instance/list", headers={"token": f"wrong-{number}"})
        assert_error(answer, 401, "Invalid token")
    assert bridge.api("GET", "/api/instance/list").headers["X-RateLimit-Remaining"] == "1"


def test_wrong_tokens_are_throttled_and_right_ones_never(bridge: Bridge) -> None:
    instance = new_instance(bridge)
    kinds = [{"token": "wrong-{}"}, {"token": "", "Authorization": "Bearer wrong-{}"}]

    def guess(number: int) -> requests.Response:
        headers = {name: text.format(number) for name, text in kinds[number % 2].items()}
        return bridge.api("GET", "/api/instance/list", headers=headers)

    answers = [guess(number) for number in range(30)]
    assert [one.status_code for one in answers] == [401] * 10 + [429] * 20
    for one in answers:
        assert_limit_headers(one)
    assert_error(answers[-1], 429, TOO_MANY)
    # From the same address, in the same minute.
    assert bridge.api("GET", "/api/instance/list").status_code == 200
    own = bridge.api("GET", "/api/instance/list", headers={"token": instance.token})
    assert own.status_code == 200
    # Who presents none at all is no guesser.
    assert bridge.api("GET", "/api/instance/list", headers={"token": ""}).status_code == 401
    # A token that is no operator's where the operator is asked for is not a guess either.
    for _ in range(15):
        headers = {"token": instance.token}
        refused = bridge.api("DELETE", "/api/instance/delete/none", headers=headers)
        assert refused.status_code == 401


def test_wrong_tokens_for_the_metrics_are_throttled_and_the_right_one_never(
    start_bridge: Callable[..., Bridge],
) -> None:
    bridge = start_bridge(BRIDGE_METRICS_TOKEN="metrics-token-0123456789")

    def ask(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{bridge.base_url}/metrics", headers=headers, timeout=30).status_code

    assert [ask(f"wrong-{number}") for number in range(15)] == [401] * 10 + [429] * 5
    assert ask("metrics-token-0123456789") == 200


def test_every_kind_of_answer_carries_the_headers(shared_bridge: Bridge) -> None:
    name = new_instance(shared_bridge).name
    json = {"Content-Type": "application/json"}
    cases = {
        200: shared_bridge.api("GET", "/api/openapi.json", headers={"token": ""}),
        400: shared_bridge.api("POST", f"/api/chatwoot/set/{name}", data=b"{", headers=json),
        401: shared_bridge.api("GET", "/api/instance/list", headers={"token": "wrong"}),
        404: shared_bridge.api("GET", "/api/no/such/route"),
        405: shared_bridge.api("PUT", f"/api/chatwoot/set/{name}"),
        409: shared_bridge.api("POST", "/api/instance/new", {"name": name}),
        413: shared_bridge.api(
            "POST", f"/api/chatwoot/set/{name}", data=b" " * 70_000, headers=json
        ),
        415: shared_bridge.api("POST", f"/api/chatwoot/set/{name}", data=b"{}"),
    }
    for status, answer in cases.items():
        assert answer.status_code == status
        assert_limit_headers(answer)
    assert set(cases[405].headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    for path in ("/api", "/api/", "/api/chatwoot", "/api/instance/new/more"):
        answer = shared_bridge.api("GET", path)
        assert_error(answer, 404, "route not found - the API is described at /docs")


def test_pages_carry_no_limit_headers(shared_bridge: Bridge) -> None:
    answer = requests.get(f"{shared_bridge.base_url}/apiary", timeout=10)
    assert answer.status_code == 404
    assert not set(LIMIT_HEADERS) & set(answer.headers)


# -- Redis, for more than one machine --------------------------------------------------------------


class PatientServer(TcpFakeServer):
    """As many may knock at once as at a real Redis."""

    request_queue_size = 511
    daemon_threads = True


@pytest.fixture
def redis() -> Iterator[tuple[str, TcpFakeServer]]:
    """A Redis and its address."""
    port = free_port()
    server = PatientServer(("127.0.0.1", port), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{port}/0", server
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_two_bridges_that_share_a_redis_share_the_limit(
    start_bridge: Callable[..., Bridge], redis: tuple[str, TcpFakeServer]
) -> None:
    # This Redis is a slow one, and a process that waits for it in vain counts for itself a while:
    # then it is tried with counts of its own once more.
    for number in range(4):
        storage = f"{redis[0].rsplit('/', 1)[0]}/{number}"
        settings = {"BRIDGE_RATE_LIMIT": "20/minute", "BRIDGE_RATE_LIMIT_STORAGE": storage}
        pair = [start_bridge(**settings), start_bridge(**settings)]
        answers = [pair[call % 2].api("GET", "/api/instance/list") for call in range(60)]
        if statuses(answers) == {200: 20, 429: 40}:
            break
    assert statuses(answers) == {200: 20, 429: 40}
    for answer in answers:
        assert_limit_headers(answer)


def test_a_redis_that_fails_later_never_stops_the_api(
    start_bridge: Callable[..., Bridge], redis: tuple[str, TcpFakeServer]
) -> None:
    address, server = redis
    bridge = start_bridge(BRIDGE_RATE_LIMIT="3/minute", BRIDGE_RATE_LIMIT_STORAGE=address)
    assert bridge.api("GET", "/api/instance/list").status_code == 200
    server.shutdown()
    server.server_close()
    # Each process counts for itself until Redis is back: still bounded, never unavailable.
    answers = [bridge.api("GET", "/api/instance/list") for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert_limit_headers(answers[0])
    assert "BRIDGE_RATE_LIMIT_STORAGE" in bridge.log_text()


def test_a_redis_that_is_away_at_the_start_keeps_nothing_from_starting(
    start_bridge: Callable[..., Bridge],
) -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    bridge = start_bridge(BRIDGE_RATE_LIMIT="2/minute", BRIDGE_RATE_LIMIT_STORAGE=address)
    answers = [bridge.api("GET", "/api/instance/list") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert "each process counts for itself" in bridge.log_text()
