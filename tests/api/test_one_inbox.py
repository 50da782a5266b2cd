"""Exactly one inbox, whatever happens between "Chatwoot made it" and "we stored it"."""

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.api import Instance, assert_error, assert_error_like, new_instance, wish
from tests.support.processes import Bridge, SandboxChatwoot


def until(happened: Callable[[], object], seconds: float = 20) -> None:
    """Waits until it has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def marker(inbox: dict[str, Any]) -> str:
    """Whose inbox it is."""
    return str(inbox["additional_attributes"]["chatwoot_bridge_integration"])


@contextlib.contextmanager
def in_background(call: Callable[[], requests.Response]) -> Iterator[Future[requests.Response]]:
    """The call goes on while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)


def assert_one_inbox(sandbox: SandboxChatwoot, answer: requests.Response) -> None:
    assert answer.status_code == 201, answer.text
    assert [marker(one) for one in sandbox.inboxes()] == [answer.json()["bridge_integration_id"]]


def test_simultaneous_calls_make_one_inbox(instance: Instance, sandbox: SandboxChatwoot) -> None:
    sandbox.fault("slow_after", seconds=0.3, method="POST", path="inboxes$")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: instance.set(wish(sandbox)), range(6)))
    assert len({one.json()["bridge_integration_id"] for one in answers}) == 1
    for one in answers:
        assert_one_inbox(sandbox, one)


def test_simultaneous_calls_for_two_accounts_leave_the_one_that_is_listed(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    wishes = [
        wish(sandbox),
        wish(sandbox, chatwootAccountId=2, chatwootApiToken=sandbox.other),
    ] * 2
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(instance.set, wishes))
    assert {one.status_code for one in answers} == {201}
    assert len(sandbox.inboxes()) == 1
    assert len(sandbox.inboxes(2, sandbox.other)) == 1


def test_deleting_and_activating_at_once_never_fails_on_our_side(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    bridge, name = instance.bridge, instance.name

    def act(number: int) -> requests.Response:
        if number % 2:
            return bridge.api("DELETE", f"/api/instance/delete/{name}")
        if number % 4:
            bridge.api("POST", "/api/instance/new", {"name": name})
        return instance.set(wish(sandbox))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(act, range(24)))
    assert {one.status_code for one in answers} <= {200, 201, 404}


@pytest.mark.parametrize("kind", ["drop_after", "refuse"])
def test_an_answer_that_is_lost_on_the_way_makes_no_second_inbox(
    instance: Instance, sandbox: SandboxChatwoot, kind: str
) -> None:
    # `refuse` is a proxy's 504: the POST was not acted on, and it is not repeated blindly.
    sandbox.fault(kind, method="POST", path="inboxes$", times=1, status=504)
    first = instance.set(wish(sandbox))
    assert first.status_code == (201 if kind == "drop_after" else 502)
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))


def test_an_inbox_whose_answer_was_lost_is_adopted_by_the_next_call(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    # Lost with the answer: the chance to look for it, because Chatwoot goes down at that moment.
    sandbox.fault("drop_after", method="POST", path="inboxes$")
    with in_background(lambda: instance.set(wish(sandbox))) as call:
        until(lambda: posts(sandbox))
        sandbox.fault("drop")
        lost = call.result()
    sandbox.control("DELETE", "faults")
    assert lost.status_code in {201, 502}
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))
    assert len(posts(sandbox)) == 1


def posts(sandbox: SandboxChatwoot) -> list[dict[str, Any]]:
    """The attempts to make an inbox."""
    return [
        one
        for one in sandbox.requests()
        if one["method"] == "POST" and one["path"].endswith("/inboxes")
    ]


def test_a_spare_inbox_that_came_too_late_is_removed_by_the_next_call(
    instance: Instance, sandbox: SandboxChatwoot
) -> None:
    sandbox.options(deletion_s=0.0)
    first = instance.set(wish(sandbox)).json()["bridge_integration_id"]
    body = {
        "name": "RyzeAPI",
        "channel": {
            "type": "api",
            "webhook_url": "",
            "additional_attributes": {"chatwoot_bridge_integration": first},
        },
    }
    url = f"{sandbox.base_url}/api/v1/accounts/1/inboxes"
    late = requests.post(url, headers={"api-access-token": sandbox.admin}, json=body, timeout=10)
    kept = instance.list().json()["chatwoot_inbox_id"]
    assert instance.set(wish(sandbox)).status_code == 201
    until(lambda: late.json()["id"] not in [one["id"] for one in sandbox.inboxes()])
    assert [one["id"] for one in sandbox.inboxes()] == [kept]


@pytest.mark.slow
def test_a_spare_inbox_that_comes_after_the_retry_is_removed_by_itself(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    sandbox.options(deletion_s=0.0)
    instance = new_instance(bridge)
    sandbox.fault("slow", seconds=8, method="POST", path="inboxes$", times=1)
    with in_background(lambda: instance.set(wish(sandbox))) as call:
        until(lambda: not sandbox.control("GET", "faults")["faults"])
        bridge.kill()
        assert isinstance(call.exception(), requests.RequestException)
    bridge.start()
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))
    kept = instance.list().json()["chatwoot_inbox_id"]
    until(lambda: len(sandbox.inboxes()) == 2)
    until(lambda: [one["id"] for one in sandbox.inboxes()] == [kept], seconds=60)


# -- SIGKILL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before Chatwoot acts", "after Chatwoot has acted"])
def test_a_kill_in_the_middle_and_a_retry_leave_one_inbox(
    bridge: Bridge, sandbox: SandboxChatwoot, moment: str
) -> None:
    instance = new_instance(bridge)
    kind = "slow_after" if moment.startswith("after") else "slow"
    sandbox.fault(kind, seconds=1.5, method="POST", path="inboxes$", times=1)
    with in_background(lambda: instance.set(wish(sandbox))) as call:
        if kind == "slow_after":
            until(sandbox.inboxes)
        else:
            until(lambda: not sandbox.control("GET", "faults")["faults"])
        bridge.kill()
        assert isinstance(call.exception(), requests.RequestException)
    until(sandbox.inboxes)
    orphan = sandbox.inboxes()[0]
    bridge.start()
    assert_error(instance.list(), 404, "no chatwoot integration for this instance")
    answer = instance.set(wish(sandbox))
    assert_one_inbox(sandbox, answer)
    assert sandbox.inboxes()[0]["id"] == orphan["id"]
    assert marker(orphan) == answer.json()["bridge_integration_id"]
    assert instance.list().json()["chatwoot_inbox_id"] == orphan["id"]


def test_kills_at_random_moments_never_leave_two_inboxes(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(bridge)
    for delay_s in (0.0, 0.01, 0.03, 0.06):
        with in_background(lambda: instance.set(wish(sandbox))) as call:
            time.sleep(delay_s)
            bridge.kill()
            call.exception()
        bridge.start()
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))


# -- the local write fails -------------------------------------------------------------------------


@contextlib.contextmanager
def full_disk(bridge: Bridge) -> Iterator[None]:
    """No process of the bridge can write to a file for the length of the block."""
    limit, unlimited = resource.RLIMIT_FSIZE, resource.RLIM_INFINITY
    pids = bridge.process.tree()
    for pid in pids:
        resource.prlimit(pid, limit, (0, unlimited))
    try:
        yield
    finally:
        for pid in pids:
            resource.prlimit(pid, limit, (unlimited, unlimited))


PERSIST = r"chatwoot integration failed: persist integration: [A-Za-z /]+"


def test_a_disk_that_fills_up_after_chatwoot_made_the_inbox_orphans_nothing(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(bridge)
    sandbox.fault("slow_after", seconds=1.5, method="POST", path="inboxes$", times=1)
    with in_background(lambda: instance.set(wish(sandbox))) as call:
        until(sandbox.inboxes)
        with full_disk(bridge):
            assert_error_like(call.result(), 500, PERSIST)
    assert_error(instance.list(), 404, "no chatwoot integration for this instance")
    orphan = sandbox.inboxes()[0]["id"]
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))
    assert sandbox.inboxes()[0]["id"] == orphan


def test_a_disk_that_is_full_from_the_start_makes_no_inbox_at_all(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(bridge)
    with full_disk(bridge):
        assert_error_like(instance.set(wish(sandbox)), 500, PERSIST)
        answer = bridge.api("POST", "/api/instance/new", {"name": "another"})
        assert_error_like(
            answer, 500, r"the database of the bridge could not be written: [A-Za-z /]+"
        )
    assert sandbox.inboxes() == []
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))


def test_a_folder_that_cannot_be_written_is_told_as_such(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(bridge)
    locks = bridge.instance_dir / "locks"
    aside = locks.rename(locks.with_name("aside"))
    locks.write_text("in the way")
    assert_error_like(instance.set(wish(sandbox)), 500, PERSIST)
    locks.unlink()
    aside.rename(locks)
    assert_one_inbox(sandbox, instance.set(wish(sandbox)))


def test_a_database_that_is_locked_for_a_while_only_delays(
    bridge: Bridge, sandbox: SandboxChatwoot
) -> None:
    instance = new_instance(bridge)
    other = sqlite3.connect(bridge.instance_dir / "bridge.db", isolation_level=None)
    other.execute("begin immediate")
    with in_background(lambda: instance.set(wish(sandbox))) as call:
        time.sleep(1)
        assert not call.done()
        other.execute("rollback")
        assert_one_inbox(sandbox, call.result())
    other.close()
