"""What a Chatwoot cannot do is said where an operator looks: doctor, status and the page."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator

import pytest

from tests.ops.loop import Operator
from tests.support.visitor import Visitor

BLIND = "Chatwoot 3.16.0 shows no receipts, and a reply that fails becomes a private note"
OLD = "Chatwoot 3.3.0 is too old: the bridge works with 3.4.0 and later"


@pytest.fixture
def known(operator: Operator, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """The operator of an integration whose Chatwoot is that version."""

    def is_now(version: str) -> None:
        operator.loop.chatwoot.options(version=version)
        place = operator.loop.bridge.instance_dir / "bridge.db"
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as database:
            database.execute("update integration set chatwoot_version = ?", [version])

    is_now(str(request.param))
    yield operator
    is_now("4.16.2")


@pytest.mark.parametrize("known", ["3.16.0"], indirect=True)
def test_what_a_version_cannot_do_is_said_and_wrong_is_nothing(known: Operator) -> None:
    done = known.run("doctor", "--json")
    found = [one for one in json.loads(done.stdout) if one["check"] == "version"]
    assert {one["level"] for one in found} == {"warning"}
    assert any(one["what"].startswith(BLIND) for one in found)
    assert all(one["remedy"] for one in found)
    [instance] = known.ok("status")["instances"]
    assert any(one.startswith(BLIND) for one in instance["missing"])
    assert f"{known.name}: {BLIND}" in known.run("status").stdout
    assert BLIND in _page(known)


@pytest.mark.parametrize("known", ["3.3.0"], indirect=True)
def test_one_that_is_too_old_is_named_and_not_stopped(known: Operator) -> None:
    done = known.run("doctor", "--json")
    assert done.returncode == 1
    [wrong] = [
        one
        for one in json.loads(done.stdout)
        if one["check"] == "version" and one["level"] == "wrong"
    ]
    assert wrong["what"] == OLD
    [instance] = known.ok("status")["instances"]
    assert instance["status"] == "active"
    assert OLD in instance["missing"]
    assert OLD in _page(known)


@pytest.mark.parametrize("known", ["4.16.2"], indirect=True)
def test_of_a_version_that_can_everything_nothing_is_said(known: Operator) -> None:
    done = known.run("doctor", "--json")
    assert not [one for one in json.loads(done.stdout) if one["check"] == "version"]
    [instance] = known.ok("status")["instances"]
    assert instance["missing"] == []


def _page(operator: Operator) -> str:
    return str(Visitor(operator.loop.bridge).sign_in().get(f"/instances/{operator.name}").text)
