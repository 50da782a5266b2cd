"""Writes Chatwoot's Markdown as WhatsApp's marks.

WhatsApp has lines, not blocks: quotes, bullets and numbers stay as they are written, and so does
every line that is read as nothing else.
"""

from itertools import zip_longest

from markdown_it.token import Token

from bridge.markup import reader
from bridge.markup.nodes import Code, Link, Node, Style, Styled

_MARKS = {Style.BOLD: "*", Style.ITALIC: "_", Style.STRIKE: "~"}


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
        return _head(lines[0].partition(token.markup)[0]) + (
            f"```{code}```" if code.strip() else ""
        )
    if is_heading:
        head = _head(lines[0].partition("#")[0])
        return head + _wrapped(_shown(reader.nodes(token.content), frozenset({Style.BOLD})), "*")
    content = token.content
    heads = [
        _head(_before(line, rest)) for line, rest in zip(lines, content.split("\n"), strict=False)
    ]
    if content == "\\" or content.endswith("\n\\"):
        # Alone it says that its line is blank; at the end Markdown would show it.
        content = content[:-1]
    shown = _shown(reader.nodes(content), frozenset()).split("\n")
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


def _shown(nodes: list[Node], active: frozenset[Style]) -> str:
    """The text of some nodes within the styles of `active`."""
    parts = [_one(node, active) for node in nodes]
    following = _following(nodes, parts)
    out: list[str] = []
    last = ""
    for node, part, after in zip(nodes, parts, following, strict=True):
        # Within a word WhatsApp reads no marks and would show them.
        is_in_word = last.isalnum() or after.isalnum()
        if isinstance(node, Styled) and node.style not in active and not is_in_word:
            part = _wrapped(part, _MARKS[node.style])
        if part:
            out.append(part)
            last = part[-1]
    return "".join(out)


def _following(nodes: list[Node], parts: list[str]) -> list[str]:
    """The first character after each node; empty before marks of a style and at the end."""
    found: list[str] = []
    after = ""
    for node, part in zip(reversed(nodes), reversed(parts), strict=True):
        found.append(after)
        if part:
            after = "" if isinstance(node, Styled) else part[0]
    return found[::-1]


def _one(node: Node, active: frozenset[Style]) -> str:
    match node:
        case Code():
            return _code(node)
        case Link():
            return _link(node, active)
        case Styled():
            return _shown(node.inner, active | {node.style})
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
