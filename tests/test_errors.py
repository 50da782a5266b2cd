"""Errors are stored as code and values, and read back as what they were."""

import importlib
import json
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chatwoot.refusals import ConversationFlooded
from bridge.config import languages
from bridge.domain.errors import (
    BridgeError,
    GivenUp,
    InvalidBody,
    NotYet,
    Problem,
    TokenRejected,
    dump,
    load,
)
from bridge.gateways.base import GatewayRefuses, GatewayUnavailable

PACKAGE = Path(languages.__file__).resolve().parents[1]
MODULES = [path for path in PACKAGE.rglob("*.py") if path.stem not in {"__main__", "__init__"}]


def every_error() -> list[type[BridgeError]]:
    """The whole tree, wherever its classes are written down."""
    for path in MODULES:
        name = path.relative_to(PACKAGE.parent).with_suffix("")
        importlib.import_module(".".join(name.parts))

    def below(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
        yield kind
        for one in kind.__subclasses__():
            if one.__module__.startswith("bridge."):
                yield from below(one)

    return sorted(set(below(BridgeError)), key=lambda one: one.code)


def filled(kind: type[BridgeError], value: object = "a value", **more: Any) -> BridgeError:
    """An error with every placeholder of its sentence and its remedy filled in."""
    cause = TokenRejected(detail="HTTP 401")
    if kind is GivenUp:
        return GivenUp(cause, hours=72)
    if kind is NotYet:
        return NotYet("the attachment of the message", retry_after_s=1.5)
    if kind is InvalidBody:
        return InvalidBody({"name": Problem("is required")})
    texts = (kind.sentence, kind.remedy)
    names = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
    values: dict[str, Any] = dict.fromkeys(names, value)
    return kind(**values, **more)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in every_error()]
    assert len(set(codes)) == len(codes)
    with pytest.raises(TypeError, match="code of its own"):
        type("Twin", (TokenRejected,), {})


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.code)
def test_an_error_comes_back_as_it_was(kind: type[BridgeError]) -> None:
    error = filled(kind)
    found = load(dump(error))
    assert type(found) is kind
    assert (found, found.message) == (error, error.message)
    assert str(found.next_step) == str(error.next_step)
    assert list(found.values) == list(error.values)
    assert "{" not in found.message + str(found.next_step)


@given(value=scalars, detail=st.text(), field=st.none() | st.text(min_size=1))
def test_any_value_comes_back(value: object, detail: str, field: str | None) -> None:
    error = GatewayUnavailable(
        detail=detail, field=field, base_url=value, reason=value, retry_after_s=2.5
    )
    for one in (error, GivenUp(error, hours=3)):
        text = dump(one)
        found = load(text)
        text.encode()
        found.message.encode()
        assert dump(found) == text
    assert load(dump(error)).retry_after_s == 2.5


@given(
    st.text() | st.recursive(scalars, lambda one: st.dictionaries(st.text(), one)).map(json.dumps)
)
def test_nothing_that_is_stored_raises(text: str) -> None:
    load(text).message.encode()


@pytest.mark.parametrize(
    "text",
    [
        "Chatwoot rejected the API token - verify chatwootApiToken. Detail: HTTP 401: {x}",
        "given up after 72 hours: no answer",
        '{"error": "Invalid Access Token"}',
        "12",
        "null",
        '{"code": 7}',
        '{"code": "told", "values": ' * 50_000,
        '{"code": "not_yet", "values": {"what": {"sentence": "{missing}"}}}',
    ],
)
def test_what_an_older_version_wrote_is_said_as_it_stands(text: str) -> None:
    assert load(text).message == text


def test_a_code_of_a_newer_version_says_what_it_holds() -> None:
    cause = {"code": "token_rejected"}
    values = {"limit": 5, "until": "noon", "cause": cause, "list": [1]}
    facts = {"code": "quota_met", "values": values, "detail": "HTTP 429"}
    said = load(json.dumps(facts)).message
    for part in ("quota_met", "limit: 5", "until: noon", TokenRejected.sentence, "HTTP 429"):
        assert part in said
    assert "{" not in said


def test_a_value_that_an_older_version_did_not_store_shows_a_gap() -> None:
    found = load('{"code": "inbox_gone", "values": {"inbox_id": 4}}')
    assert found.message == "inbox 4 no longer exists in Chatwoot account ?"


def test_a_time_to_wait_is_a_number() -> None:
    error = ConversationFlooded(base_url="http://chat.example", retry_after_s=10.0)
    assert load(dump(GivenUp(error, hours=72))).values["cause"] == error
    assert load(dump(error)).retry_after_s == 10.0
    assert TokenRejected().retry_after_s == 0


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "given up after 72 hours: the gateway refused the message: {no}. Detail: HTTP 400"),
        (
            "pt_BR",
            "desistência depois de 72 horas: o gateway recusou a mensagem: {no}. Detalhe: HTTP 400",
        ),
        (
            "es",
            "desistida después de 72 horas: el gateway rechazó el mensaje: {no}. Detalle: HTTP 400",
        ),
    ],
)
def test_a_cause_is_said_in_the_same_language(language: str, sentence: str) -> None:
    refused = GatewayRefuses(reason="{no}", detail="HTTP 400")
    assert languages.say(load(dump(GivenUp(refused, hours=72))).whole, language) == sentence


@pytest.mark.parametrize(
    "module", ["bridge.cli.main", "bridge.web.server.serve", "bridge.routing.process"]
)
def test_each_process_knows_what_another_one_stored(module: str) -> None:
    """Of what can go wrong on a message's way; the pages' own errors are never stored."""
    code = f"import {module}; from bridge.domain.errors.base import KINDS; print(*KINDS)"
    known = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    rooms = ("bridge.domain.errors", "bridge.chatwoot", "bridge.gateways", "bridge.routing")
    stored = {kind.code for kind in every_error() if kind.__module__.startswith(rooms)}
    assert stored <= set(known)


def test_nothing_reads_a_sentence_back() -> None:
    """No pattern is made of an error's words, and no part is cut out of them."""
    words = r"(?:sentence|remedy|last_error|\.message|\.said|\.whole|str\(error\))\)?"
    cut = re.compile(
        rf"re\.(?:compile|match|search|fullmatch|split|escape)\([^\n]*{words}\b"
        rf"|{words}\.(?:partition|rpartition|split|startswith|endswith|removeprefix|find|index)\("
        r"|\. Detail: \"|partition\(\"\. Detail"
    )
    found = {
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in MODULES
        if "sandbox" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if cut.search(line)
    }
    assert found == set()
