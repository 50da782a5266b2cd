"""Reads Markdown as Chatwoot's dashboard does: with markdown-it, without HTML, tables, references
and code by indentation (docs/decisions.md, "Markdown is read by markdown-it-py").

What would take more than a moment, or lose a character, is replaced: links are found by one pass
over the brackets, and runs of marks that nobody means are text.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.helpers import parseLinkDestination, parseLinkTitle
from markdown_it.rules_inline import (
    StateInline,
    backtick,
    emphasis,
    escape,
    newline,
    strikethrough,
)
from markdown_it.token import Token

from bridge.markup.nodes import Code, Link, Node, Style, Styled, address_at

#: Quotes and lists within each other; what is deeper is not read and stays as it is written.
_DEEPEST_BLOCK = 20
#: Styles within each other, and marks in one run; what is more is plain text.
_DEEPEST = 50
#: Runs of marks in one paragraph, and lines in one text; what comes later is plain text, so that no
#: text takes long.
_MOST_RUNS = 10_000
_MOST_LINES = 5_000
#: Where plain text may end.
_SPECIAL = re.compile(r"[\n\\`*_~\[<]|!(?=\[)|https?://|www\.", re.IGNORECASE)
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>]+)>")
_MARKS = re.compile(r"\*+|_+|~+")
_TICKS = re.compile("`+")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BLANK = re.compile(r"[ \t\n]*")
_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}
_BLOCKS = ["blockquote", "fence", "heading", "hr", "list"]


def blocks(lines: Sequence[str]) -> list[Token]:
    """The blocks of some lines; `nodes` reads what is in them. Never raises."""
    return _reader.parse("\n".join(lines[:_MOST_LINES]))


def nodes(text: str) -> list[Node]:
    """What a paragraph or heading is made of. Never raises."""
    if not _SPECIAL.search(text):
        return [text]
    tokens: list[Token] = []
    _reader.inline.parse(text, _reader, {"brackets": _brackets(text), "runs": 0}, tokens)
    return _tree(tokens)


# -- the rules that are ours -----------------------------------------------------------------------


def _next(state: StateInline, silent: bool) -> bool:
    """The one rule for texts: plain text up to where something else may begin, or that."""
    text, end = state.src, state.pos
    while found := _SPECIAL.search(text, end, state.posMax):
        end = found.start()
        if text[end] not in "[!" or end + (text[end] == "!") in state.env["brackets"]:
            break
        end += 1
    else:
        end = state.posMax
    if end == state.pos:
        return _RULES.get(text[end], _address)(state, silent)
    if not silent:
        state.append_pending(text[state.pos : end])
    state.pos = end
    return True


def _marks(state: StateInline, silent: bool) -> bool:
    """Styles, as far as anybody can mean them; the rest of such marks is text."""
    found = _MARKS.match(state.src, state.pos, state.posMax)
    run = found[0] if found else ""
    state.env["runs"] += 1
    if len(run) <= _DEEPEST and state.env["runs"] <= _MOST_RUNS:
        rule = strikethrough if run[:1] == "~" else emphasis
        return bool(rule.tokenize(state, silent))
    if not silent:
        state.append_pending(run)
    state.pos += len(run)
    return bool(run)


def _link(state: StateInline, silent: bool) -> bool:
    """`[text](address "title")` and `![text](address)`; there are no links within links."""
    text, brackets = state.src, state.env["brackets"]
    begin = state.pos + (text[state.pos] == "!")
    closing = brackets.get(begin)
    if closing is None or closing >= state.posMax or state.linkLevel:
        return False
    target = _target(text, closing + 2, state.posMax)
    if target is None:
        return False
    address, end = target
    rest = state.posMax
    if not silent:
        state.push("link_open", "a", 1).attrs = {"href": address}
        state.pos, state.posMax = begin + 1, closing
        state.linkLevel += 1
        state.md.inline.tokenize(state)
        state.linkLevel -= 1
        state.push("link_close", "a", -1)
    state.pos, state.posMax = end, rest
    return True


def _target(text: str, at: int, most: int) -> tuple[str, int] | None:
    """The address behind the bracket that opens before `at`, and where all of it ends."""
    at = _after_blank(text, at, most)
    found = parseLinkDestination(text, at, most)
    if found.ok:
        at = found.pos
    begin = _after_blank(text, at, most)
    if begin > at:
        title = parseLinkTitle(text, begin, most)
        begin = _after_blank(text, title.pos, most) if title.ok else begin
    if begin >= most or text[begin] != ")":
        return None
    return found.str, begin + 1


def _after_blank(text: str, at: int, most: int) -> int:
    found = _BLANK.match(text, at, most)
    return found.end() if found else at


def _address(state: StateInline, silent: bool) -> bool:
    """A web address stays as it is, whatever marks it holds; so does one between `<` and `>`."""
    if state.src[state.pos] == "<":
        found = _AUTOLINK.match(state.src, state.pos, state.posMax)
        if found is None:
            return False
        address, end = found[1], found.end()
    else:
        end = min(address_at(state.src, state.pos), state.posMax)
        if end <= state.pos:
            return False
        address = _ESCAPED.sub(r"\1", state.src[state.pos : end])
    if not silent:
        state.push("text", "", 0).content = address
    state.pos = end
    return True


def _brackets(text: str) -> dict[int, int]:
    """Where each bracket that opens closes, if a target follows; code is passed over."""
    if "](" not in text:
        return {}
    pairs: dict[int, int] = {}
    opened: list[int] = []
    ticks = _tick_ends(text)
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
            continue
        if char == "`":
            at = ticks.get(at) or _run_end(text, at)
            continue
        if char == "[":
            opened.append(at)
        elif char == "]" and opened:
            begin = opened.pop()
            if text.startswith("(", at + 1):
                pairs[begin] = at
        at += 1
    return pairs


def _run_end(text: str, at: int) -> int:
    found = _TICKS.match(text, at)
    return found.end() if found else at + 1


def _tick_ends(text: str) -> dict[int, int]:
    """Where the code that begins with the backticks at a place ends: behind as many of them."""
    ends: dict[int, int] = {}
    next_of: dict[int, int] = {}
    for found in reversed(list(_TICKS.finditer(text))):
        begin, length = found.start(), len(found[0])
        if length in next_of:
            ends[begin] = next_of[length] + length
        if length - 1 in next_of:  # the first of them may be escaped
            ends[begin + 1] = next_of[length - 1] + length - 1
        next_of[length] = begin
    return ends


# -- from tokens to nodes --------------------------------------------------------------------------


def _tree(tokens: Sequence[Token]) -> list[Node]:
    out: list[Node] = []
    #: What is open: the nodes before it, and its token; None where its marks are text.
    opened: list[tuple[list[Node], Token] | None] = []
    depth = 0
    for token in tokens:
        if token.nesting > 0:
            if depth >= _DEEPEST and token.type != "link_open":
                opened.append(None)
                out.append(token.markup)
                continue
            depth += 1
            opened.append((out, token))
            out = []
        elif token.nesting < 0:
            before = opened.pop()
            if before is None:
                out.append(token.markup)
                continue
            depth -= 1
            outer, opening = before
            if token.type == "link_close":
                outer.append(Link(out, str(opening.attrs.get("href", ""))))
            else:
                outer.append(Styled(_STYLES[token.tag], out))
            out = outer
        elif token.type == "code_inline":
            out.append(Code(token.content, wide=len(token.markup) >= 3))
        else:
            out.append("\n" if token.type in {"softbreak", "hardbreak"} else token.content)
    return out


#: What may begin with a character; an address with any other.
_RULES: dict[str, Callable[[StateInline, bool], bool]] = {
    "\n": newline,
    "\\": escape,
    "`": backtick,
    "*": _marks,
    "_": _marks,
    "~": _marks,
    "[": _link,
    "!": _link,
}


def _made() -> MarkdownIt:
    made = MarkdownIt("zero", {"maxNesting": _DEEPEST_BLOCK}).enable(_BLOCKS)
    made.core.ruler.disable(["inline", "normalize"])
    made.inline.ruler.at("text", _next)
    made.inline.ruler2.enable(["strikethrough", "emphasis"])
    return made


_reader = _made()
