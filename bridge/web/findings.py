"""Reads a stored `last_error` back, so that a page can say it in its language with the next step.

What is stored is the English sentence of the contract (ryzeapi.md section 2.3: `last_error`).
"""

import re
from collections.abc import Iterator

from bridge.chatwoot.diagnosis import REFUSALS
from bridge.errors import N_, AccountUnknown, BridgeError, NotAdministrator, Problem
from bridge.web.pages import Trouble

_SIGNS: dict[str, type[BridgeError]] = {
    **REFUSALS,
    "Resource could not be found": AccountUnknown,
    '"role":': NotAdministrator,
}
#: What the router puts before the last reason of a message that it has tried for long enough.
_GIVEN_UP = "given up after 72 hours: "


def recognise(text: str) -> Trouble:
    """The trouble that a message tells; one that is not ours stays as it is.

    Several errors share a sentence: what Chatwoot said, in the detail, tells them apart.
    """
    if text.startswith(_GIVEN_UP):
        cause = recognise(text.removeprefix(_GIVEN_UP))
        said_so = Problem(N_("given up after 72 hours: {cause}"), cause=cause.sentence)
        return Trouble(said_so, cause.remedy, cause.detail)
    said, _, detail = text.partition(". Detail: ")
    for kind in _kinds(BridgeError):
        match = _pattern(kind.sentence).fullmatch(said)
        if match:
            values = match.groupdict()
            remedy = _special(kind, detail).remedy
            return Trouble(Problem(kind.sentence, **values), Problem(remedy, **values), detail)
    return Trouble(Problem("{text}", text=said), None, detail)


def kind_of(text: str) -> type[BridgeError] | None:
    """The error that a message tells, None for one that is not ours."""
    said, _, detail = text.partition(". Detail: ")
    for kind in _kinds(BridgeError):
        if _pattern(kind.sentence).fullmatch(said):
            return _special(kind, detail)
    return None


def _kinds(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
    """The errors with a sentence of their own, from the general to the special."""
    for one in kind.__subclasses__():
        if "sentence" in vars(one) and re.sub(r"\{\w+\}", "", one.sentence).strip():
            yield one
        yield from _kinds(one)


def _special(kind: type[BridgeError], detail: str) -> type[BridgeError]:
    """The one among the errors with this sentence that the detail speaks of."""
    for words, one in _SIGNS.items():
        if words in detail and issubclass(one, kind):
            return one
    return kind


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    return re.compile(
        "".join(
            re.escape(part) if index % 2 == 0 else f"(?P<{part}>.*?)"
            for index, part in enumerate(parts)
        )
    )
