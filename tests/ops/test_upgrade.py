"""Restarts and upgrades: nothing is lost or doubled, nobody is refused, old data works on."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from sqlite_utils import Database

from bridge.config.settings import load
from bridge.domain.models import Integration, Secret, Status
from bridge.domain.options import InboxOptions
from bridge.services import Services
from bridge.store.migrations import migrations
from tests.ops.loop import Operator, run, until
from tests.ops.service import ROOT, wait_until


def test_restarts_under_load_lose_and_double_nothing(operator: Operator) -> None:
    mark = secrets.token_hex(3)
    operator.customer_writes(f"first-{mark}")
    until(lambda: operator.shown(f"first-{mark}"))
    incoming = [f"in-{mark}-{number:03}" for number in range(60)]
    outgoing = [f"out-{mark}-{number:03}" for number in range(60)]

    def both() -> None:
        for text, reply in zip(incoming, outgoing, strict=True):
            operator.customer_writes(text)
            operator.agent_writes(reply)
            time.sleep(0.05)

    writing = threading.Thread(target=both)
    writing.start()
    for _ in range(2):
        time.sleep(0.7)
        operator.loop.bridge.stop()
        operator.loop.bridge.start()
    writing.join()
    until(lambda: operator.shown(incoming[-1]))
    until(lambda: all(operator.arrived(text) for text in outgoing))
    assert [operator.shown(text) for text in incoming] == [1] * len(incoming)
    sent = [one["text"] for one in operator.loop.phone.messages()]
    sent = [text for text in sent if text.startswith(f"out-{mark}")]
    assert sent == outgoing, "each once, and in order"


def test_what_waited_before_the_jobs_had_names_arrives_after_the_upgrade(
    operator: Operator,
) -> None:
    mark, bridge = secrets.token_hex(3), operator.loop.bridge
    operator.customer_writes(f"first-{mark}")
    until(lambda: operator.shown(f"first-{mark}"))
    operator.agent_writes(f"refused-{mark}")
    until(lambda: operator.arrived(f"refused-{mark}"))
    operator.ok("pause", operator.name)
    incoming = [f"in-{mark}-{number}" for number in range(5)]
    replies = [f"out-{mark}-{number}" for number in range(5)]
    for text, reply in zip(incoming, replies, strict=True):
        operator.customer_writes(text)
        operator.agent_writes(reply)
    waits = "select count(*) as waiting from journal where state = 'ready'"
    path = bridge.instance_dir / "bridge.db"
    until(lambda: next(Database(path).query(waits))["waiting"] >= 10)
    bridge.stop()
    _go_back(path, "m024_jobs")
    bridge.start()
    operator.ok("resume", operator.name)
    until(lambda: operator.shown(incoming[-1]) and operator.arrived(replies[-1]))
    assert [operator.shown(text) for text in incoming] == [1] * 5
    sent = [one["text"] for one in operator.loop.phone.messages()]
    assert [text for text in sent if text.startswith(f"out-{mark}")] == replies


def _go_back(path: Path, step: str) -> None:
    """The database as it was before that step, with all that is in it."""
    old = Database(path.with_name("old.db"))
    migrations.apply(old, stop_before=step)
    old.execute("attach database ? as new", [str(path)])
    names = "case job when 'message' then 'in' when 'reply' then 'out' when 'file' then 'receipt' "
    direction = f"{names}when 'profile' then 'typing' else job end"
    named = {"direction": direction, "deed": "action"}
    for table in old.table_names():
        if table.startswith(("sqlite_", "_sqlite_")):
            continue
        columns = [column.name for column in old.table(table).columns]
        values = [named.get(name, name) for name in columns]
        old.execute(
            f"insert into {table} ({', '.join(columns)}) select {', '.join(values)} "
            f"from new.{table}"
        )
    old.conn.commit()
    old.execute("detach database new")
    old.close()
    for rest in path.parent.glob("bridge.db*"):
        rest.unlink()
    path.with_name("old.db").rename(path)


#: Becomes the service, with the socket as its third descriptor (sd_listen_fds(3)).
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "bridge", "serve"])
"""


def test_the_log_follows_a_message_by_its_number(operator: Operator) -> None:
    bridge = operator.loop.bridge
    bridge.stop()
    bridge.change(BRIDGE_LOG_FORMAT="json", BRIDGE_LOG_LEVEL="debug")
    bridge.start()
    text = f"followed-{secrets.token_hex(3)}"
    operator.customer_writes(text)
    until(lambda: operator.shown(text))
    way = until(lambda: operator.ok("trace", text))
    lines = [json.loads(one) for one in bridge.log_text().splitlines() if one.startswith("{")]
    about = [one["message"] for one in lines if one.get("entry") == way["id"]]
    assert f"message message:{way['whatsapp_ids'][0]} arrived" in about
    assert text not in bridge.log_text(), "what people write is not logged"


class _Systemd:
    """What systemd does for a service with a socket unit: the socket outlives each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def start(self) -> subprocess.Popen[bytes]:
        """One life of the service."""
        environ = {
            "PATH": os.environ["PATH"],
            "BRIDGE_INSTANCE_DIR": str(self._folder / "instance"),
            "BRIDGE_SANDBOX": "false",
        }
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _HAND_OVER, str(self.socket.fileno())],
                cwd=ROOT,
                env=environ,
                pass_fds=[self.socket.fileno()],
                stdout=log,
                stderr=log,
            )


def test_nobody_is_refused_while_a_new_process_takes_over(tmp_path: Path) -> None:
    systemd, stop = _Systemd(tmp_path), threading.Event()
    answers: list[int | str] = []

    def visit() -> None:
        while not stop.is_set():
            try:
                answers.append(requests.get(f"{systemd.url}/healthz", timeout=60).status_code)
            except requests.RequestException as error:
                answers.append(str(error))

    process = systemd.start()
    visitors = [threading.Thread(target=visit) for _ in range(4)]
    try:
        for visitor in visitors:
            visitor.start()
        wait_until(lambda: answers, "the first visitor is served")
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            count = len(answers)
            process = systemd.start()
            wait_until(lambda: len(answers) > count + 8, "the next one serves")  # noqa: B023
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
        process.terminate()
        process.wait(60)
        systemd.socket.close()
    assert set(answers) == {200}, [one for one in answers if one != 200][:3]


@pytest.mark.parametrize("released", ["m002_routing", "m003_console", "m004_retention"])
def test_an_upgrade_keeps_every_integration(tmp_path: Path, released: str) -> None:
    """From each schema that there was: instances, tokens and integrations open as before."""
    settings = load({"BRIDGE_INSTANCE_DIR": str(tmp_path / "new")})
    services = Services.open(settings)
    instance = services.instances.add("suporte", token_hash="abc", gateway=None, created_at=1.0)
    one = Integration(
        id="int_abcdefghi",
        instance_id=instance.id,
        base_url="https://chat.example.com",
        account_id=5,
        api_token=Secret("a-token-of-chatwoot"),
        inbox_id=7,
        inbox_name="Suporte",
        options=InboxOptions(ignore_groups=True),
        status=Status.ACTIVE,
        last_error=None,
        created_at=2.0,
        chatwoot_version="4.15.1",
        webhook_key="key",
        webhook_secret=Secret("a-secret"),
    )
    services.integrations.save(one)
    services.close()

    # The same rows in the tables as they were then.
    (tmp_path / "old").mkdir()
    old = Database(tmp_path / "old" / "bridge.db")
    migrations.apply(old, stop_before=released)
    old.execute("attach database ? as new", [str(settings.database)])
    for table in ("meta", "instance", "token", "integration"):
        columns = ", ".join(column.name for column in old.table(table).columns)
        old.execute(f"insert into {table} ({columns}) select {columns} from new.{table}")
    old.conn.commit()
    old.execute("detach database new")
    old.close()
    for name in ("encryption.key", "account-token"):
        (tmp_path / "old" / name).write_bytes((tmp_path / "new" / name).read_bytes())

    services = Services.open(load({"BRIDGE_INSTANCE_DIR": str(tmp_path / "old")}))
    found = services.instances.find("suporte")
    assert found is not None
    assert services.integrations.of(found.id) == one
    assert services.instances.of_token("abc") == found
    services.close()
    assert run("status", BRIDGE_INSTANCE_DIR=str(tmp_path / "old")).returncode == 0


def test_sentences_that_an_older_version_stored_stay_readable(tmp_path: Path) -> None:
    """0.1.0 kept what went wrong in words."""
    given = {"BRIDGE_INSTANCE_DIR": str(tmp_path)}
    assert run("instance", "add", "suporte", **given).returncode == 0
    sentence = "Chatwoot rejected the API token - verify chatwootApiToken. Detail: HTTP 401: {x}"
    given_up = f"given up after 72 hours: {sentence}"
    new = Database(tmp_path / "bridge.db")
    old = Database(tmp_path / "old.db")
    migrations.apply(old, stop_before="m009_versions")
    old.execute("attach database ? as new", [str(tmp_path / "bridge.db")])
    for table in ("meta", "instance", "token"):
        columns = ", ".join(column.name for column in old.table(table).columns)
        old.execute(f"insert into {table} ({columns}) select {columns} from new.{table}")
    old.execute(
        "insert into integration (id, instance_id, base_url, account_id, api_token, inbox_id, "
        "inbox_name, sign_messages, ignore_groups, start_as_pending, reopen_resolved, status, "
        "last_error, chatwoot_version, webhook_key, webhook_secret, created_at) values ('int_a', "
        "1, 'https://chat.example', 5, '', 7, 'Suporte', 0, 0, 0, 0, 'error', ?, '4.15.1', 'k', "
        "'', 1)",
        [sentence],
    )
    old.execute(
        "insert into chat (instance_id, kind, address, name) values (1, 'private', 'a', 'Ana')"
    )
    old.execute(
        "insert into journal (instance_id, chat_id, direction, key, position, body, state, reason, "
        "received_at, done_at) values (1, 1, 'in', 'message:A', 0, '{}', 'dead', ?, 1, 2)",
        [given_up],
    )
    old.execute("insert into try values (1, 1, 0.1, 'failed', ?)", [sentence])
    old.conn.commit()
    old.execute("detach database new")
    for database in (old, new):
        database.close()
    for rest in tmp_path.glob("bridge.db*"):
        rest.unlink()
    (tmp_path / "old.db").rename(tmp_path / "bridge.db")

    [letter] = json.loads(run("dead", "list", "--json", **given).stdout)
    assert letter["reason"] == given_up
    way = json.loads(run("trace", "--json", "#1", **given).stdout)
    assert {one["detail"] for one in way["steps"]} == {"", sentence, given_up}
    assert given_up in " ".join(run("trace", "#1", **given).stdout.split())
    assert json.loads(run("status", "--json", **given).stdout)["instances"][0]["status"] == "error"


def test_a_newer_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    given = {"BRIDGE_INSTANCE_DIR": str(tmp_path)}
    assert run("instance", "add", "suporte", **given).returncode == 0
    with Database(tmp_path / "bridge.db").conn as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('bridge', 'm999_from_the_future', '')"
        )
    connection.close()
    for command in (["serve", "--port", "1"], ["status"], ["rotate-key"]):
        done = run(*command, **given)
        assert done.returncode in {1, 2}
    assert "was written by a newer version of this program (m999_from_the_future)" in done.stderr
