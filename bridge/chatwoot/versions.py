"""What differs between versions of Chatwoot and matters to us (chatwoot.md section 10)."""

import re

from bridge.errors import N_, Problem

#: Before this, names of API inboxes are restricted (section 2).
FREE_NAMES = (4, 3, 0)
#: From here on, webhooks to private addresses are refused (section 7.5).
BLOCKS_PRIVATE = (4, 14, 0)
_FORBIDDEN = re.compile(r"[/\\<>@]")
_WORD = re.compile(r"\w")


def numbers(version: str) -> tuple[int, ...]:
    """`4.15.1` as (4, 15, 1); what cannot be read counts as the newest."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version)
    return tuple(int(part or 0) for part in found.groups()) if found else (9999, 0, 0)


def name_problem(name: str, version: str) -> Problem | None:
    """Why this version would refuse an inbox name: it names the character that offends."""
    if numbers(version) >= FREE_NAMES:
        return None
    forbidden = _FORBIDDEN.search(name)
    if forbidden:
        return Problem(
            N_(
                'must not contain "{character}": Chatwoot {version} does not allow it '
                "(versions from 4.3.0 do)"
            ),
            character=forbidden[0],
            version=version,
        )
    edge = next((one for one in (name[:1], name[-1:]) if not _WORD.fullmatch(one)), None)
    if edge:
        return Problem(
            N_(
                'must not begin or end with "{character}": Chatwoot {version} does not allow it '
                "(versions from 4.3.0 do)"
            ),
            character=edge,
            version=version,
        )
    return None
