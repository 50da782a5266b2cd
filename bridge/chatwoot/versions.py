"""What a version of Chatwoot can do: one table, read by everything that depends on it.

A capability is there from a version on; an unknown newer version, and one that cannot be read, has
them all. What an installation refused although its version should have it counts as missing too.
Source: docs/contracts/chatwoot.md, Versions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from bridge.domain.errors import N_, ChatwootTooOld, Problem
from bridge.domain.models import Integration

Numbers = tuple[int, ...]

#: The lowest version that the bridge works with: before it, Chatwoot keeps no source_id of what is
#: posted, so that nothing can be looked for and what we post comes back as a reply of an agent.
OLDEST: Numbers = (3, 4, 0)
_GUARD = "has no public ip addresses"
_NEWEST: Numbers = (9999, 0, 0)
_FORBIDDEN = re.compile(r"[/\\<>@]")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class _Row:
    """`since` the first version that has it; `missing` what people are told where it is missing,
    empty where that makes no difference to them, and `refused` where it should be there. `gone` and
    `back`: versions in between lack it."""

    since: Numbers
    missing: str = ""
    refused: str = ""
    gone: Numbers = _NEWEST
    back: Numbers = _NEWEST


class Can(Enum):
    """The capabilities; the value is the row of the table."""

    #: A message that we post keeps its source_id.
    SOURCE_ID = _Row(OLDEST)
    #: PATCH of a message's status: receipts, failures, and the clearing of failed marks.
    SHOW_STATUS = _Row(
        (4, 2, 0),
        N_(
            "Chatwoot {version} shows no receipts, and a reply that fails becomes a private note; "
            "from {since}"
        ),
        N_(
            "Chatwoot {version} refused to show receipts and failures, which it can from {since}: "
            "a reply that fails becomes a private note"
        ),
    )
    #: Webhooks say that an agent is typing.
    TELL_TYPING = _Row(
        (4, 2, 0),
        N_("Chatwoot {version} does not tell by webhook that an agent is typing; from {since}"),
    )
    #: Symbols in the name of an API inbox.
    FREE_NAMES = _Row(
        (4, 3, 0), N_("Chatwoot {version} allows no symbols in the inbox name; from {since}")
    )
    #: A survey's webhook brings the link to it.
    TELL_SURVEY_LINK = _Row(
        (0, 0, 0),
        N_("Chatwoot {version} tells a survey without its link, which is made here; from {since}"),
        gone=(4, 3, 0),
        back=(4, 4, 0),
    )
    #: POST of a message keeps content_attributes besides in_reply_to.
    KEEP_ATTRIBUTES = _Row(
        (4, 9, 0),
        N_(
            "Chatwoot {version} shows a quote only of messages that the bridge knows, or that are "
            "among the latest; from {since}"
        ),
    )
    #: `content_attributes.external_echo` is shown as sent from the native app.
    SHOW_ECHO = _Row(
        (4, 11, 0),
        N_(
            "Chatwoot {version} shows what was written on the phone as the token owner's; "
            "from {since}"
        ),
    )
    #: Webhooks of an API inbox are signed.
    SIGN = _Row(
        (4, 13, 0),
        N_("Chatwoot {version} does not sign its webhooks; from {since}"),
    )

    @property
    def since(self) -> str:
        """The version from which it is there (again), such as `4.2.0`."""
        row: _Row = self.value
        return spelled(row.back if row.gone != _NEWEST else row.since)

    def in_version(self, version: str) -> bool:
        """Whether that version has it."""
        row: _Row = self.value
        at = numbers(version)
        return at >= row.since and not row.gone <= at < row.back

    def told_missing(self, version: str) -> Problem | None:
        """The sentence for people where it is missing, None where it makes no difference."""
        row: _Row = self.value
        sentence = row.refused if self.in_version(version) else row.missing
        return Problem(sentence, version=version, since=self.since) if sentence else None


def can(integration: Integration, capability: Can) -> bool:
    """Whether the Chatwoot of an integration has a capability, as far as is known now."""
    return capability.name not in integration.refused and capability.in_version(
        integration.chatwoot_version
    )


def missing(integration: Integration) -> Iterator[Can]:
    """The capabilities that the Chatwoot of an integration lacks, in the order of the table."""
    return (capability for capability in Can if not can(integration, capability))


def require(version: str) -> None:
    """Raises ChatwootTooOld for a version that the bridge does not work with."""
    if numbers(version) < OLDEST:
        raise ChatwootTooOld(version=version, oldest=spelled(OLDEST))


def guards_private(version: str) -> bool:
    """Whether it calls no private addresses unless it is told to (from 4.14.0)."""
    return numbers(version) >= (4, 14, 0)


def may_lift_guard(version: str) -> bool:
    """Whether SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true lifts that guard (from 4.14.1)."""
    return numbers(version) >= (4, 14, 1)


def is_guards(external_error: str) -> bool:
    """Whether a message is marked as failed because that guard kept a webhook from being made: a
    mark that comes again as long as Chatwoot has a private address to call."""
    return _GUARD in external_error


def numbers(version: str) -> Numbers:
    """`4.15.1` as (4, 15, 1); what cannot be read counts as the newest."""
    match = re.match(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else _NEWEST


def spelled(version: Numbers) -> str:
    """(4, 15, 1) as `4.15.1`."""
    return ".".join(map(str, version))


def name_problem(name: str, version: str) -> Problem | None:
    """Why this version would refuse an inbox name: it names the character that offends."""
    if Can.FREE_NAMES.in_version(version):
        return None
    forbidden = _FORBIDDEN.search(name)
    edges = [end for end in (name[:1], name[-1:]) if end and not _WORD.fullmatch(end)]
    if forbidden:
        character = forbidden[0]
        sentence = N_(
            'must not contain "{character}": Chatwoot {version} does not allow it '
            "(versions from 4.3.0 do)"
        )
    elif edges:
        character = edges[0]
        sentence = N_(
            'must not begin or end with "{character}": Chatwoot {version} does not allow it '
            "(versions from 4.3.0 do)"
        )
    else:
        return None
    return Problem(sentence, character=character, version=version)
