"""Writes Chatwoot's Markdown as WhatsApp's marks.

WhatsApp has lines, not blocks: quotes, bullets and numbers stay as they are written, and so does
every line that is read as nothing else.
"""

from itertools import zip_longest
from typing import NamedTuple

from markdown_it.token import Token

from bridge.markup import reader

#: WhatsApp's marks by the tags of Markdown's styles.
_MARKS = {"strong": "*", "em": "_", "s": "~"}
#: Styles and links within each other; what is deeper is plain text.
_MAX_DEPTH = 50


class _Piece(NamedTuple):
    """A stretch of a text. `mark` is WhatsApp's for its style, empty where that is set already, and
    None where the stretch has no style."""

    text: str
    mark: str | None = None


def to_whatsapp(text: str) -> str:
    """Markdown's bold, italic, strike, code, links and headings in WhatsApp's marks.

    Marks that WhatsApp would not read, such as those inside a word, are left out; hard breaks that
    Chatwoot's editor wrote as a backslash (before 4.13) are line breaks.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    out: list[str] = []
    at, is_heading = 0, False
    for token in reader.blocks(lines):
        is_text = token.type in {"fence", "inline"}
        if token.map and is_text and (token.content or token.type == "fence"):
            begin, end = token.map
            out += map(_as_it_is, lines[at:begin])
            out.append(_block(token, lines[begin:end], is_heading=is_heading))
            at = end
        is_heading = token.type == "heading_open"
    out += map(_as_it_is, lines[at:])
    return "\n".join(out)


def _as_it_is(line: str) -> str:
    return line if line.strip() else ""


def _block(token: Token, lines: list[str], *, is_heading: bool) -> str:
    """The block that stands on those lines."""
    if token.type == "fence":
        code = token.content.removesuffix("\n")
        head = _head(lines[0].partition(token.markup)[0])
        return head + (f"```{code}```" if code.strip() else "")
    if is_heading:
        head = _head(lines[0].partition("#")[0])
        return head + _wrapped(_inline(token.content, "*"), "*")
    content = token.content
    heads = [
        _head(_before(line, rest)) for line, rest in zip(lines, content.split("\n"), strict=False)
    ]
    if content == "\\" or content.endswith("\n\\"):
        # Alone it says that its line is blank; at the end Markdown would show it.
        content = content[:-1]
    shown = _inline(content).split("\n")
    return "\n".join(
        _as_it_is(head + line.lstrip("\u00a0"))
        for head, line in zip_longest(heads[: len(shown)], shown, fillvalue="")
    )


def _before(line: str, rest: str) -> str:
    """What stands in a line before its text: quotes, a bullet or number, spaces."""
    bare = rest.strip()
    return line[: line.rfind(bare)] if bare else ""


def _head(before: str) -> str:
    """The same as WhatsApp reads it."""
    head = before.replace("\u00a0", " ").replace("+", "-")
    return head + " " if head.endswith(">") else head


def _inline(text: str, outer_marks: str = "") -> str:
    """A paragraph or heading within the styles of some marks."""
    pieces: list[_Piece] = []
    #: What is open: the pieces before it, and its token; None where its marks are text.
    opened: list[tuple[list[_Piece], Token] | None] = []
    marks = list(outer_marks)
    for token in reader.inline(text):
        mark = _MARKS.get(token.tag, "")
        if token.nesting > 0 and mark and len(marks) - len(outer_marks) >= _MAX_DEPTH:
            opened.append(None)
            pieces.append(_Piece(token.markup))
        elif token.nesting > 0:
            opened.append((pieces, token))
            marks.append(mark)
            pieces = []
        elif token.nesting < 0:
            outer = opened.pop()
            if outer is None:
                pieces.append(_Piece(token.markup))
                continue
            inner = _joined(pieces)
            pieces, opening = outer
            marks.pop()
            if mark:
                pieces.append(_Piece(inner, "" if mark in marks else mark))
            else:
                pieces.append(_Piece(_link(inner.strip(), str(opening.attrs.get("href", "")))))
        elif token.type == "code_inline":
            pieces.append(_Piece(_code(token.content, token.markup)))
        else:
            is_break = token.type in {"softbreak", "hardbreak"}
            pieces.append(_Piece("\n" if is_break else token.content))
    return _joined(pieces)


def _joined(pieces: list[_Piece]) -> str:
    """The pieces with the marks that WhatsApp reads: within a word it would show them."""
    #: The first character after each piece; empty before marks of a style and at the end.
    following: list[str] = []
    after = ""
    for piece in reversed(pieces):
        following.append(after)
        if piece.text:
            after = piece.text[0] if piece.mark is None else ""
    out: list[str] = []
    last = ""
    for (text, mark), after in zip(pieces, reversed(following), strict=True):
        if mark and not last.isalnum() and not after.isalnum():
            text = _wrapped(text, mark)
        if text:
            out.append(text)
            last = text[-1]
    return "".join(out)


def _wrapped(text: str, mark: str) -> str:
    """Each line in its own marks: WhatsApp's do not reach over a line break."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        start = line.find(bare) if bare else 0
        marked = f"{line[:start]}{mark}{bare}{mark}{line[start + len(bare) :]}"
        lines.append(marked if bare else line)
    return "\n".join(lines)


def _code(text: str, markup: str) -> str:
    fence = "```" if len(markup) >= 3 or "`" in text or "\n" in text else "`"
    return f"{fence}{text}{fence}"


def _link(text: str, url: str) -> str:
    if url.startswith("mention://"):
        return text
    target = url.removeprefix("mailto:").removeprefix("tel:")
    plain = target.partition("://")[2] or target
    if not text or text.rstrip("/") in (target.rstrip("/"), plain.rstrip("/")):
        return target
    return f"{text} ({target})" if target else text
