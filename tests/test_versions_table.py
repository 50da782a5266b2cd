"""The documents say of the versions of Chatwoot what the table in the program says."""

import re
from pathlib import Path

import pytest

from bridge.chatwoot import versions
from bridge.chatwoot.versions import Can

ROOT = Path(__file__).resolve().parent.parent


def _rows(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"(?m)^\| (\d+\.\d+\.\d+) \|", text)


@pytest.mark.parametrize("document", ["README.md", "README.pt-BR.md", "docs/routing.md"])
def test_the_documents_have_a_row_for_each_capability(document: str) -> None:
    assert _rows(document) == [can.since for can in Can]


def test_the_documents_name_the_lowest_version() -> None:
    lowest = versions.spelled(versions.OLDEST)
    for document in ("README.md", "README.pt-BR.md", "docs/routing.md"):
        assert lowest in (ROOT / document).read_text(encoding="utf-8"), document


def test_a_row_of_the_table_holds_from_its_version_on() -> None:
    for can in Can:
        assert can.in_version(can.since)
        assert can.in_version("99.0.0")
        assert can.in_version("develop")


def test_a_gap_in_a_row_is_a_gap() -> None:
    link = Can.TELL_SURVEY_LINK
    assert [link.in_version(one) for one in ("4.2.9", "4.3.0", "4.3.9", "4.4.0")] == [
        True,
        False,
        False,
        True,
    ]
