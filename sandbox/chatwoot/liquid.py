"""The part of Liquid that agents use in messages, with the ways it goes wrong.

Chatwoot renders outgoing and template messages (docs/contracts/chatwoot.md, Texts):
`{{contact.name}}` is substituted, an unknown `{{x}}` becomes empty, text in backticks is protected,
and a text that is no valid Liquid is left alone as a whole.
"""

import re
from typing import Any

_TOKEN = re.compile(r"{%.*?%}|{{.*?}}?", re.DOTALL)
_TAG = re.compile(r"{%-?\s*(\w+)\s*(.*?)\s*-?%}", re.DOTALL)
_RAW_END = re.compile(r"{%-?\s*endraw\s*-?%}")
_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,|'\"]+")
_CODE = re.compile(r"`(.*?)`", re.DOTALL)
_LITERALS = {"true": True, "false": False, "nil": None}
_METHODS = {"upcase": "upper", "downcase": "lower"}
_FILTERS = (*_METHODS, "capitalize", "strip", "lstrip", "rstrip")


class Drop(dict[str, Any]):
    """An object that Liquid sees, such as the contact; shown alone, it is its class's name."""

    def __init__(self, kind: str, **values: Any) -> None:
        super().__init__(values)
        self.kind = kind

    def __str__(self) -> str:
        return self.kind


class NoLiquid(ValueError):
    """The text cannot be parsed."""


def render(text: str, drops: dict[str, Any]) -> str:
    """The rendered text; the text itself when it, with backticked parts as raw, is no Liquid."""
    protected = _CODE.sub(r"{% raw %}`\1`{% endraw %}", text)
    try:
        rendered, _ = _block(_tokens(protected), drops, until=())
    except NoLiquid:
        return text
    return rendered


def _tokens(text: str) -> list[str]:
    """Cut into text, tags and outputs; what lies in a raw block is one piece of text."""
    pieces: list[str] = []
    position = 0
    while position < len(text):
        opening = min(
            (at for at in (text.find("{{", position), text.find("{%", position)) if at >= 0),
            default=-1,
        )
        if opening < 0:
            break
        pieces.append(text[position:opening])
        match = _TOKEN.match(text, opening)
        if match is None or not match.group().endswith(("%}", "}}")):
            raise NoLiquid("not properly terminated")
        position = match.end()
        tag = _TAG.fullmatch(match.group())
        if tag and tag.group(1) == "raw":
            end = _RAW_END.search(text, position)
            if end is None:
                raise NoLiquid("'raw' tag was never closed")
            pieces.append("\0" + text[position : end.start()])
            position = end.end()
        else:
            pieces.append(match.group())
    pieces.append(text[position:])
    return [piece for piece in reversed(pieces) if piece]


def _block(
    tokens: list[str], drops: dict[str, Any], until: tuple[str, ...]
) -> tuple[str, str | None]:
    """Render up to one of the `until` tags (taken from the end of the reversed list)."""
    out: list[str] = []
    while tokens:
        token = tokens.pop()
        if token.startswith("\0"):
            out.append(token[1:])
        elif token.startswith("{{"):
            out.append(_text(_value(token[2:-2].strip("-"), drops)))
        elif token.startswith("{%"):
            tag = _TAG.fullmatch(token)
            if tag is None:
                raise NoLiquid("bad tag")
            name, rest = tag.groups()
            if name in until:
                return "".join(out), name
            out.append(_tag(name, rest, tokens, drops))
        else:
            out.append(token)
    if until:
        raise NoLiquid(f"{until[-1]} is missing")
    return "".join(out), None


def _tag(name: str, rest: str, tokens: list[str], drops: dict[str, Any]) -> str:
    if name == "comment":
        _block(tokens, drops, until=("endcomment",))
        return ""
    if name in ("if", "unless"):
        holds = bool(_condition(rest, drops)) is (name == "if")
        then, stopped = _block(tokens, drops, until=("else", f"end{name}"))
        otherwise = ""
        if stopped == "else":
            otherwise, _ = _block(tokens, drops, until=(f"end{name}",))
        return then if holds else otherwise
    if name == "assign" and "=" in rest:
        variable, _, expression = rest.partition("=")
        drops[variable.strip()] = _value(expression, drops)
        return ""
    if name in ("include", "render"):
        return "Liquid error: This liquid context does not allow includes."
    raise NoLiquid(f"Unknown tag '{name}'")


def _condition(expression: str, drops: dict[str, Any]) -> bool:
    for sign in ("==", "!="):
        left, found, right = expression.partition(sign)
        if found:
            return (_value(left, drops) == _value(right, drops)) is (sign == "==")
    return _value(expression, drops) not in (None, False)


def _value(expression: str, drops: dict[str, Any]) -> Any:
    source, *filters = expression.split("|")
    words = _WORD.findall(source)
    value = _look_up(words[0], drops) if words else None
    for item in filters:
        name, _, argument = item.strip().partition(":")
        if name == "default":
            words = _WORD.findall(argument)
            value = value or (_look_up(words[0], drops) if words else None)
        elif name in _FILTERS:
            value = getattr(_text(value), _METHODS.get(name, name))()
    return value


def _look_up(name: str, drops: dict[str, Any]) -> Any:
    if name[0] in "'\"":
        return name[1:-1]
    if name.lstrip("-").isdecimal():
        return int(name)
    if name in _LITERALS:
        return _LITERALS[name]
    value: Any = drops
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
