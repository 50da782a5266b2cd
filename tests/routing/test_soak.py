"""Everything fails inside Chatwoot at random, and processes are killed: the soak in short."""

import random

import pytest

from bench import soak


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_messages_survive_random_faults_inside_chatwoot_and_kills(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Longer ones are run by hand: `python -m bench.soak --inside-s 1800`."""
    seed = random.randrange(10**6)
    plan = soak.Plan(
        messages=1200,
        chats=30,
        kills=4,
        outages=0,
        outage_s=80.0,
        settle_s=300.0,
        inside_s=90.0,
        firewall=0.02,
    )
    waits = {"BRIDGE_LOOK_INTERVAL": "5", "BRIDGE_CHATWOOT_RUNS_ON": "10"}
    went_well = soak.run(plan, random.Random(seed), **waits, BRIDGE_RETRY_MOST="5")
    assert went_well, f"seed {seed}: {capsys.readouterr().out}"
