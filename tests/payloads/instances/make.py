"""Makes the filled instance folder of a release, as `<version>.sql` beside this file.

Run in a checkout of that release, with its own code and its own sandbox:

    git worktree add --detach ../released <tag or commit>
    cd ../released && PYTHONPATH=. python .../tests/payloads/instances/make.py

A file that is committed is never made anew: its point is that this release wrote it. The three
servers go by names, because their ports are other ones in each test; `KEY` is a key for tests.
"""

import contextlib
import sqlite3
import tempfile
import time
from functools import partial
from pathlib import Path

import bridge
from bench.loop import INSTANCE
from tests.routing.desk import Desk, until
from tests.support.visitor import Visitor

KEY = "A" * 43 + "="
#: Longer than what happens here after a send came into doubt, and no longer than a test may wait.
ECHO_WAIT_S = "8"


def fill(desk: Desk) -> None:
    """Messages in every state of a journal; the bridge is killed in the middle of a send."""
    refusal = '{"message":"Content is odd","attributes":["content"]}'

    # Arrived, in both directions.
    anna, at_anna = desk.meet("Where is my order?")
    desk.reply(at_anna, "It is under way.")
    desk.gets(anna, "It is under way.")
    desk.settled(anna)
    group = desk.group("Family", anna)
    desk.customer(group, "Hello all", sender=anna)
    desk.arrived(desk.conversation(group), 1)

    # Dead: refused by Chatwoot, and by the gateway; and one that an operator has given up.
    for text in ("refused by Chatwoot", "given up by a person"):
        fault = {"kind": "refuse", "status": 422, "body": refusal, "times": 1, "method": "POST"}
        path = f"/conversations/{at_anna}/messages"
        desk.chatwoot.control("POST", "faults", {**fault, "path": path})
        desk.customer(anna, text)
        until(partial(_ids, desk, text, "dead"), "the dead letter")
    desk.command("dead", "discard", "--yes", str(_ids(desk, "given up by a person", "dead")[0]))
    bob, at_bob = desk.meet("Good morning")
    desk.phone.control(
        "POST", "faults", {"kind": "status", "status": 400, "body": "refused by the gateway"}
    )
    desk.reply(at_bob, "refused by the gateway")
    until(lambda: _ids(desk, "refused by the gateway", "dead"), "the dead letter of a reply")
    for chat in (anna, bob, group):
        desk.settled(chat)

    # The pages: somebody is signed in, and has begun with another integration.
    Visitor(desk.bridge).sign_in().answer_until(
        "account", instance={"choice": INSTANCE}, address={"address": desk.chatwoot.base_url}
    )

    # Queued for Chatwoot, which is down.
    carla, at_carla = desk.meet("Are you open today?")
    desk.chatwoot.control(
        "POST", "faults", {"kind": "refuse", "status": 503, "method": "POST", "path": "/messages$"}
    )
    for text in ("queued one", "queued two"):
        desk.customer(anna, text)
    until(lambda: _ids(desk, "queued one", "ready", tried=True), "a try")

    # Queued for WhatsApp: one that the gateway refuses for now, one of which nobody knows whether
    # it was sent, and one that is being sent when the machine dies.
    for gateway_fault in (
        {"kind": "status", "status": 503, "body": "reply queued", "times": 1000},
        {"kind": "drop_before", "body": "reply in doubt"},
        {"kind": "slow_before", "body": "reply being sent", "seconds": 120},
    ):
        desk.phone.control("POST", "faults", gateway_fault)
    desk.reply(at_anna, "reply queued")
    until(lambda: _ids(desk, "reply queued", "ready", tried=True), "a try of the reply")
    desk.reply(at_bob, "reply in doubt")
    until(lambda: _ids(desk, "reply in doubt", "unconfirmed"), "the doubt")
    desk.reply(at_carla, "reply being sent")
    until(lambda: _ids(desk, "reply being sent", "sending"), "the send")
    desk.reply(at_carla, "reply behind it")
    until(lambda: _ids(desk, "reply behind it", "ready"), "the reply behind it")
    desk.bridge.kill()


def _ids(desk: Desk, text: str, state: str, *, tried: bool = False) -> list[int]:
    rows = desk.rows(
        "select id from journal where state = ? and attempts >= ? and instr(body, ?) order by id",
        *(state, int(tried), f'"{text}"'),
    )
    return [row[0] for row in rows]


def dump(desk: Desk, made_at: float) -> str:
    """The database as statements, with the time at which it was made."""
    names = {
        desk.chatwoot.base_url: "http://chatwoot.example",
        desk.phone.base_url: "http://gateway.example",
        desk.bridge.base_url: "http://bridge.example",
    }
    with contextlib.closing(sqlite3.connect(desk.bridge.instance_dir / "bridge.db")) as db:
        lines = [f"-- made at {made_at:.0f} by {bridge.__version__}", *db.iterdump()]
    text = "\n".join(lines) + "\n"
    for url, name in names.items():
        text = text.replace(url, name)
    return text


def main() -> None:
    """Makes the file."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), BRIDGE_ENCRYPTION_KEY=KEY, BRIDGE_ECHO_WAIT=ECHO_WAIT_S)
        try:
            fill(desk)
            text = dump(desk, time.time())
        finally:
            desk.close()
    (Path(__file__).parent / f"{bridge.__version__}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
