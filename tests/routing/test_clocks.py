"""Chatwoot's clock and ours differ, or one of them is set: nothing is lost, nothing comes again."""

import contextlib
import dataclasses
import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from werkzeug.test import Client
from werkzeug.wrappers import Response

from bridge.routing.router import Router
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services
from bridge.store import event_times
from bridge.store.instances import note_heard
from bridge.web.hooks import Hooks
from tests.routing.desk import Desk, Json, until
from tests.routing.test_lagging import told as tell
from tests.support.journal import services_of

_HOUR = 3600.0
_ids = itertools.count(800_000)


@pytest.fixture(
    scope="module",
    params=[_HOUR, -_HOUR, 600.0, -600.0],
    ids=["+1h", "-1h", "+10m", "-10m"],
)
def _skewed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, float]]:
    desk = Desk(
        tmp_path_factory.mktemp("skewed"),
        clock_offset=request.param,
        BRIDGE_CHATWOOT_SOCKET="false",
    )
    with contextlib.closing(desk):
        yield desk, request.param


@pytest.fixture
def skewed(_skewed: tuple[Desk, float]) -> Iterator[tuple[Desk, float]]:
    """A Chatwoot whose clock is wrong, heard by webhook alone, and how far it is ahead."""
    yield _skewed
    _skewed[0].calm()


@contextlib.contextmanager
def routing(desk: Desk, clock: Callable[[], float]) -> Iterator[Services]:
    """Routes in this process instead of the bridge's, by a clock that the test sets."""
    desk.bridge.stop()
    with services_of(desk.bridge) as found:
        settings = dataclasses.replace(found.settings, echo_wait=2.0)
        services = dataclasses.replace(found, clock=clock, settings=settings)
        services.wakeup.listen()
        has_begun = threading.Event()
        heartbeat = Heartbeat(settings.beat_file("router"), longest_s=60)
        router = Router(services, heartbeat, on_change=has_begun.set)
        thread = threading.Thread(target=router.run)
        thread.start()
        try:
            assert has_begun.wait(10)
            yield services
        finally:
            router.stop()
            thread.join()


def passed_over(desk: Desk) -> int:
    """How many webhooks were not believed."""
    [(count,)] = desk.rows("select passed_over from hearing where way = 'webhook'")
    return int(count)


def told(desk: Desk, conversation: int, message_id: int) -> bytes:
    """The body of a webhook about an agent's message."""
    body: Json = {
        "event": "message_created",
        "id": message_id,
        "content": "out",
        "message_type": "outgoing",
        "private": False,
        "account": {"id": 1},
        "inbox": {"id": desk.inbox()},
        "conversation": {"id": conversation, "inbox_id": desk.inbox(), "status": "open"},
    }
    return json.dumps(body).encode()


def signature(desk: Desk, body: bytes, at: float) -> dict[str, str]:
    """What Chatwoot signs a webhook with at that time."""
    secret: str = desk.api("GET", f"inboxes/{desk.inbox()}")["secret"]
    mac = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256)
    return {
        "X-Chatwoot-Timestamp": str(int(at)),
        "X-Chatwoot-Signature": f"sha256={mac.hexdigest()}",
    }


def path(desk: Desk) -> str:
    """Where Chatwoot calls."""
    [(key,)] = desk.rows("select webhook_key from integration")
    return f"/hooks/chatwoot/{key}"


def is_believed(desk: Desk, conversation: int, *, at: float) -> bool:
    """Whether a webhook of Chatwoot that was signed at that time is taken at its word: it tells of
    a message that is not there to be asked for."""
    message_id = next(_ids)
    body = told(desk, conversation, message_id)
    answer = requests.post(
        desk.bridge.base_url + path(desk),
        data=body,
        headers=signature(desk, body, at),
        timeout=10,
    )
    assert answer.status_code == 200
    # What is believed is kept before it is acknowledged.
    return bool(desk.rows("select 1 from journal where key like ?", f"m{message_id}:%"))


def begins_untold(desk: Desk, text: str) -> str:
    """An agent writes to somebody new, and no way tells of it; the number."""
    number = desk.number()
    desk.knows(number, "New")
    wish = {"name": "New", "phone_number": f"+{number}"}
    made = desk.api("POST", "contacts", wish)["payload"]["contact"]["id"]
    about = {"inbox_id": desk.inbox(), "contact_id": made, "message": {"content": text}}
    desk.api("POST", "conversations", about)
    return number


# -- a clock that is wrong -------------------------------------------------------------------------


def test_texts_pass_both_ways_and_signatures_are_taken(skewed: tuple[Desk, float]) -> None:
    desk, _ = skewed
    number, conversation = desk.meet("in")
    before = passed_over(desk)
    desk.reply(conversation, "out")
    desk.gets(number, "out")
    assert passed_over(desk) == before


def test_a_look_finds_what_lost_webhooks_told(skewed: tuple[Desk, float]) -> None:
    desk, _ = skewed
    known, conversation = desk.meet("in")
    desk.chatwoot.fault("webhook_lost")
    desk.reply(conversation, "lost at first")
    stranger = begins_untold(desk, "may I help?")
    desk.kill("router")  # the next one looks at once, however busy this machine is
    desk.gets(known, "lost at first")
    desk.gets(stranger, "may I help?")


def test_what_agents_wrote_while_we_were_away_leaves(skewed: tuple[Desk, float]) -> None:
    desk, _ = skewed
    number, conversation = desk.meet("in")
    desk.bridge.stop()
    written = desk.reply(conversation, "nobody was there")
    until(lambda: desk.status(conversation, written["id"]) == "failed", "Chatwoot's mark")
    stranger = begins_untold(desk, "may I help?")
    desk.bridge.start()
    desk.gets(number, "nobody was there")
    desk.gets(stranger, "may I help?")

    def is_cleared() -> bool:
        shown = desk.message(conversation, written["id"])
        return shown["status"] != "failed" and not shown["content_attributes"].get("external_error")

    until(is_cleared, "the mark to be gone")


def test_a_signature_is_judged_by_chatwoots_clock_alone(skewed: tuple[Desk, float]) -> None:
    desk, ahead = skewed
    _, conversation = desk.meet("in")
    theirs, before = time.time() + ahead, passed_over(desk)
    for at in (time.time(), theirs - 330, theirs + 330, theirs - 86400):
        assert not is_believed(desk, conversation, at=at)
    assert passed_over(desk) == before + 4
    for at in (theirs, theirs - 270, theirs + 270):
        assert is_believed(desk, conversation, at=at)


# -- a clock that is set ---------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [_HOUR, -_HOUR])
def test_chatwoots_clock_is_set_while_we_run(tmp_path: Path, seconds: float) -> None:
    with contextlib.closing(Desk(tmp_path, BRIDGE_CHATWOOT_SOCKET="false")) as desk:
        number, conversation = desk.meet("in")
        desk.reply(conversation, "before")
        desk.gets(number, "before")
        desk.chatwoot.options(clock_offset=seconds)
        desk.reply(conversation, "at once")
        desk.gets(number, "before", "at once")

        until(
            lambda: is_believed(desk, conversation, at=time.time() + seconds),
            "the clock to be known",
        )
        assert not is_believed(desk, conversation, at=time.time())
        desk.reply(conversation, "then")
        desk.gets(number, "before", "at once", "then")


def test_a_signature_says_where_to_look_before_the_clock_is_known(own_desk: Desk) -> None:
    number, conversation = own_desk.meet("in")
    own_desk.bridge.stop()
    written = int(own_desk.reply(conversation, "asked for")["id"])
    with services_of(own_desk.bridge) as services:
        with services.store.write() as db:
            db.execute("delete from chatwoot_clock")
        body = told(own_desk, conversation, written)
        hooks = Client(Hooks(services, Response("no page")))
        headers = signature(own_desk, body, time.time())
        assert hooks.post(path(own_desk), data=body, headers=headers).status_code == 200
        assert not own_desk.rows("select 1 from journal where job = 'reply'")
        assert own_desk.rows("select message_id from lookup") == [(written,)]
    own_desk.bridge.start()
    own_desk.gets(number, "asked for")


@pytest.mark.parametrize("hours", [1, -1, 100, -100])
def test_our_clock_is_set_while_messages_wait(own_desk: Desk, hours: int) -> None:
    """They go on within the longest pause, and nobody gives up after hours that have not passed."""
    number, conversation = own_desk.meet("in")
    fault = {"kind": "status", "status": 429, "seconds": 1, "times": 1000, "path": "/text/"}
    own_desk.phone.control("POST", "faults", fault)
    own_desk.reply(conversation, "out")

    def tries() -> int:
        return len(own_desk.rows("select 1 from try where outcome = 'failed'"))

    until(tries, "a try that failed")
    ahead = 0.0
    with routing(own_desk, lambda: time.time() + ahead):
        before = tries()
        until(lambda: tries() > before, "a try by this clock")
        before, ahead = tries(), hours * 3600.0
        until(lambda: tries() > before, "a try after it was set")
        own_desk.phone.control("DELETE", "faults")
        own_desk.gets(number, "out")


def test_the_activation_moves_along_when_our_clock_is_set(own_desk: Desk) -> None:
    """It was three hours ago, when both clocks were 20 hours ahead: what the gateway brings late is
    no history."""
    activated_at, ahead = time.time() - 3 * _HOUR, 20 * _HOUR
    with routing(own_desk, lambda: time.time() + ahead) as services:
        with services.store.write() as db:
            as_it_seemed = activated_at + ahead
            db.execute("update integration set created_at = ?, began_at = ?", [as_it_seemed] * 2)
        ahead = 0.0

        def has_moved() -> bool:
            [integration] = services.integrations.all()
            return abs(integration.created_at - activated_at) < _HOUR

        until(has_moved, "the activation by the new clock")
    own_desk.bridge.start()
    for at, text in ((time.time(), "new"), (time.time() - 2 * _HOUR, "late")):
        number = own_desk.number()
        tell(own_desk, number, text, at)
        own_desk.shows(own_desk.conversation(number), text)


@pytest.mark.parametrize("hours", [1, -1])
def test_our_clock_is_set_while_a_send_is_in_doubt(own_desk: Desk, hours: int) -> None:
    """It is sent again once an echo would have come, by the time that has passed."""
    number, conversation = own_desk.meet("in")
    fault = {"kind": "drop_before", "path": "/text/"}
    own_desk.phone.control("POST", "faults", fault)
    own_desk.reply(conversation, "out")
    until(
        lambda: own_desk.rows("select 1 from journal where state = 'unconfirmed'"),
        "a send in doubt",
    )
    ahead = 0.0
    with routing(own_desk, lambda: time.time() + ahead) as services:
        ahead = hours * 3600.0
        until(lambda: own_desk.rows("select 1 from journal where held_s <> 0"), "its notice")
        [instance] = services.instances.all()

        def is_sent() -> list[str]:
            # The gateway goes on telling of other chats.
            with services.store.write(messages=True) as db:
                now = services.clock()
                note_heard(db, instance.id, now, called=True)
                event_times.note(db, instance.id, time.time(), called=True, now=now)
            return own_desk.sent(number)

        assert until(is_sent, "the text") == ["out"]
