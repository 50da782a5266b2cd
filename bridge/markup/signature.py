"""The name above a text."""

import re
import unicodedata

#: Marks that WhatsApp would read; `_` and `~` only where they stand at the edge of a word.
_MARKS = re.compile(r"[*`]|(?<!\w)[_~]+|[_~]+(?!\w)|(?<=[_~])[_~]|[_~](?=[_~])")
_BRACKETS = str.maketrans({"[": "(", "]": ")", "<": None, ">": None, "\\": None, "&": "+"})


def signature(name: str) -> str:
    """`*Name*:` in WhatsApp's markup, empty when nothing of the name can be shown.

    Marks and line breaks in a name cannot change how the rest looks.
    """
    shown = _shown(name)
    return f"*{shown}*:" if shown else ""


def plain(name: str) -> str:
    """A name that can be put between marks of either markup, never empty."""
    return _shown(name.translate(_BRACKETS)) or "?"


def _shown(name: str) -> str:
    visible = "".join(
        " " if char.isspace() else char
        for char in name
        if char.isspace() or unicodedata.category(char)[0] != "C" or char == "\u200d"
    )
    before = ""
    while before != visible:
        before, visible = visible, _MARKS.sub("", visible)
    shown = " ".join(visible.split())
    return shown if shown.strip("\u200d") else ""
