"""No text makes a conversion work worse than in proportion to its length."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from bridge.markup import plain, protect_liquid, signature, to_chatwoot, to_whatsapp
from tests.markup import hostile

LENGTH = 1500
#: Four times the length may cost four times the work, and a logarithm and a bounded nesting on top.
MOST = 5.0


def steps(convert: Callable[[str], str], text: str) -> int:
    """How many lines of Python run, those of the libraries among them."""
    count = 0

    def trace(_frame: FrameType, event: str, _value: Any) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        convert(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", hostile.UNITS)
@pytest.mark.parametrize(
    "convert",
    [to_whatsapp, to_chatwoot, protect_liquid, signature, plain],
    ids=lambda convert: convert.__name__,
)
def test_four_times_the_text_is_four_times_the_work(
    convert: Callable[[str], str], name: str
) -> None:
    short, long = hostile.text(name, LENGTH), hostile.text(name, 4 * LENGTH)
    few = steps(convert, short)
    assert steps(convert, long) <= MOST * max(few, 200)
