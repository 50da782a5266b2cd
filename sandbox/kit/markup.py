"""The marks that people write in messages, as HTML for the pages."""

import re

from markupsafe import Markup, escape

_MARKDOWN = (
    (re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)"), r'<a href="\2" rel="noreferrer">\1</a>'),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*]+?)(?<=\S)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"~~(?=\S)(.+?)(?<=\S)~~"), r"<s>\1</s>"),
)
_WHATSAPP = (
    (re.compile(r"(?<![\w*])\*(?=\S)(.+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)(.+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)(.+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)


def markdown(text: str | None) -> Markup:
    """What agents write: bold, italic, struck, code and links; line breaks are left to CSS."""
    return _html(text or "", r"`([^`\n]+)`", _MARKDOWN)


def whatsapp(text: str) -> Markup:
    """What customers write: *bold*, _italic_, ~struck~ and ```code```."""
    return _html(text, r"```(.+?)```", _WHATSAPP)


def _html(text: str, code: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> Markup:
    pieces = re.split(code, text, flags=re.DOTALL)
    for number, piece in enumerate(pieces):
        html = str(escape(piece))
        for pattern, replacement in rules if number % 2 == 0 else ():
            html = pattern.sub(replacement, html)
        pieces[number] = f"<code>{html}</code>" if number % 2 else html
    return Markup("".join(pieces))  # noqa: S704 - every piece was escaped above
