"""The little Markdown that agents write, as HTML for the agent page."""

import re

from markupsafe import Markup, escape

_RULES = (
    (re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)"), r'<a href="\2" rel="noreferrer">\1</a>'),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"~~(?=\S)(.+?)(?<=\S)~~"), r"<s>\1</s>"),
)
_CODE = re.compile(r"(`[^`\n]+`)")


def as_html(text: str | None) -> Markup:
    """Escaped text with bold, italic, struck, code and links; line breaks are left to CSS."""
    pieces = []
    for piece in _CODE.split(text or ""):
        if _CODE.fullmatch(piece):
            pieces.append(f"<code>{escape(piece[1:-1])}</code>")
            continue
        html = str(escape(piece))
        for pattern, replacement in _RULES:
            html = pattern.sub(replacement, html)
        pieces.append(html)
    return Markup("".join(pieces))  # noqa: S704 - every piece was escaped above
