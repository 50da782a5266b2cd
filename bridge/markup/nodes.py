"""What a formatted text is made of, whichever way it was written, and what both ways share."""

import re
import string
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

PUNCTUATION = frozenset(string.punctuation)
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>`]+", re.IGNORECASE)
_LEFT_OUT = frozenset("*_~.,;:!?'\"\\|[({&")
_PAIRS = {")": "(", "]": "["}


class Style(Enum):
    """How a stretch of text is set."""

    BOLD = auto()
    ITALIC = auto()
    STRIKE = auto()


@dataclass(slots=True)
class Code:
    """A code span, as it is shown; `wide` when three backticks or more stood around it."""

    text: str
    wide: bool = False


@dataclass(slots=True)
class Link:
    """Text with an address behind it."""

    inner: "list[Node]"
    url: str


@dataclass(slots=True)
class Styled:
    """A stretch in one style."""

    style: Style
    inner: "list[Node]"


Node = str | Code | Link | Styled


@dataclass(frozen=True, slots=True)
class Flanks:
    """Whether a run of marks can open or close, by what stands on both sides (CommonMark 6.2)."""

    left: bool
    right: bool
    after_punctuation: bool
    before_punctuation: bool

    def opens(self, char: str) -> bool:
        """Within words `_` opens nothing."""
        return self.left and (char != "_" or not self.right or self.after_punctuation)

    def closes(self, char: str) -> bool:
        """Within words `_` closes nothing."""
        return self.right and (char != "_" or not self.left or self.before_punctuation)


def flanks(before: str, after: str, *, symbols: bool) -> Flanks:
    """`before` and `after` are characters; empty at the edges of the text. `symbols`: Unicode's
    count as punctuation, as they do since CommonMark 0.31."""
    before_space, after_space = is_space(before), is_space(after)
    before_mark, after_mark = is_punctuation(before, symbols), is_punctuation(after, symbols)
    return Flanks(
        left=not after_space and (not after_mark or before_space or before_mark),
        right=not before_space and (not before_mark or after_space or after_mark),
        after_punctuation=before_mark,
        before_punctuation=after_mark,
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
    found = _ADDRESS.match(text, start)
    if found is None:
        return start
    end = found.end()
    address = text[start:end]
    extra = {char: address.count(char) - address.count(_PAIRS[char]) for char in _PAIRS}
    while end > start:
        last = text[end - 1]
        if extra.get(last, 0) > 0:
            extra[last] -= 1
        elif last not in _LEFT_OUT:
            break
        end -= 1
    return end
