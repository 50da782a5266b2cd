"""What bots ask with: options, cards, articles and forms, as lines that can be read in any chat.

Source: docs/contracts/chatwoot.md, Messages (interactive types). Reading is total.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.chatwoot.values import rows, text

#: Items of one message that are read at most.
_MOST_ITEMS = 100


def lines(content_type: str, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines below the text of an interactive message; none for any other."""
    read = _READERS.get(content_type)
    if read is None:
        return ()
    out: list[str] = []
    for item in filter(None, map(read, rows(attributes, "items")[:_MOST_ITEMS])):
        out += [""] * bool(content_type in _APART and out) + item
    return tuple(out)


def _option(item: Mapping[str, Any]) -> list[str]:
    title = _text(item, "title", "value")
    return [f"- {title}"] if title else []


def _card(item: Mapping[str, Any]) -> list[str]:
    """Title, description and picture, and what can be done with it."""
    parts = [_text(item, name) for name in ("title", "description", "media_url")]
    for action in rows(item, "actions"):
        label, link = _text(action, "text"), _text(action, "uri")
        parts.append(f"{label}: {link}" if label and link else link or (label and f"- {label}"))
    return list(filter(None, parts))


def _article(item: Mapping[str, Any]) -> list[str]:
    return list(filter(None, (_text(item, name) for name in ("title", "description", "link"))))


def _field(item: Mapping[str, Any]) -> list[str]:
    """The question, and the answers that are offered."""
    label = _text(item, "label", "title", "placeholder", "name")
    options = (_text(option, "label", "value") for option in rows(item, "options"))
    line = ": ".join(filter(None, (label, " / ".join(filter(None, options)))))
    return [f"- {line}"] if line else []


_READERS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "input_select": _option,
    "cards": _card,
    "article": _article,
    "form": _field,
}
#: Items of several lines, with a blank line between them.
_APART = {"cards", "article"}


def _text(item: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is not blank."""
    return next(filter(None, (text(item, name).strip() for name in names)), "")
