"""Tells open pages by server-sent events that something has changed; they ask for themselves anew.

A stream costs a thread and asks SQLite for one number that lies in memory: whether anybody has
written. No query runs, so the way of a message does not notice. Where no thread is to be had, the
answer is 204, and the page looks by itself now and then.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from flask import Blueprint, Flask, Response, current_app
from flask import session as browser

from bridge.services import Services
from bridge.web import session
from bridge.web.pages import caller_address, services

#: Streams in all, each holding one of the server's threads, and for one signed-in browser.
MOST, MOST_OF_ONE = 5, 2
#: Seconds: how often is looked, how often is told at most, and at least, for times go by.
LOOK_S, REST_S, TELL_S = 0.5, 2.0, 20.0
#: A stream ends and is opened anew after this time, so that a sign-out reaches it.
LIFE_S = 300.0

blueprint = Blueprint("live", __name__)
blueprint.before_request(session.require)


class Seats:
    """Who watches: a number of streams in all and for each watcher, at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> bool:
        """Whether there is a seat; it is then taken until `leave`."""
        with self._lock:
            if self._taken.total() >= MOST or self._taken[who] >= MOST_OF_ONE:
                return False
            self._taken[who] += 1
            return True

    def leave(self, who: str) -> None:
        """Gives a seat back."""
        with self._lock:
            self._taken[who] -= 1


def register(app: Flask) -> None:
    """Adds the stream. `app.extensions["is_serving"]` says whether the server is to go on."""
    app.extensions["seats"] = Seats()
    app.extensions.setdefault("is_serving", lambda: True)
    app.register_blueprint(blueprint)


@blueprint.get("/live")
def live() -> Response:
    """The stream of a page."""
    seats: Seats = current_app.extensions["seats"]
    who = str(browser.get("id") or caller_address())
    if not seats.take(who):
        return Response(status=204)
    is_serving: Callable[[], bool] = current_app.extensions["is_serving"]
    events = _Stream(_events(services(), is_serving), lambda: seats.leave(who))
    # A proxy that gathers before it passes on would make it late; nginx understands this.
    headers = {"X-Accel-Buffering": "no"}
    return Response(events, mimetype="text/event-stream", headers=headers)


class _Stream:
    """An iterator whose end is always heard of, also when it was never begun."""

    def __init__(self, events: Iterator[str], leave: Callable[[], None]) -> None:
        self._events, self._leave = events, leave

    def __iter__(self) -> Iterator[str]:
        return self._events

    def close(self) -> None:
        """Called by the server when the answer is over, however it ended."""
        self._leave()


def _events(services: Services, is_serving: Callable[[], bool]) -> Iterator[str]:
    db = services.store.db
    begun = told = time.monotonic()
    known = None
    yield "retry: 2000\n\n"
    while is_serving() and time.monotonic() - begun < LIFE_S:
        # Counts the commits of all other connections to the file.
        version = db.execute("pragma data_version").fetchone()[0]
        now = time.monotonic()
        changed = known is not None and version != known and now - told >= REST_S
        if known is None or changed:
            known = version
        if changed or now - told >= TELL_S:
            told = now
            yield "event: changed\ndata:\n\n"
        else:
            # A reader who has gone is noticed by writing only.
            yield ":\n\n"
        time.sleep(LOOK_S)
