"""What the operator of an integration is told that its Chatwoot cannot do.

The answer of `set`, the page of the instance, `doctor` and `status` all read `missing`. The table
is `bridge.chatwoot.versions`.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from bridge.chatwoot import versions
from bridge.chatwoot.account import Inbox
from bridge.chatwoot.versions import Can
from bridge.domain.errors import N_, ChatwootTooOld, Problem
from bridge.domain.models import Integration
from bridge.net import addresses
from bridge.services import Services

#: How long the name of a Chatwoot may take to be found, in seconds.
_RESOLVE_S = 3.0
_NO_SURVEY_LINK = N_(
    "Surveys may leave without their link: {base_url} is an address of a private network. Say "
    "where customers reach Chatwoot: chatwootPublicUrl, or --public-url."
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a Chatwoot cannot do; `option` of `activate` helps, or a newer Chatwoot."""

    problem: Problem
    option: str = ""


def too_old(integration: Integration) -> ChatwootTooOld | None:
    """The refusal that an activation would meet today. What is active goes on."""
    try:
        versions.require(integration.chatwoot_version)
    except ChatwootTooOld as error:
        return error
    return None


def missing(
    integration: Integration, services: Services, inbox: Inbox | None = None
) -> list[Missing]:
    """Each capability that is missing and makes a difference here. `inbox` is the integration's;
    without it nothing is said about its surveys."""
    settings = services.settings
    is_called = bool(settings.public_url)
    moot = set() if is_called else {Can.SIGN, Can.TELL_SURVEY_LINK}
    if not is_called or settings.chatwoot_socket or not settings.show_typing:
        moot.add(Can.TELL_TYPING)  # the socket tells of typing in every version
    problems = [
        can.told_missing(integration.chatwoot_version)
        for can in versions.missing(integration)
        if can not in moot
    ]
    result = [Missing(problem) for problem in problems if problem is not None]
    if inbox is not None and inbox.surveys and not public_address(integration):
        problem = Problem(_NO_SURVEY_LINK, base_url=integration.base_url)
        result.append(Missing(problem, "--public-url URL"))
    return result


def public_address(integration: Integration) -> str:
    """Where customers reach the Chatwoot; empty if unknown: no private address leads there."""
    shown_url = integration.options.public_url or integration.seen_url
    if shown_url:
        return shown_url
    parts = urlsplit(integration.base_url)
    inner = addresses.is_inner(parts.hostname or "", parts.port or 0, _RESOLVE_S)
    return "" if inner else integration.base_url
