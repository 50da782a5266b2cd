"""A Chatwoot that tells nothing by either way: replies leave all the same, and the operator is told
that nothing is heard, and not that the other way still works."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from bench.loop import INSTANCE
from tests.ops.loop import run
from tests.routing.desk import Desk, until
from tests.routing.test_hearing import address_in_inbox

PAGE = f"/instances/{INSTANCE}"
NEITHER = "Chatwoot tells of nothing, neither by webhook nor over its socket"


@pytest.fixture
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A loop in which both ways were used and have told nothing of some replies."""
    folder = tmp_path_factory.mktemp("silent")
    with contextlib.closing(Desk(folder, BRIDGE_LOOK_INTERVAL="1")) as desk:
        number, conversation = desk.meet("in")
        until(desk.hears_both, "both ways")
        desk.reply(conversation, "heard")
        desk.gets(number, "heard")
        assert NEITHER not in desk.page(PAGE)
        desk.chatwoot.fault("cable-deaf")
        desk.chatwoot.fault("webhook_lost")
        texts = ["heard"]
        missed = "select min(missed) from hearing having count(*) = 2 and min(missed) >= 3"
        while not desk.rows(missed):
            texts.append(f"unheard {len(texts)}")
            desk.reply(conversation, texts[-1])
            desk.gets(number, *texts)
            assert len(texts) < 12
        with sqlite3.connect(desk.bridge.instance_dir / "bridge.db") as db:
            # As if they had been written half a minute ago.
            db.execute("update hearing set missed_at = missed_at - 30 where missed_at > 0")
        db.close()
        yield desk


def findings(desk: Desk) -> list[dict[str, Any]]:
    """What `doctor` says of Chatwoot's ways."""
    done = run("doctor", "--json", **desk.bridge._environ)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [one for one in found if NEITHER in json.dumps(one)]


def test_page_and_doctor_say_that_neither_way_tells(silent: Desk) -> None:
    page = silent.page(PAGE)
    assert NEITHER in page
    assert "is heard over its socket" not in page
    assert findings(silent)


def test_a_silent_chatwoot_keeps_the_address_and_is_well_once_it_tells_again(
    silent: Desk,
) -> None:
    assert address_in_inbox(silent), "its silence says nothing about the address"
    silent.chatwoot.control("DELETE", "faults")
    number = silent.number()
    silent.customer(number, "in")
    conversation = silent.conversation(number)
    silent.reply(conversation, "heard again")
    silent.gets(number, "heard again")
    until(lambda: NEITHER not in silent.page(PAGE), "the page being well")
    assert not findings(silent)
    assert address_in_inbox(silent)
