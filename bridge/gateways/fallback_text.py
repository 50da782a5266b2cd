"""Finds words in an object of a message whose shape is not known in advance. Pure, and total."""

from collections.abc import Iterator, Mapping

from bridge.gateways.fields import clean, spelt

#: Fields that people's words stand in, however they are spelt.
_WORDS = frozenset(
    [
        "body",
        "buttontext",
        "caption",
        "comment",
        "content",
        "contenttext",
        "conversation",
        "description",
        "displayname",
        "displaytext",
        "footer",
        "footertext",
        "header",
        "headertext",
        "hydratedcontenttext",
        "hydratedfootertext",
        "hydratedtitletext",
        "message",
        "name",
        "note",
        "question",
        "reason",
        "subtitle",
        "text",
        "title",
        "topic",
    ]
)
#: Parts of a message that say where it belongs and what it is about, and nothing of its own.
_ABOUT = frozenset(
    [
        "chat",
        "sender",
        "recipient",
        "key",
        "context",
        "contextinfo",
        "messagecontextinfo",
        "instancedata",
        "media",
        "reply",
        "replyto",
        "quoted",
        "quotedmessage",
        "participant",
        "source",
        "mentions",
        "externaladreply",
    ]
)
_DEEPEST = 8
_MOST = 40


def found_in(value: object) -> str:
    """All words in it, one piece a line, each once, in the order in which they stand."""
    lines: dict[str, None] = {}
    for text in _texts(value, 0):
        if (said := text.strip()) and said != "{}":
            lines[said] = None
        if len(lines) >= _MOST:
            break
    return "\n".join(lines)


def _texts(value: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for one in value[:_MOST]:
            yield from _texts(one, depth + 1)
    elif isinstance(value, Mapping):
        for name, field in list(value.items())[: 10 * _MOST]:
            plain = spelt(str(name))
            if plain in _ABOUT:
                continue
            if isinstance(field, str):
                if plain in _WORDS:
                    yield clean(field)
            else:
                yield from _texts(field, depth + 1)
