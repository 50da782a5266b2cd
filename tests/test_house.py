"""The house is in order: imports point down, and what belongs into one room is found only there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent / "bridge"
FLOORS = [
    "errors",
    "options models messages assets deadline markup logs addresses languages texts",
    "settings vault http bell heartbeat pace processes",
    "store sockets",
    "credentials chatwoot gateways",
    "services backup",
    "capabilities",
    "intake routing rotation",
    "checks",
    "activation console metrics",
    "instances doctor",
    "supervisor commands",
    "cli web",
    "__main__",
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms.split()}
#: The sandbox stands apart: it may use these and nobody may use it.
SANDBOX_MAY_USE = {"sandbox", "assets", "settings", "errors", "logs"}
#: Modules that belong to one room only.
ONLY_IN = {
    "flask": {"web", "sandbox"},
    "flask_wtf": {"web"},
    "werkzeug": {"web", "sandbox"},
    "requests": {"http"},
    "urllib3": {"http"},
    "cryptography": {"vault"},
    "sqlite3": {"store", "sandbox"},
    "websocket": {"sockets"},
    "prometheus_client": {"metrics"},
}
MODULES = [path for path in sorted(HOUSE.rglob("*.py")) if path != HOUSE / "__init__.py"]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        first, _, rest = name.partition(".")
        assert room in ONLY_IN.get(first, {room}), f"{name} belongs in {ONLY_IN[first]}"
        other = rest.split(".")[0]
        if first != "bridge" or other in {room, "__version__"}:
            continue
        if room == "sandbox":
            assert other in SANDBOX_MAY_USE, f"the sandbox must not use {other}"
        else:
            assert other != "sandbox", f"{room} must not use the sandbox"
            assert FLOOR[other] < FLOOR[room], f"{room} must not import {other}"


def test_the_two_shores_do_not_know_each_other() -> None:
    for here, there in (("chatwoot", "gateways"), ("gateways", "chatwoot")):
        for path in (HOUSE / here).rglob("*.py"):
            assert not [name for name in imports(path) if name.startswith(f"bridge.{there}")]


def test_the_environment_is_read_in_one_place() -> None:
    readers = {room_of(path) for path in MODULES if "os.environ" in path.read_text("utf-8")}
    assert readers - {"sandbox"} <= {"settings"}


def test_no_module_does_two_jobs() -> None:
    """A module past 400 lines is split along its seam."""
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {str(path): size for path, size in sizes.items() if size > 400} == {}
