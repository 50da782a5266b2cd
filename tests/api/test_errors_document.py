"""docs/errors.md knows every error: its status, its sentence, its cause and its remedy."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge.domain.errors
from bridge.domain.errors import BridgeError

PACKAGE = Path(bridge.domain.errors.__file__).resolve().parents[2]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def every_error() -> list[type[BridgeError]]:
    """The whole tree, wherever its classes are written down."""
    for path in PACKAGE.rglob("*.py"):
        if path.stem not in {"__main__", "__init__"}:
            name = path.relative_to(PACKAGE.parent).with_suffix("")
            importlib.import_module(".".join(name.parts))

    def below(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
        yield kind
        for one in kind.__subclasses__():
            yield from below(one)

    return sorted(set(below(BridgeError)), key=lambda one: (one.code, one.__name__))


def entries() -> dict[str, tuple[int, str]]:
    """Code -> status and text of each entry, its lines joined and its quoting taken away."""
    found = re.split(r"^### `(\w+)` \((\d+)\)$", DOCUMENT.read_text(encoding="utf-8"), flags=re.M)
    return {
        code: (int(status), " ".join(re.sub(r"^> ?", "", text, flags=re.M).split()))
        for code, status, text in zip(found[1::3], found[2::3], found[3::3], strict=True)
    }


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_is_documented_with_its_status_sentence_and_remedy(
    kind: type[BridgeError],
) -> None:
    entry = entries().get(kind.code)
    assert entry, f"docs/errors.md has no entry for {kind.code}"
    status, text = entry
    assert status == kind.status
    assert kind.sentence in text
    assert f"Remedy: {kind.remedy}" in text
    assert re.search(r"Cause: \S", text)


def test_no_entry_is_left_of_an_error_that_is_gone() -> None:
    assert set(entries()) == {kind.code for kind in every_error()}


def test_a_code_means_one_status() -> None:
    by_code: dict[str, set[int]] = {}
    for kind in every_error():
        by_code.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in by_code.items() if len(found) > 1} == {}
