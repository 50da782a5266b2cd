"""What a text may hold before it is sent to others, and where a long one is cut.

Source: docs/contracts/chatwoot.md, Messages (NUL is refused, half characters make a 400, and a
text has at most 150,000 characters).
"""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

#: How far before the limit a better place for a cut is looked for, as a part of the limit.
_SEARCH = 5
#: Where a text is cut, the best place first.
_SEAMS = ("\n\n", "\n", ". ", " ")
#: The most characters that one visible sign is made of, such as a family of emoji.
_MOST_JOINED = 32
_JOINER = "\u200d"
#: Letters and symbols that show nothing: fillers of Hangul, the empty Braille pattern.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
_JOINERS = frozenset("\u200c\u200d")
_SKIN_TONES = range(0x1F3FB, 0x1F400)

_MAX_FILE_NAME = 120
#: Separators, and what has no place in a name: controls, and marks that turn the reading direction.
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')


def clean(text: str) -> str:
    """The text without NUL and without halves of characters, which no database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text.replace("\0", "")


def name(text: str) -> str:
    """A name as a person sees it, of a file too: in one line, without characters that are invisible
    or turn the reading direction; empty when nothing is left to be seen. Joiners stay between what
    they join, in emoji and in letters.
    """
    shown = [" " if char.isspace() else char for char in text if _has_place(char)]
    around = zip(["", *shown], shown, [*shown[1:], ""], strict=False)
    joined = "".join(
        char
        for before, char, after in around
        if char not in _JOINERS or (_may_join(before) and _may_join(after))
    )
    line = " ".join(joined.split())
    return line if any(map(_is_seen, line)) else ""


def file_name(value: str) -> str:
    """A name that no file system and no HTTP header can be harmed by; empty when nothing is left.

    Only the last part of a path, without controls, at most 120 characters with its ending kept.
    """
    name = _NOT_IN_FILE_NAMES.sub("_", re.split(r"[/\\]", value)[-1]).strip(" .")
    if len(name) <= _MAX_FILE_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:_MAX_FILE_NAME]
    return f"{stem[: _MAX_FILE_NAME - len(ending) - 1]}.{ending}"


def _has_place(char: str) -> bool:
    if char.isspace() or char in _JOINERS:
        return True
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs"}


def _may_join(char: str) -> bool:
    return bool(char) and unicodedata.category(char)[0] in "LMNS"


def _is_seen(char: str) -> bool:
    return char not in _BLANKS and unicodedata.category(char)[0] in "LNPSC" and not char.isspace()


def clean_json(value: object) -> object:
    """The same value with every text in it clean, names of fields included."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean_json(key): clean_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [clean_json(inner) for inner in value]
    return value


def json_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that a text holds, empty for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def split(text: str, limit: int, *, sent: Callable[[str], str] = lambda text: text) -> list[str]:
    """The text in pieces of at most `limit` characters each, also in the form `sent` gives them.

    Cut at the end of a paragraph, line, sentence or word where there is one near the limit; only
    blanks at a cut are lost. A text that fits is one piece.
    """
    pieces = []
    while len(sent(text)) > limit and len(text) > 1:
        size = min(limit, len(text) - 1)
        at = _seam(text, size)
        while len(sent(text[:at].rstrip())) > limit and size > 1:
            size //= 2
            at = _seam(text, size)
        if head := text[:at].rstrip():
            pieces.append(head)
        text = text[at:].lstrip()
    return [*pieces, text] if text or not pieces else pieces


def _seam(text: str, limit: int) -> int:
    least = limit - limit // _SEARCH
    for seam in _SEAMS:
        found = text.rfind(seam, least, limit)
        if found > 0:
            return found + len(seam)
    at = limit
    while at > max(limit - _MOST_JOINED, 1) and _is_joined(text, at):
        at -= 1
    return at


def _is_joined(text: str, at: int) -> bool:
    """Whether a cut before that character would tear one visible sign."""
    return (
        text[at - 1] == _JOINER
        or unicodedata.category(text[at]) in {"Mn", "Me", "Mc", "Cf"}
        or ord(text[at]) in _SKIN_TONES
    )
