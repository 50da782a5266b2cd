"""The sandbox Chatwoot answers, tells by webhook and tells by cable what a real 4.16.2 did."""

import json
import queue
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import SandboxChatwoot

HERE = Path(__file__).resolve().parent
#: {scenario: {step: what is expected}}
EXPECTED: dict[str, dict[str, object]] = json.loads((HERE / "replay_expected.json").read_text())
#: {scenario: {step: why the sandbox may differ there}}
SKIPPED: dict[str, dict[str, str]] = tomllib.loads((HERE / "skipped.toml").read_text())
#: Scenarios that any Chatwoot bridge meets as a whole: no step of them is skipped, but for the
#: parts of Liquid that no agent writes.
MET = (
    *("contact_", "talk_", "message_", "cable", "webhook_", "inbox_", "refusals_", "profile"),
    *("flood", "typing", "csat", "greeting", "bot_inbox", "auto_assignment", "token_reset"),
)
MOST_SKIPPED = 60
#: They mostly wait for what is not told, so there are more of them than cores.
WORKERS = 6
#: The longest take part first, so that no worker is left with one of them at the end.
FIRST = ("webhook_failures", "talk_change", "cable_events", "cable", "message_status", "typing")


def replay(sandbox: SandboxChatwoot, scenario: str) -> dict[str, list[str]]:
    """{step: the lines that say how it differs}. The sandbox is reset first."""
    command = [sys.executable, str(HERE / "replay.py"), "--base", sandbox.base_url]
    ran = subprocess.run(
        [*command, "--only", scenario, "--quiet"], capture_output=True, text=True, check=False
    )
    heading = f"DIFF {scenario} " if ran.returncode else f"SAME {scenario} "
    assert heading in ran.stdout, f"{scenario} did not run: {ran.stdout}{ran.stderr}"
    differs: dict[str, list[str]] = {}
    steps = {*EXPECTED[scenario], "stopped"}
    for line in ran.stdout.split("\n     differs ")[1:]:
        step = max((one for one in steps if line.startswith(f"{one}: ")), key=len)
        differs.setdefault(step, []).append(line)
    return differs


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[dict[str, list[str]]]]]:
    """{scenario: what differs}, of the scenarios that this run asks for."""
    asked = {
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and "outcomes" in item.fixturenames
    }
    order = sorted(asked, key=lambda name: (name not in FIRST, name))
    found: dict[str, Future[dict[str, list[str]]]] = {name: Future() for name in order}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in order:
        waiting.put(name)

    def work(folder: Path) -> None:
        sandbox = SandboxChatwoot(folder)
        try:
            with suppress(queue.Empty):
                while True:
                    name = waiting.get_nowait()
                    try:
                        differs = replay(sandbox, name)
                        # On a busy machine something may be told too late to be seen.
                        if unexpected(name, differs):
                            differs = replay(sandbox, name)
                        found[name].set_result(differs)
                    except BaseException as error:
                        found[name].set_exception(error)
        finally:
            sandbox.stop()

    workers = [
        threading.Thread(target=work, args=(tmp_path_factory.mktemp(f"worker{number}"),))
        for number in range(min(WORKERS, len(order)))
    ]
    for worker in workers:
        worker.start()
    yield found
    for worker in workers:
        worker.join()


def unexpected(scenario: str, differs: dict[str, list[str]]) -> list[str]:
    """What differs from the real one and is not on the list."""
    skipped = SKIPPED.get(scenario, {})
    return [line for step, found in differs.items() if step not in skipped for line in found]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_sandbox_answers_as_a_real_chatwoot_did(
    outcomes: dict[str, Future[dict[str, list[str]]]], scenario: str
) -> None:
    differs = outcomes[scenario].result()
    skipped = SKIPPED.get(scenario, {})
    lines = unexpected(scenario, differs)
    assert not lines, "\n".join(["it differs from the real one:", *lines])
    assert not skipped.keys() - differs.keys(), "these no longer differ: take them off the list"


def test_few_steps_are_skipped_and_each_says_why() -> None:
    assert sum(map(len, SKIPPED.values())) <= MOST_SKIPPED
    for scenario, steps in SKIPPED.items():
        assert scenario == "message_liquid" or not scenario.startswith(MET)
        assert steps.keys() <= EXPECTED[scenario].keys()
        assert all(len(reason.split()) > 2 for reason in steps.values())
