"""Reads Chatwoot's Markdown and writes WhatsApp's marks."""

import re

from bridge.markup.inline import parse
from bridge.markup.nodes import Code, Link, Node, Run, Style, Styled

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$")
#: Quotes, bullets and numbers stay; what follows them is a text of its own.
_MARK = re.compile(r"[ \t\u00a0]*(?:(?:>[ ]?)+|[-+*][ \t]+(?=\S)|\d{1,9}[.)][ \t]+(?=\S))")
_PLUS = re.compile(r"([ \t]*)\+(?=[ \t])")
#: A backslash (that is not escaped itself) or two spaces only say that the line break is meant.
_BREAK = re.compile(r"(?<!\\)((?:\\\\)*)(?:\\| {2,})$")
_MARKS = {Style.BOLD: "*", Style.ITALIC: "_", Style.STRIKE: "~"}


def to_whatsapp(text: str) -> str:
    """Markdown's bold, italic, strike, code, links and headings in WhatsApp's marks.

    Marks that WhatsApp would not read, such as those inside a word, are left out; hard breaks that
    Chatwoot's editor wrote as a backslash (before 4.13) are line breaks.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    out: list[str] = []
    unit: list[str] = []

    def finish() -> None:
        if unit:
            out.append(_paragraph("\n".join(unit)))
            unit.clear()

    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if fence := _FENCE.match(line):
            finish()
            code, at = _fenced(lines, at, fence[1])
            out.append(f"```{code}```" if code.strip() else "")
        elif not line.strip() or line.lstrip() == "\\":
            finish()
            out.append("")
        elif heading := _HEADING.match(line):
            finish()
            out.append(_wrapped(_shown(parse(heading[1]), frozenset({Style.BOLD})), "*"))
        elif _RULE.match(line):
            finish()
            out.append(line)
        else:
            if _MARK.match(line):
                finish()
            unit.append(_BREAK.sub(r"\1", line) if at < len(lines) else line)
    finish()
    return "\n".join(out)


def _fenced(lines: list[str], at: int, fence: str) -> tuple[str, int]:
    """The code up to the closing fence, and the number of the line after it."""
    closing = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
    end = next((k for k in range(at, len(lines)) if closing.match(lines[k])), len(lines))
    return "\n".join(lines[at:end]), end + 1


def _paragraph(text: str) -> str:
    mark = _MARK.match(text)
    head = mark[0] if mark else ""
    rest = text[len(head) :]
    head = _PLUS.sub(r"\1-", head).replace("\u00a0", " ")
    if head.endswith(">"):
        head += " "
    lines = [line.lstrip("\u00a0") for line in rest.split("\n")]
    spaces = [len(line) - len(bare) for line, bare in zip(rest.split("\n"), lines, strict=True)]
    rest = "\n".join(" " * count + line for count, line in zip(spaces, lines, strict=True))
    return head + _shown(parse(rest), frozenset())


def _shown(nodes: list[Node], active: frozenset[Style]) -> str:
    """The text of some nodes within the styles of `active`."""
    parts = [_one(node, active) for node in nodes]
    out: list[str] = []
    last = ""
    for number, (node, part) in enumerate(zip(nodes, parts, strict=True)):
        if isinstance(node, Styled) and node.style not in active:
            following = _first(nodes, parts, number + 1)
            # Within a word WhatsApp reads no marks and would show them.
            if not last.isalnum() and not following.isalnum():
                part = _wrapped(part, _MARKS[node.style])
        if part:
            out.append(part)
            last = part[-1]
    return "".join(out)


def _first(nodes: list[Node], parts: list[str], number: int) -> str:
    """The first character after a node; empty before marks of a style and at the end."""
    for node, part in zip(nodes[number:], parts[number:], strict=True):
        if part:
            return "" if isinstance(node, Styled) else part[0]
    return ""


def _one(node: Node, active: frozenset[Style]) -> str:
    match node:
        case Code():
            return _code(node)
        case Link():
            return _link(node, active)
        case Styled():
            return _shown(node.inner, active | {node.style})
        case Run():
            return node.char * node.count
    return node


def _wrapped(text: str, mark: str) -> str:
    """Each line in its own marks: WhatsApp's do not reach over a line break."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        start = line.find(bare) if bare else 0
        marked = f"{line[:start]}{mark}{bare}{mark}{line[start + len(bare) :]}"
        lines.append(marked if bare else line)
    return "\n".join(lines)


def _code(code: Code) -> str:
    fence = "```" if code.wide or "`" in code.text or "\n" in code.text else "`"
    return f"{fence}{code.text}{fence}"


def _link(link: Link, active: frozenset[Style]) -> str:
    text = _shown(link.inner, active).strip()
    url = link.url
    if url.startswith("mention://"):
        return text
    target = url.removeprefix("mailto:").removeprefix("tel:")
    plain = target.partition("://")[2] or target
    if not text or text.rstrip("/") in (target.rstrip("/"), plain.rstrip("/")):
        return target
    return f"{text} ({target})" if target else text
