"""The agent's name above the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.markup import signature, to_chatwoot

TABLE = [
    ("Ana", "*Ana*:"),
    ("  Ana   Maria ", "*Ana Maria*:"),
    ("*Ana*", "*Ana*:"),
    ("ana_maria", "*ana_maria*:"),
    ("_ana_", "*ana*:"),
    ("~Ana~ `x`", "*Ana x*:"),
    ("Ana\nBot", "*Ana Bot*:"),
    ("A*n*a", "*Ana*:"),
    ("", ""),
    ("  ", ""),
    ("***", ""),
    ("\u202eanA\u200b", "*anA*:"),
    ("Jo\u00e3o \U0001f600", "*Jo\u00e3o \U0001f600*:"),
]


@pytest.mark.parametrize(("name", "line"), TABLE)
def test_table(name: str, line: str) -> None:
    assert signature(name) == line


@settings(deadline=None)  # the machine may be busy
@given(st.text() | st.text(alphabet="*_~`a \n\u200b"))
def test_a_name_cannot_change_how_the_rest_looks(name: str) -> None:
    line = signature(name)
    assert "\n" not in line
    assert line == "" or (line.startswith("*") and line.endswith("*:"))
    assert not set(line[1:-2]) & set("*`")
    assert to_chatwoot(f"{line}\nhello").endswith("\nhello")
