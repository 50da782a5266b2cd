"""Mentions that agents write in a group: `@number`, `@name` and `@all` notify those who are meant.

WhatsApp shows a mention where the digits of an address stand in the text, and tells it to those
that the message names besides (docs/contracts/ryzeapi.md, Sending).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from bridge.domain.messages import PHONE_SUFFIX, Reply
from bridge.routing.context import Context
from bridge.store.chats import Chat

_ALL = re.compile(r"(?<![\w@.])@(?:all|everyone|todos)(?![\w@])", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w@.])@\+?(\d{6,15})(?![\w@])", re.ASCII)
_MOST = 100


def marked(reply: Reply, chat: Chat, context: Context) -> Reply:
    """The reply with those whom its text mentions; outside of a group it mentions nobody."""
    if chat.kind != "group" or "@" not in reply.text:
        return reply
    known = context.services.members.of(chat.id)
    text = _NUMBER.sub(r"@\1", _with_digits(reply.text, known))
    addresses = {address.partition("@")[0]: address for address in known}
    meant = [addresses.get(digits, digits + PHONE_SUFFIX) for digits in _NUMBER.findall(text)]
    return replace(
        reply,
        text=text,
        mentions=tuple(dict.fromkeys(meant))[:_MOST],
        mention_all=_ALL.search(text) is not None,
    )


def _with_digits(text: str, known: Mapping[str, str]) -> str:
    """The text with the digits of an address for each name that is one person's."""
    for name, address in sorted(_names(known.items()), key=lambda person: -len(person[0])):
        pattern = rf"(?<![\w@.])@{re.escape(name)}(?!\w)"
        digits = f"@{address.partition('@')[0]}"
        text = re.sub(pattern, digits, text, flags=re.IGNORECASE)
    return text


def _names(known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Every name by which one person alone is called: the whole, and its first word."""
    names = [
        (name, address)
        for address, whole in known
        for name in dict.fromkeys([whole, whole.split(" ")[0]])
        if name
    ]
    times = Counter(name.casefold() for name, _ in names)
    return [(name, address) for name, address in names if times[name.casefold()] == 1]
