"""Reads WhatsApp's marks and writes Chatwoot's Markdown.

Chatwoot renders Markdown with line breaks kept and addresses linked. Whatever a customer wrote
without meaning a format is escaped where Markdown would otherwise eat it.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass

from bridge.markup.characters import PUNCTUATION, address_at, can_close, can_open, is_space

_BLOCK = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`")
#: WhatsApp's marks, each with Markdown's for the same style.
_MARKDOWN = {"*": ("**",), "~": ("~~",), "_": ("_", "*")}
_BULLET = re.compile(r"( {0,3})([-*] )(?=\S)")
_NUMBER = re.compile(r"( {0,3})(\d{1,9})(\. )(?=\S)")
_QUOTE = re.compile(r"> (?=\S)")
_INDENT = re.compile(r"[ \t]+")
#: What begins a block in Markdown; the group's end is the character that must be escaped.
_STARTS = (
    re.compile(r"(#)#{0,5}(?:[ \t]|$)"),
    re.compile(r"(>)"),
    re.compile(r"([-+*])(?:[ \t]|$)"),
    re.compile(r"(\d{1,9}[.)])(?:[ \t]|$)"),
    re.compile(r"([-*_=])(?:[ \t]*[-*_=])*[ \t]*$"),
    re.compile(r"([|:-])[|: \t-]*$"),
)
_LINKS = ("](", "]:", "][")
_AUTOLINK = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>]+)>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SYMBOL = re.compile(r"\((?:c|r|tm|p)\)", re.IGNORECASE)


def to_chatwoot(text: str) -> str:
    """WhatsApp's `*bold*`, `_italic_`, `~strike~` and code as Chatwoot's Markdown.

    Everything else looks in Chatwoot as it was written. Read back by `to_whatsapp` it is the same
    text again, but for blank lines and the edges of code blocks.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    has_links = any(sign in text for sign in _LINKS)
    out: list[str] = []
    position = 0
    for block in _BLOCK.finditer(text):
        code = block[1]
        if "\n" not in code or not code.strip():
            continue
        if before := text[position : block.start()].removesuffix("\n"):
            out += _lines(before, has_links)
        out += ["```", *code.removeprefix("\n").removesuffix("\n").split("\n"), "```"]
        position = block.end() + text.startswith("\n", block.end())
    if position < len(text) or not out:
        out += _lines(text[position:], has_links)
    return "\n".join(out)


def literal(text: str) -> str:
    """A text that is none of anybody's markup, such as a name or an option, so that Markdown shows
    it as it is written; addresses stay links."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_Line(line, 0, True, reads=False).written() for line in lines)


def _lines(text: str, has_links: bool) -> list[str]:
    """The lines of a text without code blocks."""
    out: list[str] = []
    before, number = "", 0
    for line in text.split("\n"):
        if not line:
            before = ""
            out.append("")
            continue
        kind, prefix, number = _prefix(line, number)
        if before and not kind and line.strip():
            # Without a blank line Markdown would draw this line into the list or quote above.
            out.append("")
        before = kind if line.strip() else ""
        out.append(prefix + _Line(line, len(prefix), has_links).written())
    return out


def _prefix(line: str, last_number: int) -> tuple[str, str, int]:
    """What a line is (quote, bullet, number or nothing), its mark, and its number in the list.

    Markdown counts by itself: only numbers that follow each other are left to it.
    """
    if quote := _QUOTE.match(line):
        return "quote", quote[0], 0
    if bullet := _BULLET.match(line):
        return "bullet", bullet[0], last_number
    number = _NUMBER.match(line)
    if number and (not last_number or int(number[2]) == last_number + 1):
        return "number", number[0], int(number[2])
    return "", "", 0 if line.strip() else last_number


@dataclass(slots=True)
class _Atom:
    """One character of a line, or code or an address that stays as it is, with its place."""

    text: str
    start: int
    whole: bool = False


class _Line:
    """One line from `start` on, written as Markdown; `reads`: with WhatsApp's marks."""

    def __init__(self, line: str, start: int, has_links: bool, *, reads: bool = True) -> None:
        self._line, self._reads = line, reads
        self._indent = _INDENT.match(line, start)
        begin = self._indent.end() if self._indent else start
        self._escaped = self._special(begin, has_links)
        self._atoms = self._cut(begin)
        #: Where each mark could end a style, in order.
        self._ends: dict[str, list[int]] = {mark: [] for mark in _MARKDOWN}
        for at, atom in enumerate(self._atoms):
            if atom.text in _MARKDOWN and self._is_edge(atom, inside=-1):
                self._ends[atom.text].append(at)

    def written(self) -> str:
        """The line's Markdown, without the part before `start`."""
        indent = self._indent[0] if self._indent else ""
        if len(indent.expandtabs(4)) >= 4:
            # Four spaces would make it code.
            indent = indent.replace("\t", "    ").replace(" ", "\u00a0")
        active = frozenset() if self._reads else frozenset(_MARKDOWN)
        return indent + self._span(0, len(self._atoms), active)

    def _at(self, place: int) -> str:
        return self._line[place] if 0 <= place < len(self._line) else ""

    def _cut(self, place: int) -> list[_Atom]:
        atoms: list[_Atom] = []
        in_link = False
        while place < len(self._line):
            char = self._line[place]
            end = address_at(self._line, place) if char in "hHwW" else place
            # Chatwoot takes what follows an address for a part of it, with its backslashes.
            begins = end > place and char in "hH"
            in_link = begins or (in_link and not char.isspace())
            if in_link:
                self._escaped -= set(range(place, max(end, place + 1)))
            code = _CODE.match(self._line, place) if char == "`" and self._reads else None
            # More backticks right beside it would be counted in with its own.
            if code and "`" not in (self._at(place - 1), self._at(code.end())):
                end = code.end()
                fence = "```" if code[1] else "`"
                atoms.append(_Atom(_code(code[1] or code[2], fence), place, True))
            elif begins and not set(self._line[place:end]) & set("[]\\\"'"):
                atoms.append(_Atom(self._line[place:end], place, True))
            else:
                # What could end the link for Markdown may still close a style; without a scheme
                # the address is read as text first.
                end = max(end, place + 1)
                atoms += [_Atom(self._line[at], at) for at in range(place, end)]
            place = end
        return atoms

    def _span(self, first: int, last: int, active: frozenset[str]) -> str:
        out: list[str] = []
        at = first
        while at < last:
            atom = self._atoms[at]
            is_mark = not atom.whole and atom.text in _MARKDOWN and atom.text not in active
            if is_mark and self._is_edge(atom, inside=1):
                end = self._end(atom.text, at + 2, last)
                marks = end and self._marks(atom.text, atom.start, self._atoms[end].start)
                if marks:
                    inner = self._span(at + 1, end, active | {atom.text})
                    out.append(f"{marks}{inner}{marks}")
                    at = end + 1
                    continue
            escaped = not atom.whole and atom.start in self._escaped
            out.append("\\" + atom.text if escaped else atom.text)
            at += 1
        return "".join(out)

    def _end(self, mark: str, first: int, last: int) -> int:
        """The first place from `first` on where a style ends before `last`, 0 for none."""
        ends = self._ends[mark]
        found = bisect_left(ends, first)
        return ends[found] if found < len(ends) and ends[found] < last else 0

    def _is_edge(self, atom: _Atom, *, inside: int) -> bool:
        """Whether WhatsApp reads the mark as the begin (`inside` 1) or end (-1) of a style."""
        outer, inner = self._at(atom.start - inside), self._at(atom.start + inside)
        return not outer.isalnum() and not is_space(inner) and atom.text not in (outer, inner)

    def _marks(self, mark: str, start: int, end: int) -> str:
        """The marks that every Markdown would read in this place; empty where one would not."""
        begin, close = (
            (self._at(start - 1), self._at(start + 1)),
            (self._at(end - 1), self._at(end + 1)),
        )
        for marks in _MARKDOWN[mark]:
            if all(
                can_open(marks[0], *begin, symbols=symbols)
                and can_close(marks[0], *close, symbols=symbols)
                for symbols in (False, True)
            ):
                return marks
        return ""

    def _special(self, begin: int, has_links: bool) -> set[int]:
        """The places of the characters that Markdown would take for something else."""
        line = self._line
        places = {start.end(1) - 1 for mark in _STARTS if (start := mark.match(line, begin))}
        for pattern in (_AUTOLINK, _ENTITY, _SYMBOL):
            places |= {match.start() for match in pattern.finditer(line, begin)}
        for place in range(begin, len(line)):
            char = line[place]
            if char not in "\\*_~`[":
                continue
            before, after = self._at(place - 1), self._at(place + 1)
            match char:
                case "\\":
                    is_special = not after or after in PUNCTUATION
                case "~":
                    is_special = char in (before, after)
                case "`":
                    is_special = True
                case "[":
                    is_special = has_links
                case _:
                    in_word = char == "_" and before.isalnum() and after.isalnum()
                    is_special = not in_word and not (is_space(before) and is_space(after))
            if is_special:
                places.add(place)
        return places


def _code(text: str, fence: str) -> str:
    runs = [len(run) for run in re.findall("`+", text)]
    while len(fence) in runs:
        fence += "`"
    # Markdown takes one space off both ends.
    spaced = text[0] == text[-1] == " " and text.strip()
    pad = " " if spaced or "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"
