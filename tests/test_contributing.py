"""A newcomer's tasks, done in a copy of the checkout.

CONTRIBUTING.md lists exactly the files that each touches, and the checks that guard them pass.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: What is copied: everything that a check reads.
_PARTS = ("bridge", "sandbox", "templates", "static", "tests", "bench", "docs", "deploy")
_CATALOGS = [f"bridge/web/locales/{code}/LC_MESSAGES/messages.po" for code in ("pt_BR", "es")]
#: Checks of every task, and those that no dummy can break and that take long.
_ALWAYS = [
    "tests/test_house.py",
    "tests/test_words.py",
    "tests/test_imports.py",
    "tests/api/test_errors_document.py",
    "tests/web/test_languages.py",
]
_CHOICE = "not cites and not repository and not browser and not switch and not two_jobs"


class Copy:
    """A copy of the checkout that a newcomer works on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in _PARTS:
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        for path in ROOT.iterdir():
            if path.is_file() and not path.name.startswith("."):
                shutil.copy(path, folder / path.name)
        shutil.copytree(ROOT / ".github", folder / ".github")
        self._before = self._hashes()

    def write(self, path: str, text: str) -> None:
        """A new file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def add(self, path: str, text: str, *, after: str = "") -> None:
        """Puts `text` after the first line that holds `after`, or at the end of the file."""
        file = self.folder / path
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        number = len(lines)
        if after:
            number = next(index for index, line in enumerate(lines) if after in line) + 1
        file.write_text("".join([*lines[:number], text, *lines[number:]]), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        """Runs Python in the copy; what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            # The folder comes first, so that the copy is tested and not the checkout.
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.folder), "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def make_docs(self) -> None:
        """`make docs`."""
        self.write("docs/reference.md", self.run("docs/reference.py"))

    def make_messages(self) -> None:
        """`make messages`, and every new text translated."""
        self.run("docs/messages.py")
        for path in _CATALOGS:
            file = self.folder / path
            text = file.read_text(encoding="utf-8")
            translated = re.sub(
                r'msgid "(.+)"\nmsgstr ""\n(?!")', r'msgid "\1"\nmsgstr "\1"\n', text
            )
            file.write_text(translated, encoding="utf-8")

    def changed(self) -> set[str]:
        """The files that are new or different."""
        return {path for path, digest in self._hashes().items() if self._before.get(path) != digest}

    def _hashes(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file() and "cache" not in str(path.relative_to(self.folder))
        }


def _gateway(copy: Copy) -> list[str]:
    copy.write("bridge/gateways/hello/__init__.py", '"""A gateway that greets."""\n')
    copy.write(
        "bridge/gateways/hello/gateway.py",
        '''"""A gateway that speaks as RyzeAPI does."""

from bridge.gateways.ryzeapi.gateway import RyzeApi


class Hello(RyzeApi):
    """Another gateway."""
''',
    )
    place = "bridge/gateways/__init__.py"
    copy.add(place, "from bridge.gateways.hello.gateway import Hello\n", after="import Gateway")
    copy.add(place, 'GATEWAYS["hello"] = Hello\n')
    place = "tests/gateways/stands.py"
    copy.add(
        place, "from bridge.gateways.hello.gateway import Hello\n", after="base import Gateway"
    )
    copy.add(
        place,
        '''

class HelloStand(RyzeStand):
    """The other side of it."""

    def gateway(self, *, token: str = "", instance: str = "", base_url: str = "") -> Gateway:
        config = GatewayConfig("hello", base_url or self._phone.url, Secret(token or self.token))
        return Hello(instance or self.instance, config, Http())


STANDS["hello"] = HelloStand
''',
    )
    copy.make_docs()
    return ["tests/gateways/test_contract.py", "-k", "hello and TestSending or stand or not Test"]


def _error(copy: Copy) -> list[str]:
    copy.add(
        "bridge/domain/errors/__init__.py",
        """

class HelloFailed(BridgeError, code="hello_failed", status=400):
    sentence = N_("hello did not work")
    remedy = N_("Say it again.")
""",
    )
    copy.add(
        "docs/errors.md",
        """
### `hello_failed` (400)

> hello did not work

Cause: Nobody was there.

Remedy: Say it again.
""",
    )
    copy.make_messages()
    return []


def _page(copy: Copy) -> list[str]:
    copy.write(
        "bridge/web/console/hello.py",
        '''"""A page that greets."""

from flask import Blueprint, render_template

blueprint = Blueprint("hello", __name__)


@blueprint.get("/hello")
def hello() -> str:
    """Greets."""
    return render_template("console/hello.html")
''',
    )
    copy.write(
        "templates/console/hello.html",
        """{% extends "base.html" %}
{% block title %}{{ _("A greeting") }}{% endblock %}
{% block content %}<h1>{{ _("A greeting") }}</h1>{% endblock %}
""",
    )
    place = "bridge/web/app.py"
    line = "from bridge.web.console.hello import blueprint as hello\n"
    copy.add(place, line, after="from bridge.web.console import")
    copy.add(
        place, "    app.register_blueprint(hello)\n", after="app.register_blueprint(blueprint)"
    )
    copy.make_messages()
    return ["tests/web/test_every_route.py", "-k", "stranger"]


def _setting(copy: Copy) -> list[str]:
    copy.add(
        "bridge/config/settings.py",
        '    hello: str = _setting("world", readers.text, "Whom the service greets.")\n',
        after="    host: str",
    )
    row = "| `BRIDGE_HELLO` | `world` | {} |\n"
    copy.add("README.md", row.format("Whom the service greets."), after="| `BRIDGE_HOST`")
    copy.add("README.pt-BR.md", row.format("Quem o serviço saúda."), after="| `BRIDGE_HOST`")
    copy.make_docs()
    return []


def _option(copy: Copy) -> list[str]:
    copy.add(
        "bridge/domain/options.py",
        '    say_hello: bool = _option(False, "sayHello", N_("Say hello"), N_("Greets people."))\n',
        after='module)."""',
    )
    copy.add(
        "bridge/store/migrations.py",
        '''

@migrations()
def m999_hello(db: Database) -> None:
    """Whether contacts are greeted."""
    db.execute("alter table integration add column say_hello integer not null default 0")
''',
    )
    copy.make_messages()
    copy.make_docs()
    return ["tests/api/test_openapi.py", "tests/ops/test_joining_commands.py", "-k", "not slow"]


def _column(copy: Copy) -> list[str]:
    copy.add(
        "bridge/store/migrations.py",
        '''

@migrations()
def m999_hello(db: Database) -> None:
    """How a number greets."""
    db.execute("alter table instance add column greeting text not null default ''")
''',
    )
    copy.add("bridge/domain/models.py", '    greeting: str = ""\n', after="    connection: str")
    place = "bridge/store/instances.py"
    file = copy.folder / place
    text = file.read_text(encoding="utf-8")
    columns = "connected, connection"
    assert columns in text
    file.write_text(text.replace(columns, f"{columns}, greeting", 1), encoding="utf-8")
    return ["tests/store/test_upgrades.py"]


TASKS: dict[str, Callable[[Copy], list[str]]] = {
    "A gateway": _gateway,
    "An error": _error,
    "A page": _page,
    "A setting": _setting,
    "An option of the integration": _option,
    "A table column": _column,
}


def listed(task: str) -> set[str]:
    """The files that CONTRIBUTING.md lists for a task, with our name in the place of NAME."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [section] = re.findall(rf"(?ms)^### {task}\n(.*?)(?=^##)", text)
    return {path.replace("NAME", "hello") for path in re.findall(r"(?m)^- `(\S+?)`:", section)}


def test_each_task_of_the_document_is_tried() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^### (.+)$", text) == list(TASKS)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_task_touches_the_files_that_are_listed_and_no_others(task: str, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "checkout")
    guards = TASKS[task](copy)
    folders = {path for path in listed(task) if path.endswith("/")}
    touched = {next(filter(path.startswith, folders), path) for path in copy.changed()}
    assert touched == listed(task)
    quiet = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-x"]
    copy.run("-m", "pytest", *quiet, *_ALWAYS, "-k", _CHOICE)
    if guards:
        copy.run("-m", "pytest", *quiet, *guards)
