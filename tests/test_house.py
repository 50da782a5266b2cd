"""The house is in order: imports point down, and what belongs into one room is found only there."""

import ast
import functools
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "bridge"
SANDBOX = ROOT / "sandbox"
#: The map in the docstring of the package: indented lines, rooms before the first wide gap.
FLOORS = [
    re.split(r" {3,}", line.strip())[0].split()
    for line in (bridge.__doc__ or "").splitlines()
    if line.startswith("    ")
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: What the sandbox may use of the package.
SANDBOX_MAY_USE = {"bridge.config", "bridge.domain", "bridge.runtime"}
#: Libraries that belong to some places only.
ONLY_IN = {
    "flask": {"bridge.web", "sandbox"},
    "flask_wtf": {"bridge.web"},
    "werkzeug": {"bridge.web", "sandbox"},
    "requests": {"bridge.net"},
    "urllib3": {"bridge.net"},
    "cryptography": {"bridge.store.vault"},
    "sqlite3": {"bridge.store", "sandbox"},
    "websocket": {"bridge.net"},
    "prometheus_client": {"bridge.operations"},
}
MODULES = [
    path
    for path in sorted([*HOUSE.rglob("*.py"), *SANDBOX.rglob("*.py")])
    if path != HOUSE / "__init__.py"
]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(name: str) -> str:
    return name.split(".")[1]


def within(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    here = name_of(path)
    for name in imports(path):
        first = name.split(".")[0]
        assert within(here, ONLY_IN.get(first, {here})), f"{name} belongs in {ONLY_IN[first]}"
        if here.startswith("sandbox"):
            assert first != "bridge" or within(name, SANDBOX_MAY_USE), f"not {name} in the sandbox"
        else:
            assert first != "sandbox", f"{here} must not use the sandbox"
            if first == "bridge" and room_of(name) not in {room_of(here), "__version__"}:
                assert FLOOR[room_of(name)] < FLOOR[room_of(here)], f"{here} must not use {name}"


def test_the_house_stays_as_small_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Rooms are folders and loose modules, arrows their imports, floors the longest chain."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        if path.is_relative_to(HOUSE):
            here = room_of(name_of(path))
            names = {name for name in imports(path) if name.startswith("bridge.")}
            rooms[here] |= {room_of(name) for name in names} - {here, "__version__"}

    @functools.cache
    def floors(room: str) -> int:
        return 1 + max((floors(below) for below in rooms[room]), default=0)

    assert set(rooms) == set(FLOOR), "the map in bridge/__init__.py names every room"
    arrows = sum(len(below) for below in rooms.values())
    highest = max(floors(room) for room in list(rooms))
    with capsys.disabled():
        sys.stdout.write(f"\n{len(rooms)} rooms, {arrows} arrows, {highest} floors\n")
    assert len(rooms) <= 20
    assert arrows <= 75
    assert highest <= 9


def test_chatwoot_and_gateways_do_not_know_each_other() -> None:
    for here, there in (("chatwoot", "gateways"), ("gateways", "chatwoot")):
        for path in (HOUSE / here).rglob("*.py"):
            assert not [name for name in imports(path) if name.startswith(f"bridge.{there}")]


def test_the_pretend_whatsapp_knows_no_gateway() -> None:
    """One module lists the dialects that are served; a further dialect touches nothing else."""
    importers = {
        name_of(path)
        for path in (SANDBOX / "whatsapp").rglob("*.py")
        if any(name.startswith("sandbox.gateways") for name in imports(path))
    }
    assert importers == {"sandbox.whatsapp.registry"}
    kinds = [path.name for path in (SANDBOX / "gateways").iterdir() if path.is_dir()]
    for path in (SANDBOX / "whatsapp").rglob("*.py"):
        if path.name != "registry.py":
            text = path.read_text("utf-8").lower()
            assert not [kind for kind in kinds if kind in text and kind != "__pycache__"], path


def test_the_environment_is_read_in_one_place() -> None:
    for path in MODULES:
        if "os.environ" in path.read_text("utf-8") and path.is_relative_to(HOUSE):
            assert name_of(path) == "bridge.config.settings"


def test_no_module_does_two_jobs() -> None:
    """A module past 400 lines is split along its seam."""
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {str(path): size for path, size in sizes.items() if size > 400} == {}


@pytest.mark.parametrize(
    "folder",
    [path.parent for path in MODULES if path.name == "__init__.py"],
    ids=lambda folder: str(folder.relative_to(ROOT)),
)
def test_each_folder_says_what_lives_there(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))


def test_no_two_public_classes_share_a_name() -> None:
    """A name leads to one class, wherever it is imported."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        if path.is_relative_to(HOUSE):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
