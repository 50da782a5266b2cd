"""What the documents promise is what the program has."""

import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bridge.cli.main import commands
from bridge.config.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PORTUGUESE = (ROOT / "README.pt-BR.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    path
    for folder, pattern in ((".", "*.md"), ("bench", "*.md"), ("docs", "**/*.md"))
    for path in (ROOT / folder).glob(pattern)
)
every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
SOURCES = sorted(
    path for folder in ("bridge", "tests", "bench") for path in (ROOT / folder).rglob("*.py")
)
#: Steps of the schema, which are never changed once released, and who names a column of theirs.
_RELEASED = {ROOT / "bridge" / "store" / name for name in ("early_migrations.py", "migrations.py")}
#: What people read of us: code, pages and documents.
SPOKEN = sorted(
    path
    for folder in ("bridge", "sandbox", "templates", "static", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".html", ".js", ".css", ".md", ".svg"} and path not in _RELEASED
) + [ROOT / "README.md", ROOT / "README.pt-BR.md", ROOT / "CONTRIBUTING.md"]
_ODD_WORDS = re.compile(
    r"(?i)\b(?:deeds?|shores?|trays?|spares|intakes?|upkeep|bells?|doors?|couriers?"
    r"|mend(?:s|ed|ing)?|(?:its|their|on the) way|the oldest first)\b"
)
#: Fine in a sentence, but no names of things.
_ODD_NAMES = {"kept", "standing", "spares", "upkeep", "intake"} | {
    name + ending
    for name in ("deed", "shore", "tray", "bell", "door", "courier")
    for ending in ("", "s")
}
#: Where a path in a document may begin.
TOPS = (".", "bridge")
#: A document of the repository, as code cites it.
_CITED = re.compile(r"docs/[\w/-]+\.md")
_CONTRACTS = "docs/contracts/"
#: A command of ours at the head of a piece of code, behind variables, a path or Docker.
_COMMAND = re.compile(
    r"(?m)^(?:docker .* exec chatwoot-bridge )?(?:[A-Z_]+=\S+ )*(?:\S+/)?"
    r"(?:chatwoot-bridge|bridge) ([a-z][a-z-]*)(?: ([a-z-]+))?"
)


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    for option in SETTINGS:
        default = f"`{option.default}`" if option.default else ""
        assert f"| `{option.name}` | {default} | {option.meaning} |" in README


@every_document
def test_no_document_names_a_setting_that_does_not_exist(document: Path) -> None:
    known = {option.name for option in SETTINGS}
    known |= {f"{option.name}_FILE" for option in SETTINGS if option.secret}
    named = set(re.findall(r"BRIDGE_[A-Z_]*[A-Z]", _text(document)))
    assert named <= known


def test_both_readmes_say_the_same_things_in_the_same_order() -> None:
    """Settings with their defaults, errors, commands, files and addresses; the words differ."""
    assert _code(PORTUGUESE) == _code(README)
    assert re.findall(r"(?m)^\| `(BRIDGE_\w+)` \| (.*?) \|", PORTUGUESE) == re.findall(
        r"(?m)^\| `(BRIDGE_\w+)` \| (.*?) \|", README
    )
    assert re.findall(r"(?m)^\| (\d{3}) \| (.+?) \|", PORTUGUESE) == re.findall(
        r"(?m)^\| (\d{3}) \| (.+?) \|", README
    )
    assert [level for level, _ in _headings(PORTUGUESE)] == [
        level for level, _ in _headings(README)
    ]


def test_both_readmes_lead_to_the_same_places_and_to_each_other() -> None:
    english, portuguese = _links(README), _links(PORTUGUESE)
    assert "README.pt-BR.md" in english
    assert "README.md" in portuguese
    assert [one for one in portuguese if one != "README.md"] == [
        one for one in english if one != "README.pt-BR.md"
    ]


def test_the_reference_is_what_the_program_says() -> None:
    """Fix a difference with `make docs`."""
    said = subprocess.run(
        [sys.executable, "-P", ROOT / "docs" / "reference.py"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == said


@every_document
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    for link in _links(_text(document)):
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{link} leads nowhere"
        assert path.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor:
            assert anchor in _anchors(path), f"{link}: no such heading"


@every_document
def test_modules_that_a_document_names_exist(document: Path) -> None:
    """By their path in the repository, or in `bridge/`."""
    named = set(re.findall(r"`([\w-]+/[\w/-]+\.py)`", _text(document)))
    named = {path for path in named if "NAME" not in path}
    assert not [path for path in named if not any((ROOT / top / path).exists() for top in TOPS)]


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        path = left.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        targets = [link.partition("#")[0] for link in _links(_text(path))]
        left += [(path.parent / target).resolve() for target in targets if target]
    assert set(DOCUMENTS) <= reached


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_code_cites_is_in_the_repository(source: Path) -> None:
    """Documents by their path; of a contract, headings behind it: `<path>, Looks and Limits`."""
    flat = re.sub(r"\s*\n\s*(?:#:? )?", " ", _text(source))
    for found in _CITED.finditer(flat):
        document, rest = ROOT / found[0], flat[found.end() : found.end() + 200]
        assert document.exists(), f"there is no {found[0]}"
        if found[0].startswith(_CONTRACTS) and not re.match(r"[).]|, docs/", rest):
            headings = sorted((title for _, title in _headings(_text(document))), key=len)
            _read_headings(rest.removeprefix(", "), headings[::-1], found[0])
    assert not re.search(r"\b(?<!/)(?:chatwoot|ryzeapi|evolution|waha|gowa)[\w-]*\.md\b", flat)
    assert not re.search(r"(?<!RFC \d{4} )\bsections? \d", flat), "a section of which document?"


@every_document
def test_targets_of_make_exist(document: Path) -> None:
    known = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = re.findall(r"(?m)(?:^|`|[A-Z_]+=\S+ )make ([a-z]+)\b", _text(document))
    assert set(named) <= known


@every_document
def test_commands_exist(document: Path) -> None:
    for name, below in _COMMAND.findall(_typed(_text(document))):
        command = commands.commands.get(name)
        assert command is not None, f"chatwoot-bridge {name}"
        if isinstance(command, click.Group) and below:
            assert below in command.commands, f"chatwoot-bridge {name} {below}"


@every_document
def test_options_of_commands_exist(document: Path) -> None:
    known = {"--help", "--version"}
    for command in _leaves(commands):
        for one in command.params:
            known |= {*one.opts, *one.secondary_opts}
    for line in _typed(_text(document)).splitlines():
        found = _COMMAND.match(line)
        if found:
            ours = line[found.end() :].partition("#")[0]
            assert set(re.findall(r"(?<= )--[a-z-]+", ours)) <= known


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_things_have_the_names_that_the_field_gives_them(path: Path) -> None:
    """Action, side, services, duplicate, validation, maintenance, wakeup, access, delivery, fix,
    queued, cached: these are the nouns, and the words below stood in their place once."""
    text = _text(path)
    odd = {found[0] for found in _ODD_WORDS.finditer(text)}
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            parts = re.findall(r"[A-Z]?[a-z]+", token.string)
            if token.type == tokenize.NAME and _ODD_NAMES & {part.lower() for part in parts}:
                odd.add(token.string)
    assert odd == set()


# -- small parts -----------------------------------------------------------------------------------


def _text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def _read_headings(rest: str, headings: list[str], document: str) -> None:
    """Fails where one of the names that `rest` begins with is no heading of the document."""
    more = True
    while more:
        name = next((one for one in headings if re.match(rf"{re.escape(one)}\b", rest)), None)
        assert name, f"{document} has no heading that begins {rest[:40]!r}"
        rest = rest[len(name) :]
        more = bool(step := re.match(r"(?:,| and|, and) (?=[A-Z])", rest))
        rest = rest[step.end() :] if step else rest


def _without_blocks(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def _typed(text: str) -> str:
    """What stands in code, one piece a line: blocks as they are, then every `span`."""
    blocks = re.findall(r"(?ms)^```(?!text)\w*\n(.*?)^```$", text)
    spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", _without_blocks(text))
    return "\n".join([*blocks, *(" ".join(span.split()) for span in spans)])


def _code(text: str) -> list[str]:
    """Every piece of code, without the remarks of shell blocks."""
    pieces = re.sub(r"(?m)\s+# .*$", "", _typed(text))
    return [line.strip() for line in pieces.splitlines()]


def _links(text: str) -> list[str]:
    """The targets within the repository, of links and of pictures."""
    plain = re.sub(r"(?<!`)`[^`]+`(?!`)", "", _without_blocks(text))
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", plain)


def _headings(text: str) -> list[tuple[int, str]]:
    found = re.findall(r"(?m)^(#{1,6}) (.+?)\s*$", _without_blocks(text))
    return [(len(marks), title) for marks, title in found]


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    found: set[str] = set()
    for _, title in _headings(_text(document)):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = 0
        while slug + (f"-{number}" if number else "") in found:
            number += 1
        found.add(slug + (f"-{number}" if number else ""))
    return found


def _leaves(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from _leaves(command)
        else:
            yield command
