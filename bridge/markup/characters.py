"""What both directions ask of characters: whether marks can stand there, where an address ends."""

import re
import string
import unicodedata

PUNCTUATION = frozenset(string.punctuation)
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>`]+", re.IGNORECASE)
_LEFT_OUT = frozenset("*_~.,;:!?'\"\\|[({&")
_PAIRS = {")": "(", "]": "["}


def can_open(mark: str, before: str, after: str, *, symbols: bool) -> bool:
    """Whether a mark between two characters, empty at the edges of the text, can begin a style
    (CommonMark 6.2). `symbols`: Unicode's count as punctuation, as they do since 0.31."""
    return _flanks(before, after, symbols) and (
        mark != "_" or not _flanks(after, before, symbols) or is_punctuation(before, symbols)
    )


def can_close(mark: str, before: str, after: str, *, symbols: bool) -> bool:
    """Whether it can end one."""
    return can_open(mark, after, before, symbols=symbols)


def _flanks(outside: str, inside: str, symbols: bool) -> bool:
    """Whether a mark with that on its two sides stands at the edge of what is inside."""
    return not is_space(inside) and (
        not is_punctuation(inside, symbols) or is_space(outside) or is_punctuation(outside, symbols)
    )


def is_space(char: str) -> bool:
    """White space as Markdown means it; the edge of a text counts as such."""
    return not char or char in "\t\n\v\f\r" or unicodedata.category(char) == "Zs"


def is_punctuation(char: str, symbols: bool) -> bool:
    """Punctuation as Markdown means it: all of ASCII's, and Unicode's with or without symbols."""
    if char.isascii():
        return char in PUNCTUATION
    return unicodedata.category(char)[0] in ("PS" if symbols else "P")


def address_at(text: str, start: int) -> int:
    """Where the web address that begins at `start` ends, without marks and stops after it.

    `start` itself when none begins there.
    """
    if start and text[start - 1].isalnum():
        return start
    match = _ADDRESS.match(text, start)
    if match is None:
        return start
    end, address = match.end(), match[0]
    unpaired = {char: address.count(char) - address.count(_PAIRS[char]) for char in _PAIRS}
    while end > start:
        last = text[end - 1]
        if unpaired.get(last, 0) > 0:
            unpaired[last] -= 1
        elif last not in _LEFT_OUT:
            break
        end -= 1
    return end
