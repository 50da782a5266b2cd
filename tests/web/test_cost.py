"""What the pages ask of the journal is found by an index, whatever has gathered in it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.config.settings import load
from bridge.operations import messages
from bridge.services import Services
from bridge.web.console import cards

#: Small tables, and the index of what is not done, may be read from end to end.
_MAY_SCAN = re.compile(
    r"SCAN (i|instance|alias|chat|c|constant)\b|SCAN (j|journal) USING INDEX journal_state"
)
ASKED: dict[str, Callable[[Services], object]] = {
    "overview": lambda services: cards.of(services.instances.all(), services),
    "waiting": messages.in_trouble,
    "in line": messages.in_line,
    "trace": lambda services: messages.trace(1, services),
    "audit": lambda services: services.audit.latest(),
    "phone": lambda services: messages.find("+55 11 99999-0001", services),
    "name": lambda services: messages.find("Maria", services),
    "words": lambda services: messages.find("blue shoes", services),
    "gateway id": lambda services: messages.find("3EB0F1", services),
    "Chatwoot id": lambda services: messages.find("77", services),
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """An installation with one message."""
    folder: Path = tmp_path_factory.mktemp("cost") / "instance"
    services = Services.open(load({"BRIDGE_INSTANCE_DIR": str(folder), "BRIDGE_SANDBOX": "false"}))
    with services.store.write() as db:
        db.execute("insert into instance (id, name, created_at) values (1, 'support', 0)")
        db.execute(
            "insert into chat (id, instance_id, kind, address, name) "
            "values (1, 1, 'private', '5511999990001@s.whatsapp.net', 'Maria')"
        )
        db.execute(
            "insert into journal (id, instance_id, chat_id, job, key, position, body, state, "
            "received_at) values (1, 1, 1, 'message', 'message:3EB0F1', 0, '{}', 'done', 0)"
        )
    yield services
    services.close()


@pytest.mark.parametrize("page", ASKED)
def test_no_page_reads_all_of_the_journal(services: Services, page: str) -> None:
    connection = services.store.db.conn
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    ASKED[page](services)
    connection.set_trace_callback(None)
    queries = [one for one in asked if one.lower().startswith("select")]
    assert queries
    for query in queries:
        plan = [row[3] for row in connection.execute(f"explain query plan {query}")]
        scans = [step for step in plan if "SCAN" in step and not _MAY_SCAN.search(step)]
        assert not scans, f"{query}: {scans}"
