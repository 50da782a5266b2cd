"""Whoever knows the folder of one gateway finds everything in that of another."""

from pathlib import Path

import bridge.gateways
from bridge.gateways import GATEWAYS
from tests.gateways.stands import STANDS

FOLDER = Path(bridge.gateways.__file__).parent
MODULES = {"__init__", "gateway", "calls", "parse", "content", "sending"}


def test_each_gateway_has_a_folder_with_the_same_modules_and_a_far_side_for_the_tests() -> None:
    folders = {path.parent for path in FOLDER.glob("*/__init__.py")}
    assert {folder.name for folder in folders} == set(GATEWAYS) == set(STANDS)
    for folder in folders:
        assert {path.stem for path in folder.glob("*.py")} == MODULES, folder.name
