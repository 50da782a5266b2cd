"""Finds the text in an object of a message whose shape is not known in advance. Pure, and total."""

import re
from collections.abc import Iterator, Mapping

from bridge.gateways.fields import clean, folded

#: Folded names of fields that hold what people read.
_TEXTS = re.compile(
    "body|buttontext|caption|comment|content|contenttext|conversation|description|displayname"
    "|displaytext|footer|footertext|header|headertext|hydratedcontenttext|hydratedfootertext"
    "|hydratedtitletext|message|name|note|question|reason|subtitle|text|title|topic"
)
#: Those of fields that say where a message belongs and what it is about, and nothing of its own.
_ADDRESSING = re.compile(
    "chat|sender|recipient|key|context|contextinfo|messagecontextinfo|instancedata|media|reply"
    "|replyto|quoted|quotedmessage|participant|source|mentions|externaladreply"
)
_MAX_DEPTH = 8
_MAX_LINES = 40
_MAX_FIELDS = 400


def find(value: object) -> str:
    """Every text in it, one a line, each once, in the order in which they stand."""
    lines: dict[str, None] = {}
    for text in _texts(value, 0):
        if (line := text.strip()) and line != "{}":
            lines[line] = None
        if len(lines) >= _MAX_LINES:
            break
    return "\n".join(lines)


def _texts(value: object, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value[:_MAX_LINES]:
            yield from _texts(item, depth + 1)
    elif isinstance(value, Mapping):
        for name, field in list(value.items())[:_MAX_FIELDS]:
            plain = folded(str(name))
            if _ADDRESSING.fullmatch(plain):
                continue
            if not isinstance(field, str):
                yield from _texts(field, depth + 1)
            elif _TEXTS.fullmatch(plain):
                yield clean(field)
