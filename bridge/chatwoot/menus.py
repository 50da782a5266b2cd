"""What bots ask with: options, cards, articles and forms, as lines that can be read in any chat.

Source: docs/contracts/chatwoot.md, Messages (interactive types). Reading is total.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.domain.texts import clean

#: Items of one message that are read at most.
_MOST_ITEMS = 100


def lines(content_type: str, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines below the text of an interactive message; none for any other."""
    read, items = _READERS.get(content_type), attributes.get("items")
    if read is None or not isinstance(items, list):
        return ()
    found = [read(item) for item in items[:_MOST_ITEMS] if isinstance(item, dict)]
    apart = content_type in _APART
    out: list[str] = []
    for item in filter(None, found):
        out += [""] * bool(apart and out) + item
    return tuple(out)


def _option(item: Mapping[str, Any]) -> list[str]:
    title = _text(item, "title", "value")
    return [f"- {title}"] if title else []


def _card(item: Mapping[str, Any]) -> list[str]:
    """A title, what is said about it, its picture, and what can be done with it."""
    out = [_text(item, name) for name in ("title", "description", "media_url")]
    actions = item.get("actions")
    for action in actions if isinstance(actions, list) else []:
        if isinstance(action, dict):
            said, link = _text(action, "text"), _text(action, "uri")
            out.append(f"{said}: {link}" if said and link else link or (said and f"- {said}"))
    return [one for one in out if one]


def _article(item: Mapping[str, Any]) -> list[str]:
    return [one for name in ("title", "description", "link") if (one := _text(item, name))]


def _field(item: Mapping[str, Any]) -> list[str]:
    """What is asked for, and what there is to choose from."""
    label = _text(item, "label", "title", "placeholder", "name")
    options = item.get("options")
    rows = [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []
    choices = " / ".join(filter(None, (_text(one, "label", "value") for one in rows)))
    said = f"{label}: {choices}" if label and choices else label or choices
    return [f"- {said}"] if said else []


_READERS: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "input_select": _option,
    "cards": _card,
    "article": _article,
    "form": _field,
}
#: Items of several lines, with a blank one between them.
_APART = {"cards", "article"}


def _text(item: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that says something."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and (said := clean(value).strip()):
            return said
    return ""
