"""What the operator of an integration is told that its Chatwoot cannot do.

Read by the answer of `set`, the page of the instance, `doctor` and `status`. The table is
`bridge.chatwoot.versions`.
"""

from bridge.chatwoot import versions
from bridge.chatwoot.versions import Can
from bridge.errors import ChatwootTooOld, Problem
from bridge.models import Integration
from bridge.services import Services


def too_old(one: Integration) -> ChatwootTooOld | None:
    """What an integration that is active already is told about a Chatwoot that is refused at an
    activation; it is not stopped."""
    try:
        versions.require(one.chatwoot_version)
    except ChatwootTooOld as error:
        return error
    return None


def missing(one: Integration, services: Services) -> list[Problem]:
    """A sentence for each capability that is missing and makes a difference here."""
    settings = services.settings
    called = bool(settings.public_url)
    moot = set()
    if not called or not settings.show_typing:
        moot.add(Can.TELL_TYPING)
    if not called:
        moot |= {Can.SIGN, Can.TELL_SURVEY_LINK}
    said = [
        can.told_missing(one.chatwoot_version) for can in versions.missing(one) if can not in moot
    ]
    return [problem for problem in said if problem is not None]
