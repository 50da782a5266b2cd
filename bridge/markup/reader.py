"""Reads Markdown as Chatwoot's dashboard does: with markdown-it, without HTML, tables, references
and code by indentation (docs/decisions.md, "Markdown is read by markdown-it-py").

What would take more than a moment, or lose a character, is replaced: links are found by one pass
over the brackets, and runs of marks that nobody means are text.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.helpers import parseLinkDestination, parseLinkTitle
from markdown_it.rules_inline import StateInline, backtick, emphasis, escape, newline, strikethrough
from markdown_it.token import Token

from bridge.markup.characters import address_at

#: Quotes and lists within each other; what is deeper is not read and stays as it is written.
_DEEPEST_BLOCK = 20
#: Marks in one run; a longer one is plain text.
_LONGEST_RUN = 50
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
_BRACKET = re.compile(r"\\.?|`+|[\[\]]", re.DOTALL)
#: What an address is read by: parentheses, what is escaped, and what ends it.
_PARENTHESIS = re.compile(r"[()]|\\[^ ]|\\(?= )|[\x00-\x20\x7f]+")
#: As many parentheses within each other an address may have.
_MOST_PARENTHESES = 32
_BLOCKS = ["blockquote", "fence", "heading", "hr", "list"]


def blocks(lines: Sequence[str]) -> list[Token]:
    """The blocks of some lines; `inline` reads what is in them. Never raises."""
    return _reader.parse("\n".join(lines[:_MOST_LINES]))


def inline(text: str) -> list[Token]:
    """What a paragraph or heading is made of. Never raises."""
    if not _SPECIAL.search(text):
        return [Token("text", "", 0, content=text)]
    tokens: list[Token] = []
    _reader.inline.parse(text, _reader, {"links": _links(text), "runs": 0}, tokens)
    return tokens


# -- the rules that are ours -----------------------------------------------------------------------


def _next(state: StateInline, silent: bool) -> bool:
    """The one rule for texts: plain text up to where something else may begin, or that.

    `silent` is for rules that look ahead, of which there are none here.
    """
    text, end = state.src, state.pos
    while special := _SPECIAL.search(text, end, state.posMax):
        end = special.start()
        if text[end] not in "[!" or end + (text[end] == "!") in state.env["links"]:
            break
        end += 1
    else:
        end = state.posMax
    if end == state.pos:
        return _RULES.get(text[end], _address)(state, silent)
    state.append_pending(text[state.pos : end])
    state.pos = end
    return True


def _marks(state: StateInline, silent: bool) -> bool:
    """Styles, as far as anybody can mean them; the rest of such marks is text."""
    match = _MARKS.match(state.src, state.pos, state.posMax)
    run = match[0] if match else ""
    state.env["runs"] += 1
    if len(run) <= _LONGEST_RUN and state.env["runs"] <= _MOST_RUNS:
        rule = strikethrough if run[:1] == "~" else emphasis
        return bool(rule.tokenize(state, silent))
    state.append_pending(run)
    state.pos += len(run)
    return bool(run)


def _link(state: StateInline, silent: bool) -> bool:
    """`[text](address "title")` and `![text](address)`; there are no links within links."""
    begin = state.pos + (state.src[state.pos] == "!")
    if state.linkLevel or begin not in state.env["links"]:
        return False
    closing, address, end = state.env["links"][begin]
    whole = state.posMax
    state.push("link_open", "a", 1).attrs = {"href": unescapeAll(address)}
    state.pos, state.posMax = begin + 1, closing
    state.linkLevel += 1
    state.md.inline.tokenize(state)
    state.linkLevel -= 1
    state.push("link_close", "a", -1)
    state.pos, state.posMax = end, whole
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """A web address stays as it is, whatever marks it holds; so does one between `<` and `>`."""
    if link := _AUTOLINK.match(state.src, state.pos, state.posMax):
        address, end = link[1], link.end()
    else:
        end = min(address_at(state.src, state.pos), state.posMax)
        if end <= state.pos:
            return False
        address = _ESCAPED.sub(r"\1", state.src[state.pos : end])
    state.push("text", "", 0).content = address
    state.pos = end
    return True


# -- where the links are ---------------------------------------------------------------------------


def _links(text: str) -> dict[int, tuple[int, str, int]]:
    """Every link by the place of its opening bracket: where the text within the brackets ends, the
    address as it is written, and where the link ends. Code is passed over."""
    links: dict[int, tuple[int, str, int]] = {}
    if "](" not in text:
        return links
    groups, code_ends = _parentheses(text), _code_ends(text)
    opened: list[int] = []
    at = 0
    while token := _BRACKET.search(text, at):
        at = token.end()
        if token[0][0] == "`":
            at = code_ends.get(token.start(), at)
        elif token[0] == "[":
            opened.append(token.start())
        elif token[0] == "]" and opened:
            begin = opened.pop()
            if text.startswith("(", at) and (target := _target(text, at + 1, groups)):
                links[begin] = token.start(), *target
    return links


def _target(text: str, at: int, groups: dict[int, tuple[int, int]]) -> tuple[str, int] | None:
    """The address of a link whose parenthesis opens before `at`, and where the link ends."""
    at = _after_blank(text, at)
    if text.startswith("<", at):
        address = parseLinkDestination(text, at, len(text))
        end, written = (address.pos, text[at + 1 : address.pos - 1]) if address.ok else (at, "")
    else:
        end = _address_end(text, at, groups)
        written = text[at:end]
    begin = _after_blank(text, end)
    if begin > end:
        title = parseLinkTitle(text, begin, len(text))
        begin = _after_blank(text, title.pos) if title.ok else begin
    return (written, begin + 1) if text.startswith(")", begin) else None


def _address_end(text: str, at: int, groups: dict[int, tuple[int, int]]) -> int:
    """Where the address at that place ends; `at` itself for none. Parentheses within it are in
    pairs, as Markdown demands."""
    end = at
    while token := _PARENTHESIS.search(text, end):
        if token[0] == "(":
            end, nesting = groups.get(token.start(), (0, 0))
            if not 0 < nesting <= _MOST_PARENTHESES:
                return at
        elif len(token[0]) == 2 and token[0][0] == "\\":
            end = token.end()
        else:
            return token.start()
    return len(text)


def _parentheses(text: str) -> dict[int, tuple[int, int]]:
    """For each parenthesis that closes before the next white space: the place behind its end, and
    how many are within each other there."""
    groups: dict[int, tuple[int, int]] = {}
    opened: list[tuple[int, int]] = [(-1, 0)]
    for token in _PARENTHESIS.finditer(text):
        if token[0] == "(":
            opened.append((token.start(), 1))
        elif token[0] == ")" and len(opened) > 1:
            begin, nesting = opened.pop()
            groups[begin] = token.end(), nesting
            opened[-1] = opened[-1][0], max(opened[-1][1], nesting + 1)
        elif token[0][0] not in "\\)":
            del opened[1:]
    return groups


def _code_ends(text: str) -> dict[int, int]:
    """Where the code that begins with the backticks at a place ends: behind as many of them."""
    ends: dict[int, int] = {}
    next_of: dict[int, int] = {}
    for run in reversed(list(_TICKS.finditer(text))):
        begin, length = run.start(), len(run[0])
        if length in next_of:
            ends[begin] = next_of[length] + length
        if length - 1 in next_of:  # the first of them may be escaped
            ends[begin + 1] = next_of[length - 1] + length - 1
        next_of[length] = begin
    return ends


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


#: What may begin with a character; an address with any other.
_RULES: dict[str, Callable[[StateInline, bool], bool]] = {
    "\n": newline,
    "\\": escape,
    "`": backtick,
    **dict.fromkeys("*_~", _marks),
    **dict.fromkeys("[!", _link),
}
_reader = MarkdownIt("zero", {"maxNesting": _DEEPEST_BLOCK}).enable(_BLOCKS)
_reader.core.ruler.disable(["inline", "normalize"])
_reader.inline.ruler.at("text", _next)
_reader.inline.ruler2.enable(["strikethrough", "emphasis"])
