"""The folder of an earlier release is upgraded, and what was queued in it is delivered once."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.ops.loop import run, until
from tests.payloads.instances.make import KEY
from tests.support.processes import ROOT, Bridge, SandboxChatwoot, SandboxPhone

RELEASES = sorted((ROOT / "tests" / "payloads" / "instances").glob("*.sql"))
#: Between the numbers of a dump that are times and those that are not.
_A_TIME = 1e9
Row = dict[str, Any]


class Installation:
    """A folder as a release left it, whose Chatwoot and gateway are those of this test."""

    def __init__(self, dump: Path, folder: Path, urls: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, mode=0o700)
        statements = dump.read_text(encoding="utf-8")
        for name, url in urls.items():
            statements = statements.replace(name, url)
        made_at = float(statements.split()[3])
        with contextlib.closing(sqlite3.connect(folder / "bridge.db")) as database:
            database.executescript(statements)
            self._move_times(database, time.time() - made_at)
            database.row_factory = sqlite3.Row
            rows = database.execute(
                "select name, address, source_id, contact_id, conversation_id "
                "from thread join chat on chat.id = chat_id order by contact_id"
            )
            self.chats = [dict(row) for row in rows]
        (folder / "encryption.key").write_text(f"{KEY}\n", encoding="ascii")

    @staticmethod
    def _move_times(database: sqlite3.Connection, seconds: float) -> None:
        """The machine was off for a moment, not since the day of the release."""
        tables = database.execute("select name from sqlite_schema where type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, kind, *_ in database.execute(f"pragma table_info({table})").fetchall():
                if kind.lower() == "real":
                    database.execute(
                        f"update {table} set {column} = {column} + ? where {column} > ?",
                        [seconds, _A_TIME],
                    )
        database.commit()


def rebuild(chatwoot: SandboxChatwoot, installation: Installation) -> None:
    """Chatwoot's inbox, contacts and conversations, with the ids that the installation knows."""

    def post(path: str, body: object) -> Row:
        answer = requests.post(
            f"{chatwoot.base_url}/api/v1/accounts/1/{path}",
            json=body,
            headers={"api-access-token": chatwoot.admin},
            timeout=30,
        )
        assert answer.ok, answer.text
        made: Row = answer.json()
        return made

    inbox = post("inboxes", {"name": "RyzeAPI", "channel": {"type": "api", "webhook_url": ""}})
    for chat in installation.chats:
        contact = post("contacts", {"name": chat["name"]})["payload"]["contact"]
        assert contact["id"] == chat["contact_id"], "the sandbox begins with no contacts"
        place = {"inbox_id": inbox["id"], "source_id": chat["source_id"]}
        post(f"contacts/{contact['id']}/contact_inboxes", place)
        conversation = post("conversations", {**place, "contact_id": contact["id"]})
        assert conversation["id"] == chat["conversation_id"]


@pytest.fixture
def chatwoot(tmp_path: Path) -> Iterator[SandboxChatwoot]:
    running = SandboxChatwoot(tmp_path)
    running.options(allow_private_network=True)
    yield running
    running.stop()


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[SandboxPhone]:
    running = SandboxPhone(tmp_path)
    yield running
    running.stop()


@pytest.mark.parametrize("dump", RELEASES, ids=lambda dump: dump.stem)
def test_what_an_earlier_release_had_queued_is_delivered_once(
    dump: Path, tmp_path: Path, chatwoot: SandboxChatwoot, phone: SandboxPhone
) -> None:
    folder = tmp_path / "bridge" / "instance"
    urls = {
        "http://chatwoot.example": chatwoot.base_url,
        "http://gateway.example": phone.base_url,
    }
    installation = Installation(dump, folder, urls)
    rebuild(chatwoot, installation)
    anna, group, bob, carla = installation.chats
    for chat in (anna, bob, carla):
        number = chat["address"].partition("@")[0]
        phone.control("POST", "contacts", {"number": number, "name": chat["name"]})
    members = [anna["source_id"]]
    wish = {"jid": group["address"], "name": group["name"], "members": members}
    phone.control("POST", "groups", wish)

    def shown(chat: Row) -> list[str]:
        path = f"agent/conversations/{chat['conversation_id']}/messages"
        thread = chatwoot.control("GET", path)
        return [one["content"] for one in thread if one["message_type"] == 0]

    def sent(chat: Row) -> list[str]:
        number = chat["address"].partition("@")[0]
        return [one["text"] for one in phone.messages(number) if one["from_me"]]

    bridge = Bridge(tmp_path / "bridge", public=True, BRIDGE_ECHO_WAIT="2")
    try:
        until(lambda: shown(anna) == ["queued one", "queued two"])
        until(lambda: sent(anna) == ["reply queued"])

        # What was in doubt goes once something later was heard without an echo of it.
        def nothing_is_open() -> bool:
            writing = {"chat": group["address"], "kind": "text", "text": "is anybody there?"}
            phone.control("POST", "customer", {**writing, "sender": anna["source_id"]})
            [instance] = json.loads(run("status", "--json", **given).stdout)["instances"]
            return (instance["waiting"], instance["unconfirmed"]) == (0, 0)

        given = {"BRIDGE_INSTANCE_DIR": str(folder)}
        until(nothing_is_open)
        assert sent(anna) == ["reply queued"]
        assert sent(bob) == ["reply in doubt"]
        assert sent(carla) == ["reply being sent", "reply behind it"]
        assert shown(anna) == ["queued one", "queued two"]
        letters = json.loads(run("dead", "list", "--json", **given).stdout)
        assert {letter["text"] for letter in letters} == {
            "refused by Chatwoot",
            "refused by the gateway",
        }
        assert "Traceback" not in bridge.log_text()
    finally:
        bridge.stop()
