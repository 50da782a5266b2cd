"""Every thread of the router counts for its sign of life: one that hangs has the whole process
replaced (tests/ops/test_hung_processes.py), whatever the others do."""

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest

from bridge.routing import process
from bridge.routing.from_chatwoot import socket_listeners
from bridge.services import Services
from bridge.store.lookup_queue import SINCE_LAST_LOOK, LookupRequest
from tests.routing.desk import Desk, until
from tests.support.journal import services_of


def asks(desk: Desk, services: Services, conversation: int) -> None:
    [(integration_id,)] = desk.rows("select id from integration")
    services.lookups.ask(LookupRequest(integration_id, conversation, SINCE_LAST_LOOK))


def writes(desk: Desk, services: Services, conversation: int) -> None:
    desk.reply(conversation, "told over the socket")


def waits(desk: Desk, services: Services, conversation: int) -> None:
    """The thread comes round by itself."""


@pytest.mark.parametrize(
    ("thread", "causes"), [("chatwoot", writes), ("polling", waits), ("lookup", asks)]
)
def test_a_thread_that_hangs_stops_the_sign_of_life(
    own_desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    thread: str,
    causes: Callable[[Desk, Services, int], None],
) -> None:
    monkeypatch.setattr(process, "LONGEST_S", 3.0)
    monkeypatch.setattr(socket_listeners, "_STUCK_S", 12.0)
    _, conversation = own_desk.meet("hi")
    own_desk.bridge.stop()
    hangs, goes_on, stop = threading.Event(), threading.Event(), threading.Event()

    def clock() -> float:
        if hangs.is_set() and threading.current_thread().name.startswith(thread):
            goes_on.wait(120)
        return time.time()

    with services_of(own_desk.bridge) as found:
        services = dataclasses.replace(found, clock=clock)
        beat = services.settings.beat_file("router")
        router = threading.Thread(target=process._route, args=(services, stop, threading.Event()))
        router.start()
        try:
            until(own_desk.hears_cable, "the socket")
            seen = beat.stat().st_mtime
            until(lambda: beat.stat().st_mtime > seen, "a sign of life")
            hangs.set()
            causes(own_desk, services, conversation)
            until(lambda: time.time() - beat.stat().st_mtime > 6.0, "its silence")
            goes_on.set()
            seen = beat.stat().st_mtime
            until(lambda: beat.stat().st_mtime > seen, "the next sign of life")
        finally:
            hangs.clear()
            goes_on.set()
            stop.set()
            router.join()
