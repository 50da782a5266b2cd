"""What the project says about itself in several files is the same in all of them."""

import re
import tomllib
from pathlib import Path

import bridge

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SUPPORTED = [
    name.rpartition(" ")[2]
    for name in PROJECT["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
]


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    assert PROJECT["requires-python"] == f">={SUPPORTED[0]}"
    built = re.findall(r"\b(3\.\d+)\.\d+-cp\d+", (ROOT / "Makefile").read_text("utf-8"))
    assert built == SUPPORTED
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    [matrix] = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r'"(.+?)"', matrix) == SUPPORTED


def test_the_workflow_runs_the_whole_proof() -> None:
    assert "- run: .ci/run\n" in (ROOT / ".github/workflows/ci.yml").read_text("utf-8")


def test_an_issue_brings_what_doctor_says() -> None:
    assert "chatwoot-bridge doctor --json" in (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()


def test_the_changes_name_the_version_that_this_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"(?m)^## (.+)$", text)
    assert headings[0] == "Unreleased"
    released = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", one) for one in headings[1:]]
    assert all(released)
    versions = [tuple(map(int, one[1].split("."))) for one in released if one]
    assert versions == sorted(versions, reverse=True)
    assert bridge.__version__ in [one[1] for one in released if one]
