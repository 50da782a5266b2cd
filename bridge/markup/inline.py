"""Reads Markdown within a paragraph: CommonMark's rules, without HTML and references."""

import re

from bridge.markup.nodes import (
    PUNCTUATION,
    Code,
    Link,
    Node,
    Run,
    Style,
    Styled,
    address_at,
    flanks,
)

_TICKS = re.compile("`+")
_RUN = re.compile(r"\*+|_+|~+")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>]+)>")
_TARGET = re.compile(
    r"""\(\s*(?:<((?:[^<>\n\\]|\\.)*)>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*\))*))"""
    r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
#: Deeper nesting is nobody's wish; the marks are then plain text.
_DEEPEST = 50


def parse(text: str, *, with_links: bool = True) -> list[Node]:
    """The nodes of a paragraph. Never raises."""
    return _paired(_Reader(text, with_links).tokens())


class _Reader:
    def __init__(self, text: str, with_links: bool) -> None:
        self._text = text
        self._with_links = with_links
        self._ticks = _tick_ends(self._text)
        self._brackets = self._matching() if with_links and "](" in self._text else {}

    def tokens(self) -> list[Node]:
        out: list[Node] = []
        plain: list[str] = []
        text, at = self._text, 0
        while at < len(text):
            node, end = self._node_at(at)
            if isinstance(node, str):
                plain.append(node)
            else:
                if plain:
                    out.append("".join(plain))
                    plain.clear()
                out.append(node)
            at = end
        if plain:
            out.append("".join(plain))
        return out

    def _node_at(self, at: int) -> tuple[Node, int]:
        """What begins at a place, and where it ends."""
        text = self._text
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] in PUNCTUATION:
            return text[at + 1], at + 2
        if char == "`":
            return self._code_at(at)
        if char == "<" and (found := _AUTOLINK.match(text, at)):
            return found[1], found.end()
        if char == "[" and at in self._brackets:
            return self._link_at(at, at)
        if char == "!" and text[at + 1 : at + 2] == "[" and at + 1 in self._brackets:
            return self._link_at(at, at + 1)
        if char in "*_~":
            return self._run_at(at)
        if char in "hHwW":
            end = address_at(text, at)
            if end > at:
                return _unescaped(text[at:end]), end
        return char, at + 1

    def _code_at(self, at: int) -> tuple[Node, int]:
        run = _TICKS.match(self._text, at)
        length = run.end() - at if run else 1
        end = self._ticks.get(at)
        if end is None:
            return "`" * length, at + length
        code = self._text[at + length : end - length]
        if code[:1] == code[-1:] == " " and code.strip():
            code = code[1:-1]
        return Code(code, wide=length >= 3), end

    def _link_at(self, start: int, bracket: int) -> tuple[Node, int]:
        closing = self._brackets[bracket]
        target = _TARGET.match(self._text, closing + 1)
        if target is None:
            return self._text[start], start + 1
        url = _unescaped(target[1] if target[1] is not None else target[2])
        inner = parse(self._text[bracket + 1 : closing], with_links=False)
        return Link(inner, url), target.end()

    def _run_at(self, at: int) -> tuple[Node, int]:
        found = _RUN.match(self._text, at)
        run = found[0] if found else self._text[at]
        end = at + len(run)
        if run[0] == "~" and len(run) != 2:
            return run, end
        sides = flanks(self._text[at - 1] if at else "", self._text[end : end + 1])
        return Run(run[0], len(run), sides.opens(run[0]), sides.closes(run[0])), end

    def _matching(self) -> dict[int, int]:
        """Where the bracket that opens at a place closes, if a target follows."""
        pairs: dict[int, int] = {}
        opened: list[int] = []
        at = 0
        while at < len(self._text):
            char = self._text[at]
            if char == "\\":
                at += 2
                continue
            if char == "`":
                at = self._ticks.get(at, at + 1)
                continue
            if char == "[":
                opened.append(at)
            elif char == "]" and opened:
                start = opened.pop()
                if self._text[at + 1 : at + 2] == "(":
                    pairs[start] = at
            at += 1
        return pairs


def _tick_ends(text: str) -> dict[int, int]:
    """Where the code span that opens at a place ends: at the next run of as many backticks."""
    runs = [found for found in _TICKS.finditer(text)]
    following: dict[int, list[int]] = {}
    for found in reversed(runs):
        following.setdefault(len(found[0]), []).append(found.start())
    ends: dict[int, int] = {}
    for found in runs:
        later = following[len(found[0])]
        later.pop()
        escaped = found.start() and _is_escaped(text, found.start())
        if later and not escaped:
            ends[found.start()] = later[-1] + len(found[0])
        if escaped and len(found[0]) > 1:
            # The first backtick is plain; the others are a run of their own.
            same = following.get(len(found[0]) - 1, [])
            nearest = next((one for one in reversed(same) if one > found.start()), None)
            if nearest is not None:
                ends[found.start() + 1] = nearest + len(found[0]) - 1
    return ends


def _is_escaped(text: str, at: int) -> bool:
    count = 0
    while at - count > 0 and text[at - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _paired(tokens: list[Node]) -> list[Node]:
    """Joins the marks that belong together into styled stretches (CommonMark's appendix)."""
    out: list[Node] = []
    open_runs: list[Run] = []
    for token in tokens:
        if not isinstance(token, Run):
            out.append(token)
            continue
        while token.count and token.can_close:
            opener = next((one for one in reversed(open_runs) if _match(one, token)), None)
            if opener is None:
                break
            del open_runs[open_runs.index(opener) + 1 :]
            inner = out[opener.place + 1 :]
            del out[opener.place + 1 :]
            out.append(Styled(*_joined(opener, token, inner)))
            if not opener.count:
                open_runs.pop()
        if token.count:
            token.place = len(out)
            out.append(token)
            if token.can_open and len(open_runs) < _DEEPEST:
                open_runs.append(token)
    return out


def _joined(opener: Run, closer: Run, inner: list[Node]) -> tuple[Style, list[Node]]:
    used = 2 if opener.count >= 2 and closer.count >= 2 else 1
    opener.count -= used
    closer.count -= used
    if opener.char == "~":
        return Style.STRIKE, inner
    return (Style.BOLD if used == 2 else Style.ITALIC), inner


def _match(opener: Run, closer: Run) -> bool:
    if opener.char != closer.char or not opener.count:
        return False
    # The rule of three: `a**b*c**` is not read from within.
    if (opener.can_close or closer.can_open) and (opener.count + closer.count) % 3 == 0:
        return opener.count % 3 == 0 and closer.count % 3 == 0
    return True
