"""What the documents promise is what the program has."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bridge.options import INSTANCE_DIR, OPTIONS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    for option in (INSTANCE_DIR, *OPTIONS):
        default = f"`{option.default}`" if option.default else ""
        assert f"| `{option.name}` | {default} | {option.meaning} |" in README


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    known = {option.name for option in (INSTANCE_DIR, *OPTIONS)}
    assert set(re.findall(r"BRIDGE_[A-Z_]+", README)) <= known


def test_the_reference_is_what_the_program_says() -> None:
    """Mend a difference with `make docs`."""
    said = subprocess.run(
        [sys.executable, "-P", ROOT / "docs" / "reference.py"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == said


def test_links_between_the_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
